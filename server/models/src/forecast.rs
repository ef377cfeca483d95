//! What loading a model would do now, and in which other ways it would fit.

mod at_hub;

use crate::{Models, ModelsError, library::Library};
use inference::{Footprint, ModelSpec, Outlook};
use std::{
    cmp::Reverse,
    path::{Path, PathBuf},
};
use types::{
    ids::ModelId,
    kv::KvType,
    launch::{Alternative, AlternativeFile, DraftChoice, Fate, Forecast, LaunchProfile, MemoryParts},
    model::Purpose,
};

/// As many other ways as a person compares.
const MOST_ALTERNATIVES: usize = 3;

/// A shorter context is no help, in tokens.
const LEAST_CONTEXT: u32 = 1024;

/// What a model and what is loaded with it take, with keys and values in half precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) own: Footprint,
    pub(crate) draft: Option<Footprint>,
    /// What looks at images, alone.
    pub(crate) projector: Option<Footprint>,
    /// Keys and values can be kept in other forms.
    pub(crate) has_kv_types: bool,
}

/// What is not chosen is so.
#[derive(Clone, Copy, Debug)]
struct Usual {
    n_ctx: Option<u32>,
    kv_type: KvType,
    machine_bytes: u64,
}

impl Sizes {
    /// Part by part. A profile without a draft model has none, whatever the server was started with.
    fn parts(&self, profile: &LaunchProfile, usual: Usual) -> MemoryParts {
        let all = self.together(profile, usual);
        let n_ctx = profile.n_ctx.or(usual.n_ctx);
        let parts = all.parts(n_ctx, usual.machine_bytes);
        let own = self.kept(self.own, profile, usual);
        let draft = self.draft(profile);
        let with_draft = |it| own.with_draft_model(self.kept(it, profile, usual));
        let draft_weights = draft.map_or(0, |it| with_draft(it).weights_bytes - own.weights_bytes);
        let kv = draft.map_or(parts.kv, |_| share(parts.kv, own.cell_bytes, all.cell_bytes));
        let projector = self.projector.map_or(0, |it| it.weights_bytes);
        MemoryParts {
            weights: parts.weights.saturating_sub(draft_weights).saturating_sub(projector),
            kv,
            buffers: parts.buffers,
            draft: draft_weights.saturating_add(parts.kv.saturating_sub(kv)),
            projector,
        }
    }

    fn bytes(&self, profile: &LaunchProfile, usual: Usual) -> u64 {
        self.together(profile, usual).bytes(profile.n_ctx.or(usual.n_ctx), usual.machine_bytes)
    }

    fn together(&self, profile: &LaunchProfile, usual: Usual) -> Footprint {
        let own = self.kept(self.own, profile, usual);
        let own =
            self.draft(profile).map_or(own, |draft| own.with_draft_model(self.kept(draft, profile, usual)));
        let projector = self.projector.map_or(0, |it| it.weights_bytes);
        let n_batch = profile.options.n_batch;
        Footprint { n_batch, ..own.with_weights(projector) }
    }

    fn draft(&self, profile: &LaunchProfile) -> Option<Footprint> {
        self.draft.filter(|_| profile.draft != DraftChoice::None)
    }

    fn kept(&self, footprint: Footprint, profile: &LaunchProfile, usual: Usual) -> Footprint {
        if !self.has_kv_types {
            return footprint;
        }
        footprint.with_kv_type(profile.kv_type.unwrap_or(usual.kv_type))
    }
}

/// `whole` times `part` of `all`.
fn share(whole: u64, part: u64, all: u64) -> u64 {
    if all == 0 {
        return whole;
    }
    u64::try_from(u128::from(whole) * u128::from(part) / u128::from(all)).unwrap_or(whole)
}

impl Models {
    /// What loading a model in this way would do now; `None` where its file, or the engine, does not say it.
    pub async fn forecast(
        &self,
        id: &ModelId,
        profile: LaunchProfile,
    ) -> Result<Option<Forecast>, ModelsError> {
        let path = self.path_of(id).await?;
        let Some(outlook) = self.outlook(id, &path, &profile).await else { return Ok(None) };
        let usual = self.usual_on(outlook.machine_bytes);
        let adapters = self.bytes_of_adapters(&self.chosen_adapters(&profile).await).await;
        let (library, id) = (self.library.clone(), id.clone());
        let look = move || {
            let mut sizes = library.sizes(&id, &path, &profile)?;
            sizes.own = sizes.own.with_weights(adapters);
            let smaller = match room_of(&outlook) {
                Some(_) => smaller_files(&library, &id, &path, &profile),
                None => Vec::new(),
            };
            Ok::<_, String>(told(&sizes, &smaller, &profile, outlook, usual))
        };
        let looked = tokio::task::spawn_blocking(look).await;
        Ok(looked.ok().and_then(Result::ok))
    }

