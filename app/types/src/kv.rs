//! How keys and values are kept in the KV cache, and what that was measured to cost.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How one of the two is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvFormat {
    /// As they were computed.
    F32,
    #[default]
    F16,
    Bf16,
    /// 8 bits and a scale for 32 numbers, after a Hadamard rotation where heads are large enough (llama.cpp's `q8_0`).
    Q8,
    /// 5 bits, a scale and an offset, likewise (`q5_1`).
    Q5,
    /// 4 bits and a scale, likewise (`q4_0`).
    Q4,
}

impl KvFormat {
    /// All of them, largest first.
    pub const ALL: [Self; 6] = [Self::F32, Self::F16, Self::Bf16, Self::Q8, Self::Q5, Self::Q4];

    /// The word people choose it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8 => "q8",
            Self::Q5 => "q5",
            Self::Q4 => "q4",
        }
    }

    /// Bytes of 32 numbers.
    fn block_bytes(self) -> u64 {
        match self {
            Self::F32 => 128,
            Self::F16 | Self::Bf16 => 64,
            Self::Q8 => 34,
            Self::Q5 => 24,
            Self::Q4 => 18,
        }
    }
}

/// What the name of a type ends with that forgets the middle.
const WINDOW: &str = "window";

/// How keys and values are kept. Written `q8`, or `q8/q5` where keys (first) and values differ; with `+window` where the
/// middle is forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvType {
    pub keys: KvFormat,
    pub values: KvFormat,
    /// A conversation may become longer than the context; of its middle nothing is kept then.
    pub window: bool,
}

impl KvType {
    /// Both alike, and of the whole conversation.
    pub const fn of(format: KvFormat) -> Self {
        Self { keys: format, values: format, window: false }
    }

    /// The same numbers of the whole conversation, or of its beginning and end.
    pub const fn with_window(self, window: bool) -> Self {
        Self { window, ..self }
    }

    /// Nothing is rounded.
    pub fn is_exact(self) -> bool {
        [self.keys, self.values] == [KvFormat::F32; 2]
    }

    /// How they are kept where they are needed no longer than a text is computed, as for its vector: nothing is gained by fewer bits.
    pub fn for_vectors(self) -> Self {
        Self::of(if self.is_exact() { KvFormat::F32 } else { KvFormat::F16 })
    }

    /// What is measured where nobody names anything: each format for both, the usual pairs, and half precision of the
    /// beginning and the end.
    pub fn usual() -> Vec<Self> {
        let pairs = [(KvFormat::Q8, KvFormat::Q5), (KvFormat::Q8, KvFormat::Q4)];
        let pairs = pairs.map(|(keys, values)| Self { keys, values, window: false });
        let window = Self::default().with_window(true);
        KvFormat::ALL.into_iter().map(Self::of).chain(pairs).chain([window]).collect()
    }

    /// What `f16_bytes` of keys and values in half precision, as much of each, take in this form.
    pub fn bytes(self, f16_bytes: u64) -> u64 {
        let (ours, theirs) =
            (self.keys.block_bytes() + self.values.block_bytes(), 2 * KvFormat::F16.block_bytes());
        u64::try_from(u128::from(f16_bytes) * u128::from(ours) / u128::from(theirs)).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for KvType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keys.name())?;
        if self.keys != self.values {
            write!(f, "/{}", self.values.name())?;
        }
        if self.window {
            write!(f, "+{WINDOW}")?;
        }
        Ok(())
    }
}

/// How keys and values were wanted, and how they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvUse {
    pub asked: KvType,
    pub used: KvType,
}

/// What is used; behind what was asked for and an arrow, where that is something else.
impl fmt::Display for KvUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.asked != self.used {
            write!(f, "{} → ", self.asked)?;
        }
        write!(f, "{}", self.used)
    }
}

/// A word that names no type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoKvType(String);

