//! Whether a call may run.
//!
//! Pure: time is given. A yes is for one tool as it is described now and for the very bytes of the arguments, holds for a
//! few minutes and is used up by running. One value belongs to one person's conversation, so that a yes in another is
//! none here; it is kept in memory only, so that a restart forgets every question.

use crate::{Description, Failure, Outcome, Prepared, outcome::NotAllowed, shown};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use types::toolbox::{Fingerprint, Permission, Question, QuestionId, Standing, Why};

/// How long a question waits, and how long a yes holds, where nothing else was chosen.
pub const APPROVAL_TIME: Duration = Duration::from_secs(5 * 60);
/// Questions that are remembered; older ones are forgotten, which is a no.
const MAX_QUESTIONS: usize = 128;

/// What a person has allowed in one conversation.
#[derive(Debug)]
pub struct Approvals {
    standing: BTreeMap<String, Standing>,
    asked: VecDeque<Asked>,
    next: u64,
    life: Duration,
}

#[derive(Debug)]
struct Asked {
    question: Question,
    fingerprint: Fingerprint,
    answered: Option<Answered>,
    /// The time of the last thing that happened to it.
    at_ms: i64,
}

/// What a person says to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Run this call, once.
    Yes,
    No,
}

/// What becomes of a call.
pub enum Decision {
    /// It may run now.
    Run(Approved),
    /// The person has to be asked first. The same question comes again until it is answered or has expired.
    Ask(Box<Question>),
    /// It does not run; this is what the model and the person are told.
    Refuse(Box<Outcome>),
}

/// A call that may run, once. Only [`Approvals::decide`] makes one.
pub struct Approved(pub(crate) Prepared);

/// Why an answer came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error("nobody asks this any more; the question has expired or was answered")]
    Gone,
}

impl Default for Approvals {
    fn default() -> Self {
        Self::new([])
    }
}

impl Approvals {
    /// With what the person has chosen for tools at other times.
    pub fn new(standing: impl IntoIterator<Item = Standing>) -> Self {
        let standing = standing.into_iter().map(|it| (it.tool.clone(), it)).collect();
        Self { standing, asked: VecDeque::new(), next: 1, life: APPROVAL_TIME }
    }

    /// The same with another time to answer in, and for a yes to hold.
    pub fn with_life(self, life: Duration) -> Self {
        Self { life, ..self }
    }

    /// Takes what the person has chosen for all tools, which may be else by now: nothing else holds from now on, and an always only
    /// for as long as its tool stays what it is.
    pub fn renew(&mut self, standing: impl IntoIterator<Item = Standing>) {
        self.standing = standing.into_iter().map(|it| (it.tool.clone(), it)).collect();
    }

    /// What holds for a tool now.
    pub fn permission(&self, description: &Description, fingerprint: &Fingerprint) -> Permission {
        self.look(description, fingerprint).0
    }

    fn look(&self, description: &Description, fingerprint: &Fingerprint) -> (Permission, Why) {
        let Some(standing) = self.standing.get(&description.name) else {
            return (description.effect.default_permission(), Why::Asks);
        };
        match standing.permission {
            Permission::Always if standing.fingerprint != *fingerprint => (Permission::Ask, Why::Changed),
            permission => (permission, Why::Asks),
        }
    }

    /// Decides about a call at the time `now_ms`, in milliseconds since 1970.
    pub fn decide(&mut self, prepared: Prepared, now_ms: i64) -> Decision {
        self.forget_old(now_ms);
        match self.look(&prepared.entry.description, &prepared.entry.fingerprint) {
            (Permission::Always, _) => {
                self.asked.retain(|it| !it.is_about(&prepared));
                Decision::Run(Approved(prepared))
            }
            (Permission::Never, _) => {
                self.asked.retain(|it| !it.is_about(&prepared));
                refuse(prepared, NotAllowed::Never)
            }
            (Permission::Ask, why) => self.ask(prepared, why, now_ms),
        }
    }

    fn ask(&mut self, prepared: Prepared, why: Why, now_ms: i64) -> Decision {
        let Some(at) = self.asked.iter().position(|it| it.is_about(&prepared)) else {
            return Decision::Ask(Box::new(self.question(&prepared, why, now_ms)));
        };
        match self.asked[at].answered {
            None => Decision::Ask(Box::new(self.asked[at].question.clone())),
            Some(answered) => {
                self.asked.remove(at);
                match answered {
                    Answered::Yes => Decision::Run(Approved(prepared)),
                    Answered::No => refuse(prepared, NotAllowed::Denied),
                }
            }
        }
    }

    fn question(&mut self, prepared: &Prepared, why: Why, now_ms: i64) -> Question {
        let Description { description, origin, effect, .. } = &prepared.entry.description;
        let question = Question {
            id: QuestionId(self.next),
            call: prepared.call.clone(),
            shown_arguments: shown::arguments(&prepared.call.arguments),
            description: description.clone(),
            origin: origin.clone(),
            effect: *effect,
            why,
            expires_ms: now_ms.saturating_add(self.life_ms()),
        };
        self.next += 1;
        if self.asked.len() == MAX_QUESTIONS {
            self.asked.pop_front();
        }
        let fingerprint = prepared.entry.fingerprint.clone();
        self.asked.push_back(Asked {
            question: question.clone(),
            fingerprint,
            answered: None,
            at_ms: now_ms,
        });
        question
    }

    /// Takes a person's answer. It is for the call that was shown and holds for as long as the question waited at most.
    pub fn answer(&mut self, id: QuestionId, answered: Answered, now_ms: i64) -> Result<(), AnswerError> {
        self.forget_old(now_ms);
        let open = self.asked.iter_mut().find(|it| it.question.id == id && it.answered.is_none());
        let asked = open.ok_or(AnswerError::Gone)?;
        asked.answered = Some(answered);
        asked.at_ms = now_ms;
        Ok(())
    }

    /// The questions that wait for an answer, the oldest first.
    pub fn open_questions(&mut self, now_ms: i64) -> Vec<Question> {
        self.forget_old(now_ms);
        self.asked.iter().filter(|it| it.answered.is_none()).map(|it| it.question.clone()).collect()
    }

    /// The tool that a question is about, as it is described there, while it waits for an answer.
    pub fn asked_about(&mut self, id: QuestionId, now_ms: i64) -> Option<(String, Fingerprint)> {
        self.forget_old(now_ms);
        let asked = self.asked.iter().find(|it| it.answered.is_none() && it.question.id == id)?;
        Some((asked.question.call.name.clone(), asked.fingerprint.clone()))
    }

    /// A clock that was set back must not make a yes hold longer, so what lies ahead of now is old as well.
    fn forget_old(&mut self, now_ms: i64) {
        let life_ms = self.life_ms();
        self.asked.retain(|it| (0..life_ms).contains(&now_ms.saturating_sub(it.at_ms)));
    }

    fn life_ms(&self) -> i64 {
        i64::try_from(self.life.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Asked {
    fn is_about(&self, prepared: &Prepared) -> bool {
        self.fingerprint == prepared.entry.fingerprint && self.question.call == prepared.call
    }
}

fn refuse(prepared: Prepared, reason: NotAllowed) -> Decision {
    let failure = Failure::NotAllowed(reason);
    Decision::Refuse(Box::new(Outcome::failed(prepared.call, failure, Duration::ZERO)))
}

#[cfg(test)]
mod tests;
