use super::*;
use proptest::prelude::*;
use types::launch::{DraftChoice, LaunchOptions};

const MB: u64 = 1_000_000;
static USUAL: LaunchProfile = LaunchProfile {
    n_ctx: None,
    kv_type: None,
    draft: DraftChoice::Usual,
    options: LaunchOptions {
        n_threads: None,
        n_threads_batch: None,
        n_batch: None,
        n_gpu_layers: None,
        adapters: Vec::new(),
        template: None,
    },
};

/// Takes so many megabytes whatever its context, beside what every model takes.
fn sized(n_mb: u64) -> Footprint {
    Footprint { weights_bytes: n_mb * MB, ..Footprint::default() }
}

/// Of a machine that has more left than anything takes.
fn budget(budget: u64) -> Memory {
    Memory { budget, machine: 0, left: u64::MAX }
}

/// What every model takes.
fn base() -> u64 {
    sized(0).bytes(None, 0)
}

fn held(key: Key, n_mb: u64, flags: &str) -> Held {
    let name = format!("m{key}");
    Held {
        key,
        id: ModelId(name.clone()),
        name,
        profile: LaunchProfile::default(),
        bytes: n_mb * MB,
        // Half of it is a mapped file.
        held_bytes: n_mb * MB / 2,
        last_use: key,
        in_use: flags.contains('u'),
        is_pinned: flags.contains('p'),
    }
}

fn wanted<'a>(id: &'a ModelId, n_mb: u64) -> Wanted<'a> {
    Wanted {
        id,
        name: &id.0,
        profile: &USUAL,
        usual_n_ctx: None,
        usual_kv_type: KvType::default(),
        footprint: sized(n_mb),
    }
}

/// With a budget of 1000 MB beside the base of the new one, which takes `n_mb`.
#[track_caller]
fn check(held: &[Held], id: &str, n_mb: u64, expected: &str) {
    let id = ModelId(id.into());
    let given = match plan(budget(1000 * MB + base()), held, &wanted(&id, n_mb)) {
        Decision::Use(key) => format!("use {key}"),
        Decision::Load { evict, tight: None } => format!("load, evict {evict:?}"),
        Decision::Load { tight: Some(tight), .. } => format!("{tight:?}"),
        Decision::OtherProfile => "other profile".to_owned(),
        Decision::DoesNotFit(shortage) => shortage.to_string(),
    };
    assert_eq!(given, expected);
}

#[test]
fn what_is_there_is_used() {
    check(&[held(1, 400, "u")], "m1", 400, "use 1");
}

#[test]
fn what_fits_is_loaded_beside() {
    check(&[], "new", 1000, "load, evict []");
    check(&[held(1, 400, "u"), held(2, 300, "")], "new", 300, "load, evict []");
}

#[test]
fn the_longest_unused_goes_and_nothing_needlessly() {
    check(&[held(1, 400, ""), held(2, 400, "")], "new", 300, "load, evict [1]");
    check(&[held(1, 400, "u"), held(2, 400, "")], "new", 300, "load, evict [2]");
    check(&[held(1, 400, "p"), held(2, 400, "")], "new", 300, "load, evict [2]");
    check(&[held(1, 100, ""), held(2, 800, "")], "new", 300, "load, evict [2]");
    check(&[held(1, 400, ""), held(2, 400, "")], "new", 700, "load, evict [1, 2]");
}

#[test]
fn what_does_not_fit_is_told_with_what_would_help() {
    let words = "new needs about 0.8 GB, 0.2 GB more than is left of 1.0 GB for models; ";
    let quant = "a smaller quant of at most 0.6 GB would fit, ";
    check(&[held(1, 400, "u")], "new", 700 + 67, &format!("{words}{quant}unloading m1 would make room"));
    let words = "new needs about 2.0 GB, 1.0 GB more than is left of 1.0 GB for models; ";
    let quant = "a smaller quant of at most 1.0 GB would fit, ";
    check(&[], "new", 2000, &format!("{words}{quant}models may take more with --model-memory"));
    // No quant is that small.
    let words = "new needs about 4.0 GB, 3.0 GB more than is left of 1.0 GB for models; ";
    check(&[], "new", 4000, &format!("{words}models may take more with --model-memory"));
}

