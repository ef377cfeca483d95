use super::*;

/// Files of (tokens, bytes, seconds since they were used) and a limit; which are deleted for 100 bytes more.
fn check(files: &[(u64, u64, u64)], max_bytes: u64, expected: &[usize]) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let name = |i: usize, n_tokens: u64| PathBuf::from(format!("1-{n_tokens}-{i}.kv"));
    let files: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(i, &(n_tokens, n_bytes, age))| StateFile {
            path: name(i, n_tokens),
            n_bytes,
            last_use: now - Duration::from_secs(age),
        })
        .collect();
    let expected: Vec<_> = expected.iter().map(|&i| files[i].path.clone()).collect();
    assert_eq!(victims(files, 100, max_bytes, now), expected);
}

#[test]
fn nothing_goes_while_there_is_room() {
    check(&[], 100, &[]);
    check(&[(10, 100, 5), (10, 100, 50)], 300, &[]);
}

#[test]
fn what_was_not_used_for_long_goes_first() {
    check(&[(10, 100, 5), (10, 100, 50), (10, 100, 20)], 300, &[1]);
    check(&[(10, 100, 5), (10, 100, 50), (10, 100, 20)], 200, &[1, 2]);
    check(&[(10, 100, 5), (10, 100, 50), (10, 100, 20)], 100, &[1, 2, 0]);
}

#[test]
fn of_equal_age_what_saves_least_for_its_room_goes_first() {
    check(&[(40, 100, 5), (10, 100, 5), (20, 100, 5)], 300, &[1]);
    check(&[(10, 100, 5), (10, 200, 5)], 300, &[1]);
}

#[test]
fn a_file_that_is_none_of_ours_by_its_name_is_worth_nothing() {
    let now = SystemTime::now();
    let file = StateFile { path: PathBuf::from("x.part"), n_bytes: 1, last_use: now };
    assert!(worth(&file, now).abs() < f64::EPSILON);
}

#[test]
fn more_than_all_files_may_take_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(make(folder.path(), 101, 100).is_err());
    assert!(make(folder.path(), 100, 100).is_ok());
}
