//! What surrounds every page: sidebar, status bar, jobs, palette, messages.

mod drawer;
mod jobs;
mod later;
mod launch_panel;
mod model_picker;
mod palette;
mod sessions;
mod shortcuts;
mod sidebar;
mod status_bar;
mod title_editor;
mod uploads;

pub(crate) use later::{Behind, Later};
pub(crate) use model_picker::use_load;
pub(crate) use sessions::{Sessions, title_or, use_sessions};
pub(crate) use uploads::{Uploads, use_uploads};

use crate::{i18n::use_texts, live, page_data::PageData, ui::toast::ToastRegion};
use launch_panel::LaunchDialog;
use leptos::prelude::*;
use palette::Palette;
use shortcuts::Shortcuts;
use sidebar::{BottomBar, Sidebar};
use status_bar::StatusBar;
use types::ids::ModelId;

/// What is open over the page. Copy; the same for the whole page.
#[derive(Clone, Copy)]
pub(crate) struct Overlays {
    pub(crate) palette: RwSignal<bool>,
    pub(crate) shortcuts: RwSignal<bool>,
    /// The sidebar as a drawer, on narrow screens.
    pub(crate) drawer: RwSignal<bool>,
    pub(crate) model_picker: RwSignal<bool>,
    /// How a model is loaded.
    pub(crate) launch: RwSignal<bool>,
    /// Which one, and its name.
    pub(crate) launched_model: RwSignal<Option<(ModelId, String)>>,
}

/// Sidebar, page and status bar.
#[component]
pub(crate) fn Frame(children: Children) -> AnyView {
    let texts = use_texts();
    let overlays = Overlays {
        palette: RwSignal::new(false),
        shortcuts: RwSignal::new(false),
        drawer: RwSignal::new(false),
        model_picker: RwSignal::new(false),
        launch: RwSignal::new(false),
        launched_model: RwSignal::new(None),
    };
    provide_context(overlays);
    sessions::provide_sessions();
    uploads::provide_uploads();
    let overview = PageData::once(live::load_overview);
    provide_context(overview);

    view! {
        <a
            href="#content"
            class="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded-control focus:bg-overlay focus:p-2"
        >
            {texts.skip_to_content}
        </a>
        <div class="grid h-dvh grid-cols-[minmax(0,1fr)] grid-rows-[minmax(0,1fr)_auto_auto] md:grid-cols-[auto_minmax(0,1fr)]">
            <Sidebar/>
            <main id="content" tabindex="-1" class="flex min-h-0 min-w-0 flex-col outline-none">{children()}</main>
            <StatusBar/>
            <BottomBar/>
        </div>
        <Palette/>
        <Shortcuts/>
        <LaunchDialog/>
        <ToastRegion/>
    }
    .into_any()
}