#[test]
fn a_smaller_form_of_keys_and_values_is_offered_where_it_helps() {
    let check = |kv_type: Option<KvType>, budget_mb: u64, expected: Option<KvFormat>| {
        let id = ModelId("new".into());
        let profile = LaunchProfile { n_ctx: Some(4096), kv_type, ..USUAL.clone() };
        // Keys and values take 400 MB or a little more.
        let footprint = Footprint { cell_bytes: 100_000, ..sized(100) };
        let wanted = Wanted { profile: &profile, footprint, ..wanted(&id, 0) };
        let memory = budget(budget_mb * MB + base());
        let Decision::DoesNotFit(shortage) = plan(memory, &[], &wanted) else { panic!("it fits") };
        assert_eq!(shortage.fitting_kv_format, expected, "{budget_mb} MB: {shortage}");
    };
    let needed = |format: KvFormat| {
        let cell_bytes = KvType::of(format).bytes(100_000);
        (Footprint { cell_bytes, ..sized(100) }.bytes(Some(4096), 0) - base()) / MB + 1
    };
    check(None, needed(KvFormat::Q8), Some(KvFormat::Q8));
    check(None, needed(KvFormat::Q8) - 2, Some(KvFormat::Q5));
    check(None, needed(KvFormat::Q4), Some(KvFormat::Q4));
    check(None, needed(KvFormat::Q4) - 2, None);
    check(Some(KvType::of(KvFormat::Q4)), needed(KvFormat::Q8), None);
}

#[test]
fn another_profile_replaces_and_is_never_loaded_beside() {
    let profile = LaunchProfile { n_ctx: Some(512), ..USUAL.clone() };
    let id = ModelId("m1".into());
    let memory = budget(u64::MAX);
    let other = Wanted { profile: &profile, ..wanted(&id, 10) };
    assert_eq!(plan(memory, &[held(1, 10, "")], &other), Decision::Load { evict: vec![1], tight: None });
    assert_eq!(plan(memory, &[held(1, 10, "u")], &other), Decision::OtherProfile);
    let same = Held { profile: profile.clone(), ..held(1, 10, "u") };
    assert_eq!(plan(memory, &[same], &other), Decision::Use(1));
}

#[test]
fn a_smaller_context_is_offered() {
    let id = ModelId("new".into());
    let footprint = Footprint { cell_bytes: 100_000, ..sized(100) };
    let wanted = Wanted { footprint, ..wanted(&id, 0) };
    let memory = budget(500 * MB);
    let Decision::DoesNotFit(shortage) = plan(memory, &[], &wanted) else { panic!("it fits") };
    let n_ctx = shortage.fitting_context.expect("a context fits");
    assert!(footprint.bytes(Some(n_ctx), 0) <= 500 * MB);
    assert!(footprint.bytes(Some(n_ctx + 256), 0) > 500 * MB);
}

fn loads(names: &[&str]) -> Fate {
    Fate::Loads { unloads: names.iter().map(|&it| it.to_owned()).collect() }
}

#[test]
fn what_loading_would_do_is_foreseen() {
    let check = |held: &[Held], id: &str, n_mb: u64, fate: Fate, room_mb: u64| {
        let id = ModelId(id.into());
        let memory = Memory { machine: 7, ..budget(1000 * MB + base()) };
        let outlook = foresee(memory, held, &wanted(&id, n_mb));
        let room_bytes = room_mb * MB + base();
        assert_eq!((outlook.fate.clone(), outlook.room_bytes), (fate, room_bytes));
        assert_eq!((outlook.budget_bytes, outlook.machine_bytes), (memory.budget, 7));
        assert_eq!(outlook.free_room_bytes(), room_bytes, "the machine has more left");
    };
    let short = |n_mb: u64, names: &[&str]| Fate::DoesNotFit {
        missing_bytes: n_mb * MB,
        in_the_way: names.iter().map(|&it| it.to_owned()).collect(),
    };
    check(&[], "new", 1000, loads(&[]), 1000);
    check(&[held(1, 400, "u")], "m1", 400, Fate::IsThere, 1000);
    check(&[held(1, 400, ""), held(2, 400, "u")], "new", 300, loads(&["m1"]), 600);
    check(&[held(1, 400, "p"), held(2, 400, "")], "new", 700, short(100, &["m1"]), 600);
    check(&[], "new", 1500, short(500, &[]), 1000);
}

