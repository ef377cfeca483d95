use crate::{Store, StoreError, samplers::overrides_of, tests::open};
use types::{
    ids::UserId,
    overrides::{Knob, MAX_PRESETS, Overrides, Turn},
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);

fn hot(temperature: f64) -> Overrides {
    let samplers = Turn::List(vec!["top_k".to_owned(), "temperature".to_owned()]);
    Overrides([(Knob::Temperature, temperature.into()), (Knob::Samplers, samplers)].into())
}

async fn names(store: &Store, user: UserId) -> Vec<String> {
    store.list_presets(user).await.unwrap().into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn presets_come_back_by_name_as_they_were() {
    let (_folder, store) = open().await;
    assert!(store.keep_preset(ME, "wild", &hot(1.25), false).await.unwrap());
    assert!(store.keep_preset(ME, "Dry", &Overrides::default(), false).await.unwrap());
    let kept = store.list_presets(ME).await.unwrap();
    assert_eq!(kept, [("Dry".to_owned(), Overrides::default()), ("wild".to_owned(), hot(1.25))]);
}

#[tokio::test]
async fn a_name_is_taken_once_and_what_has_it_can_be_replaced() {
    let (_folder, store) = open().await;
    store.keep_preset(ME, "wild", &hot(1.25), false).await.unwrap();
    let again = store.keep_preset(ME, "WILD", &hot(2.0), false).await;
    assert!(matches!(again, Err(StoreError::Conflict)));
    assert!(store.keep_preset(ME, "Wild", &hot(2.0), true).await.unwrap());
    assert_eq!(store.list_presets(ME).await.unwrap(), [("Wild".to_owned(), hot(2.0))]);
    store.keep_preset(ME, "dry", &hot(0.5), false).await.unwrap();
    let taken = store.rename_preset(ME, "dry", "wild").await;
    assert!(matches!(taken, Err(StoreError::Conflict)));
    store.rename_preset(ME, "dry", "DRY").await.unwrap();
    assert_eq!(names(&store, ME).await, ["DRY", "Wild"]);
}

#[tokio::test]
async fn there_is_an_end_of_them_which_replacing_does_not_reach() {
    let (_folder, store) = open().await;
    for n in 0..MAX_PRESETS {
        assert!(store.keep_preset(ME, &format!("n {n}"), &hot(1.0), false).await.unwrap());
    }
    assert!(!store.keep_preset(ME, "one more", &hot(1.0), false).await.unwrap());
    assert!(!store.keep_preset(ME, "one more", &hot(1.0), true).await.unwrap());
    assert!(store.keep_preset(ME, "n 7", &hot(2.0), true).await.unwrap());
    assert_eq!(names(&store, ME).await.len(), MAX_PRESETS);
}

#[tokio::test]
async fn nobody_sees_or_changes_those_of_others() {
    let (_folder, store) = open().await;
    store.keep_preset(ME, "wild", &hot(1.25), false).await.unwrap();
    assert!(names(&store, OTHER).await.is_empty());
    assert!(matches!(store.rename_preset(OTHER, "wild", "tame").await, Err(StoreError::NotFound)));
    assert!(matches!(store.delete_preset(OTHER, "wild").await, Err(StoreError::NotFound)));
    assert_eq!(names(&store, ME).await, ["wild"]);
    store.delete_preset(ME, "wild").await.unwrap();
    assert!(matches!(store.delete_preset(ME, "wild").await, Err(StoreError::NotFound)));
    assert!(names(&store, ME).await.is_empty());
}

#[test]
fn what_another_version_wrote_is_read_without_what_is_unknown() {
    let check = |text: &str, expected: Overrides| assert_eq!(overrides_of(text), expected, "{text}");
    let only = |temperature: f64| Overrides([(Knob::Temperature, temperature.into())].into());
    check(r#"{"temperature": 1.25, "warmth": 3}"#, only(1.25));
    check(r#"{"temperature": 1.25, "top_k": {"from": 1}}"#, only(1.25));
    check(r#"{"temperature": 1.25, "samplers": ["top_k", "temperature"]}"#, hot(1.25));
    check("[]", Overrides::default());
    check("", Overrides::default());
}
