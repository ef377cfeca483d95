//! Which machine and which code a figure belongs to.

use std::time::Duration;

use crate::run::Run;

/// One line for the head of a result table.
pub(super) fn describe() -> String {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{}, {threads} threads, {os} {arch}, commit {}", processor(), commit())
}

/// Short name of the commit, marked where the tree differs from it.
fn commit() -> String {
    let commit = Run::new("git").args(["rev-parse", "--short", "HEAD"]);
    let Ok(commit) = quiet(commit) else { return "not committed".to_owned() };
    let changed = quiet(Run::new("git").args(["status", "--porcelain", "--untracked-files=no"]));
    let mark = if changed.is_ok_and(|list| list.is_empty()) { "" } else { " with changes" };
    format!("{commit}{mark}")
}

fn processor() -> String {
    let from_linux = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let from_mac = || quiet(Run::new("sysctl").args(["-n", "machdep.cpu.brand_string"])).ok();
    let from_windows = || std::env::var("PROCESSOR_IDENTIFIER").ok();
    from_linux.or_else(from_windows).or_else(from_mac).unwrap_or_else(|| "unknown processor".to_owned())
}

fn quiet(run: Run) -> Result<String, ()> {
    run.output_if_succeeds().map(|text| text.trim().to_owned()).ok_or(())
}

/// What a process and those that it started have in memory, in MiB; not a number where the system cannot be asked. What several
/// of them have in common counts once where the system tells it apart.
pub(super) fn memory_mib(pid: u32) -> f64 {
    let rows = quiet(Run::new("ps").args(["-A", "-o", "pid=,ppid=,rss="])).unwrap_or_default();
    let of_family = rows.lines().filter_map(|row| memory_of(row, pid));
    let kib: f64 = of_family.map(|(process, kib)| proportional_kib(process).unwrap_or(kib)).sum();
    if kib > 0.0 { kib / 1024.0 } else { f64::NAN }
}

/// KiB of a process, of what is shared only its share (the proportional set size of Linux).
fn proportional_kib(process: u32) -> Option<f64> {
    pss_of(&std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?)
}

fn pss_of(rollup: &str) -> Option<f64> {
    rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok())
}

/// The share of a core that a process and those that it started use while `time` passes, in percent; not a number where
/// the system cannot be asked.
pub(super) fn busy_percent(pid: u32, time: Duration) -> f64 {
    let before = cpu_seconds(pid);
    std::thread::sleep(time);
    (cpu_seconds(pid) - before) / time.as_secs_f64() * 100.0
}

/// Processor time that they have used since they started.
fn cpu_seconds(pid: u32) -> f64 {
    let rows = quiet(Run::new("ps").args(["-A", "-o", "pid=,ppid="])).unwrap_or_default();
    let pairs = rows.lines().filter_map(|row| {
        let numbers: Vec<u32> = row.split_whitespace().map_while(|word| word.parse().ok()).collect();
        let [process, parent] = numbers[..] else { return None };
        (process == pid || parent == pid).then_some(process)
    });
    let seconds: Vec<_> = pairs.filter_map(cpu_seconds_of).collect();
    if seconds.is_empty() { f64::NAN } else { seconds.iter().sum() }
}

/// From `/proc`: `ps` rounds to seconds.
fn cpu_seconds_of(pid: u32) -> Option<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may have spaces in it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_A_SECOND)
}

/// The process of a row (its number, its parent's, its memory) and its KiB, if that is `pid` or its child.
fn memory_of(row: &str, pid: u32) -> Option<(u32, f64)> {
    let numbers: Vec<u32> = row.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [process, parent, kib] = numbers[..] else { return None };
    (process == pid || parent == pid).then(|| (process, f64::from(kib)))
}

/// The middle value.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_that_of_a_process_and_its_children() {
        assert_eq!(memory_of("  7  1 1024", 7), Some((7, 1024.0)));
        assert_eq!(memory_of("  8  7 100", 7), Some((8, 100.0)));
        assert_eq!(memory_of("  9  8 100", 7), None);
        assert_eq!(memory_of("garbage", 7), None);
    }

    #[test]
    fn what_is_shared_counts_as_its_share() {
        assert_eq!(pss_of("Rss:   900 kB\nPss:   700 kB\nPss_Anon: 1 kB\n"), Some(700.0));
        assert_eq!(pss_of(""), None);
    }

    #[test]
    fn the_median_is_the_middle() {
        let check =
            |values: &[f64], expected: f64| assert!((median(values.to_vec()) - expected).abs() < 1e-9);
        check(&[3.0, 1.0, 2.0], 2.0);
        check(&[4.0, 1.0, 2.0, 3.0], 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