#[test]
fn what_fits_the_budget_is_tight_where_the_machine_has_less_left() {
    // Of a machine that has so many megabytes left, beside the base of the new one.
    let check = |left_mb: u64, held: &[Held], n_mb: u64, fate: Fate, free_mb: u64| {
        let id = ModelId("new".into());
        let memory = Memory { left: left_mb * MB + base(), ..budget(1000 * MB + base()) };
        let outlook = foresee(memory, held, &wanted(&id, n_mb));
        assert_eq!((outlook.fate.clone(), outlook.free_room_bytes()), (fate, free_mb * MB + base()));
    };
    let tight = |n_mb: u64, unloads: &[&str], in_the_way: &[&str]| {
        let [unloads, in_the_way] =
            [unloads, in_the_way].map(|names| names.iter().map(|&it| it.to_owned()).collect());
        Fate::Tight { missing_bytes: n_mb * MB, unloads, in_the_way }
    };
    check(300, &[], 300, loads(&[]), 300);
    check(300, &[], 400, tight(100, &[], &[]), 300);
    // The half that is held of one comes back; its mapped half counts as left already.
    check(300, &[held(1, 200, "")], 300, loads(&["m1"]), 400);
    check(300, &[held(1, 200, "")], 400, loads(&["m1"]), 400);
    check(300, &[held(1, 200, "")], 500, tight(100, &["m1"], &[]), 400);
    // One in use takes its mapped half of what is left.
    check(300, &[held(1, 200, "u")], 200, loads(&[]), 200);
    check(300, &[held(1, 200, "u")], 300, tight(100, &[], &["m1"]), 200);
    check(300, &[held(1, 200, "u"), held(2, 100, "")], 300, tight(50, &["m2"], &["m1"]), 250);
    // What no budget has room for does not fit, whatever is left.
    let missing = Fate::DoesNotFit { missing_bytes: 500 * MB, in_the_way: vec![] };
    check(300, &[], 1500, missing, 300);
}

#[test]
fn what_is_loaded_already_is_used_however_little_is_left() {
    let id = ModelId("m1".into());
    let memory = Memory { left: 0, ..budget(1000 * MB) };
    assert_eq!(plan(memory, &[held(1, 400, "")], &wanted(&id, 400)), Decision::Use(1));
}

prop_compose! {
    fn some_held()(sizes in prop::collection::vec((0_u64..600, 0_u64..20, any::<bool>(), any::<bool>()), 0..8)) -> Vec<Held> {
        sizes.into_iter().enumerate().map(|(key, (n_mb, last_use, in_use, is_pinned))| {
            Held { last_use, in_use, is_pinned, ..held(key as Key, n_mb, "") }
        }).collect()
    }
}

proptest! {
    #[test]
    fn the_budget_holds_and_what_is_used_stays(held in some_held(), n_mb in 0_u64..1500, budget_mb in 0_u64..2500) {
        let id = ModelId("new".into());
        let memory = budget(budget_mb * MB);
        let wanted = wanted(&id, n_mb);
        let needed = wanted.footprint.bytes(None, 0);
        let bytes = |keys: &dyn Fn(&Held) -> bool| held.iter().filter(|it| keys(it)).map(|it| it.bytes).sum::<u64>();
        match plan(memory, &held, &wanted) {
            Decision::Load { evict, tight } => {
                prop_assert_eq!(tight, None);
                let gone = |it: &Held| evict.contains(&it.key);
                prop_assert!(held.iter().filter(|it| gone(it)).all(|it| !it.in_use && !it.is_pinned));
                let staying = bytes(&|it| !gone(it));
                prop_assert!(evict.is_empty() || staying + needed <= memory.budget);
                for key in &evict {
                    let with_it = bytes(&|it| it.key == *key) + staying;
                    prop_assert!(with_it + needed > memory.budget, "{} went needlessly", key);
                }
                if evict.is_empty() {
                    prop_assert!(bytes(&|_| true) + needed <= memory.budget);
                }
            }
            Decision::DoesNotFit(shortage) => {
                let fixed = bytes(&|it| it.in_use || it.is_pinned);
                prop_assert_eq!(shortage.missing_bytes, fixed + needed - memory.budget);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn little_memory_refuses_nothing_and_is_always_told(
        held in some_held(), n_mb in 0_u64..1500, budget_mb in 0_u64..2500, left_mb in 0_u64..2500,
    ) {
        let id = ModelId("new".into());
        let roomy = budget(budget_mb * MB);
        let memory = Memory { left: left_mb * MB, ..roomy };
        let wanted = wanted(&id, n_mb);
        let needed = wanted.footprint.bytes(None, 0);
        match (plan(roomy, &held, &wanted), plan(memory, &held, &wanted)) {
            (Decision::Load { .. }, Decision::Load { evict, tight }) => {
                prop_assert!(held.iter().filter(|it| evict.contains(&it.key)).all(|it| !it.in_use && !it.is_pinned));
                let staying = held.iter().filter(|it| !evict.contains(&it.key));
                // What stays will take what it has not taken yet.
                let (stays, held_now) = staying.fold((0, 0), |(all, now), it| (all + it.bytes, now + it.held_bytes));
                let given_back: u64 = held.iter().filter(|it| evict.contains(&it.key)).map(|it| it.held_bytes).sum();
                let takes_more = needed + stays - held_now > memory.left + given_back;
                prop_assert_eq!(tight.is_some(), takes_more);
            }
            (roomy, tight) => prop_assert_eq!(roomy, tight),
        }
    }
}
