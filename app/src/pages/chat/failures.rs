//! Why calls of tools failed, in the language of the page.

use crate::{
    format::bytes,
    i18n::{FailuresTexts, fill},
};
use types::called::{
    CalculationProblem, CallFailure, CallProblem, FailureKind, McpProblem, ProgramProblem, WebProblem,
};

/// The sentence that says it.
pub(super) fn sentence(failure: &CallFailure, texts: &FailuresTexts) -> String {
    let text = match failure.kind {
        FailureKind::CallProblem(CallProblem::TimedOut) if failure.n > 0 => texts.timed_out_after,
        FailureKind::CallProblem(problem) => of_call(problem, texts),
        FailureKind::WebProblem(problem) => of_web(problem, texts),
        FailureKind::CalculationProblem(problem) => of_calculation(problem, texts),
        FailureKind::ProgramProblem(problem) => of_program(problem, texts),
        FailureKind::McpProblem(problem) => of_server(problem, texts),
    };
    let text = fill(text, "n", failure.n);
    let text = fill(&text, "bytes", bytes(failure.n as f64));
    // Last: nothing is filled into what somebody else named.
    fill(&text, "name", &failure.name)
}

fn of_call(problem: CallProblem, texts: &FailuresTexts) -> &'static str {
    match problem {
        CallProblem::Unknown => texts.unknown,
        CallProblem::NotSetUp => texts.not_set_up,
        CallProblem::Arguments => texts.arguments,
        CallProblem::ArgumentsTooLong => texts.arguments_too_long,
        CallProblem::SwitchedOff => texts.switched_off,
        CallProblem::Denied => texts.denied,
        CallProblem::Unanswered => texts.unanswered,
        CallProblem::TimedOut => texts.timed_out,
        CallProblem::Broken => texts.broken,
        CallProblem::OutOfRounds => texts.out_of_rounds,
        CallProblem::NoZone => texts.no_zone,
        CallProblem::NoDocuments => texts.no_documents,
        CallProblem::NoSuchDocument => texts.no_such_document,
        CallProblem::DocumentsFailed => texts.documents_failed,
    }
}

fn of_web(problem: WebProblem, texts: &FailuresTexts) -> &'static str {
    match problem {
        WebProblem::NoAddress => texts.no_address,
        WebProblem::Credentials => texts.credentials,
        WebProblem::PrivateHost => texts.private_host,
        WebProblem::NoSuchHost => texts.no_such_host,
        WebProblem::Unreachable => texts.unreachable,
        WebProblem::Status => texts.host_status,
        WebProblem::Redirected => texts.redirected,
        WebProblem::CutOff => texts.cut_off,
        WebProblem::TimedOut => texts.host_timed_out,
        WebProblem::EmptyPage => texts.empty_page,
        WebProblem::NoSuchPart => texts.no_such_part,
        WebProblem::PageKind => texts.page_kind,
        WebProblem::SearchForm => texts.search_form,
        WebProblem::KeyRefused => texts.key_refused,
        WebProblem::AskedTooOften => texts.asked_too_often,
        WebProblem::NoResults => texts.no_results,
        WebProblem::WantsPerson => texts.wants_person,
        WebProblem::ImageOrder => texts.image_order,
        WebProblem::NoImage => texts.no_image,
        WebProblem::ImageUnusable => texts.image_unusable,
    }
}

fn of_calculation(problem: CalculationProblem, texts: &FailuresTexts) -> &'static str {
    match problem {
        CalculationProblem::TooLong => texts.calculation_too_long,
        CalculationProblem::TooDeep => texts.calculation_too_deep,
        CalculationProblem::Number => texts.calculation_number,
        CalculationProblem::Unexpected => texts.calculation_unexpected,
        CalculationProblem::Missing => texts.calculation_missing,
        CalculationProblem::Unknown => texts.calculation_unknown,
        CalculationProblem::Count => texts.calculation_count,
        CalculationProblem::Whole => texts.calculation_whole,
        CalculationProblem::DividedByZero => texts.calculation_zero,
        CalculationProblem::NoValue => texts.calculation_no_value,
    }
}

