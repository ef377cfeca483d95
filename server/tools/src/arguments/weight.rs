//! How long checking against a schema can take, known before it is used.
//!
//! A definition that refers twice to the next, which refers twice to the next, is short to write and takes for ever. So a
//! schema's references are followed once here, as a count.

use serde_json::Value;
use std::collections::BTreeMap;

/// Steps that checking one value may take.
const MAX_STEPS: u64 = 1_000_000;
/// Steps that checking all values of some arguments may take: seconds.
const MAX_STEPS_OF_ALL: u64 = 200_000_000;
/// References and parts within each other.
const MAX_DEPTH: usize = 200;

/// How deep arguments may be for a check to stay within its steps, with what it weighs; or why the schema is not used.
pub(super) fn deepest_arguments(schema: &Value, most: usize) -> Result<(usize, Weight), &'static str> {
    let mut scale = Scale { root: schema, known: BTreeMap::new(), open: Vec::new() };
    let weight = scale.weigh(schema, 0)?;
    if weight.steps > MAX_STEPS {
        return Err("checking against it takes too long");
    }
    // Where it refers to itself, every level of the arguments multiplies.
    let mut steps = weight.steps;
    let depth = (0..most).take_while(|_| {
        steps = steps.saturating_mul(weight.returns.max(1));
        steps <= MAX_STEPS
    });
    match depth.count() {
        0 | 1 => Err("it refers to itself too often"),
        depth => Ok((depth, weight)),
    }
}

/// What checking against a schema takes.
#[derive(Clone, Copy, Default)]
pub(super) struct Weight {
    /// What is looked at, with every reference written out.
    steps: u64,
    /// References in it to something that it is part of.
    returns: u64,
}

struct Scale<'a> {
    root: &'a Value,
    known: BTreeMap<&'a str, Weight>,
    /// What is being weighed at the moment.
    open: Vec<&'a str>,
}

impl<'a> Scale<'a> {
    fn weigh(&mut self, part: &'a Value, depth: usize) -> Result<Weight, &'static str> {
        if depth > MAX_DEPTH {
            return Err("its definitions refer to each other too deeply");
        }
        let mut weight = Weight { steps: 1, returns: 0 };
        match part {
            Value::Array(parts) => {
                for part in parts {
                    weight.add(self.weigh(part, depth + 1)?);
                }
            }
            Value::Object(fields) => {
                for (name, part) in fields {
                    weight.add(self.weigh_field(name, part, depth)?);
                }
            }
            _ => {}
        }
        Ok(weight)
    }

    fn weigh_field(&mut self, name: &str, part: &'a Value, depth: usize) -> Result<Weight, &'static str> {
        match (name, part) {
            ("$ref", Value::String(target)) => self.follow(target, depth),
            ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                Err("it refers to something that is not known before")
            }
            ("$id", Value::String(_)) if depth > 0 => Err("its parts have addresses of their own"),
            ("id", Value::String(_)) if depth > 0 && self.is_draft_4() => {
                Err("its parts have addresses of their own")
            }
            // Nothing is checked against what nobody refers to.
            ("$defs" | "definitions", Value::Object(_)) if depth == 0 => Ok(Weight::default()),
            _ => self.weigh(part, depth + 1),
        }
    }

    /// Where an address is called by a name that everything has.
    fn is_draft_4(&self) -> bool {
        self.root.get("$schema").and_then(Value::as_str).is_some_and(|it| it.contains("draft-04"))
    }

    fn follow(&mut self, target: &'a str, depth: usize) -> Result<Weight, &'static str> {
        if self.open.contains(&target) {
            return Ok(Weight { steps: 1, returns: 1 });
        }
        if let Some(known) = self.known.get(target) {
            return Ok(*known);
        }
        let pointer = target.strip_prefix('#').ok_or("it refers to something outside of itself")?;
        if pointer.is_empty() {
            return Ok(Weight { steps: 1, returns: 1 });
        }
        // Who checks takes %31 for 1 and so finds another part than the one that would be weighed here.
        let part = self.root.pointer(pointer).filter(|_| !pointer.contains('%'));
        let part = part.ok_or("it refers to something that it does not have")?;
        self.open.push(target);
        let weight = self.weigh(part, depth + 1);
        self.open.pop();
        self.known.insert(target, weight?);
        weight
    }
}

impl Weight {
    /// Whether so many values, that deep within each other, cannot be checked in bounded time: each may be an entry of a list.
    pub(super) fn is_too_much_for(self, n_values: u64, depth: usize) -> bool {
        let levels = self.returns.max(1).saturating_pow(depth.try_into().unwrap_or(u32::MAX));
        self.steps.saturating_mul(levels).saturating_mul(n_values) > MAX_STEPS_OF_ALL
    }

    fn add(&mut self, other: Self) {
        self.steps = self.steps.saturating_add(other.steps);
        self.returns = self.returns.saturating_add(other.returns);
    }
}
