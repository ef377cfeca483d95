//! Files of code that a page fetches when it needs them. The server may be away just then: a file that could not be fetched is
//! tried again until it is there, and the page lives on meanwhile.

use crate::platform;
use leptos::{__reexports::send_wrapper::SendWrapper, wasm_split::SplitLoaderError};

/// Milliseconds until the first further try; each pause is twice as long as the one before.
const FIRST_PAUSE_MS: u32 = 500;
const LONGEST_PAUSE_MS: u32 = 8_000;

/// The file could not be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotFetched;

impl From<SplitLoaderError> for NotFetched {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

/// The pauses between tries.
pub(crate) struct Pauses(u32);

impl Pauses {
    /// None has passed.
    pub(crate) fn new() -> Self {
        Self(FIRST_PAUSE_MS)
    }

    /// Lets the next one pass.
    pub(crate) async fn pass(&mut self) {
        SendWrapper::new(platform::sleep(self.0)).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE_MS);
    }
}
