//! What the page's address says: which prompt is open, in which part, and how the list is narrowed down.

use leptos::prelude::*;
use leptos_router::{
    hooks::{use_params_map, use_query_map},
    location::Url,
};
use types::ids::PromptId;

/// Which prompt is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    Nothing,
    New,
    Prompt(PromptId),
    /// No such address.
    Unknown,
}

impl Open {
    fn of_segment(segment: Option<String>) -> Self {
        match segment.as_deref() {
            None | Some("") => Self::Nothing,
            Some(segment) => Self::of_key(segment),
        }
    }

    /// The inverse of [`Open::key`].
    pub(super) fn of_key(key: &str) -> Self {
        match key {
            "" => Self::Nothing,
            "new" => Self::New,
            number => number.parse().map_or(Self::Unknown, Self::Prompt),
        }
    }

    /// As it stands in the address.
    pub(super) fn key(self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::New => "new".to_owned(),
            Self::Prompt(id) => id.to_string(),
            Self::Unknown => "unknown".to_owned(),
        }
    }
}

/// A part of an open prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Use,
    Edit,
    Versions,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Use, Self::Edit, Self::Versions];

    fn name(self) -> &'static str {
        match self {
            Self::Use => "",
            Self::Edit => "edit",
            Self::Versions => "versions",
        }
    }

    fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|part| part.name() == name).unwrap_or(Self::Use)
    }
}

/// What the list is narrowed down to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) query: String,
    /// `None` is every folder, an empty one is those in none.
    pub(super) folder: Option<String>,
    pub(super) tag: Option<String>,
}

impl Filter {
    /// The address of `open`, with the list as it is.
    pub(super) fn link(&self, open: Open, part: Part) -> String {
        let pairs = [
            ("q", Some(self.query.clone()).filter(|query| !query.is_empty())),
            ("folder", self.folder.clone()),
            ("tag", self.tag.clone()),
            ("part", Some(part.name().to_owned()).filter(|name| !name.is_empty())),
        ];
        let pairs =
            pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", Url::escape(&value?))));
        let query = pairs.collect::<Vec<_>>().join("&");
        let page = match open {
            Open::Nothing => "/prompts".to_owned(),
            open => format!("/prompts/{}", open.key()),
        };
        if query.is_empty() { page } else { format!("{page}?{query}") }
    }
}

/// The address as signals. Copy; lives as long as the page.
#[derive(Clone, Copy)]
pub(super) struct Address {
    pub(super) open: Memo<Open>,
    pub(super) part: Memo<Part>,
    pub(super) filter: Memo<Filter>,
    /// Of the filter.
    pub(super) query: Memo<String>,
}

impl Address {
    /// Of the page that is shown.
    pub(super) fn of_page() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let filter = Memo::new(move |_| {
            let query = query.read();
            Filter {
                query: query.get("q").unwrap_or_default(),
                folder: query.get("folder"),
                tag: query.get("tag"),
            }
        });
        Self {
            open: Memo::new(move |_| Open::of_segment(params.read().get("id"))),
            part: Memo::new(move |_| Part::named(&query.read().get("part").unwrap_or_default())),
            query: Memo::new(move |_| filter.get().query),
            filter,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, Open, Part};
    use types::ids::PromptId;

    #[test]
    fn an_address_keeps_what_the_list_is_narrowed_down_to() {
        let open = Open::Prompt(PromptId(7));
        assert_eq!(Filter::default().link(open, Part::Use), "/prompts/7");
        let filter = Filter { query: "a b".into(), folder: Some(String::new()), tag: Some("ö&".into()) };
        assert_eq!(filter.link(Open::Nothing, Part::Use), "/prompts?q=a%20b&folder=&tag=%C3%B6%26");
        assert_eq!(Filter::default().link(open, Part::Edit), "/prompts/7?part=edit");
    }

    #[test]
    fn an_address_that_is_no_number_is_unknown() {
        for open in [Open::Nothing, Open::New, Open::Prompt(PromptId(3)), Open::Unknown] {
            assert_eq!(Open::of_key(&open.key()), open);
        }
        assert_eq!(Open::of_key("3x"), Open::Unknown);
    }
}
