//! Which of a repository's models to take.

use super::{Entry, Kind};

/// Beside the weights there are buffers and what the model remembers: a tenth, and at least this.
const LEAST_RESERVE_BYTES: u64 = 512 << 20;
const RESERVE_SHARE: u64 = 10;
/// So small a model loses more by fewer bits than it gains in speed.
const SMALL_BYTES: u64 = 1_500_000_000;
/// Q4_K_M, in bits of a weight times 100: below, answers get noticeably worse.
const LEAST_GOOD: u32 = 485;
/// Above Q6_K and its kin, more bits are hardly noticed.
const MOST_USEFUL: u32 = 670;
const NEARLY_LOSSLESS: std::ops::RangeInclusive<u32> = 800..=900;

/// The one to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// Its place among the entries that were given.
    pub index: usize,
    pub why: Why,
}

/// Why it is the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The best of the range in which quality is good and more bits are hardly noticed.
    Balanced,
    /// A small model, for which nearly lossless weights fit as well.
    Small,
    /// Worse than one would wish, but the best that fits.
    Tight,
    /// More bits than needed, but there is nothing smaller of good quality.
    Smallest,
    /// There is nothing to choose from.
    Only,
}

impl Why {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::Small => "lossless",
            Self::Tight => "tight",
            Self::Smallest => "roomy",
            Self::Only => "only",
        }
    }
}

/// The best model among `entries` that runs in `free_bytes` of memory with some to spare; `None` where none does.
pub fn recommended(entries: &[Entry], free_bytes: u64) -> Option<Recommendation> {
    let whole: Vec<usize> = (0..entries.len()).filter(|i| is_choice(&entries[*i])).collect();
    let fitting: Vec<usize> = whole.iter().copied().filter(|i| fits(entries[*i].bytes, free_bytes)).collect();
    if let ([only], [_]) = (fitting.as_slice(), whole.as_slice()) {
        return Some(Recommendation { index: *only, why: Why::Only });
    }
    let bits = |i: usize| entries[i].quant.as_ref().map_or(0, |quant| quant.bits_by_100());
    let best = |good: &dyn Fn(usize) -> bool, why: Why| {
        let index =
            fitting.iter().copied().filter(|i| good(*i)).max_by_key(|i| (bits(*i), entries[*i].bytes))?;
        Some(Recommendation { index, why })
    };
    let least = |good: &dyn Fn(usize) -> bool, why: Why| {
        let index =
            fitting.iter().copied().filter(|i| good(*i)).min_by_key(|i| (entries[*i].bytes, bits(*i)))?;
        Some(Recommendation { index, why })
    };
    best(&|i| NEARLY_LOSSLESS.contains(&bits(i)) && entries[i].bytes <= SMALL_BYTES, Why::Small)
        .or_else(|| best(&|i| (LEAST_GOOD..=MOST_USEFUL).contains(&bits(i)), Why::Balanced))
        .or_else(|| least(&|i| bits(i) > MOST_USEFUL, Why::Smallest))
        .or_else(|| best(&|i| bits(i) > 0, Why::Tight))
        .or_else(|| best(&|_| true, Why::Tight))
}

fn is_choice(entry: &Entry) -> bool {
    entry.kind == Kind::Model && entry.missing.is_empty()
}

fn fits(bytes: u64, free_bytes: u64) -> bool {
    bytes.saturating_add(LEAST_RESERVE_BYTES.max(bytes / RESERVE_SHARE)) <= free_bytes
}
