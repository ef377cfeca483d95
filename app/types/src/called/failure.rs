//! Why calls fail, apart from any language.
//!
//! What a model is told is a sentence; a page says the same in the person's language by the kind, with what the kind is
//! about. Failures of tools that say themselves what went wrong have a kind only where this product knows the frame of it.

use serde::{Deserialize, Serialize};

/// Longer ones are none that this product wrote.
const MAX_WRITTEN_BYTES: usize = 4096;

/// An enum of kinds, each with the name by which it is kept.
macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$kind_doc:meta])* $kind:ident = $written:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$kind_doc])* $kind,)*
        }

        impl $name {
            /// All that there are.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $written,)*
                }
            }

            fn named(name: &str) -> Option<FailureKind> {
                Self::ALL.iter().copied().find(|it| it.name() == name).map(FailureKind::from)
            }
        }

        impl From<$name> for FailureKind {
            fn from(kind: $name) -> Self {
                Self::$name(kind)
            }
        }
    };
}

kinds!(
    /// Of the call itself, or of what the tools look into here.
    CallProblem {
        /// There is no such tool.
        Unknown = "unknown",
        /// One of this product's tools that has to be set up first: its name.
        NotSetUp = "not_set_up",
        /// The arguments do not fit the tool.
        Arguments = "arguments",
        /// The number: the most bytes that are taken.
        ArgumentsTooLong = "arguments_too_long",
        /// The tool is never to run.
        SwitchedOff = "switched_off",
        /// The person said no.
        Denied = "denied",
        /// Nobody said whether it may run.
        Unanswered = "unanswered",
        /// The number: seconds; 0 where that was not kept.
        TimedOut = "timed_out",
        /// A mistake in the tool.
        Broken = "broken",
        /// The answer has called as often as it may.
        OutOfRounds = "out_of_rounds",
        /// What was meant to be a time zone.
        NoZone = "no_zone",
        NoDocuments = "no_documents",
        /// What was meant to be a document's name.
        NoSuchDocument = "no_such_document",
        DocumentsFailed = "documents_failed",
    }
);

kinds!(
    /// On the way to another computer, or of what it sent. Where a host is meant, the name is the host's.
    WebProblem {
        /// What was meant to be an address.
        NoAddress = "no_address",
        /// The address has a name or a password in it.
        Credentials = "credentials",
        /// The host is not on the public internet.
        PrivateHost = "private_host",
        NoSuchHost = "no_such_host",
        Unreachable = "unreachable",
        /// The number: the status.
        Status = "host_status",
        Redirected = "redirected",
        CutOff = "cut_off",
        /// The number: seconds.
        TimedOut = "host_timed_out",
        /// The page has no text.
        EmptyPage = "empty_page",
        /// The number: how many parts there are.
        NoSuchPart = "no_such_part",
        /// What kind of page it is, which is none of text.
        PageKind = "page_kind",
        /// SearXNG is not set to answer programs.
        SearchForm = "search_form",
        /// A service does not take the key.
        KeyRefused = "key_refused",
        /// A service was asked too often.
        AskedTooOften = "asked_too_often",
        /// The service that sent something else than results.
        NoResults = "no_results",
        /// The service that wants to see a person.
        WantsPerson = "wants_person",
        /// The server of images does not take the order.
        ImageOrder = "image_order",
        /// It sent no image.
        NoImage = "no_image",
        /// It sent one that is too large, or of a kind that is not known.
        ImageUnusable = "image_unusable",
    }
);

kinds!(
    /// Of an expression that has no value.
    CalculationProblem {
        /// The number: the most bytes that one has.
        TooLong = "calculation_too_long",
        /// The number: how deep one may be nested.
        TooDeep = "calculation_too_deep",
        /// What is no number.
        Number = "calculation_number",
        /// What cannot stand where it stands.
        Unexpected = "calculation_unexpected",
        /// Something is missing at its end.
        Missing = "calculation_missing",
        /// A name that means nothing.
        Unknown = "calculation_unknown",
        /// A function, and as the number how many values it was given.
        Count = "calculation_count",
        /// A function that takes whole numbers only.
        Whole = "calculation_whole",
        DividedByZero = "calculation_zero",
        NoValue = "calculation_no_value",
    }
);

kinds!(
    /// Of a program that a model wrote.
    ProgramProblem {
        /// The status with which it ended.
        Failed = "program_failed",
        /// The number: seconds.
        TimedOut = "program_timed_out",
        /// It needed too much memory, or called itself too deeply.
        Broke = "program_broke",
        /// The number: the most bytes that one has.
        TooLong = "program_too_long",
        /// The language without an interpreter.
        NoInterpreter = "no_interpreter",
        /// The interpreter's file that is another, or cannot be read.
        Interpreter = "interpreter_unusable",
        /// This machine runs no WebAssembly.
        NoSandbox = "no_sandbox",
    }
);

