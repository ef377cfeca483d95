//! What a server of tools must look like before it is kept.

use crate::error::ServerProblem;
use types::{
    secret::Secret,
    toolbox::{McpPlace, McpServer},
};

const MAX_ARGUMENTS: usize = 64;
const MAX_VARIABLES: usize = 64;
const MAX_TEXT_BYTES: usize = 4096;

/// Checks everything but the name and the address, which the client checks.
pub(crate) fn check(server: &McpServer) -> Result<(), ServerProblem> {
    match &server.place {
        McpPlace::Program { program, arguments, environment } => {
            if program.trim().is_empty() {
                return Err(ServerProblem::NoProgram);
            }
            check_text(program)?;
            check_arguments(arguments)?;
            check_environment(environment)
        }
        McpPlace::Address { key, .. } => key.as_ref().map_or(Ok(()), check_key),
    }
}

fn check_arguments(arguments: &[String]) -> Result<(), ServerProblem> {
    if arguments.len() > MAX_ARGUMENTS {
        return Err(ServerProblem::Arguments(MAX_ARGUMENTS));
    }
    arguments.iter().try_for_each(|argument| check_text(argument))
}

fn check_environment(environment: &[(String, Secret)]) -> Result<(), ServerProblem> {
    if environment.len() > MAX_VARIABLES {
        return Err(ServerProblem::Variables(MAX_VARIABLES));
    }
    for (at, (name, value)) in environment.iter().enumerate() {
        if environment[..at].iter().any(|(before, _)| before == name) {
            return Err(ServerProblem::VariableTwice);
        }
        let is_name = !name.is_empty() && !name.contains(|c: char| c == '=' || c.is_whitespace());
        if !is_name {
            return Err(ServerProblem::VariableName);
        }
        check_text(name)?;
        check_text(value.expose())?;
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), ServerProblem> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(ServerProblem::TooLong(MAX_TEXT_BYTES));
    }
    if text.contains('\0') { Err(ServerProblem::Character) } else { Ok(()) }
}

fn check_key(key: &Secret) -> Result<(), ServerProblem> {
    if key.expose().len() > MAX_TEXT_BYTES {
        return Err(ServerProblem::TooLong(MAX_TEXT_BYTES));
    }
    if is_key(key) { Ok(()) } else { Err(ServerProblem::Key) }
}

/// Whether it can stand in a header of HTTP.
pub(crate) fn is_key(key: &Secret) -> bool {
    let key = key.expose();
    !key.is_empty() && key.len() <= MAX_TEXT_BYTES && key.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_program(
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        expected: Result<(), ServerProblem>,
    ) {
        let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
        let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new(*value));
        let environment = environment.iter().map(variable).collect();
        let place = McpPlace::Program { program: program.to_owned(), arguments, environment };
        assert_eq!(check(&McpServer { name: "files".to_owned(), place }), expected);
    }

    #[test]
    fn a_program_with_arguments_and_variables_is_kept() {
        check_program("npx", &["-y", "a server", ""], &[("KEY", "a = b")], Ok(()));
    }

    #[test]
    fn what_no_program_can_be_given_is_refused() {
        check_program("  ", &[], &[], Err(ServerProblem::NoProgram));
        check_program("x", &["a\0b"], &[], Err(ServerProblem::Character));
        check_program("x", &[], &[("A=B", "")], Err(ServerProblem::VariableName));
        check_program("x", &[], &[("", "")], Err(ServerProblem::VariableName));
        check_program("x", &[], &[("A", "1"), ("A", "2")], Err(ServerProblem::VariableTwice));
        check_program("x", &[""; MAX_ARGUMENTS + 1], &[], Err(ServerProblem::Arguments(MAX_ARGUMENTS)));
        check_program("x", &[], &[("A", ""); 65], Err(ServerProblem::Variables(MAX_VARIABLES)));
        let long = "x".repeat(MAX_TEXT_BYTES + 1);
        check_program("x", &[&long], &[], Err(ServerProblem::TooLong(MAX_TEXT_BYTES)));
    }

    #[test]
    fn a_key_fits_into_a_header() {
        for (key, expected) in [("abc-123", true), ("", false), ("a b", false), ("a\nb", false), ("ä", false)]
        {
            assert_eq!(is_key(&Secret::new(key)), expected, "{key:?}");
        }
    }
}
