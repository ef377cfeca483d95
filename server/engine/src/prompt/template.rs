//! Chat templates: the model's own Jinja, or a plain form for models that bring none.

mod functions;
mod habits;
mod values;

pub(crate) use values::Values;

use habits::Habits;
use minijinja::{Environment, Value, context, syntax::SyntaxConfig};
use types::chat::{ChatTurn, Role};
use values::{Shape, messages};

/// The name errors give the template.
const NAME: &str = "chat template";

/// Instructions one rendering may take: enough for any conversation, and an end for a template that has none.
const FUEL: u64 = 5_000_000;

/// Said to a template to see whether it shows what is said.
const PROBE: &str = "What is said here?";

/// How a conversation becomes one text.
pub(crate) enum Template {
    /// The model's own.
    Jinja(Box<Jinja>),
    /// The model's own, which does not parse; every use says why.
    Broken(String),
    /// Names and colons.
    Plain,
}

/// A template that parses.
pub(crate) struct Jinja {
    environment: Environment<'static>,
    source: String,
    habits: Habits,
    bos_token: String,
    eos_token: String,
    /// What a turn says has to be a list of parts: a text alone would not be seen.
    wants_parts: bool,
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
                let mut jinja =
                    Jinja { environment, source, habits, bos_token, eos_token, wants_parts: false };
                jinja.wants_parts = jinja.wants_parts();
                Self::Jinja(Box::new(jinja))
            }
            Err(error) => Self::Broken(sentence(&error)),
        }
    }

    /// No token begins texts of the model.
    pub(crate) fn forget_bos(&mut self) {
        if let Self::Jinja(jinja) = self {
            jinja.bos_token.clear();
        }
    }

    /// The conversation with the assistant's turn opened. The error is what the template says.
    pub(crate) fn render(&self, turns: &[ChatTurn], values: &Values) -> Result<String, String> {
        match self {
            Self::Plain => Ok(plain(turns)),
            Self::Broken(reason) => Err(reason.clone()),
            Self::Jinja(jinja) => jinja.render(turns, values),
        }
    }

    /// Whether the template has this word in it.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        matches!(self, Self::Jinja(jinja) if jinja.source.contains(word))
    }

    /// Stop strings an answer in this form needs.
    pub(crate) fn stops(&self) -> Vec<String> {
        match self {
            Self::Plain => vec!["\nUser:".into(), "\nSystem:".into()],
            Self::Jinja(_) | Self::Broken(_) => vec![],
        }
    }
}

impl Jinja {
    fn render(&self, turns: &[ChatTurn], values: &Values) -> Result<String, String> {
        let turns = &*self.habits.with_ids(turns);
        let shape = |with_objects| Shape { with_objects, with_parts: self.wants_parts, habits: self.habits };
        // Most templates want arguments as an object, some as the text that the model wrote.
        let by_object = self.render_messages(messages(turns, shape(true)), values);
        match by_object {
            Err(_) if turns.iter().any(|turn| !turn.calls.is_empty()) => {
                self.render_messages(messages(turns, shape(false)), values).or(by_object)
            }
            rendered => rendered,
        }
    }

    /// Whether it shows what is said as a list of parts, and not what is said as a text.
    fn wants_parts(&self) -> bool {
        let turns = [ChatTurn::new(Role::User, PROBE)];
        let shows = |with_parts| {
            let messages = messages(&turns, Shape { with_objects: true, with_parts, habits: self.habits });
            self.render_messages(messages, &Values::default()).is_ok_and(|text| text.contains(PROBE))
        };
        !shows(false) && shows(true)
    }

    fn render_messages(&self, messages: Vec<Value>, values: &Values) -> Result<String, String> {
        let own = context! {
            messages,
            bos_token => self.bos_token.as_str(),
            eos_token => self.eos_token.as_str(),
            tools => values.tools.clone(),
            documents => (),
            add_generation_prompt => true,
            ..values.more.clone()
        };
        let template = self.environment.get_template(NAME);
        let rendered = template.and_then(|template| template.render(own));
        rendered.map_err(|error| sentence(&error))
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
