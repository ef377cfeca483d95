//! Lists whose rows keep their elements.

use leptos::prelude::*;
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// A row that is not built yet.
struct Row {
    key: u64,
    view: Box<dyn FnOnce() -> AnyView + Send>,
}

/// A row for each of the items; one keeps its element as long as there is an item with its key. Keys must differ.
pub(crate) fn list<T, K>(
    items: impl Fn() -> Vec<T> + Send + Sync + 'static,
    key: impl Fn(&T) -> K + Send + Sync + 'static,
    view: impl Fn(T) -> AnyView + Send + Sync + 'static,
) -> AnyView
where
    T: Send + 'static,
    K: Hash,
{
    let view = Arc::new(view);
    rows(Arc::new(move || {
        let row = |item: T| {
            let mut hasher = DefaultHasher::new();
            key(&item).hash(&mut hasher);
            let view = Arc::clone(&view);
            Row { key: hasher.finish(), view: Box::new(move || view(item)) }
        };
        items().into_iter().map(row).collect()
    }))
}

/// Compiled once for all lists: the library's own is large, and every visit would load it for each.
fn rows(rows: Arc<dyn Fn() -> Vec<Row> + Send + Sync>) -> AnyView {
    view! { <For each=move || rows() key=|row| row.key children=|row| (row.view)()/> }.into_any()
}
