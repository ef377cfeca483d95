//! Replies to what is asked again and again: a list is fetched anew whenever something moves, and what was asked first may come last.

use leptos::prelude::*;

/// Tells which replies are news. Copy; lives as long as its page.
#[derive(Clone, Copy)]
pub(crate) struct Replies(StoredValue<Turns>);

#[derive(Default)]
struct Turns {
    n_asked: u32,
    /// The question whose reply is shown.
    shown: u32,
}

impl Replies {
    pub(crate) fn new() -> Self {
        Self(StoredValue::new(Turns::default()))
    }

    /// Numbers a question, before it is asked.
    pub(crate) fn ask(self) -> u32 {
        let next = |turns: &mut Turns| {
            turns.n_asked += 1;
            turns.n_asked
        };
        self.0.try_update_value(next).unwrap_or(0)
    }

    /// Whether nothing that was asked later is shown; this is what is shown then. Never where the page was left.
    pub(crate) fn is_news(self, question: u32) -> bool {
        let show = |turns: &mut Turns| {
            let is_news = turns.shown < question;
            turns.shown = turns.shown.max(question);
            is_news
        };
        self.0.try_update_value(show).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::Replies;
    use leptos::prelude::Owner;

    #[test]
    fn a_reply_that_was_overtaken_is_no_news() {
        Owner::new().with(|| {
            let replies = Replies::new();
            let [first, second, third] = [(); 3].map(|()| replies.ask());
            assert!(replies.is_news(second));
            assert!(!replies.is_news(first) && !replies.is_news(second));
            assert!(replies.is_news(third));
        });
    }
}
