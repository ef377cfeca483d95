//! Chat templates: the model's own Jinja, or a plain form for models that bring none.

mod functions;
mod habits;
mod values;

pub(crate) use values::Values;

use habits::Habits;
use minijinja::{Environment, Value, context, syntax::SyntaxConfig};
use types::chat::{ChatTurn, Role};
use values::messages;

/// The name errors give the template.
const NAME: &str = "chat template";

/// Instructions one rendering may take: enough for any conversation, and an end for a template that has none.
const FUEL: u64 = 5_000_000;

/// How a conversation becomes one text.
pub(crate) enum Template {
    /// The model's own.
    Jinja {
        environment: Box<Environment<'static>>,
        source: String,
        habits: Habits,
        bos_token: String,
        eos_token: String,
    },
    /// The model's own, which does not parse; every use says why.
    Broken(String),
    /// Names and colons.
    Plain,
}

impl Template {
    /// `source` as the model has it.
    pub(crate) fn new(source: Option<String>, bos_token: String, eos_token: String) -> Self {
        let Some(source) = source else { return Self::Plain };
        let mut environment = Environment::new();
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_fuel(Some(FUEL));
        functions::add(&mut environment);
        match environment.add_template_owned(NAME, without_generation_tags(&source)) {
            Ok(()) => {
                let habits = Habits::of(&source);
                Self::Jinja { environment: Box::new(environment), source, habits, bos_token, eos_token }
            }
            Err(error) => Self::Broken(sentence(&error)),
        }
    }

    /// The conversation with the assistant's turn opened. The error is what the template says.
    pub(crate) fn render(&self, turns: &[ChatTurn], values: &Values) -> Result<String, String> {
        match self {
            Self::Plain => Ok(plain(turns)),
            Self::Broken(reason) => Err(reason.clone()),
            &Self::Jinja { habits, .. } => {
                let turns = &*habits.with_ids(turns);
                // Most templates want arguments as an object, some as the text that the model wrote.
                let by_object = self.render_messages(messages(turns, habits, true), values);
                match by_object {
                    Err(_) if turns.iter().any(|turn| !turn.calls.is_empty()) => {
                        self.render_messages(messages(turns, habits, false), values).or(by_object)
                    }
                    rendered => rendered,
                }
            }
        }
    }

    fn render_messages(&self, messages: Vec<Value>, values: &Values) -> Result<String, String> {
        let Self::Jinja { environment, bos_token, eos_token, .. } = self else { return Ok(String::new()) };
        let own = context! {
            messages,
            bos_token => bos_token.as_str(),
            eos_token => eos_token.as_str(),
            tools => values.tools.clone(),
            documents => (),
            add_generation_prompt => true,
            ..values.more.clone()
        };
        let template = environment.get_template(NAME);
        let rendered = template.and_then(|template| template.render(own));
        rendered.map_err(|error| sentence(&error))
    }

    /// Whether the template has this word in it.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        matches!(self, Self::Jinja { source, .. } if source.contains(word))
    }

    /// Stop strings an answer in this form needs.
    pub(crate) fn stops(&self) -> Vec<String> {
        match self {
            Self::Plain => vec!["\nUser:".into(), "\nSystem:".into()],
            Self::Jinja { .. } | Self::Broken(_) => vec![],
        }
    }
}

/// What a template raised, else the kind of error and where.
fn sentence(error: &minijinja::Error) -> String {
    match (error.detail(), error.kind()) {
        (Some(detail), minijinja::ErrorKind::InvalidOperation) => detail.to_owned(),
        _ => error.to_string(),
    }
}

fn plain(turns: &[ChatTurn]) -> String {
    let mut text = String::new();
    for turn in turns {
        let name = match turn.role {
            Role::System => "System",
            Role::User | Role::Tool => "User",
            Role::Assistant => "Assistant",
        };
        text += &format!("{name}: {}\n", turn.content.trim());
    }
    text + "Assistant:"
}

/// Some templates mark the assistant's words for training with a tag of their own. It changes nothing here, and
/// becomes a comment that trims the same white space.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, tag, after)) = next_tag(rest) {
        out += before;
        match tag.trim_matches(|it: char| matches!(it, '-' | '+')).trim() {
            "generation" | "endgeneration" => {
                let dash = |trims: bool| if trims { "-" } else { "" };
                out += &format!("{{#{} {}#}}", dash(tag.starts_with('-')), dash(tag.ends_with('-')));
            }
            _ => out += &format!("{{%{tag}%}}"),
        }
        rest = after;
    }
    out + rest
}

/// The text before a block tag, the tag's inside, the text behind it.
fn next_tag(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{%")?;
    let (tag, after) = rest.split_once("%}")?;
    Some((before, tag, after))
}

#[cfg(test)]
mod tests;