kinds!(
    /// Of a server of tools.
    McpProblem {
        /// The program that cannot be started.
        Start = "server_start",
        /// It wants a key, or another one.
        Key = "server_key",
        Gone = "server_gone",
        /// It was gone a moment ago.
        LeftAlone = "server_left_alone",
        /// The number: seconds.
        TimedOut = "server_timed_out",
        /// It does not speak the protocol.
        Protocol = "server_protocol",
        /// It was switched off.
        Off = "server_off",
        /// It ended during the call.
        Ended = "server_ended",
        /// It answered with more than is taken.
        TooLarge = "server_too_large",
        /// It asks something back.
        AsksBack = "server_asks_back",
        /// The server's own words.
        Said = "server_said",
        /// It describes the tool differently now.
        ToolChanged = "tool_changed",
        /// It no longer has the tool.
        ToolGone = "tool_gone",
    }
);

/// In which of the known ways a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureKind {
    CallProblem(CallProblem),
    WebProblem(WebProblem),
    CalculationProblem(CalculationProblem),
    ProgramProblem(ProgramProblem),
    McpProblem(McpProblem),
}

impl FailureKind {
    fn name(self) -> &'static str {
        match self {
            Self::CallProblem(it) => it.name(),
            Self::WebProblem(it) => it.name(),
            Self::CalculationProblem(it) => it.name(),
            Self::ProgramProblem(it) => it.name(),
            Self::McpProblem(it) => it.name(),
        }
    }

    fn named(name: &str) -> Option<Self> {
        CallProblem::named(name)
            .or_else(|| WebProblem::named(name))
            .or_else(|| CalculationProblem::named(name))
            .or_else(|| ProgramProblem::named(name))
            .or_else(|| McpProblem::named(name))
    }
}

/// Why a call failed, where that is known; other failures are told in the tool's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFailure {
    pub kind: FailureKind,
    /// What the kind says that the name is; empty where it says nothing of one.
    pub name: String,
    /// What the kind says that the number is; 0 where it says nothing of one.
    pub n: u64,
}

impl CallFailure {
    /// Of this kind, which needs no more words.
    pub fn of<K: Into<FailureKind>>(kind: K) -> Self {
        Self { kind: kind.into(), name: String::new(), n: 0 }
    }

    /// The same about something of that name.
    pub fn about(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The same with a number.
    pub fn with_number(self, n: u64) -> Self {
        Self { n, ..self }
    }

    /// As it is kept, in one line.
    pub fn written(&self) -> String {
        let kind = self.kind.name();
        match (self.name.as_str(), self.n) {
            ("", 0) => kind.to_owned(),
            ("", n) => format!("{kind} {n}"),
            (name, n) => format!("{kind} {n} {name}"),
        }
    }

    /// The one that was written so. None of what another version wrote, or a stranger.
    pub fn read(written: &str) -> Option<Self> {
        if written.len() > MAX_WRITTEN_BYTES {
            return None;
        }
        let mut words = written.splitn(3, ' ');
        let kind = FailureKind::named(words.next()?)?;
        let n = words.next().map_or(Some(0), |n| n.parse().ok())?;
        Some(Self::of(kind).about(words.next().unwrap_or_default()).with_number(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn all() -> Vec<FailureKind> {
        let kinds = CallProblem::ALL.iter().copied().map(FailureKind::from);
        kinds
            .chain(WebProblem::ALL.iter().copied().map(FailureKind::from))
            .chain(CalculationProblem::ALL.iter().copied().map(FailureKind::from))
            .chain(ProgramProblem::ALL.iter().copied().map(FailureKind::from))
            .chain(McpProblem::ALL.iter().copied().map(FailureKind::from))
            .collect()
    }

    #[test]
    fn every_kind_is_found_by_a_name_of_its_own() {
        let names: BTreeSet<_> = all().into_iter().map(FailureKind::name).collect();
        assert_eq!(names.len(), all().len());
        assert!(names.iter().all(|it| !it.contains(' ')));
        for kind in all() {
            assert_eq!(FailureKind::named(kind.name()), Some(kind));
        }
    }

    #[track_caller]
    fn check(failure: CallFailure, written: &str) {
        assert_eq!(failure.written(), written);
        assert_eq!(CallFailure::read(written), Some(failure));
    }

    #[test]
    fn a_failure_is_read_as_it_was_written() {
        check(CallFailure::of(CallProblem::Denied), "denied");
        check(CallFailure::of(CallProblem::TimedOut), "timed_out");
        check(CallFailure::of(CallProblem::TimedOut).with_number(60), "timed_out 60");
        check(CallFailure::of(McpProblem::Said).about("no such file"), "server_said 0 no such file");
        let status = CallFailure::of(WebProblem::Status).about("a.test:8080").with_number(404);
        check(status, "host_status 404 a.test:8080");
    }

    #[test]
    fn what_nobody_wrote_here_is_no_failure() {
        for text in ["", " ", "of another version", "denied x", "timed_out -1", "Denied"] {
            assert_eq!(CallFailure::read(text), None, "{text:?}");
        }
        assert_eq!(CallFailure::read(&format!("server_said 0 {}", "x".repeat(MAX_WRITTEN_BYTES))), None);
    }
}
