//! Files that are on their way to collections: they arrive also while the person looks at other pages.

use leptos::prelude::*;

/// How many there are. Copy; the same for the whole page.
#[derive(Clone, Copy)]
pub(crate) struct Uploads {
    n: RwSignal<usize>,
}

/// Provides [`Uploads`].
pub(super) fn provide_uploads() {
    provide_context(Uploads { n: RwSignal::new(0) });
}

/// What is on its way.
pub(crate) fn use_uploads() -> Uploads {
    expect_context()
}

impl Uploads {
    /// How many have not ended yet. Tracked.
    pub(crate) fn n(self) -> usize {
        self.n.get()
    }

    /// Some more are about to be sent.
    pub(crate) fn begin(self, n: usize) {
        self.n.update(|under_way| *under_way += n);
    }

    /// One of them has ended, however it went.
    pub(crate) fn end_one(self) {
        self.n.update(|under_way| *under_way = under_way.saturating_sub(1));
    }
}
