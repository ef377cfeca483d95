//! Numbers as people read them.
//!
//! Rounding is done in integers: formatting a float would bring the standard library's exact conversion along,
//! which is a noticeable part of what a first visit loads.

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// A number that is not negative, with one decimal.
pub(crate) fn one_decimal(n: f64) -> String {
    let tenths = (n * 10.0).round() as u64;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A number that is not negative, with so many decimals.
pub(crate) fn decimals(n: f64, n_decimals: u32) -> String {
    let unit = 10_u64.pow(n_decimals);
    let parts = (n * unit as f64).round() as u64;
    format!("{}.{:0width$}", parts / unit, parts % unit, width = n_decimals as usize)
}

fn whole(n: f64) -> u64 {
    n.round() as u64
}

/// Memory in GiB with one decimal, without the unit.
pub(crate) fn gib(bytes: u64) -> String {
    one_decimal(bytes as f64 / GIB)
}

/// Bytes on disk or over a wire, base ten: `98 MB`, `1.2 GB`.
pub(crate) fn bytes(n: f64) -> String {
    match n {
        n if n >= 1e9 => format!("{} GB", one_decimal(n / 1e9)),
        n if n >= 1e6 => format!("{} MB", whole(n / 1e6)),
        n if n >= 1e3 => format!("{} kB", whole(n / 1e3)),
        n => format!("{} B", whole(n)),
    }
}

/// A duration: `420 ms`, `3.4 s`, `2 min`, `2 min 5 s`.
pub(crate) fn duration_ms(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{} s", one_decimal(ms as f64 / 1000.0)),
        _ if ms % 60_000 < 1_000 => format!("{} min", ms / 60_000),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

/// A share of one as whole percent.
pub(crate) fn percent(fraction: f32) -> u64 {
    whole(f64::from(fraction * 100.0).clamp(0.0, 100.0))
}

#[cfg(test)]
mod tests;
