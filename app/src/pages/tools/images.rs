//! Who makes images for models.

use super::{choice::Choice, store::ToolsStore};
use crate::{
    i18n::{ToolsTexts, fill},
    ui::{field::Field, when::When},
};
use leptos::{html, prelude::*};
use types::{
    secret::Secret,
    toolbox::{IMAGE_SIDES, ImageService, ImageServiceView, ToolAct},
};

/// What home servers are mostly set up for.
const USUAL_SIDE: u32 = IMAGE_SIDES[2];

fn name_of(view: &ImageServiceView) -> &'static str {
    match view {
        ImageServiceView::Off => "off",
        ImageServiceView::OpenAi { .. } => "openai",
        ImageServiceView::A1111 { .. } => "a1111",
    }
}

/// What the form says, as a service.
fn chosen(service: &str, value: &dyn Fn(&str) -> String) -> Option<ImageService> {
    let address = value("address").trim().to_owned();
    let side = value("side").parse().unwrap_or(USUAL_SIDE);
    match service {
        "openai" => {
            let (model, key) = (value("model").trim().to_owned(), Secret::new(value("key").trim()));
            Some(ImageService::OpenAi { address, model, key, side })
        }
        "a1111" => Some(ImageService::A1111 { address, side }),
        _ => None,
    }
}

#[component]
pub(super) fn ImagesForm() -> AnyView {
    let store = expect_context::<ToolsStore>();
    let texts = store.texts;
    // What is being typed stays while servers are looked after.
    let kept = Memo::new(move |_| store.images());
    let service = RwSignal::new(name_of(&kept.get_untracked()));
    let key = NodeRef::<html::Input>::new();
    let choice = Choice {
        name: "images",
        title: texts.images_title,
        hint: texts.images_hint,
        services: vec![
            ("off", texts.search_off, texts.search_off_hint),
            ("openai", texts.images_openai, texts.images_openai_hint),
            ("a1111", texts.images_a1111, texts.images_a1111_hint),
        ],
        service,
        key,
    };
    let fields = view! {
        <When when=move || service.get() == "openai">
            {address_field(texts, kept, "openai", "http://localhost:1234/v1")}
            {model_field(texts, kept)}
            {key_field(texts, kept, key)}
            {side_field(texts, kept)}
        </When>
        <When when=move || service.get() == "a1111">
            {address_field(texts, kept, "a1111", "http://localhost:7860")}
            {side_field(texts, kept)}
        </When>
    };
    choice.form(fields.into_any(), |service, value| ToolAct::Images(chosen(service, value)))
}

fn address_field(
    texts: &'static ToolsTexts,
    kept: Memo<ImageServiceView>,
    service: &'static str,
    example: &'static str,
) -> AnyView {
    let kept = kept.get();
    let address = match &kept {
        ImageServiceView::OpenAi { address, .. } | ImageServiceView::A1111 { address, .. }
            if name_of(&kept) == service =>
        {
            address.clone()
        }
        _ => String::new(),
    };
    view! {
        <Field label=texts.search_address hint=texts.images_address_hint control="images-address">
            <input id="images-address" name="address" type="url" class="field" required maxlength="2048" autocomplete="off"
                placeholder=example value=address aria-describedby="images-address-hint"/>
        </Field>
    }
    .into_any()
}

fn model_field(texts: &'static ToolsTexts, kept: Memo<ImageServiceView>) -> AnyView {
    let model = match kept.get() {
        ImageServiceView::OpenAi { model, .. } => model,
        _ => String::new(),
    };
    view! {
        <Field label=texts.images_model hint=texts.images_model_hint control="images-model">
            <input id="images-model" name="model" type="text" class="field" maxlength="200" autocomplete="off"
                value=model aria-describedby="images-model-hint"/>
        </Field>
    }
    .into_any()
}

fn key_field(texts: &'static ToolsTexts, kept: Memo<ImageServiceView>, key: NodeRef<html::Input>) -> AnyView {
    let hint = match kept.get() {
        ImageServiceView::OpenAi { key_hint, .. } if !key_hint.is_empty() => {
            fill(texts.search_key_kept, "key", key_hint)
        }
        _ => texts.images_key_hint.to_owned(),
    };
    view! {
        <Field label=texts.search_key hint=hint control="images-key">
            <input node_ref=key id="images-key" name="key" type="password" class="field" maxlength="4096" autocomplete="off"
                aria-describedby="images-key-hint"/>
        </Field>
    }
    .into_any()
}

fn side_field(texts: &'static ToolsTexts, kept: Memo<ImageServiceView>) -> AnyView {
    let chosen = match kept.get() {
        ImageServiceView::OpenAi { side, .. } | ImageServiceView::A1111 { side, .. } => side,
        ImageServiceView::Off => USUAL_SIDE,
    };
    let sides = IMAGE_SIDES.into_iter().map(|side| {
        view! { <option value=side selected=side == chosen>{format!("{side} × {side}")}</option> }.into_any()
    });
    let sides: Vec<_> = sides.collect();
    view! {
        <Field label=texts.images_side hint=texts.images_side_hint control="images-side">
            <select id="images-side" name="side" class="field" aria-describedby="images-side-hint">{sides}</select>
        </Field>
    }
    .into_any()
}