    /// The same profile with the longest context that fits now, where its own does not.
    pub(crate) async fn fitted(&self, id: &ModelId, path: &Path, profile: LaunchProfile) -> LaunchProfile {
        let Some(outlook) = self.outlook(id, path, &profile).await else { return profile };
        let Some(room) = room_of(&outlook) else { return profile };
        let usual = self.usual_on(outlook.machine_bytes);
        let (library, id, path, chosen) =
            (self.library.clone(), id.clone(), path.to_owned(), profile.clone());
        let look = move || shorter(&library.sizes(&id, &path, &chosen).ok()?, &chosen, room, usual);
        let looked = tokio::task::spawn_blocking(look).await;
        looked.ok().flatten().unwrap_or(profile)
    }

    /// What would become of a model; `None` where its file, or the engine, does not say it.
    async fn outlook(&self, id: &ModelId, path: &Path, profile: &LaunchProfile) -> Option<Outlook> {
        let (spec, problem) = self.spec(id, path.to_owned(), profile.clone()).await;
        if problem.is_some() {
            return None;
        }
        self.engine.foresee(spec.clone()).await?;
        let spec = self.tried(spec).await;
        self.engine.foresee(spec).await
    }

    /// What the next model could take without anything giving way that is used; `None` where the engine does not say it.
    pub(crate) async fn free_room_bytes(&self) -> Option<u64> {
        let any = not_here(String::new(), ModelId(String::new()), Footprint::default(), Purpose::default());
        self.engine.foresee(any).await.map(|outlook| outlook.free_room_bytes())
    }

    fn usual_on(&self, machine_bytes: u64) -> Usual {
        Usual { n_ctx: self.worker.n_ctx, kv_type: self.worker.kv_type, machine_bytes }
    }
}

/// As a model would be loaded that is not here.
fn not_here(name: String, id: ModelId, footprint: Footprint, purpose: Purpose) -> ModelSpec {
    ModelSpec {
        id,
        name,
        path: PathBuf::new(),
        profile: LaunchProfile::default(),
        footprint,
        purpose,
        draft_model: None,
        projector: None,
        adapters: Vec::new(),
    }
}

/// What a person is told. `smaller` are other files with the same model, the largest first.
fn told(
    sizes: &Sizes,
    smaller: &[(AlternativeFile, Sizes)],
    profile: &LaunchProfile,
    outlook: Outlook,
    usual: Usual,
) -> Forecast {
    let within = |room| alternatives(sizes, smaller, profile, room, usual);
    let mut alternatives = room_of(&outlook).map(within).unwrap_or_default();
    // Where nothing fits into what is left, it helps to know what would once others have given way.
    if alternatives.is_empty() && matches!(outlook.fate, Fate::DoesNotFit { .. }) {
        alternatives = within(outlook.room_bytes);
    }
    for it in &mut alternatives {
        it.is_tight = it.bytes > outlook.free_room_bytes();
    }
    Forecast {
        parts: sizes.parts(profile, usual),
        budget_bytes: outlook.budget_bytes,
        left_bytes: outlook.left_bytes,
        fate: outlook.fate,
        alternatives,
    }
}

/// What another way to load it has to fit into; `None` where the chosen one does.
fn room_of(outlook: &Outlook) -> Option<u64> {
    matches!(outlook.fate, Fate::DoesNotFit { .. } | Fate::Tight { .. }).then(|| outlook.free_room_bytes())
}

/// Ways to load the same file, and the largest smaller one that fits: as it is chosen, or else in a way of its own.
fn alternatives(
    sizes: &Sizes,
    smaller: &[(AlternativeFile, Sizes)],
    profile: &LaunchProfile,
    room: u64,
    usual: Usual,
) -> Vec<Alternative> {
    let of = |file: &AlternativeFile, sizes: &Sizes, profile: LaunchProfile| Alternative {
        bytes: sizes.bytes(&profile, usual),
        profile,
        file: file.clone(),
        is_tight: false,
    };
    let same = ways(sizes, profile, room, usual);
    let mut found: Vec<_> = same.into_iter().map(|way| of(&AlternativeFile::Same, sizes, way)).collect();
    let as_chosen = smaller.iter().find(|(_, it)| it.bytes(profile, usual) <= room);
    let as_chosen = as_chosen.map(|(file, it)| of(file, it, profile.clone()));
    let in_its_way = |(file, it): &(AlternativeFile, Sizes)| {
        ways(it, profile, room, usual).into_iter().next().map(|way| of(file, it, way))
    };
    if let Some(other) = as_chosen.or_else(|| smaller.iter().find_map(in_its_way)) {
        found.truncate(MOST_ALTERNATIVES - 1);
        found.push(other);
    }
    found
}

