use super::{Cache, Vectors, nearest, to_bytes};
use std::sync::Arc;
use types::ids::{CollectionId, PassageId};

fn vectors(rows: &[&[f32]]) -> Vectors {
    let rows = (1..).zip(rows).map(|(id, row)| (PassageId(id), to_bytes(row)));
    Vectors::new("m".into(), rows.collect())
}

#[test]
fn the_nearest_come_first_and_far_ones_not_at_all() {
    let mut wide = vec![0.0; 40];
    wide[0] = 1.0;
    let mut far = vec![0.0; 40];
    far[39] = 1.0;
    let mut near = vec![0.0; 40];
    (near[0], near[39]) = (0.8, 0.6);
    let vectors = vectors(&[&far, &near, &wide]);
    let found = nearest(vectors.nearness(&wide), 5, 0.2);
    assert_eq!(found, [(PassageId(3), 1.0), (PassageId(2), 0.8)]);
    let found = nearest(vectors.nearness(&wide), 1, 0.0);
    assert_eq!(found, [(PassageId(3), 1.0)]);
}

#[test]
fn a_question_of_another_length_finds_nothing() {
    let vectors = vectors(&[&[1.0, 0.0], &[0.0, 1.0, 0.0]]);
    assert_eq!(vectors.n_vectors(), 1);
    assert_eq!(vectors.nearness(&[1.0]).count(), 0);
    assert_eq!(Vectors::default().nearness(&[]).count(), 0);
}

#[test]
fn what_was_read_before_a_change_is_not_kept_after_it() {
    let cache = Cache::default();
    let some = Arc::new(vectors(&[&[1.0]]));
    let (a, b) = (CollectionId(1), CollectionId(2));
    cache.keep(a, &some, cache.n_changes());
    assert!(cache.find(a, "m").is_some() && cache.find(a, "other").is_none());
    let before = cache.n_changes();
    cache.forget(a);
    cache.keep(a, &some, before);
    assert!(cache.find(a, "m").is_none());
    // What changed in another collection does not matter.
    cache.keep(b, &some, before);
    assert!(cache.find(b, "m").is_some());
}
