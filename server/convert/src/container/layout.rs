//! How much room tensors take.

/// The format's number for the type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) u32);

impl Kind {
    pub(crate) const F32: Self = Self(0);
    pub(crate) const F16: Self = Self(1);
    pub(crate) const Q8_0: Self = Self(8);
    pub(crate) const BF16: Self = Self(30);

    /// Numbers of a block, and the bytes that they take together; `None` for a type that is not known.
    fn block(self) -> Option<(u64, u64)> {
        Some(match self.0 {
            0 | 26 => (1, 4),
            1 | 25 | 30 => (1, 2),
            24 => (1, 1),
            27 | 28 => (1, 8),
            2 | 20 => (32, 18),
            3 => (32, 20),
            6 => (32, 22),
            7 => (32, 24),
            8 => (32, 34),
            9 => (32, 36),
            10 => (256, 84),
            11 | 21 => (256, 110),
            12 => (256, 144),
            13 => (256, 176),
            14 => (256, 210),
            15 => (256, 292),
            16 | 35 => (256, 66),
            17 => (256, 74),
            18 => (256, 98),
            19 => (256, 50),
            22 => (256, 82),
            23 => (256, 136),
            29 => (256, 56),
            34 => (256, 54),
            39 => (32, 17),
            40 => (64, 36),
            41 => (128, 18),
            42 => (64, 18),
            _ => return None,
        })
    }
}

/// What a tensor takes; `None` for a type that is not known, a row that is no whole number of blocks, or a size that
/// there is not. `dimensions`: the innermost first.
pub(crate) fn n_bytes(kind: Kind, dimensions: &[u64]) -> Option<u64> {
    let (n_together, width) = kind.block()?;
    let row = dimensions.first().copied().unwrap_or(1);
    if row % n_together != 0 {
        return None;
    }
    let n = dimensions.iter().try_fold(1_u64, |n, dimension| n.checked_mul(*dimension))?;
    (n / n_together).checked_mul(width)
}

#[cfg(test)]
mod tests {
    use super::{Kind, n_bytes};

    #[test]
    fn tensors_take_whole_blocks() {
        assert_eq!(n_bytes(Kind::F32, &[3, 2]), Some(24));
        assert_eq!(n_bytes(Kind::F32, &[]), Some(4));
        assert_eq!(n_bytes(Kind::Q8_0, &[64, 3]), Some(204));
        assert_eq!(n_bytes(Kind::Q8_0, &[33]), None);
        assert_eq!(n_bytes(Kind(14), &[512, 2]), Some(840));
        assert_eq!(n_bytes(Kind::F16, &[1 << 63, 2]), None);
        assert_eq!(n_bytes(Kind(99), &[1]), None);
    }
}
