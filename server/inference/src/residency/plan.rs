//! What becomes of the models in memory when one more is wanted. Pure: plain data in, a decision out.
//!
//! Nothing that is in use or pinned is ever unloaded, nothing is unloaded that need not be, and what is loaded
//! never takes more than the budget by what is known. What the machine has left besides is an estimate, since caches and mapped
//! files give way: it makes models go that nobody uses, and is told before, but refuses nothing.

use crate::Footprint;
use std::fmt;
use types::{
    ids::ModelId,
    kv::{KvFormat, KvType},
    launch::{Fate, LaunchProfile},
};

/// Names one stay of a model in memory.
pub(super) type Key = u64;

/// A model that takes memory.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) key: Key,
    pub(super) id: ModelId,
    pub(super) name: String,
    pub(super) profile: LaunchProfile,
    pub(super) bytes: u64,
    /// What of that the machine has not left now.
    pub(super) held_bytes: u64,
    /// Larger is more recent.
    pub(super) last_use: u64,
    pub(super) in_use: bool,
    pub(super) is_pinned: bool,
}

/// A model that somebody wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) id: &'a ModelId,
    pub(super) name: &'a str,
    pub(super) profile: &'a LaunchProfile,
    /// The context it gets where the profile does not say it, and how keys and values are kept then.
    pub(super) usual_n_ctx: Option<u32>,
    pub(super) usual_kv_type: KvType,
    pub(super) footprint: Footprint,
}

/// Of a smaller quant: nobody writes one that is smaller by more than that.
const LEAST_OF_WEIGHTS: f64 = 0.3;

impl Wanted<'_> {
    /// The largest form of keys and values, below the one that was chosen, with which it takes at most `room`.
    fn fitting_kv_format(&self, n_ctx: Option<u32>, room: u64, machine: u64) -> Option<KvFormat> {
        let chosen = self.profile.kv_type.unwrap_or(self.usual_kv_type);
        // Of as much as it takes in half precision.
        let share = |kv_type: KvType| kv_type.bytes(1 << 20);
        let fits = |format: &KvFormat| {
            let smaller = share(KvType::of(*format));
            let footprint = self.footprint.with_cells(|bytes| bytes.saturating_mul(smaller) / share(chosen));
            smaller < share(chosen) && footprint.bytes(n_ctx, machine) <= room
        };
        [KvFormat::Q8, KvFormat::Q5, KvFormat::Q4].into_iter().find(fits)
    }

    /// How large its weights may be at most, where others that say about the same may be so small.
    fn fitting_weights_bytes(&self, needed: u64, room: u64) -> Option<u64> {
        let weights = self.footprint.weights_bytes;
        let fitting = room.checked_sub(needed.saturating_sub(weights))?;
        (fitting < weights && fitting as f64 >= weights as f64 * LEAST_OF_WEIGHTS).then_some(fitting)
    }
}

/// The memory there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// What all models may take together.
    pub(super) budget: u64,
    /// What the machine has.
    pub(super) machine: u64,
    /// What the machine has left now.
    pub(super) left: u64,
}

impl Memory {
    /// What all models could take together without anything else giving way.
    fn real(self, held: &[Held]) -> u64 {
        held.iter().fold(self.left, |sum, it| sum.saturating_add(it.held_bytes))
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// It is there.
    Use(Key),
    /// Load it after unloading these.
    Load {
        evict: Vec<Key>,
        /// Where the machine has not that much left.
        tight: Option<Tight>,
    },
    /// It is there with another profile, and in use.
    OtherProfile,
    DoesNotFit(Shortage),
}

/// What other programs would have to give way by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tight {
    pub(super) missing_bytes: u64,
    /// Models in use or pinned whose memory would be enough.
    pub(super) in_the_way: Vec<String>,
}

/// Why a model does not fit, and what would help. `Display` is a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The model.
    pub name: String,
    /// What it would take.
    pub needed_bytes: u64,
    /// What is missing even after unloading what nobody uses.
    pub missing_bytes: u64,
    /// What models may take together.
    pub budget_bytes: u64,
    /// A context with which it would fit, in tokens.
    pub fitting_context: Option<u32>,
    /// A smaller form of keys and values with which it would fit.
    pub fitting_kv_format: Option<KvFormat>,
    /// The size of a smaller file with which it would fit, where there may be one.
    pub fitting_weights_bytes: Option<u64>,
    /// Models in use or pinned whose memory would be enough.
    pub in_the_way: Vec<String>,
}

impl Shortage {
    /// Whether waiting for others may help.
    pub fn may_pass(&self) -> bool {
        !self.in_the_way.is_empty()
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (needed, missing, budget) =
            (gb(self.needed_bytes), gb(self.missing_bytes), gb(self.budget_bytes));
        let name = &self.name;
        write!(f, "{name} needs about {needed}, {missing} more than is left of {budget} for models; ")?;
        if let Some(n_ctx) = self.fitting_context {
            write!(f, "a context of {n_ctx} tokens would fit, ")?;
        }
        if let Some(format) = self.fitting_kv_format {
            write!(f, "keys and values kept as {} would fit, ", format.name())?;
        }
        if let Some(bytes) = self.fitting_weights_bytes {
            write!(f, "a smaller quant of at most {} would fit, ", gb(bytes))?;
        }
        match self.in_the_way.as_slice() {
            [] => f.write_str("models may take more with --model-memory"),
            names => write!(f, "unloading {} would make room", names.join(" and ")),
        }
    }
}