fn of_program(problem: ProgramProblem, texts: &FailuresTexts) -> &'static str {
    match problem {
        ProgramProblem::Failed => texts.program_failed,
        ProgramProblem::TimedOut => texts.program_timed_out,
        ProgramProblem::Broke => texts.program_broke,
        ProgramProblem::TooLong => texts.program_too_long,
        ProgramProblem::NoInterpreter => texts.no_interpreter,
        ProgramProblem::Interpreter => texts.interpreter_unusable,
        ProgramProblem::NoSandbox => texts.no_sandbox,
    }
}

fn of_server(problem: McpProblem, texts: &FailuresTexts) -> &'static str {
    match problem {
        McpProblem::Start => texts.server_start,
        McpProblem::Key => texts.server_key,
        McpProblem::Gone => texts.server_gone,
        McpProblem::LeftAlone => texts.server_left_alone,
        McpProblem::TimedOut => texts.server_timed_out,
        McpProblem::Protocol => texts.server_protocol,
        McpProblem::Off => texts.server_off,
        McpProblem::Ended => texts.server_ended,
        McpProblem::TooLarge => texts.server_too_large,
        McpProblem::AsksBack => texts.server_asks_back,
        McpProblem::Said => texts.server_said,
        McpProblem::ToolChanged => texts.tool_changed,
        McpProblem::ToolGone => texts.tool_gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Locale;

    #[track_caller]
    fn check(failure: CallFailure, english: &str, german: &str) {
        let said = |locale| sentence(&failure, FailuresTexts::of(locale));
        assert_eq!((said(Locale::En).as_str(), said(Locale::De).as_str()), (english, german));
    }

    #[test]
    fn a_failure_is_said_in_the_language_of_the_page_with_what_it_is_about() {
        check(
            CallFailure::of(CallProblem::Denied),
            "Not run: you said no",
            "Nicht ausgeführt: du hast abgelehnt",
        );
        check(
            CallFailure::of(WebProblem::Status).about("a.test").with_number(404),
            "The host a.test answered with status 404",
            "Der Rechner a.test hat mit Status 404 geantwortet",
        );
        check(
            CallFailure::of(ProgramProblem::TooLong).with_number(65_536),
            "The program is longer than 66 kB",
            "Das Programm ist länger als 66 kB",
        );
    }

    #[test]
    fn how_long_it_took_is_said_where_it_was_kept() {
        let timed_out = CallFailure::of(CallProblem::TimedOut);
        check(
            timed_out.clone(),
            "It took too long and was stopped",
            "Es hat zu lange gedauert und wurde beendet",
        );
        check(
            timed_out.with_number(60),
            "It took longer than 60 s and was stopped",
            "Es hat länger als 60 s gedauert und wurde beendet",
        );
    }

    #[test]
    fn words_of_others_are_said_as_they_are() {
        check(
            CallFailure::of(McpProblem::Said).about("give me {n} or {name}"),
            "The server says: give me {n} or {name}",
            "Der Server meldet: give me {n} or {name}",
        );
    }

    fn all(texts: &FailuresTexts) -> Vec<&'static str> {
        let call = CallProblem::ALL.iter().map(|it| of_call(*it, texts));
        let web = WebProblem::ALL.iter().map(|it| of_web(*it, texts));
        let calculation = CalculationProblem::ALL.iter().map(|it| of_calculation(*it, texts));
        let program = ProgramProblem::ALL.iter().map(|it| of_program(*it, texts));
        let server = McpProblem::ALL.iter().map(|it| of_server(*it, texts));
        call.chain(web).chain(calculation).chain(program).chain(server).collect()
    }

    #[test]
    fn both_languages_say_the_same_things_and_leave_no_place_empty() {
        let places = ["{n}", "{bytes}", "{name}"];
        let filled = |text: &str| places.map(|place| text.matches(place).count());
        let (english, german) = (all(FailuresTexts::of(Locale::En)), all(FailuresTexts::of(Locale::De)));
        for (english, german) in english.into_iter().zip(german) {
            assert_eq!(filled(english), filled(german), "{english} {german}");
            assert_eq!(filled(german).iter().sum::<usize>(), german.matches('{').count(), "{german}");
            assert_ne!(english, german);
        }
    }
}