impl fmt::Display for NoKvType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = KvFormat::ALL.map(KvFormat::name).join(", ");
        write!(
            f,
            "“{}” is no type of keys and values; there are {names}, pairs such as q8/q5, and each with +{WINDOW}",
            self.0
        )
    }
}

impl std::error::Error for NoKvType {}

impl FromStr for KvType {
    type Err = NoKvType;

    fn from_str(text: &str) -> Result<Self, NoKvType> {
        let format = |name: &str| KvFormat::ALL.into_iter().find(|format| format.name() == name);
        let (formats, window) = match text.split_once('+') {
            Some((formats, WINDOW)) => (formats, true),
            None if text == WINDOW => (KvFormat::F16.name(), true),
            _ => (text, false),
        };
        let (keys, values) = formats.split_once('/').unwrap_or((formats, formats));
        match (format(keys), format(values)) {
            (Some(keys), Some(values)) => Ok(Self { keys, values, window }),
            _ => Err(NoKvType(text.to_owned())),
        }
    }
}

/// What keeping keys and values in one form was measured to cost with one model, compared with half precision. Where the
/// middle is forgotten, half of the text was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KvMeasure {
    pub kv_type: KvType,
    /// Bytes that were allocated for [`KvMeasure::n_cells`] tokens.
    pub n_bytes: u64,
    pub n_cells: u32,
    /// Mean Kullback–Leibler divergence of the next token's distribution on a fixed text, in nats.
    pub mean_kld: f64,
    /// How often the most likely token is the same, in 0..=1.
    pub top1_agreement: f64,
    /// Tokens per second while a prompt is computed, and while an answer is, as shares of those with half precision.
    pub prefill_ratio: f64,
    pub decode_ratio: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_written() {
        for keys in KvFormat::ALL {
            for values in KvFormat::ALL {
                for window in [false, true] {
                    let kv_type = KvType { keys, values, window };
                    assert_eq!(kv_type.to_string().parse(), Ok(kv_type));
                }
            }
        }
        assert_eq!("q8".parse(), Ok(KvType::of(KvFormat::Q8)));
        assert_eq!("window".parse(), Ok(KvType::default().with_window(true)));
        assert_eq!(KvType::default().with_window(true).to_string(), "f16+window");
        for wrong in ["", "q3", "q8/", "q8/q5/q4", "Q8", "q8+", "+window", "q8+window+window", "q8+whole"] {
            assert!(wrong.parse::<KvType>().unwrap_err().to_string().contains("bf16"), "{wrong}");
        }
    }

    #[test]
    fn what_was_asked_for_is_told_where_it_is_not_used() {
        let check = |asked, used, expected: &str| {
            let [asked, used] = [asked, used].map(KvType::of);
            assert_eq!(KvUse { asked, used }.to_string(), expected);
        };
        check(KvFormat::Q8, KvFormat::Q8, "q8");
        check(KvFormat::Q8, KvFormat::F32, "q8 → f32");
    }

    #[test]
    fn what_a_text_is_computed_with_is_half_precision_unless_nothing_may_be_rounded() {
        let check = |text: &str, expected: KvFormat| {
            assert_eq!(text.parse::<KvType>().map(KvType::for_vectors), Ok(KvType::of(expected)), "{text}");
        };
        check("f16", KvFormat::F16);
        check("q8/q4+window", KvFormat::F16);
        check("f32/f16", KvFormat::F16);
        check("f32", KvFormat::F32);
        check("f32+window", KvFormat::F32);
    }

    #[test]
    fn bytes_follow_both_formats() {
        let check = |text: &str, expected: u64| {
            assert_eq!(text.parse::<KvType>().map(|it| it.bytes(12_800)), Ok(expected), "{text}");
        };
        check("f16", 12_800);
        check("f32", 25_600);
        check("q8", 6_800);
        check("q4", 3_600);
        check("q8/q4", 5_200);
        assert_eq!(KvType::of(KvFormat::F32).bytes(u64::MAX), u64::MAX);
    }
}
