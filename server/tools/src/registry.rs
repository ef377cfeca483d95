//! The tools that there are.

use crate::{Arguments, Description, Failure, Limits, Outcome, Tool, arguments::Schema, fingerprint};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use types::{
    toolbox::Fingerprint,
    tools::{self, MAX_TOOLS, MAX_TOOLS_BYTES, ToolCall},
};

/// The longest description that a model is told, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 8 << 10;

/// Tools by name. A value: copies are cheap, and whoever holds one keeps what it has while others make another.
#[derive(Clone, Default)]
pub struct Registry {
    entries: BTreeMap<String, Arc<Entry>>,
}

/// A tool that was looked at.
pub(crate) struct Entry {
    pub(crate) tool: Arc<dyn Tool>,
    pub(crate) description: Description,
    pub(crate) fingerprint: Fingerprint,
    schema: Schema,
}

/// A call of a tool that there is, with arguments that fit. Whether it may run is another question.
pub struct Prepared {
    pub(crate) entry: Arc<Entry>,
    pub(crate) call: ToolCall,
    pub(crate) arguments: Arguments,
}

/// Why a tool is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    #[error("“{0}” is no name of a tool: letters, digits, _ and - are")]
    Name(String),
    #[error("there is already a tool “{0}”, or one that is spelled nearly so")]
    Twice(String),
    #[error("there are already {MAX_TOOLS} tools")]
    Full,
    #[error("the tools' descriptions have more than {MAX_TOOLS_BYTES} bytes together")]
    TooLarge,
    #[error("its description has more than {MAX_DESCRIPTION_BYTES} bytes")]
    Description,
    #[error("its schema cannot be used: {0}")]
    Schema(String),
}

impl Registry {
    /// These tools and no others.
    pub fn new(tools: impl IntoIterator<Item = Arc<dyn Tool>>) -> Result<Self, RegistryError> {
        let mut registry = Self::default();
        for tool in tools {
            registry.add(tool)?;
        }
        Ok(registry)
    }

    /// Adds a tool, or leaves everything as it was and says why.
    pub fn add(&mut self, tool: Arc<dyn Tool>) -> Result<(), RegistryError> {
        let description = tool.describe();
        self.check(&description)?;
        let schema = Schema::compile(&description.parameters)?;
        let fingerprint = fingerprint::of(&description);
        let name = description.name.clone();
        self.entries.insert(name, Arc::new(Entry { tool, description, fingerprint, schema }));
        Ok(())
    }

    fn check(&self, description: &Description) -> Result<(), RegistryError> {
        let Description { name, description: text, .. } = description;
        if !tools::is_name(name) {
            return Err(RegistryError::Name(crate::shown::line(name)));
        }
        // A person reads names too: Read_File beside read_file would be taken for it.
        if self.entries.keys().any(|known| looks_alike(known, name)) {
            return Err(RegistryError::Twice(name.clone()));
        }
        if self.entries.len() >= MAX_TOOLS {
            return Err(RegistryError::Full);
        }
        if text.len() > MAX_DESCRIPTION_BYTES {
            return Err(RegistryError::Description);
        }
        let n_bytes: usize = self.entries.values().map(|it| n_bytes(&it.description)).sum();
        if n_bytes + self::n_bytes(description) > MAX_TOOLS_BYTES {
            return Err(RegistryError::TooLarge);
        }
        Ok(())
    }

    /// Those that `is_wanted`.
    pub fn only(&self, is_wanted: impl Fn(&Description) -> bool) -> Self {
        let wanted = self.entries.iter().filter(|(_, entry)| is_wanted(&entry.description));
        Self { entries: wanted.map(|(name, entry)| (name.clone(), Arc::clone(entry))).collect() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All, by name, with what tells each from its other versions.
    pub fn list(&self) -> impl Iterator<Item = (&Description, &Fingerprint)> {
        self.entries.values().map(|entry| (&entry.description, &entry.fingerprint))
    }

    /// The tools as a request to a model names them. At most [`MAX_TOOLS`], with at most [`MAX_TOOLS_BYTES`].
    pub fn for_model(&self) -> Vec<tools::Tool> {
        let told = |it: &Arc<Entry>| tools::Tool {
            name: it.description.name.clone(),
            description: it.description.description.clone(),
            parameters: it.description.parameters.to_string(),
        };
        self.entries.values().map(told).collect()
    }

    /// Finds the tool and checks the arguments; else says what the model and the person are told.
    pub fn prepare(&self, call: ToolCall, limits: &Limits) -> Result<Prepared, Box<Outcome>> {
        let found =
            self.find(&call, limits).and_then(|entry| Ok((entry.schema.read(&call.arguments)?, entry)));
        match found {
            Ok((arguments, entry)) => Ok(Prepared { entry: Arc::clone(entry), call, arguments }),
            Err(failure) => Err(Box::new(Outcome::failed(call, failure, Duration::ZERO))),
        }
    }

    fn find(&self, call: &ToolCall, limits: &Limits) -> Result<&Arc<Entry>, Failure> {
        let Some(entry) = self.entries.get(&call.name) else {
            let known: Vec<&str> = self.entries.keys().map(String::as_str).collect();
            return Err(Failure::Unknown { name: crate::shown::line(&call.name), known: known.join(", ") });
        };
        if call.arguments.len() > limits.argument_bytes {
            return Err(Failure::ArgumentsTooLong { limit: limits.argument_bytes });
        }
        Ok(entry)
    }
}

fn n_bytes(description: &Description) -> usize {
    description.name.len() + description.description.len() + description.parameters.to_string().len()
}

fn looks_alike(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        let letters = text.chars().map(|c| match c.to_ascii_lowercase() {
            '-' => '_',
            '0' => 'o',
            '1' | 'i' => 'l',
            c => c,
        });
        letters.collect()
    };
    plain(one) == plain(other)
}

impl Prepared {
    /// The call as it was made.
    pub fn call(&self) -> &ToolCall {
        &self.call
    }

    /// What the tool says of itself.
    pub fn description(&self) -> &Description {
        &self.entry.description
    }
}

#[cfg(test)]
mod tests;
