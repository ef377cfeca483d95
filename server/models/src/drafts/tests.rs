use super::*;

fn check(reference: &str, expected: Option<&str>) {
    assert_eq!(known_drafts(reference).first().copied(), expected, "{reference}");
}

#[test]
fn makers_names_are_known_in_any_case() {
    check("Qwen/Qwen3-4B", Some("z-lab/Qwen3-4B-DFlash-b16"));
    check("qwen/qwen3.5-27b", Some("z-lab/Qwen3.5-27B-DFlash"));
    check("meta-llama/Llama-3.1-8B-Instruct", Some("z-lab/LLaMA3.1-8B-Instruct-DFlash-UltraChat"));
    check("openai/gpt-oss-20b", Some("z-lab/gpt-oss-20b-DFlash"));
}

#[test]
fn quantised_and_converted_ones_are_the_same_model() {
    for reference in [
        "mlx-community/Qwen3-8B-bf16",
        "lmstudio-community/Qwen3-8B-MLX-4bit",
        "unsloth/Qwen3-8B-GGUF",
        "Qwen3-8B-Q4_K_M",
        "Qwen3-8B.Q8_0",
        "qwen/Qwen3-8B-IQ4_XS",
        "bartowski/Qwen3-8B-Instruct-GGUF/Qwen3-8B-Instruct-Q5_K_S",
    ] {
        check(reference, Some("z-lab/Qwen3-8B-DFlash-b16"));
    }
    check("Llama-3.3-70B-Instruct-Q4_K_M", Some("yuhuili/EAGLE3-LLaMA3.3-Instruct-70B"));
    check("SmolLM2-1.7B-Instruct.Q4_K_M", Some("HuggingFaceTB/SmolLM2-135M-Instruct"));
    check("gemma-3-12b-it-q4_0", Some("google/gemma-3-270m-it"));
}

#[test]
fn a_longer_name_around_a_known_one_is_taken_for_it_and_the_longest_counts() {
    check("someone/Qwen3-8B-abliterated-Q4_K_M", Some("z-lab/Qwen3-8B-DFlash-b16"));
    check("my-Qwen3-Coder-30B-A3B-tuned", Some("z-lab/Qwen3-Coder-30B-A3B-DFlash"));
    check("Qwen3-30B-A3B-Thinking-2507", Some("Qwen/Qwen3-0.6B"));
}

#[test]
fn no_drafter_is_recommended_that_a_model_shows_nothing() {
    check("lmstudio-community/Qwen3-Coder-Next-MLX-4bit", None);
    check("Kimi-K2.5-Q4_K_M", None);
}

#[test]
fn another_size_or_generation_is_another_model() {
    for reference in [
        "Qwen3-0.6B",
        "Qwen2-8B",
        "Qwen3-18B",
        "Qwen3-8Bx",
        "Qwen3.5-7B",
        "Qwen3-Coder-8B",
        "Mistral-7B",
        "",
        " ",
    ] {
        check(reference, None);
    }
}

#[test]
fn the_best_draft_that_is_there_is_found() {
    let find = |reference, there: &[&'static str]| find_draft(reference, there.iter().copied(), |_| true);
    let there = ["Llama-3.2-1B-Instruct-Q8_0", "qwen/Qwen3-1.7B-Q8_0", "Qwen3-0.6B.Q4_K_M"];
    assert_eq!(find("Qwen3-8B-Q4_K_M", &there), Some("Qwen3-0.6B.Q4_K_M"));
    assert_eq!(find("Qwen3-8B-Q4_K_M", &there[..2]), Some("qwen/Qwen3-1.7B-Q8_0"));
    assert_eq!(find("Qwen3-8B-Q4_K_M", &there[..1]), None);
    let fits = |candidate: &str| !candidate.contains("0.6B");
    let other = find_draft("Qwen3-8B-Q4_K_M", there.iter().copied(), fits);
    assert_eq!(other, Some("qwen/Qwen3-1.7B-Q8_0"), "what does not fit is passed");
    assert_eq!(find("Llama-3.1-70B-Instruct", &there), Some("Llama-3.2-1B-Instruct-Q8_0"));
    let with_drafter = ["Qwen3-0.6B-Q8_0", "Qwen3-8B-DFlash-b16-BF16"];
    assert_eq!(find("Qwen3-8B-Q4_K_M", &with_drafter), Some("Qwen3-8B-DFlash-b16-BF16"));
    let with_eagle = ["Qwen3-0.6B-Q8_0", "Qwen3-8B_eagle3-Q8_0"];
    assert_eq!(find("Qwen3-8B-Q4_K_M", &with_eagle), Some("Qwen3-8B_eagle3-Q8_0"));
}

#[test]
fn every_line_has_a_model_with_an_owner_and_draft_models_with_owners() {
    let mut models = Vec::new();
    for (model, drafts) in known() {
        let drafts: Vec<_> = drafts.collect();
        assert!(!drafts.is_empty(), "{model}");
        assert!(drafts.iter().chain([&model]).all(|name| name.split('/').count() == 2), "{model}");
        assert!(!models.contains(&model), "{model} is there twice");
        models.push(model);
    }
    assert!(models.len() > 20);
}
