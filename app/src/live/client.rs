//! Keeps the stream open from the browser's side.

use super::{Connection, Live, api::live};
use crate::platform;
use futures::{FutureExt, StreamExt, channel::mpsc, pin_mut, select};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;

/// The server speaks at least every two seconds; silence for this long means that it is gone.
const SILENCE_MS: u32 = 8_000;
const FIRST_PAUSE_MS: u32 = 400;
const LONGEST_PAUSE_MS: u32 = 4_000;
/// A server of another build is seldom followed by one of the page's.
const OUTDATED_PAUSE_MS: u32 = 30_000;
/// Commands are rare: one per page change.
const COMMANDS: usize = 16;

/// Whether the page has been hydrated as the server rendered it.
#[derive(Clone, Default)]
pub(crate) struct Hydrated(ArcRwSignal<bool>);

impl Hydrated {
    /// It has; from now on it may change.
    pub(crate) fn tell(&self) {
        self.0.set(true);
    }
}

/// What the server says would change a page of which a part, whose code is still on its way, has to be found as it
/// was rendered.
pub(super) fn connect_when_hydrated(page: Live) {
    let hydrated = expect_context::<Hydrated>();
    Effect::new(move |_| {
        if hydrated.0.get() {
            leptos::task::spawn_local(stay_connected(page));
        }
    });
}

/// Connects, listens, and starts again. Never returns.
async fn stay_connected(page: Live) {
    let mut pause_ms = FIRST_PAUSE_MS;
    loop {
        let was_heard = listen(page).await;
        page.commands.set_value(None);
        if was_heard {
            pause_ms = FIRST_PAUSE_MS;
        } else {
            // Beside the tries, since nobody may answer.
            leptos::task::spawn_local(tell_if_outdated(page));
        }
        if page.connection.get_untracked() == Connection::Outdated {
            pause_ms = OUTDATED_PAUSE_MS;
        } else {
            page.connection.set(Connection::Lost);
        }
        TimeoutFuture::new(pause_ms).await;
        pause_ms = (pause_ms * 2).min(LONGEST_PAUSE_MS);
    }
}

/// Why a socket did not open, browsers do not say.
async fn tell_if_outdated(page: Live) {
    if platform::is_of_another_build().await {
        page.connection.set(Connection::Outdated);
    }
}

/// One connection, until it ends or falls silent. `true` if the server was heard at all.
async fn listen(page: Live) -> bool {
    let (commands, commands_out) = mpsc::channel(COMMANDS);
    let Ok(mut events) = live(commands_out.into()).await else { return false };
    page.commands.set_value(Some(commands));
    page.send_watch();
    let mut heard = false;
    loop {
        let next = events.next().fuse();
        let silence = TimeoutFuture::new(SILENCE_MS).fuse();
        pin_mut!(next, silence);
        let event = select! {
            event = next => event,
            () = silence => None,
        };
        let Some(Ok(event)) = event else { return heard };
        if !heard {
            heard = true;
            page.connection.set(Connection::Live);
            page.epoch.update(|epoch| *epoch += 1);
        }
        page.apply(event);
    }
}
