use super::*;
use std::{fs, os::unix::fs::PermissionsExt};

#[tokio::test]
async fn a_file_manager_is_started_with_the_place_and_its_failure_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("manager");
    let shown = folder.path().join("shown");
    let check = async |ends_with: u8, expected: bool| {
        let script = format!("#!/bin/sh\necho \"$1\" > {}\nexit {ends_with}\n", shown.display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let (_, arguments) = platform::reveal(Path::new("/models/maker/a b.gguf"));
        let place = arguments.last().unwrap().to_str().unwrap();
        assert_eq!(open(&program, std::slice::from_ref(arguments.last().unwrap())).await.is_ok(), expected);
        assert_eq!(fs::read_to_string(&shown).unwrap().trim_end(), place);
    };
    check(0, true).await;
    check(3, !platform::SAYS_HOW_IT_WENT).await;
    assert!(open(&folder.path().join("none"), &[]).await.is_err());
}

#[cfg(not(target_os = "macos"))]
#[test]
fn the_folder_of_a_file_is_opened_and_never_the_file() {
    let (_, arguments) = platform::reveal(Path::new("/models/maker/a.gguf"));
    assert_eq!(arguments, ["/models/maker"]);
}
