//! Moving files, and everything that goes wrong with it.

use crate::support::{Bench, FILE, REPO, client, names_in};
use hub::{
    HubError,
    testing::{Fault, PretendRepository},
    transfer::{Anew, FreeBytes, Pace, Phase, Request, TransferError, download},
};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const MIB: usize = 1 << 20;
const TOKEN: &str = "hf_abcdefghijklmnopqrstuvwxyz";

#[tokio::test(flavor = "multi_thread")]
async fn a_big_file_comes_by_several_connections_and_is_what_it_should_be() {
    let bench = Bench::new(5 * MIB + 12_345).await;
    let finished = bench.fetch().await.unwrap();
    bench.check_whole();
    let digest: String = Sha256::digest(&bench.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((finished.bytes, finished.sha256), (bench.bytes.len() as u64, digest));
    assert_eq!((finished.fetched_bytes, finished.was_there), (bench.bytes.len() as u64, false));
    assert_eq!(bench.hub.seen().fetches, 21);
    let last = *bench.told.lock().unwrap().last().unwrap();
    assert_eq!((last.done_bytes, last.total_bytes), (finished.bytes, Some(finished.bytes)));
    assert_eq!((last.phase, last.began_anew), (Phase::Verifying, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn small_empty_and_unknown_files_come_too() {
    for n in [0, 1, 5000, 300_000] {
        let bench = Bench::new(n).await;
        bench.fetch().await.unwrap();
        bench.check_whole();
        fs::remove_file(bench.target()).unwrap();
        let known = bench.request().await;
        bench.fetch_as(&Request { size: None, sha256: None, ..known }).await.unwrap();
        bench.check_whole();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_there_already_is_not_fetched_again() {
    let bench = Bench::new(2 * MIB).await;
    bench.fetch().await.unwrap();
    let before = bench.hub.seen();
    let again = bench.fetch().await.unwrap();
    assert!(again.was_there && again.fetched_bytes == 0);
    assert_eq!(bench.hub.seen().fetches, before.fetches);
    let mut bytes = fs::read(bench.target()).unwrap();
    bytes[7] ^= 1;
    fs::write(bench.target(), bytes).unwrap();
    assert!(matches!(bench.fetch().await, Err(TransferError::Taken(_))));
    let replacing = Request { replaces: true, ..bench.request().await };
    assert!(!bench.fetch_as(&replacing).await.unwrap().was_there);
    bench.check_whole();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_keeps_what_came_and_the_next_call_fetches_the_rest() {
    let mut bench = Bench::new(8 * MIB).await;
    bench.limits.pace = Pace::new(Some(4 * MIB as u64));
    bench.pause_at(3 * MIB as u64).await;
    bench.check_absent();
    bench.limits.pace.set(None);
    let finished = bench.fetch().await.unwrap();
    bench.check_whole();
    assert!(finished.fetched_bytes <= 5 * MIB as u64, "{} bytes again", finished.fetched_bytes);
    let told = bench.told.lock().unwrap();
    assert!(told.iter().any(|it| it.phase == Phase::Fetching && it.done_bytes >= 3 * MIB as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn rotten_bytes_in_a_part_are_found_and_fetched_again() {
    let mut bench = Bench::new(6 * MIB).await;
    bench.limits.pace = Pace::new(Some(4 * MIB as u64));
    bench.pause_at(3 * MIB as u64).await;
    bench.limits.pace.set(None);
    let part = bench.folder.path().join("fetched.gguf.part");
    let mut part = fs::File::options().write(true).open(part).unwrap();
    part.seek(SeekFrom::Start(1000)).unwrap();
    part.write_all(&[!bench.bytes[1000]]).unwrap();
    bench.fetch().await.unwrap();
    bench.check_whole();
    assert!(bench.told.lock().unwrap().iter().all(|it| it.began_anew.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_downloads_of_one_target_do_not_meet() {
    let mut bench = Bench::new(2 * MIB).await;
    bench.limits.pace = Pace::new(Some(MIB as u64));
    let request = bench.request().await;
    let client = client();
    let first = download(&client, &request, &bench.limits, &|_| {});
    let second = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        bench.fetch().await
    };
    let (first, second) = tokio::join!(first, second);
    first.unwrap();
    assert!(matches!(second, Err(TransferError::Busy)), "{second:?}");
    bench.check_whole();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_another_process_fetches_is_left_alone() {
    let bench = Bench::new(MIB).await;
    let log = fs::File::create(bench.folder.path().join("fetched.gguf.part.log")).unwrap();
    log.try_lock().unwrap();
    assert!(matches!(bench.fetch().await, Err(TransferError::Busy)));
    assert_eq!(bench.hub.seen().fetches, 0);
    drop(log);
    bench.fetch().await.unwrap();
    bench.check_whole();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_reaches_the_hub_and_nobody_else() {
    let mut bench = Bench::with(PretendRepository::new(REPO).gated(TOKEN), 2 * MIB).await;
    bench.token = Some(TOKEN.to_owned());
    bench.fetch().await.unwrap();
    bench.check_whole();
    let seen = bench.hub.seen();
    assert!(seen.with_token > 0 && seen.fetches > 0);
    assert_eq!(seen.leaked_tokens, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_end_it_at_once() {
    let mut bench = Bench::with(PretendRepository::new(REPO).gated(TOKEN), 2 * MIB).await;
    let page = format!("{}/{REPO}", bench.hub.endpoint());
    let err = bench.fetch().await.unwrap_err();
    assert!(matches!(&err, TransferError::Hub(HubError::Gated { page: told }) if *told == page), "{err:?}");
    bench.token = Some("hf_unknown".to_owned());
    assert!(matches!(bench.fetch().await, Err(TransferError::Hub(HubError::TokenRefused))));
    let mut request = bench.request().await;
    request.url = format!("{page}/resolve/main/none.gguf").parse().unwrap();
    request.token = Some(types::secret::Secret::new(TOKEN));
    assert!(matches!(bench.fetch_as(&request).await, Err(TransferError::Hub(HubError::NotFound))));
    assert_eq!(bench.hub.seen().fetches, 0);
    bench.check_absent();
}

#[tokio::test(flavor = "multi_thread")]
async fn passing_trouble_is_survived() {
    let check = async |faults: Vec<Fault>| {
        let shown = format!("{faults:?}");
        let bench = Bench::new(3 * MIB).await;
        bench.faults(faults);
        let finished = bench.fetch().await.unwrap_or_else(|err| panic!("{shown}: {err}"));
        bench.check_whole();
        assert!(finished.fetched_bytes < 4 * MIB as u64, "{shown}: {} bytes", finished.fetched_bytes);
        assert!(bench.told.lock().unwrap().iter().all(|it| it.began_anew.is_none()), "{shown}");
    };
    check(vec![Fault::Status { status: 500, retry_after: None, times: 3 }]).await;
    check(vec![Fault::Status { status: 429, retry_after: Some(1), times: 1 }]).await;
    check(vec![Fault::Later { after_requests: 3, status: 403, times: 1 }]).await;
    check(vec![Fault::Cut { after_bytes: 100_000, times: 6 }]).await;
    check(vec![Fault::Longer { by: 10, times: 2 }]).await;
    check(vec![Fault::NoEtag]).await;
    check(vec![Fault::WeakEtag, Fault::Cut { after_bytes: 70_000, times: 4 }]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_is_given_up() {
    let mut bench = Bench::new(3 * MIB).await;
    bench.limits.silence = Duration::from_millis(200);
    bench.faults(vec![Fault::Silent { after_bytes: 100_000, times: 3 }]);
    bench.fetch().await.unwrap();
    bench.check_whole();
    fs::remove_file(bench.target()).unwrap();
    bench.limits.attempts = 2;
    bench.faults(vec![Fault::Silent { after_bytes: 0, times: 99 }]);
    let err = bench.fetch().await.unwrap_err();
    assert!(matches!(err, TransferError::Silent { .. }), "{err:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_does_not_pass_ends_it_after_some_attempts_and_keeps_what_came() {
    let mut bench = Bench::new(3 * MIB).await;
    bench.limits.attempts = 3;
    let check = async |fault: Fault| {
        bench.faults(vec![fault]);
        let before = bench.hub.seen().fetches;
        let err = bench.fetch().await.unwrap_err();
        let n = bench.hub.seen().fetches - before;
        bench.check_absent();
        (err, n)
    };
    let (err, n) = check(Fault::Status { status: 503, retry_after: None, times: 99 }).await;
    assert!(matches!(err, TransferError::Hub(HubError::Failed { status: 503 })) && n == 3, "{err:?} {n}");
    let (err, n) = check(Fault::Longer { by: 1, times: 99 }).await;
    assert!(
        matches!(err, TransferError::WrongLength { got, .. } if got == 3 * MIB as u64 + 1) && n == 3,
        "{err:?} {n}"
    );
    let (err, n) = check(Fault::Status { status: 429, retry_after: Some(3600), times: 99 }).await;
    assert!(
        matches!(err, TransferError::Hub(HubError::RateLimited { seconds: 3600 })) && n == 1,
        "{err:?} {n}"
    );
    let (err, _) = check(Fault::Cut { after_bytes: 30_000, times: 99 }).await;
    // Where the head of the answer is lost with the rest, nobody answered.
    assert!(
        matches!(err, TransferError::Cut { .. } | TransferError::Hub(HubError::Unreachable { .. })),
        "{err:?}"
    );
    bench.faults(vec![]);
    let finished = bench.fetch().await.unwrap();
    assert!(finished.fetched_bytes < 3 * MIB as u64);
    bench.check_whole();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_fewer_connections_gets_fewer() {
    let mut bench = Bench::new(MIB + MIB / 2).await;
    bench.limits.attempts = 2;
    let slow = Fault::Slow { bytes_per_second: MIB as u64 };
    // Enough for all but the first one to give up.
    bench.faults(vec![slow, Fault::Later { after_requests: 1, status: 503, times: 6 }]);
    bench.fetch().await.unwrap();
    bench.check_whole();
    assert_eq!(bench.hub.seen().fetches, 6 + 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_ranges_gives_the_file_in_one_go() {
    let bench = Bench::new(3 * MIB).await;
    bench.faults(vec![Fault::NoRanges]);
    let finished = bench.fetch().await.unwrap();
    assert_eq!((finished.fetched_bytes, bench.hub.seen().fetches), (3 * MIB as u64, 1));
    bench.check_whole();
    fs::remove_file(bench.target()).unwrap();
    bench.faults(vec![Fault::NoRanges, Fault::Cut { after_bytes: MIB as u64, times: 1 }]);
    bench.fetch().await.unwrap();
    bench.check_whole();
    assert_eq!(bench.told.lock().unwrap().last().unwrap().began_anew, Some(Anew::NoRanges));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_meanwhile_begins_anew_and_says_so() {
    let bench = Bench::new(3 * MIB).await;
    bench.faults(vec![Fault::Changes { after_requests: 4 }]);
    let request = Request { sha256: None, ..bench.request().await };
    let finished = bench.fetch_as(&request).await.unwrap();
    let changed: Vec<u8> = bench.bytes.iter().map(|byte| byte ^ 0xff).collect();
    assert!(fs::read(bench.target()).unwrap() == changed);
    assert!(finished.fetched_bytes > 3 * MIB as u64);
    assert_eq!(bench.told.lock().unwrap().last().unwrap().began_anew, Some(Anew::Changed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_between_two_calls_begins_anew() {
    let mut bench = Bench::new(6 * MIB).await;
    bench.limits.pace = Pace::new(Some(4 * MIB as u64));
    bench.pause_at(2 * MIB as u64).await;
    bench.limits.pace.set(None);
    bench.faults(vec![Fault::Changes { after_requests: 0 }]);
    let request = Request { sha256: None, ..bench.request().await };
    bench.fetch_as(&request).await.unwrap();
    assert_eq!(bench.told.lock().unwrap().last().unwrap().began_anew, Some(Anew::Changed));
    let changed: Vec<u8> = bench.bytes.iter().map(|byte| byte ^ 0xff).collect();
    assert!(fs::read(bench.target()).unwrap() == changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mark_is_no_other_file_where_a_digest_says_what_it_is() {
    let mut bench = Bench::new(6 * MIB).await;
    bench.limits.pace = Pace::new(Some(4 * MIB as u64));
    bench.pause_at(2 * MIB as u64).await;
    bench.limits.pace.set(None);
    bench.faults(vec![Fault::OtherEtag]);
    let before = bench.hub.seen().bytes;
    bench.fetch().await.unwrap();
    bench.check_whole();
    assert_eq!(bench.told.lock().unwrap().last().unwrap().began_anew, None);
    assert!(bench.hub.seen().bytes - before < 5 * MIB as u64, "what had arrived is not fetched again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_download_whose_file_has_its_name_goes() {
    let bench = Bench::new(2 * MIB).await;
    bench.fetch().await.unwrap();
    let part = bench.folder.path().join("fetched.gguf.part");
    fs::hard_link(bench.target(), &part).unwrap();
    fs::write(bench.folder.path().join("fetched.gguf.part.json"), "{}").unwrap();
    assert!(bench.fetch().await.unwrap().was_there);
    bench.check_whole();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_renamed_keeps_its_bytes_though_a_part_is_another_name_of_it() {
    let bench = Bench::new(2 * MIB).await;
    bench.fetch().await.unwrap();
    let renamed = bench.folder.path().join("renamed.gguf");
    fs::hard_link(bench.target(), bench.folder.path().join("fetched.gguf.part")).unwrap();
    fs::rename(bench.target(), &renamed).unwrap();
    fs::write(&renamed, b"what a person wrote").unwrap();
    bench.fetch().await.unwrap();
    assert_eq!(fs::read(&renamed).unwrap(), b"what a person wrote");
    fs::remove_file(renamed).unwrap();
    bench.check_whole();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_only_kept_free_is_not_taken() {
    let bench = Bench::new(8 * MIB).await;
    bench.pause_at(MIB as u64).await;
    fs::write(bench.target(), b"").unwrap();
    bench.fetch().await.unwrap();
    bench.check_whole();
    fs::write(bench.target(), b"").unwrap();
    assert!(matches!(bench.fetch().await, Err(TransferError::Taken(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_bytes_get_one_more_chance() {
    let bench = Bench::new(2 * MIB).await;
    bench.faults(vec![Fault::WrongByte { at: 1_500_000, times: 8 }]);
    bench.fetch().await.unwrap();
    bench.check_whole();
    assert_eq!(bench.told.lock().unwrap().last().unwrap().began_anew, Some(Anew::WrongBytes));
    fs::remove_file(bench.target()).unwrap();
    bench.faults(vec![Fault::WrongByte { at: 1_500_000, times: 999 }]);
    let before = bench.hub.seen().bytes;
    assert!(matches!(bench.fetch().await, Err(TransferError::WrongBytes)));
    assert_eq!(bench.hub.seen().bytes - before, 4 * MIB as u64);
    assert!(names_in(bench.folder.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_bytes_of_a_file_without_a_digest_are_known_by_gits_name() {
    let bench = Bench::new(1000).await;
    assert!(bench.request().await.sha256.is_none());
    bench.faults(vec![Fault::WrongByte { at: 500, times: 1 }]);
    bench.fetch().await.unwrap();
    bench.check_whole();
    let mut bytes = fs::read(bench.target()).unwrap();
    bytes[7] ^= 1;
    fs::write(bench.target(), bytes).unwrap();
    assert!(matches!(bench.fetch().await, Err(TransferError::Taken(_))));
    let replacing = Request { replaces: true, ..bench.request().await };
    assert!(!bench.fetch_as(&replacing).await.unwrap().was_there);
    bench.check_whole();
    fs::remove_file(bench.target()).unwrap();
    bench.faults(vec![Fault::WrongByte { at: 500, times: 999 }]);
    assert!(matches!(bench.fetch().await, Err(TransferError::WrongBytes)));
    assert!(names_in(bench.folder.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_noticed_before_and_while_it_fills() {
    let mut bench = Bench::new(12 * MIB).await;
    let free = Arc::new(AtomicU64::new(10 * MIB as u64));
    let look = free.clone();
    bench.limits.free_bytes =
        FreeBytes::new(move |folder| folder.is_dir().then(|| look.load(Ordering::Relaxed)));
    bench.limits.reserve_bytes = MIB as u64;
    let err = bench.fetch().await.unwrap_err();
    let (needed, left) = (13 * MIB as u64, 10 * MIB as u64);
    assert!(
        matches!(err, TransferError::NoSpace { needed: n, free: f } if (n, f) == (needed, left)),
        "{err:?}"
    );
    assert_eq!(bench.hub.seen().fetches, 0);

    free.store(100 * MIB as u64, Ordering::Relaxed);
    let filling = free.clone();
    let client = client();
    let request = bench.request().await;
    // Slow enough that it is told of before the space is looked at again.
    bench.limits.pace = Pace::new(Some(4 * MIB as u64));
    let fill = move |progress: hub::transfer::Progress| {
        if progress.done_bytes > 0 {
            filling.store(1000, Ordering::Relaxed);
        }
    };
    let err = download(&client, &request, &bench.limits, &fill).await.unwrap_err();
    assert!(matches!(err, TransferError::NoSpace { free: 1000, .. }), "{err:?}");
    bench.check_absent();
    free.store(100 * MIB as u64, Ordering::Relaxed);
    bench.limits.pace.set(None);
    let finished = bench.fetch().await.unwrap();
    assert!(finished.fetched_bytes <= 6 * MIB as u64, "{}", finished.fetched_bytes);
    bench.check_whole();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_refuses_to_write_is_full() {
    let bench = Bench::new(2 * MIB).await;
    std::os::unix::fs::symlink("/dev/full", bench.folder.path().join("fetched.gguf.part")).unwrap();
    let err = bench.fetch().await.unwrap_err();
    assert!(matches!(err, TransferError::NoSpace { .. }), "{err:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_rate_holds_and_can_be_changed() {
    let mut bench = Bench::new(4 * MIB).await;
    bench.limits.pace = Pace::new(Some(2 * MIB as u64));
    let started = Instant::now();
    let pace = bench.limits.pace.clone();
    let fetching = bench.fetch();
    let change = async {
        while bench.told.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(bench.told.lock().unwrap().last().unwrap().done_bytes < 4 * MIB as u64);
        pace.set(None);
    };
    let (finished, ()) = tokio::join!(fetching, change);
    finished.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    bench.check_whole();
    let told = bench.told.lock().unwrap();
    let rates = told.iter().filter_map(|it| it.bytes_per_second);
    assert!(rates.clone().count() > 0 && rates.clone().all(|rate| rate > 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_are_not_there_are_named() {
    let bench = Bench::new(1000).await;
    let target = bench.folder.path().join("none").join("x.gguf");
    let err = bench.fetch_as(&Request { target, ..bench.request().await }).await.unwrap_err();
    assert!(matches!(err, TransferError::File { .. }), "{err:?}");
    assert!(err.to_string().contains("none"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_down_has_no_token_and_no_query() {
    let mut bench = Bench::with(PretendRepository::new(REPO).gated(TOKEN), 8 * MIB).await;
    bench.token = Some(TOKEN.to_owned());
    bench.limits.pace = Pace::new(Some(2 * MIB as u64));
    bench.pause_at(MIB as u64).await;
    let path = bench.folder.path().join("fetched.gguf.part.json");
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let journal = fs::read_to_string(path).unwrap();
    assert!(
        journal.contains(FILE) && !journal.contains(TOKEN) && !journal.contains("Signature"),
        "{journal}"
    );
}