/// Ways to load the same file that fit into `room`, the one that loses least first: without a model that guesses, with
/// keys and values in fewer bits, with a shorter context, and two of these together.
fn ways(sizes: &Sizes, profile: &LaunchProfile, room: u64, usual: Usual) -> Vec<LaunchProfile> {
    let fits = |profile: &LaunchProfile| sizes.bytes(profile, usual) <= room;
    let without_draft = sizes.draft(profile).map(|_| undrafted(profile.clone()));
    let fewer_bits = || fewer_bits(sizes, profile, usual);
    let both = || fewer_bits().map(undrafted).filter(|_| without_draft.is_some());
    let shorter = |profile: &LaunchProfile| shorter(sizes, profile, room, usual);
    let mut found: Vec<LaunchProfile> = Vec::new();
    let mut keep = |way: Option<LaunchProfile>| {
        if let Some(way) =
            way.filter(|way| fits(way) && found.len() < MOST_ALTERNATIVES && !found.contains(way))
        {
            found.push(way);
        }
    };
    keep(without_draft.clone());
    keep(fewer_bits().find(|way| fits(way)));
    keep(shorter(profile));
    keep(both().find(|way| fits(way)));
    keep(fewer_bits().find_map(|way| shorter(&way)));
    keep(without_draft.as_ref().and_then(shorter));
    keep(both().find_map(|way| shorter(&way)));
    found
}

/// The same with the longest context that fits into `room`; `None` where none does, and where the whole one does, as a shorter one
/// gains nothing then.
fn shorter(sizes: &Sizes, profile: &LaunchProfile, room: u64, usual: Usual) -> Option<LaunchProfile> {
    if sizes.bytes(profile, usual) <= room {
        return None;
    }
    let asked = profile.n_ctx.or(usual.n_ctx);
    let n_ctx = sizes.together(profile, usual).largest_context(asked, room, usual.machine_bytes)?;
    (n_ctx >= LEAST_CONTEXT).then(|| LaunchProfile { n_ctx: Some(n_ctx), ..profile.clone() })
}

fn undrafted(profile: LaunchProfile) -> LaunchProfile {
    LaunchProfile { draft: DraftChoice::None, ..profile }
}

/// The same with keys and values in fewer bits, those with the most of them first.
fn fewer_bits(
    sizes: &Sizes,
    profile: &LaunchProfile,
    usual: Usual,
) -> impl Iterator<Item = LaunchProfile> + use<> {
    const MANY: u64 = 1 << 20;
    let now = profile.kv_type.unwrap_or(usual.kv_type);
    let mut kv_types = KvType::usual();
    kv_types.retain(|it| sizes.has_kv_types && !it.window && it.bytes(MANY) < now.bytes(MANY));
    kv_types.sort_by_key(|it| Reverse(it.bytes(MANY)));
    let profile = profile.clone();
    kv_types.into_iter().map(move |kv_type| LaunchProfile {
        kv_type: Some(kv_type.with_window(now.window)),
        ..profile.clone()
    })
}

/// Other files of the library with the same model in fewer bits, the largest first.
fn smaller_files(
    library: &Library,
    id: &ModelId,
    path: &Path,
    profile: &LaunchProfile,
) -> Vec<(AlternativeFile, Sizes)> {
    let shelved = library.shelved();
    let all: Vec<_> =
        shelved.iter().filter_map(|(found, known)| Some((found, known.as_ref().ok()?))).collect();
    let Some((_, ours)) = all.iter().find(|(it, _)| it.path == path) else { return Vec::new() };
    let mut others: Vec<_> = all
        .iter()
        .filter(|(other, it)| {
            other.id != *id
                && it.is_loadable
                && it.n_parameters.is_some()
                && (&it.architecture, it.n_parameters, it.n_ctx_train)
                    == (&ours.architecture, ours.n_parameters, ours.n_ctx_train)
                && it.size_bytes < ours.size_bytes
        })
        .collect();
    others.sort_by_key(|(_, it)| Reverse(it.size_bytes));
    let sized = others.into_iter().filter_map(|(found, _)| {
        let sizes = library.sizes(&found.id, &found.path, profile).ok()?;
        Some((AlternativeFile::Library(found.id.clone()), sizes))
    });
    sized.collect()
}

#[cfg(test)]
mod tests;
