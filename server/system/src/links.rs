//! Symbolic links, which Windows tells apart by what they lead to.

use std::{io, path::Path};

/// Makes `link` lead to the file `target`.
pub fn link_file(target: &Path, link: &Path) -> io::Result<()> {
    by_system::link_file(target, link)
}

/// Makes `link` lead to the folder `target`.
pub fn link_folder(target: &Path, link: &Path) -> io::Result<()> {
    by_system::link_folder(target, link)
}

#[cfg(unix)]
mod by_system {
    use std::{io, os::unix::fs::symlink, path::Path};

    pub(super) fn link_file(target: &Path, link: &Path) -> io::Result<()> {
        symlink(target, link)
    }

    pub(super) fn link_folder(target: &Path, link: &Path) -> io::Result<()> {
        symlink(target, link)
    }
}

#[cfg(windows)]
mod by_system {
    use std::{
        io,
        os::windows::fs::{symlink_dir, symlink_file},
        path::Path,
    };

    pub(super) fn link_file(target: &Path, link: &Path) -> io::Result<()> {
        symlink_file(target, link)
    }

    pub(super) fn link_folder(target: &Path, link: &Path) -> io::Result<()> {
        symlink_dir(target, link)
    }
}
