//! The types of numbers that tensors are made of.

/// The type of a tensor's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(non_camel_case_types, reason = "the names are those of the format")]
pub enum Dtype {
    /// A truth value in a byte.
    Bool,
    /// Unsigned, a byte.
    U8,
    /// Signed, a byte.
    I8,
    /// A byte of four bits of exponent and three of mantissa.
    F8_E4M3,
    /// A byte of five bits of exponent and two of mantissa.
    F8_E5M2,
    /// A byte of exponent alone: a scale.
    F8_E8M0,
    /// Signed, two bytes.
    I16,
    /// Unsigned, two bytes.
    U16,
    /// Half precision.
    F16,
    /// The upper half of an `F32`.
    BF16,
    /// Signed, four bytes.
    I32,
    /// Unsigned, four bytes.
    U32,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// Signed, eight bytes.
    I64,
    /// Unsigned, eight bytes.
    U64,
}

impl Dtype {
    const ALL: [Self; 16] = [
        Self::Bool,
        Self::U8,
        Self::I8,
        Self::F8_E4M3,
        Self::F8_E5M2,
        Self::F8_E8M0,
        Self::I16,
        Self::U16,
        Self::F16,
        Self::BF16,
        Self::I32,
        Self::U32,
        Self::F32,
        Self::F64,
        Self::I64,
        Self::U64,
    ];

    /// The format's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::U8 => "U8",
            Self::I8 => "I8",
            Self::F8_E4M3 => "F8_E4M3",
            Self::F8_E5M2 => "F8_E5M2",
            Self::F8_E8M0 => "F8_E8M0",
            Self::I16 => "I16",
            Self::U16 => "U16",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::I32 => "I32",
            Self::U32 => "U32",
            Self::F32 => "F32",
            Self::F64 => "F64",
            Self::I64 => "I64",
            Self::U64 => "U64",
        }
    }

    /// The type of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.name() == name)
    }

    /// Bytes of a number.
    pub fn width(self) -> u64 {
        match self {
            Self::Bool | Self::U8 | Self::I8 | Self::F8_E4M3 | Self::F8_E5M2 | Self::F8_E8M0 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }
}
