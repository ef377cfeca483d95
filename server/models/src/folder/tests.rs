use super::{describe, describe_mlx, is_model, size_bytes, tell};
use std::{fs, path::Path};
use tempfile::TempDir;
use types::model::Purpose;

const CONFIG: &str = r#"{"model_type": "bert", "max_position_embeddings": 512}"#;

/// A header and as many bytes of weights.
fn weights(header: &str, n_bytes: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + n_bytes, 0);
    bytes
}

const HEADER: &str = r#"{"__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "ids": {"dtype": "I64", "shape": [1], "data_offsets": [24, 32]}}"#;

fn folder(config: &str, weights: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    fs::write(folder.path().join("model.safetensors"), weights).unwrap();
    folder
}

#[track_caller]
fn check(folder: &Path, expected: &str) {
    assert!(is_model(folder));
    let found = describe(folder).map_or_else(|err| err.sentence, |it| format!("{it:?}"));
    assert!(found.contains(expected), "{found}");
}

#[test]
fn a_folder_describes_its_model() {
    let folder = folder(CONFIG, &weights(HEADER, 32));
    let expected = "Description { architecture: \"bert\", purpose: Embedding, is_loadable: true, n_ctx_train: Some(512), \
        tensor_type: Some(\"F32\"), n_parameters: 7, has_chat_template: false, n_vocab: 0, cell_bytes: 0,";
    check(folder.path(), expected);
    fs::write(folder.path().join("sentence_bert_config.json"), r#"{"max_seq_length": 256}"#).unwrap();
    check(folder.path(), "n_ctx_train: Some(256)");
}

#[test]
fn what_is_wrong_is_said() {
    check(folder("{", &weights(HEADER, 32)).path(), "config.json cannot be used");
    check(folder(r#"{"model_type": "t5"}"#, &weights(HEADER, 32)).path(), "“t5” are not supported");
    check(folder(CONFIG, &weights(HEADER, 31)).path(), "cut off");
    check(folder(CONFIG, &weights(HEADER, 0)[..40]).path(), "cut off");
    check(folder(CONFIG, b"").path(), "not in the safetensors format");
    check(folder(CONFIG, &[255; 64]).path(), "not in the safetensors format");
    check(folder(CONFIG, &weights("[]", 0)).path(), "not in the safetensors format");
    let backwards = r#"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}"#;
    check(folder(CONFIG, &weights(backwards, 8)).path(), "damaged");
    let lacking = folder(CONFIG, &weights(HEADER, 32));
    fs::remove_file(lacking.path().join("tokenizer.json")).unwrap();
    check(lacking.path(), "tokenizer.json is missing");
}

const WRITER: &str = r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 90,
    "max_position_embeddings": 2048, "num_hidden_layers": 3, "hidden_size": 64, "num_attention_heads": 8,
    "num_key_value_heads": 2}"#;

#[test]
fn a_model_that_writes_is_described_by_all_its_files() {
    let folder = folder(WRITER, &weights(HEADER, 32));
    // Keys and values of 3 layers, 2 heads and 8 numbers each.
    let expected = "Description { architecture: \"llama\", purpose: Writing, is_loadable: true, n_ctx_train: Some(2048), \
        tensor_type: Some(\"F32\"), n_parameters: 7, has_chat_template: false, n_vocab: 90, cell_bytes: 384,";
    check(folder.path(), expected);
    fs::write(folder.path().join("tokenizer_config.json"), r#"{"chat_template": "{{ messages }}"}"#).unwrap();
    check(folder.path(), "has_chat_template: true");
    let index = r#"{"weight_map": {"a": "first.safetensors", "ids": "first.safetensors", "b": "second.safetensors"}}"#;
    fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
    fs::rename(folder.path().join("model.safetensors"), folder.path().join("first.safetensors")).unwrap();
    check(folder.path(), "1 of 2 parts are missing: second.safetensors");
    let more = r#"{"b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}"#;
    fs::write(folder.path().join("second.safetensors"), weights(more, 8)).unwrap();
    check(folder.path(), "n_parameters: 9");
    assert_eq!(size_bytes(folder.path()), (HEADER.len() + more.len() + 2 * 8 + 32 + 8) as u64);
    fs::write(folder.path().join("model.safetensors.index.json"), index.replace("first", "../first"))
        .unwrap();
    check(folder.path(), "no name of a file in the folder");
}

#[test]
fn models_that_cannot_be_computed_say_why() {
    let changed = |from: &str, to: &str| folder(&WRITER.replace(from, to), &weights(HEADER, 32));
    check(changed("llama", "gpt_neox").path(), "“gpt_neox” are not supported in this form");
    check(changed("LlamaForCausalLM", "LlamaForTokenClassification").path(), "“LlamaForTokenClassification”");
    check(changed("\"vocab_size\"", "\"quantization_config\": {}, \"vocab_size\"").path(), "quantised");
    check(changed("\"vocab_size\"", "\"sliding_window\": 99, \"vocab_size\"").path(), "Some(2048)");
    check(changed("\"llama\"", "\"mistral\", \"sliding_window\": 99").path(), "n_ctx_train: Some(99)");
    let encoder = folder(WRITER, &weights(HEADER, 32));
    fs::write(encoder.path().join("modules.json"), "[]").unwrap();
    check(encoder.path(), "encoders of this type are not supported");
    let rounded = r#"{"a": {"dtype": "U32", "shape": [2], "data_offsets": [0, 8]}}"#;
    check(folder(WRITER, &weights(rounded, 8)).path(), "weights of the type U32 are not supported");
}

#[test]
fn no_byte_of_a_header_is_believed() {
    let whole = weights(HEADER, 32);
    for i in 0..whole.len() - 32 {
        for byte in [0, b'9', b'-', b'"', b'}', 0xFF] {
            let mut damaged = whole.clone();
            damaged[i] = byte;
            // Whatever it says, it says it.
            let _ = describe(folder(WRITER, &damaged).path());
        }
    }
}

#[test]
fn families_that_are_only_converted_show_their_facts() {
    let check = |kind: &str, class: &str, expected: &str| {
        let config = WRITER.replace("LlamaForCausalLM", class).replace("\"llama\"", &format!("\"{kind}\""));
        check(folder(&config, &weights(HEADER, 32)).path(), expected);
    };
    let facts = "is_loadable: false, n_ctx_train: Some(2048), tensor_type: Some(\"F32\"), n_parameters: 7";
    for (kind, class) in [
        ("gemma", "GemmaForCausalLM"),
        ("gemma2", "Gemma2ForCausalLM"),
        ("gemma3_text", "Gemma3ForCausalLM"),
        ("mixtral", "MixtralForCausalLM"),
        ("qwen2_moe", "Qwen2MoeForCausalLM"),
        ("qwen3_moe", "Qwen3MoeForCausalLM"),
        ("smollm3", "SmolLM3ForCausalLM"),
    ] {
        check(kind, class, facts);
    }
    check("llama", "LlamaForCausalLM", "is_loadable: true");
    check("gemma2", "Gemma2ForTokenClassification", "are not supported");
    check("gemma2", "Gemma2ForCausalLM", "remark: None");
    let sees = r#"{"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"],
        "text_config": {"model_type": "gemma3_text", "vocab_size": 90, "max_position_embeddings": 2048}}"#;
    for (kind, class) in [
        ("gemma3", "Gemma3ForConditionalGeneration"),
        ("idefics3", "Idefics3ForConditionalGeneration"),
        ("smolvlm", "SmolVLMForConditionalGeneration"),
        ("qwen2_vl", "Qwen2VLForConditionalGeneration"),
        ("qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration"),
        ("qwen3_vl", "Qwen3VLForConditionalGeneration"),
    ] {
        let sees = sees
            .replace("Gemma3ForConditionalGeneration", class)
            .replace("\"gemma3\"", &format!("\"{kind}\""));
        self::check(folder(&sees, &weights(HEADER, 32)).path(), facts);
    }
}

#[test]
fn families_that_nothing_here_computes_show_their_facts_and_why() {
    let check = |kind: &str, class: &str, purpose: Purpose, why: &str| {
        let config = WRITER.replace("LlamaForCausalLM", class).replace("\"llama\"", &format!("\"{kind}\""));
        let folder = folder(&config, &weights(HEADER, 32));
        fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
        let found = describe(folder.path()).unwrap();
        let facts = (found.architecture.as_str(), found.n_parameters, found.n_ctx_train, found.is_loadable);
        assert_eq!(facts, (kind, 7, Some(2048), false), "{class}");
        let remark = found.remark.unwrap_or_default();
        assert!(found.purpose == purpose && remark.contains(why), "{class} {:?} {remark}", found.purpose);
    };
    check("phi3", "Phi3ForCausalLM", Purpose::Writing, "“phi3”");
    check("qwen3_5", "Qwen3_5ForConditionalGeneration", Purpose::Writing, "“qwen3_5”");
    check("gpt2", "GPT2LMHeadModel", Purpose::Writing, "“gpt2”");
    check("xlm-roberta", "XLMRobertaModel", Purpose::Embedding, "“xlm-roberta”");
    check("modernbert", "ModernBertForMaskedLM", Purpose::Embedding, "“modernbert”");
    check("xlm-roberta", "XLMRobertaForSequenceClassification", Purpose::Reranking, "“xlm-roberta”");
    check("qwen3", "Qwen3ForSequenceClassification", Purpose::Reranking, "models that rank");
}

#[test]
fn a_head_with_one_number_ranks_and_one_with_several_does_not() {
    let check = |labels: &str, expected: Option<&str>| {
        let config = WRITER
            .replace("LlamaForCausalLM", "BertForSequenceClassification")
            .replace("\"llama\"", "\"bert\"")
            .replacen('{', &format!(r#"{{"id2label": {labels}, "#), 1);
        let found = describe(folder(&config, &weights(HEADER, 32)).path()).unwrap();
        assert_eq!((found.purpose, found.is_loadable), (Purpose::Reranking, expected.is_none()), "{labels}");
        let remark = found.remark.unwrap_or_default();
        assert!(expected.map_or(remark.is_empty(), |why| remark.contains(why)), "{labels}: {remark}");
    };
    check(r#"{"0": "LABEL_0"}"#, None);
    check("null", None);
    check(r#"{"0": "sad", "1": "glad"}"#, Some("tell kinds of texts apart"));
}

#[test]
fn numbers_that_other_programs_packed_are_counted_by_themselves() {
    let check = |quantised: &str, header: &str, expected: (&str, u64)| {
        let config = WRITER.replace("{", &format!(r#"{{"quantization_config": {quantised},"#));
        let found = describe(folder(&config, &weights(header, 48)).path()).unwrap();
        assert_eq!((found.tensor_type.as_deref(), found.n_parameters), (Some(expected.0), expected.1));
        assert!(found.remark.is_some_and(|it| it.contains("quantised for other programs")), "{quantised}");
    };
    // 64 numbers of 4 bits in 8 words, with what GPTQ puts beside them.
    let packed = r#"{"w.qweight": {"dtype": "I32", "shape": [8, 1], "data_offsets": [0, 32]},
        "w.qzeros": {"dtype": "I32", "shape": [1, 1], "data_offsets": [32, 36]},
        "w.scales": {"dtype": "F16", "shape": [1, 2], "data_offsets": [36, 40]},
        "w.g_idx": {"dtype": "I32", "shape": [1], "data_offsets": [40, 44]},
        "norm.weight": {"dtype": "F16", "shape": [2], "data_offsets": [44, 48]}}"#;
    check(r#"{"quant_method": "gptq", "bits": 4}"#, packed, ("GPTQ-4bit", 66));
    check(r#"{"quant_method": "awq", "w_bit": 4}"#, packed, ("AWQ-4bit", 66));
    let bytes = r#"{"w.weight": {"dtype": "F8_E4M3", "shape": [48], "data_offsets": [0, 48]}}"#;
    check(r#"{"quant_method": "fp8"}"#, bytes, ("FP8", 48));
}

#[cfg(unix)]
#[test]
fn what_the_system_did_not_give_is_no_verdict_about_the_bytes() {
    let is_lasting = |folder: &Path| describe(folder).unwrap_err().is_lasting;
    assert!(is_lasting(folder("{", &weights(HEADER, 32)).path()));
    assert!(is_lasting(folder(CONFIG, b"no weights").path()));
    for name in ["config.json", "model.safetensors.index.json"] {
        let folder = folder(CONFIG, &weights(HEADER, 32));
        let path = folder.path().join(name);
        _ = fs::remove_file(&path);
        // What leads to itself cannot be read, whoever asks.
        std::os::unix::fs::symlink(name, &path).unwrap();
        assert!(!is_lasting(folder.path()), "{name}");
    }
}

#[test]
fn a_folder_says_what_its_model_can_do_and_whose_it_is() {
    let config = WRITER
        .replace("{", r#"{"num_local_experts": 8, "num_experts_per_tok": 2, "vision_config": {"depth": 3},"#);
    let folder = folder(&config, &weights(HEADER, 32));
    let card = "---\nlicense: other\nlicense_name: tongyi\n---\n# A model";
    fs::write(folder.path().join("README.md"), card).unwrap();
    let named = r#"{"chat_template": [{"name": "rag", "template": "x"}, {"name": "default", "template": "{{ tools }}<think>"}]}"#;
    fs::write(folder.path().join("tokenizer_config.json"), named).unwrap();
    let found = describe(folder.path()).unwrap();
    assert!(found.template.calls_tools && found.template.thinks && found.sees);
    assert_eq!((found.experts, found.licence.as_deref()), (Some((8, 2)), Some("tongyi")));
    let told = tell(folder.path());
    assert_eq!((told.layers, told.heads), (Some(3), [Some(8), Some(2)]));
    assert_eq!(told.chat_template.as_deref(), Some("{{ tools }}<think>"));
    let has = |key: &str, value: &str| told.values.contains(&(key.to_owned(), value.to_owned()));
    assert!(has("vision_config.depth", "3") && has("architectures", "[1]") && has("model_type", "llama"));
    fs::write(folder.path().join("chat_template.jinja"), "plain").unwrap();
    assert!(!describe(folder.path()).unwrap().template.thinks);
}

#[test]
fn numbers_that_mlx_packed_are_counted_by_themselves() {
    // 64 numbers of 4 bits in 8 words, with a scale and an offset for all of them.
    let header = r#"{"w.weight": {"dtype": "U32", "shape": [1, 8], "data_offsets": [0, 32]},
        "w.scales": {"dtype": "F16", "shape": [1, 1], "data_offsets": [32, 34]},
        "w.biases": {"dtype": "F16", "shape": [1, 1], "data_offsets": [34, 36]},
        "norm.weight": {"dtype": "F16", "shape": [2], "data_offsets": [36, 40]}}"#;
    let config = WRITER.replace("{", r#"{"quantization": {"group_size": 64, "bits": 4},"#);
    let folder = folder(&config, &weights(header, 40));
    let found = describe_mlx(folder.path(), 4).unwrap();
    assert_eq!((found.n_parameters, found.mlx_bits, found.is_loadable), (66, Some(4), false));
    assert_eq!((found.architecture.as_str(), found.n_ctx_train), ("llama", Some(2048)));
}
