//! Giving files their names, so that nothing that has a name loses it and what was named keeps it.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Gives a file its name, which lasts. `AlreadyExists` where another file came to have that name meanwhile: that one stays as
/// it is.
pub fn place(part: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(part, target) {
        // It is there twice, which loses nothing, if the other name cannot go.
        Ok(()) => _ = fs::remove_file(part),
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => return Err(err),
        // A disk that knows no second names: whoever makes the file first has the name.
        Err(_) => {
            File::create_new(target)?;
            fs::rename(part, target).inspect_err(|_| _ = fs::remove_file(target))?;
        }
    }
    sync_folder_of(target)
}

/// Makes a new name in the folder of `path` last, where the disk can do that for a folder.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    // NTFS journals names itself.
    if cfg!(not(unix)) {
        return Ok(());
    }
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder)?.sync_all() {
        Err(err) if matches!(err.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gets_its_name_once() {
        let folder = tempfile::tempdir().unwrap();
        let (part, target) = (folder.path().join("x.part"), folder.path().join("x"));
        fs::write(&part, "new").unwrap();
        place(&part, &target).unwrap();
        assert!(!part.exists());
        fs::write(&part, "newer").unwrap();
        assert_eq!(place(&part, &target).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(
            (fs::read(&part).unwrap(), fs::read(&target).unwrap()),
            (b"newer".to_vec(), b"new".to_vec())
        );
    }
}
