//! Numbers as people read them.

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Memory in GiB with one decimal, without the unit.
pub(crate) fn gib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / GIB)
}

/// Bytes on disk or over a wire, base ten: `98 MB`, `1.2 GB`.
pub(crate) fn bytes(n: f64) -> String {
    match n {
        n if n >= 1e9 => format!("{:.1} GB", n / 1e9),
        n if n >= 1e6 => format!("{:.0} MB", n / 1e6),
        n if n >= 1e3 => format!("{:.0} kB", n / 1e3),
        n => format!("{n:.0} B"),
    }
}

/// A duration: `420 ms`, `3.4 s`, `2 min 5 s`.
pub(crate) fn duration_ms(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

/// A share of one as whole percent.
pub(crate) fn percent(fraction: f32) -> String {
    format!("{:.0}", (fraction * 100.0).clamp(0.0, 100.0))
}

#[cfg(test)]
mod tests;
