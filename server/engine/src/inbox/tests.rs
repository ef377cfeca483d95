use super::*;
use crate::pulse::Watch;
use std::{
    sync::mpsc::{Sender, channel},
    time::Instant,
};

fn inbox() -> (Sender<u32>, Inbox<u32>, &'static Pulse) {
    let (sender, queue) = channel();
    let pulse = Pulse::leaked();
    (sender, Inbox::new(queue, Cancels::default(), pulse), pulse)
}

#[test]
fn who_waits_rests_and_who_has_work_does_not() {
    let (sender, inbox, pulse) = inbox();
    let mut watch = Watch::new(pulse, Duration::ZERO);
    let mut hangs = || [Instant::now(); 2].map(|now| watch.hangs(now));
    assert_eq!(hangs(), [false, false]);
    sender.send(1).unwrap();
    assert_eq!(inbox.wait(), Some(1));
    // Twice without a sign of life in between.
    assert_eq!(hangs(), [false, true]);
    let before = pulse.count();
    assert_eq!(inbox.look(), Err(TryRecvError::Empty));
    assert_ne!(pulse.count(), before);
    drop(sender);
    assert_eq!(inbox.wait(), None);
}

#[test]
fn a_cancel_is_known_until_its_turn_and_told_once() {
    let (_sender, inbox, _) = inbox();
    let id = RequestId(3);
    inbox.cancels.clone().announce(id);
    assert_eq!((inbox.cancelled(), inbox.cancelled()), (vec![id], vec![]));
    assert!(inbox.cancels.has(id));
    inbox.cancels.settle(id);
    assert!(!inbox.cancels.has(id));
}
