use super::{Bench, ME, OTHER};
use crate::ChatError;
use types::overrides::{PresetAct, SamplingPreset};

fn preset(name: &str, numbers: &[(&str, &str)]) -> SamplingPreset {
    let numbers = numbers.iter().map(|(knob, text)| ((*knob).to_owned(), (*text).to_owned())).collect();
    SamplingPreset { name: name.to_owned(), numbers }
}

fn keep(name: &str, numbers: &[(&str, &str)]) -> PresetAct {
    PresetAct::Keep { preset: preset(name, numbers), replaces: false }
}

#[tokio::test]
async fn samplers_are_kept_under_names_and_read_as_they_were_written() {
    let bench = Bench::open([]).await;
    let numbers = [("temperature", "1,25"), ("top_k", ""), ("samplers", "top_k, temperature")];
    let kept = bench.chat.act_on_presets(ME, keep("  wild  one ", &numbers)).await.unwrap();
    let expected = preset("wild one", &[("temperature", "1.25"), ("samplers", "top_k temperature")]);
    assert_eq!(kept, std::slice::from_ref(&expected));
    let replaced = PresetAct::Keep { preset: preset("Wild one", &[("temperature", "0")]), replaces: true };
    let kept = bench.chat.act_on_presets(ME, replaced).await.unwrap();
    assert_eq!(kept, [preset("Wild one", &[("temperature", "0")])]);
    let rename = PresetAct::Rename { name: "wild one".to_owned(), new_name: " calm ".to_owned() };
    let kept = bench.chat.act_on_presets(ME, rename).await.unwrap();
    assert_eq!(kept, [preset("calm", &[("temperature", "0")])]);
    assert!(bench.chat.act_on_presets(OTHER, PresetAct::Look).await.unwrap().is_empty());
    let delete = PresetAct::Delete { name: "calm".to_owned() };
    assert!(bench.chat.act_on_presets(ME, delete).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_with_a_sentence() {
    let bench = Bench::open([]).await;
    bench.chat.act_on_presets(ME, keep("taken", &[])).await.unwrap();
    bench.chat.act_on_presets(ME, keep("other", &[])).await.unwrap();
    let check = async |act: PresetAct, expected: &str| {
        let err = bench.chat.act_on_presets(ME, act).await.unwrap_err();
        assert_eq!(err.to_string(), expected);
    };
    check(keep("Taken", &[]), "there is a preset named Taken already").await;
    let rename = PresetAct::Rename { name: "other".to_owned(), new_name: "taken".to_owned() };
    check(rename, "there is a preset named taken already").await;
    check(keep(" ", &[]), "a preset needs a name").await;
    check(keep("hot", &[("temperature", "9")]), "temperature must be between 0 and 5, not 9").await;
    check(keep("odd", &[("heat", "1")]), "there is no setting heat").await;
    for n in 2..100 {
        bench.chat.act_on_presets(ME, keep(&n.to_string(), &[])).await.unwrap();
    }
    check(keep("more", &[]), "there are 100 presets, which is the most; delete one first").await;
    let gone = PresetAct::Delete { name: "gone".to_owned() };
    assert!(matches!(bench.chat.act_on_presets(ME, gone).await, Err(ChatError::NotFound)));
}
