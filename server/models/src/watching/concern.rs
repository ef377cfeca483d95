//! Which events may make the library another one. Pure.

use crate::library::PARTIAL;
use notify::{Event, EventKind, event::ModifyKind};
use std::{
    ffi::OsStr,
    path::{Component, Path, PathBuf},
};

/// Behind the names of files that only a transfer of ours reads.
const NOTES: [&str; 3] = [".part.json", ".part.json.new", ".part.log"];
/// At the beginning and in the middle of the names of what Ollama fetches.
const OLLAMA_PARTIAL: [&str; 2] = ["sha256-", "-partial"];
/// Behind the names of files that are listed, whatever their names begin with.
const LISTED: [&str; 2] = ["gguf", "safetensors"];

/// Whether something that happened below one of `roots` may have changed the library.
pub(super) fn concerns(event: &Event, roots: &[PathBuf]) -> bool {
    let is_name = matches!(
        event.kind,
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
    );
    let is_nothing =
        |path: &PathBuf| is_hidden(path, roots) || is_note(path) || (!is_name && is_partial(path));
    // An event without a place says that others were lost.
    let is_known = !event.paths.is_empty() && !event.need_rescan();
    let is_of_nothing = is_known && event.paths.iter().all(is_nothing);
    !event.kind.is_access() && !is_of_nothing
}

/// Whether it is in a folder that is not looked into, from wherever it is looked at.
fn is_hidden(path: &Path, roots: &[PathBuf]) -> bool {
    let mut below = roots.iter().filter_map(|root| path.strip_prefix(root).ok()).peekable();
    below.peek().is_some() && below.all(has_hidden)
}

fn has_hidden(place: &Path) -> bool {
    let ending = place.extension().unwrap_or(OsStr::new(""));
    let is_listed = LISTED.iter().any(|it| ending.eq_ignore_ascii_case(it));
    let folders = if is_listed { place.parent().unwrap_or(place) } else { place };
    let is_hidden = |name: Component<'_>| name.as_os_str().to_string_lossy().starts_with('.');
    folders.components().any(is_hidden)
}

fn is_note(path: &Path) -> bool {
    let name = name_of(path);
    NOTES.iter().any(|ending| name.ends_with(ending))
}

/// A file that has not arrived whole. That it is there is told; how much of it is not.
fn is_partial(path: &Path) -> bool {
    let name = name_of(path);
    let [start, middle] = OLLAMA_PARTIAL;
    let is_ollamas = name.starts_with(start) && name.contains(middle);
    is_ollamas || PARTIAL.iter().any(|ending| name.ends_with(ending))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, CreateKind, DataChange, Flag, RemoveKind, RenameMode};

    #[test]
    fn what_is_not_finished_yet_is_not_looked_at() {
        let roots = ["/own", "/home/.cache/hub"].map(PathBuf::from);
        let grows = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let comes = EventKind::Create(CreateKind::File);
        let goes = EventKind::Remove(RemoveKind::File);
        let check = |kind: EventKind, places: &[&str], expected: bool| {
            let event = places.iter().fold(Event::new(kind), |event, place| event.add_path(place.into()));
            assert_eq!(concerns(&event, &roots), expected, "{event:?}");
        };
        for kind in [grows, renamed, comes, goes] {
            check(kind, &["/own/tiny.gguf"], true);
            check(kind, &["/own/maker/model/config.json"], true);
            check(kind, &["/own/.hidden.gguf"], true);
            check(kind, &["/own/a-partial-model.gguf"], true);
            check(kind, &["/home/.cache/hub/models--a--b/refs/main"], true);
            check(kind, &["/elsewhere/.seen/otherwise.gguf"], true);
            check(kind, &["/own/.downloads/maker--tiny/tiny.gguf"], false);
            check(kind, &["/own/.uploads/0123"], false);
            check(kind, &["/own/.bringing-sky"], false);
            check(kind, &["/own/maker/tiny.gguf.part.json.new", "/own/maker/tiny.gguf.part.json"], false);
            check(kind, &["/own/maker/tiny.gguf.part.log"], false);
            check(kind, &["/home/.cache/hub/.locks/a"], false);
            // It leaves such a folder.
            check(kind, &["/own/.downloads/maker--tiny", "/own/maker/tiny"], true);
        }
        for place in [
            "/own/maker/tiny.gguf.part",
            "/home/.cache/hub/models--a--b/blobs/0123.incomplete",
            "/home/.cache/hub/blobs/sha256-0123-partial-4",
        ] {
            check(grows, &[place], false);
            check(comes, &[place], true);
            check(goes, &[place], true);
            check(renamed, &[place], true);
        }
        check(EventKind::Access(AccessKind::Any), &["/own/tiny.gguf"], false);
        check(EventKind::Any, &["/own/tiny.gguf"], true);
        check(EventKind::Other, &[], true);
        let lost = Event::new(EventKind::Other).add_path("/own/.downloads/x".into()).set_flag(Flag::Rescan);
        assert!(concerns(&lost, &roots));
    }
}
