//! Files in parts, and as one again.

use crate::{
    gguf_file::read,
    support::{go_on, model, names},
};
use convert::{ConvertError, Options, SplitLimit, hf_to_gguf, merge, split};
use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

fn whole() -> (TempDir, PathBuf) {
    let (work, folder) = model("llama3");
    let target = work.path().join("whole.gguf");
    hf_to_gguf(&folder, &target, &Options::default(), &mut go_on()).unwrap();
    (work, target)
}

/// The number of parts; put together they are the file that was divided.
#[track_caller]
fn check(limit: SplitLimit, n_parts: usize) {
    let (work, file) = whole();
    let parts = split(&file, &work.path().join("part"), limit, &mut go_on()).unwrap();
    assert_eq!(parts.len(), n_parts);
    let mut tensors = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        assert_eq!(
            part.file_name().unwrap().to_str().unwrap(),
            format!("part-{:05}-of-{n_parts:05}.gguf", i + 1)
        );
        let found = read(part);
        let own: Vec<&str> = found.keys.iter().rev().take(3).map(|(key, _)| key.as_str()).collect();
        assert_eq!(own, ["split.tensors.count", "split.count", "split.no"]);
        assert!(i == 0 || found.keys.len() == 3);
        tensors.extend(found.tensors);
    }
    assert_eq!(tensors, read(&file).tensors);
    let again = work.path().join("again.gguf");
    let report = merge(&parts[0], &again, &mut go_on()).unwrap();
    assert_eq!((report.n_parts, report.n_tensors), (n_parts, tensors.len()));
    assert_eq!(fs::read(&again).unwrap(), fs::read(&file).unwrap());
}

#[test]
fn parts_by_size() {
    check(SplitLimit::Bytes(40_000), 7);
    // Each tensor is larger.
    check(SplitLimit::Bytes(1), 21);
    check(SplitLimit::Bytes(u64::MAX), 1);
}

#[test]
fn parts_by_number_of_tensors() {
    check(SplitLimit::Tensors(5), 5);
    check(SplitLimit::Tensors(0), 21);
}

#[test]
fn missing_and_exchanged_parts_are_named() {
    let (work, file) = whole();
    let parts = split(&file, &work.path().join("p"), SplitLimit::Tensors(5), &mut go_on()).unwrap();
    let target = work.path().join("again.gguf");
    let failed = |first: &Path| merge(first, &target, &mut go_on()).unwrap_err().to_string();
    assert!(failed(&parts[1]).contains("does not end in -00001-of-00005.gguf"));
    assert!(failed(&file).contains("no part of a file"));
    fs::rename(&parts[2], work.path().join("away")).unwrap();
    assert!(failed(&parts[0]).contains("1 of 5 parts are missing: p-00003-of-00005.gguf"));
    fs::copy(&parts[1], &parts[2]).unwrap();
    assert!(failed(&parts[0]).contains("p-00003-of-00005.gguf cannot be used: it is not the part"));
    assert!(!target.exists());
    let again = split(&parts[0], &work.path().join("q"), SplitLimit::Tensors(1), &mut go_on());
    assert!(again.unwrap_err().to_string().contains("a part already"));
}

#[test]
fn what_is_stopped_or_in_the_way_leaves_nothing() {
    let (work, file) = whole();
    let before = names(work.path());
    let mut n = 0;
    let mut stop = |_: convert::Progress<'_>| {
        n += 1;
        if n == 12 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = split(&file, &work.path().join("p"), SplitLimit::Tensors(5), &mut stop);
    assert!(matches!(stopped, Err(ConvertError::Stopped)));
    assert_eq!(names(work.path()), before);
    fs::write(work.path().join("p-00004-of-00005.gguf"), "mine").unwrap();
    let refused = split(&file, &work.path().join("p"), SplitLimit::Tensors(5), &mut go_on());
    assert!(matches!(refused, Err(ConvertError::Exists(_))));
    assert_eq!(fs::read(work.path().join("p-00004-of-00005.gguf")).unwrap(), b"mine");
    assert_eq!(names(work.path()).len(), before.len() + 1);
}

#[test]
fn a_file_that_is_cut_off_is_not_divided() {
    let (work, file) = whole();
    let bytes = fs::read(&file).unwrap();
    let cut = work.path().join("cut.gguf");
    for end in (0..bytes.len() - 64).step_by(bytes.len() / 97) {
        fs::write(&cut, &bytes[..end]).unwrap();
        let refused = split(&cut, &work.path().join("c"), SplitLimit::Tensors(5), &mut go_on());
        assert!(refused.is_err(), "{end}");
    }
    // Wrong bytes in the head: divided or refused.
    for at in 0..600 {
        let mut wrong = bytes[..bytes.len().min(20_000)].to_vec();
        wrong[at] ^= 0xff;
        fs::write(&cut, &wrong).unwrap();
        let _ = split(&cut, &work.path().join("c"), SplitLimit::Tensors(50), &mut go_on());
    }
}
