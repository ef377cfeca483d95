use super::{Checkpoint, recognise_tensors};

/// What a file with these tensors is, by its plain name.
#[track_caller]
fn check(tensors: &[(&str, &[u64])], expected: &str) {
    let found = recognise_tensors(tensors.iter().copied());
    assert_eq!(found.name(), expected, "{found:?}");
}

const VAE: (&str, &[u64]) = ("first_stage_model.decoder.conv_in.weight", &[512, 4, 3, 3]);

#[test]
fn checkpoints_are_told_by_the_text_that_they_look_at() {
    let unet = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight";
    check(
        &[(unet, &[320, 768]), VAE, ("cond_stage_model.transformer.text_model.x", &[1])],
        "Stable Diffusion 1, complete checkpoint",
    );
    check(
        &[(unet, &[320, 1024]), VAE, ("cond_stage_model.model.positional_embedding", &[77, 1024])],
        "Stable Diffusion 2, complete checkpoint",
    );
    let unet = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight";
    let encoder = ("conditioner.embedders.1.model.ln_final.weight", &[1280][..]);
    check(&[(unet, &[640, 2048]), VAE, encoder], "Stable Diffusion XL, complete checkpoint");
    check(&[(unet, &[640, 2048]), VAE], "Stable Diffusion XL, checkpoint without text encoder");
    check(&[(unet, &[640, 1280]), VAE, encoder], "Stable Diffusion XL refiner, complete checkpoint");
    check(
        &[("down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight", &[640, 2048])],
        "Stable Diffusion XL, diffusion network alone",
    );
}

#[test]
fn newer_networks_are_told_by_their_blocks() {
    check(
        &[("model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight", &[4608, 1536]), VAE],
        "Stable Diffusion 3, checkpoint without text encoder",
    );
    let double = "double_blocks.0.img_attn.qkv.weight";
    check(&[(double, &[9216, 3072])], "FLUX.1 schnell, diffusion network alone");
    check(
        &[(double, &[9216, 3072]), ("guidance_in.in_layer.weight", &[3072, 256])],
        "FLUX.1 dev, diffusion network alone",
    );
    check(
        &[("model.diffusion_model.double_blocks.0.img_attn.qkv.weight", &[9216, 3072])],
        "FLUX.1 schnell, diffusion network alone",
    );
    check(
        &[("double_stream_modulation_img.lin.weight", &[1, 1]), (double, &[1, 1])],
        "FLUX.2, diffusion network alone",
    );
    check(
        &[("single_transformer_blocks.0.attn.to_q.weight", &[3072, 3072])],
        "FLUX.1 schnell, diffusion network alone",
    );
    check(&[("transformer_blocks.0.img_mod.1.weight", &[1, 1])], "Qwen-Image, diffusion network alone");
    check(
        &[("cap_pad_token", &[1, 1]), ("noise_refiner.0.attention.qkv.weight", &[1, 1])],
        "Z-Image, diffusion network alone",
    );
    check(
        &[("distilled_guidance_layer.in_proj.weight", &[1, 1]), (double, &[1, 1])],
        "Chroma, diffusion network alone",
    );
}

#[test]
fn video_networks_are_told_by_what_they_begin_with() {
    let q = ("blocks.0.self_attn.q.weight", &[1536, 1536][..]);
    let cross = ("blocks.0.cross_attn.q.weight", &[1536, 1536][..]);
    let text = ("patch_embedding.weight", &[1536, 16, 1, 2, 2][..]);
    let image = ("patch_embedding.weight", &[5120, 36, 1, 2, 2][..]);
    check(&[q, cross, text], "Wan, text to video, diffusion network alone");
    check(&[q, cross, image], "Wan, image to video, diffusion network alone");
    check(&[q, cross, text, ("img_emb.proj.0.bias", &[1])], "Wan, image to video, diffusion network alone");
    check(
        &[("blocks.0.attn1.to_q.weight", &[1, 1]), ("blocks.0.attn2.to_q.weight", &[1, 1]), text],
        "Wan, text to video, diffusion network alone",
    );
    let ltx = [
        ("model.diffusion_model.patchify_proj.weight", &[2048, 128][..]),
        ("model.diffusion_model.adaln_single.linear.weight", &[1, 1][..]),
        ("vae.decoder.conv_in.conv.weight", &[1, 128, 3, 3, 3][..]),
    ];
    check(&ltx, "LTX-Video, checkpoint without text encoder");
    let sound = ("model.diffusion_model.audio_patchify_proj.weight", &[2048, 128][..]);
    check(&[ltx[0], ltx[1], sound], "LTX-2, diffusion network alone");
    check(
        &[("txt_in.individual_token_refiner.blocks.0.norm1.weight", &[3072])],
        "HunyuanVideo, diffusion network alone",
    );
}

#[test]
fn changes_are_named_after_what_they_change() {
    check(&[("lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight", &[16, 3072])], "LoRA for FLUX.1 dev");
    check(
        &[("transformer.single_transformer_blocks.0.attn.to_k.lora_A.weight", &[4, 3072])],
        "LoRA for FLUX.1 dev",
    );
    let of = |wide: u64, expected: &str| {
        let name = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight";
        check(&[(name, &[8, wide])], expected);
    };
    of(768, "LoRA for Stable Diffusion 1");
    of(1024, "LoRA for Stable Diffusion 2");
    of(2048, "LoRA for Stable Diffusion XL");
    of(5, "LoRA");
    check(
        &[("diffusion_model.blocks.0.cross_attn.k.lora_A.weight", &[32, 1536])],
        "LoRA for Wan, text to video",
    );
    check(
        &[("diffusion_model.transformer_blocks.0.attn1.to_k.lora_A.weight", &[32, 2048])],
        "LoRA for LTX-Video",
    );
    check(&[("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", &[8, 64])], "LoRA");
    let found = recognise_tensors([("x.lora_down.weight", &[16, 3072][..])]);
    assert_eq!(found, Checkpoint::Lora { of: None, rank: Some(16) });
}

#[test]
fn parts_of_pipelines_are_told_apart() {
    check(&[("text_model.embeddings.token_embedding.weight", &[49408, 768])], "text encoder CLIP-L");
    check(&[("text_model.embeddings.token_embedding.weight", &[49408, 1280])], "text encoder CLIP-G");
    let t5 = ("encoder.block.0.layer.0.SelfAttention.q.weight", &[4096, 4096][..]);
    check(&[t5], "text encoder T5");
    let second = "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight";
    check(&[t5, (second, &[32, 64])], "text encoder UMT5");
    let encoder = ("encoder.conv_in.weight", &[128, 3, 3, 3][..]);
    check(&[("decoder.conv_in.weight", &[512, 16, 3, 3]), encoder], "VAE with 16 channels");
    check(&[VAE, ("first_stage_model.encoder.conv_in.weight", &[1, 1, 1, 1])], "VAE with 4 channels");
    check(
        &[("decoder.conv1.weight", &[384, 16, 3, 3, 3]), ("encoder.conv1.weight", &[1, 1, 1, 1, 1])],
        "video VAE",
    );
    check(
        &[
            ("control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", &[320, 768]),
            ("control_model.zero_convs.0.0.weight", &[1]),
        ],
        "ControlNet for Stable Diffusion 1",
    );
    check(&[("emb_params", &[4, 768])], "learned words (embedding)");
    check(&[("conv_first.weight", &[64, 3, 3, 3])], "upscaler");
    check(&[("model.layers.0.self_attn.q_proj.weight", &[64, 64])], "language model");
    check(&[("x", &[])], "unknown model");
    check(&[], "unknown model");
}
