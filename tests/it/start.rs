//! Starting, refusing to start, and ending.

use crate::support::{Server, command, run};
use std::{fs, process::Stdio, sync::Arc};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};

async fn refused(data: &TempDir, args: &[&str]) -> (Option<i32>, String) {
    let folder = data.path().to_string_lossy().into_owned();
    let mut all = vec!["serve", "--no-model", "--port", "0", "--data-dir", &folder];
    all.extend(args);
    let output = run(&all).await;
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[track_caller]
fn check((code, message): (Option<i32>, String), expected: i32, words: &[&str]) {
    assert_eq!(code, Some(expected), "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

#[tokio::test]
async fn help_names_every_option_and_a_wrong_one_is_told() {
    let help = run(&["--help"]).await;
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    for option in ["--port", "--lan", "--name", "--model", "--data-dir", "CHAOSENGINE_", "Exit codes"] {
        assert!(help.contains(option), "{option}");
    }
    let data = tempfile::tempdir().unwrap();
    check(refused(&data, &["--prot", "1"]).await, 2, &["--prot"]);
    check(refused(&data, &["--port", "70000"]).await, 2, &["70000"]);
}

#[tokio::test]
async fn a_taken_port_is_told_and_the_next_one_only_used_if_asked() {
    let server = Server::start(&["--no-model"]).await;
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    let data = tempfile::tempdir().unwrap();
    let told = refused(&data, &["--port", &port]).await;
    check(told, 3, &[&port, "taken", "--port-search"]);
    let other = Server::start(&["--no-model", "--port", &port, "--port-search"]).await;
    assert_ne!(other.address, server.address);
    other.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_data_folder_has_one_server() {
    let server = Server::start(&["--no-model"]).await;
    let told = refused(&server.data, &[]).await;
    check(told, 4, &["in use"]);
    let data = Arc::clone(&server.data);
    server.stop().await;
    let again = Server::start_in(data, &["--no-model"]).await;
    assert!(again.stop().await.0.success());
}

#[tokio::test]
async fn a_damaged_database_is_left_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("app.sqlite");
    let garbage = "this is no database ".repeat(400);
    fs::write(&file, &garbage).unwrap();
    check(refused(&data, &[]).await, 4, &["app.sqlite", "damaged"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), garbage);
}

#[tokio::test]
async fn a_newer_database_is_left_as_it_is() {
    let server = Server::start(&["--no-model"]).await;
    let data = Arc::clone(&server.data);
    server.stop().await;
    let newer =
        "insert into _sqlx_migrations values (99990101000000, 'future', current_timestamp, 1, x'00', 0)";
    change_database(&data, newer).await;
    check(refused(&data, &[]).await, 4, &["newer version"]);
}

#[tokio::test]
async fn a_locked_database_is_told() {
    let server = Server::start(&["--no-model"]).await;
    let data = Arc::clone(&server.data);
    server.stop().await;
    let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.execute('begin exclusive')\n\
                  print('held', flush=True)\nsys.stdin.read()";
    let mut holder = command(crate::openai_client::python());
    holder
        .args(["-c", script])
        .arg(data.path().join("app.sqlite"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut holder = holder.spawn().unwrap();
    let mut held = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut held).await.unwrap();
    assert_eq!(held.trim(), "held");
    check(refused(&data, &[]).await, 4, &["locked by another program"]);
    holder.kill().await.unwrap();
    Server::start_in(data, &["--no-model"]).await.stop().await;
}

/// Another program's hand on the database.
async fn change_database(data: &TempDir, sql: &str) {
    let script = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db: db.execute(sys.argv[2])";
    let file = data.path().join("app.sqlite");
    let python = crate::openai_client::python();
    let done = command(python).args(["-c", script]).arg(file).arg(sql).output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn an_unusable_data_folder_is_told() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "x").unwrap();
    check(refused(&data, &["--data-dir", &file.to_string_lossy()]).await, 1, &["file"]);
}
