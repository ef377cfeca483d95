//! Models that are cut into several files, which are numbered in their names: `NAME-00002-of-00005`. Pure.

/// Digits of a number in a name.
const N_DIGITS: usize = 5;
/// More files than any model is cut into.
const MAX_FILES: u32 = 10_000;

/// Which part of a model a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The name without the numbers.
    pub name: &'a str,
    /// Counted from 1.
    pub number: u32,
    pub n_files: u32,
}

/// `None` for a file that is a model by itself. `stem` is the name without its ending; folders before it are a part of it.
pub fn part_of(stem: &str) -> Option<Part<'_>> {
    let (rest, n_files) = stem.rsplit_once("-of-")?;
    let (name, number) = rest.rsplit_once('-')?;
    let is_number = |text: &str| text.len() == N_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    let number_of = |text: &str| text.parse().ok().filter(|_| is_number(text));
    let (number, n_files) = (number_of(number)?, number_of(n_files)?);
    let is_part = (1..=n_files).contains(&number) && n_files <= MAX_FILES && !name.is_empty();
    is_part.then_some(Part { name, number, n_files })
}

#[cfg(test)]
mod tests {
    use super::part_of;

    #[test]
    fn parts_are_known_by_their_numbers() {
        let check = |stem: &str, expected: Option<(&str, u32, u32)>| {
            assert_eq!(part_of(stem).map(|it| (it.name, it.number, it.n_files)), expected, "{stem}");
        };
        check("Qwen3-235B-Q4_K_M-00002-of-00005", Some(("Qwen3-235B-Q4_K_M", 2, 5)));
        check("folder/a-00001-of-00001", Some(("folder/a", 1, 1)));
        check("a-00006-of-00005", None);
        check("a-00000-of-00005", None);
        check("a-2-of-5", None);
        check("a-+0002-of-00005", None);
        check("-00001-of-00002", None);
        check("best-of-breed", None);
        check("a-00001-of-99999", None);
    }
}