fn gb(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// Decides about `wanted`, where `held` is in memory.
pub(super) fn plan(memory: Memory, held: &[Held], wanted: &Wanted<'_>) -> Decision {
    let by_budget = plan_within(memory, held, wanted);
    if !matches!(by_budget, Decision::Load { .. }) {
        return by_budget;
    }
    let budget = memory.real(held).min(memory.budget);
    match plan_within(Memory { budget, ..memory }, held, wanted) {
        Decision::DoesNotFit(Shortage { missing_bytes, in_the_way, .. }) => {
            let unused = held.iter().filter(|it| !it.in_use && !it.is_pinned || it.id == *wanted.id);
            let evict = unused.map(|it| it.key).collect();
            Decision::Load { evict, tight: Some(Tight { missing_bytes, in_the_way }) }
        }
        decision => decision,
    }
}

/// Likewise, where the budget is all that counts.
fn plan_within(memory: Memory, held: &[Held], wanted: &Wanted<'_>) -> Decision {
    let same = held.iter().find(|it| it.id == *wanted.id);
    let replaced = match same {
        Some(it) if *wanted.profile == it.profile => return Decision::Use(it.key),
        Some(it) if it.in_use => return Decision::OtherProfile,
        other => other,
    };
    let others: Vec<_> = held.iter().filter(|it| it.id != *wanted.id).collect();
    let n_ctx = wanted.profile.n_ctx.or(wanted.usual_n_ctx);
    let needed = wanted.footprint.bytes(n_ctx, memory.machine);
    let taken = sum(&others);
    let excess = taken.saturating_add(needed).saturating_sub(memory.budget);
    let (mut movable, fixed): (Vec<&Held>, Vec<&Held>) =
        others.into_iter().partition(|it| !it.in_use && !it.is_pinned);
    let missing = excess.saturating_sub(sum(&movable));
    if missing > 0 {
        let room = memory.budget.saturating_sub(sum(&fixed));
        return Decision::DoesNotFit(Shortage {
            name: wanted.name.to_owned(),
            needed_bytes: needed,
            missing_bytes: missing,
            budget_bytes: memory.budget,
            fitting_context: wanted.footprint.largest_context(n_ctx, room, memory.machine),
            fitting_kv_format: wanted.fitting_kv_format(n_ctx, room, memory.machine),
            fitting_weights_bytes: wanted.fitting_weights_bytes(needed, room),
            in_the_way: in_the_way(fixed, missing),
        });
    }
    movable.sort_by_key(|it| it.last_use);
    let evict = replaced.into_iter().chain(fewest(movable, excess)).map(|it| it.key).collect();
    Decision::Load { evict, tight: None }
}

/// What would become of a model that is loaded now, and how much it could take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    pub fate: Fate,
    /// What models may take together.
    pub budget_bytes: u64,
    /// What this one could take, without those that nobody uses.
    pub room_bytes: u64,
    /// What of the machine's memory would be left for it, without those that nobody uses.
    pub left_bytes: u64,
    /// What the machine has.
    pub machine_bytes: u64,
}

impl Outlook {
    /// What this one could take without anything else giving way.
    pub fn free_room_bytes(&self) -> u64 {
        self.room_bytes.min(self.left_bytes)
    }
}

/// Says what [`plan`] would lead to; changes nothing.
pub(super) fn foresee(memory: Memory, held: &[Held], wanted: &Wanted<'_>) -> Outlook {
    let fate = match plan(memory, held, wanted) {
        Decision::Use(_) => Fate::IsThere,
        Decision::OtherProfile => Fate::InUse,
        Decision::Load { evict, tight } => {
            let unloaded = held.iter().filter(|it| it.id != *wanted.id && evict.contains(&it.key));
            let unloads = unloaded.map(|it| it.name.clone()).collect();
            match tight {
                None => Fate::Loads { unloads },
                Some(Tight { missing_bytes, in_the_way }) => {
                    Fate::Tight { missing_bytes, unloads, in_the_way }
                }
            }
        }
        Decision::DoesNotFit(Shortage { missing_bytes, in_the_way, .. }) => {
            Fate::DoesNotFit { missing_bytes, in_the_way }
        }
    };
    let stays = |it: &&Held| it.id != *wanted.id && (it.in_use || it.is_pinned);
    let fixed: Vec<_> = held.iter().filter(stays).collect();
    Outlook {
        fate,
        budget_bytes: memory.budget,
        room_bytes: memory.budget.saturating_sub(sum(&fixed)),
        left_bytes: memory.real(held).saturating_sub(sum(&fixed)),
        machine_bytes: memory.machine,
    }
}

/// Those that free `excess` bytes together, the longest unused first, without any that is not needed for it.
fn fewest(by_use: Vec<&Held>, excess: u64) -> Vec<&Held> {
    let mut chosen: Vec<&Held> = Vec::new();
    for it in by_use {
        if sum(&chosen) < excess {
            chosen.push(it);
        }
    }
    // A large one that came last may make small ones before it needless; the most recent of them stays first.
    for i in (0..chosen.len()).rev() {
        if sum(&chosen) - chosen[i].bytes >= excess {
            chosen.remove(i);
        }
    }
    chosen
}

/// The largest of `fixed` whose memory would be enough together; none if even all are not.
fn in_the_way(mut fixed: Vec<&Held>, missing: u64) -> Vec<String> {
    if sum(&fixed) < missing {
        return Vec::new();
    }
    fixed.sort_by_key(|it| it.bytes);
    if let Some(one) = fixed.iter().find(|it| it.bytes >= missing) {
        return vec![one.name.clone()];
    }
    let mut names = Vec::new();
    let mut freed = 0;
    for it in fixed.iter().rev() {
        if freed < missing {
            freed += it.bytes;
            names.push(it.name.clone());
        }
    }
    names
}

fn sum(models: &[&Held]) -> u64 {
    models.iter().fold(0, |sum, it| sum.saturating_add(it.bytes))
}

#[cfg(test)]
mod tests;
