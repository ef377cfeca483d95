use super::*;

fn new(name: &str, address: &str, key: &str, models: &[&str]) -> NewRemote {
    NewRemote {
        name: name.into(),
        address: address.into(),
        key: Secret::new(key),
        models: models.iter().map(|it| (*it).to_owned()).collect(),
        dialect: Dialect::OpenAi,
    }
}

const ADDRESS: &str = "https://api.example.com/v1";

fn known() -> Vec<RemoteSpec> {
    vec![check(new("Work", ADDRESS, "sk-old", &["m"]), &[]).unwrap()]
}

#[track_caller]
fn refused(new: NewRemote, expected: RemoteError) {
    assert_eq!(check(new, &known()), Err(expected));
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    refused(new(" ", ADDRESS, "", &[]), RemoteError::Name);
    refused(new("a/b", ADDRESS, "", &[]), RemoteError::Name);
    refused(new("Home", "example.com", "", &[]), RemoteError::Address(AddressError::NoUrl));
    refused(new("Home", ADDRESS, "two words", &[]), RemoteError::Key);
    refused(new("Home", ADDRESS, &"x".repeat(513), &[]), RemoteError::Key);
    refused(new("Home", ADDRESS, "", &[&"x".repeat(201)]), RemoteError::Models);
}

#[test]
fn a_key_stays_with_its_address() {
    let same = check(new("Work", ADDRESS, "", &["m"]), &known()).unwrap();
    assert_eq!(same.key, Some(Secret::new("sk-old")));
    refused(new("Work", "https://elsewhere.example.com/v1", "", &["m"]), RemoteError::KeyForOtherAddress);
    let other = check(new("Work", "https://elsewhere.example.com/v1", "sk-new", &["m"]), &known()).unwrap();
    assert_eq!(other.key, Some(Secret::new("sk-new")));
    assert_eq!(check(new("Home", ADDRESS, "", &["m"]), &known()).unwrap().key, None);
}

#[tokio::test]
async fn servers_are_kept_and_can_be_used_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("remotes.json");
    let id = ModelId::remote("Work", "m");
    let list = RemoteList::open(path.clone(), Remotes::default()).await;
    list.change(|specs| {
        *specs = known();
        Ok(())
    })
    .await
    .unwrap();
    assert!(list.remotes.has(&id));

    let again = RemoteList::open(path.clone(), Remotes::default()).await;
    assert_eq!(again.specs().await, known());
    assert!(again.remotes.has(&id));
    let shown = view(&known()[0]);
    assert!(!format!("{shown:?} {:?}", known()).contains("sk-old"));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("remotes.json");
    std::fs::write(&path, "{ by hand").unwrap();
    let list = RemoteList::open(path.clone(), Remotes::default()).await;
    let refused = list.change(|_| Ok(())).await;
    assert!(matches!(refused, Err(ModelsError::Remote(RemoteError::Unreadable { .. }))), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{ by hand");
}
