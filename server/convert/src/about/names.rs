//! What the names of models say: `owner/Base-7B-Chat-v1.5`.

/// The parts of a name, where they can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// All of it, without its owner.
    pub(super) name: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) basename: Option<String>,
    pub(super) finetune: Option<String>,
    pub(super) version: Option<String>,
    pub(super) size_label: Option<String>,
}

/// What a piece between two hyphens is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Base,
    /// A version that the base is written with.
    BaseVersion,
    Size,
    Finetune,
    Version,
    /// A type of weights: it is part of nothing.
    Type,
}

impl Parts {
    /// The parts of the name of a model with so many numbers.
    pub(super) fn of(id: &str, n_parameters: u64) -> Self {
        if id.contains(' ') {
            return Self { name: Some(id.to_owned()), ..Self::default() };
        }
        let (organization, name) = match id.split_once('/') {
            Some((organization, name)) => (Some(organization).filter(|it| !it.starts_with('.')), name),
            None => (None, id),
        };
        let pieces: Vec<&str> = name.split('-').filter(|piece| !piece.is_empty()).collect();
        let mut told: Vec<(String, Option<Piece>)> =
            pieces.iter().enumerate().map(|(i, piece)| tell(piece, i, n_parameters)).collect();
        let has_digits = |text: &str| text.chars().any(char::is_numeric);
        // Words are no sizes where there is a number.
        if told.iter().any(|(text, piece)| *piece == Some(Piece::Size) && has_digits(text)) {
            for (text, piece) in &mut told {
                if *piece == Some(Piece::Size) && text.chars().all(char::is_alphabetic) {
                    *piece = None;
                }
            }
        }
        let told = with_base(told);
        let join = |wanted: &[Piece]| {
            let of: Vec<&str> =
                told.iter().filter(|(_, it)| wanted.contains(it)).map(|(text, _)| text.as_str()).collect();
            (!of.is_empty()).then(|| of.join("-"))
        };
        let mut sizes: Vec<&str> = Vec::new();
        for (text, piece) in &told {
            if *piece == Piece::Size && !sizes.contains(&text.as_str()) {
                sizes.push(text);
            }
        }
        let mut parts = Self {
            name: Some(name.to_owned()),
            organization: organization.map(str::to_owned),
            basename: join(&[Piece::Base, Piece::BaseVersion]),
            finetune: join(&[Piece::Finetune]),
            version: join(&[Piece::Version]),
            size_label: (!sizes.is_empty()).then(|| sizes.join("-")),
        };
        if parts.size_label.is_none() && parts.finetune.is_none() && parts.version.is_none() {
            parts.basename = None;
        }
        parts
    }
}

/// The base is what comes first: words, with versions between them; what is not told after it is a finetune.
fn with_base(told: Vec<(String, Option<Piece>)>) -> Vec<(String, Piece)> {
    let mut at_start = true;
    let mut pieces: Vec<(String, Piece)> = Vec::new();
    for (text, piece) in told {
        let begins_with_letter = text.chars().next().is_some_and(char::is_alphabetic);
        let now = match piece {
            None if at_start && begins_with_letter => Piece::Base,
            Some(Piece::Version) if at_start => Piece::BaseVersion,
            other => {
                at_start = false;
                other.unwrap_or(Piece::Finetune)
            }
        };
        pieces.push((text, now));
    }
    // A version at the very end is one of the model, not of its base.
    for (_, piece) in pieces.iter_mut().rev() {
        if *piece != Piece::BaseVersion {
            break;
        }
        *piece = Piece::Version;
    }
    pieces
}

/// What the piece at place `i` is, and how it is written then.
fn tell(piece: &str, i: usize, n_parameters: u64) -> (String, Option<Piece>) {
    let lower = piece.to_ascii_lowercase();
    if is_version(&lower) {
        return (piece.to_owned(), Some(Piece::Version));
    }
    if is_type(&lower) {
        return (piece.to_uppercase(), Some(Piece::Type));
    }
    if i > 0 && is_size(&lower) {
        return size(piece, n_parameters);
    }
    if i > 0 && matches!(lower.as_str(), "chat" | "instruct" | "vision" | "lora") {
        return (piece.to_owned(), Some(Piece::Finetune));
    }
    (piece.to_owned(), None)
}

/// `v1.5`, `2`, `iter3`.
fn is_version(text: &str) -> bool {
    let rest = text.strip_prefix("iter").or_else(|| text.strip_prefix('v')).unwrap_or(text);
    !rest.is_empty()
        && rest.split('.').all(|part| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit()))
}

/// `q4_k_m`, `f16`, `bf16`.
fn is_type(text: &str) -> bool {
    let float = text.strip_prefix('b').unwrap_or(text).strip_prefix('f');
    if float.map(|it| it.strip_prefix('p').unwrap_or(it)).is_some_and(|it| it == "16" || it == "32") {
        return true;
    }
    let Some(rest) = text.strip_prefix('i').unwrap_or(text).strip_prefix('q') else { return false };
    let mut parts = rest.split('_');
    let is_one = |part: &str| part.chars().count() == 1 && part.chars().all(char::is_alphanumeric);
    parts.next().is_some_and(|bits| bits.len() == 1 && bits.bytes().all(|it| it.is_ascii_digit()))
        && parts.all(is_one)
}

/// `7b`, `1.5b`, `8x7b`, `a3b`, `7b1`, `small`.
fn is_size(text: &str) -> bool {
    if matches!(text, "small" | "mini" | "medium" | "large" | "xl" | "xxl") {
        return true;
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = match text.strip_prefix('a') {
        Some(rest) => rest,
        None => match text.split_once('x') {
            Some((n, rest)) if !n.is_empty() && digits(n) == n.len() => rest,
            _ => text,
        },
    };
    let n = digits(rest);
    if n == 0 {
        return false;
    }
    rest = &rest[n..];
    if let Some(fraction) = rest.strip_prefix(['.', '_']) {
        let n = digits(fraction);
        if n == 0 {
            return false;
        }
        rest = &fraction[n..];
    }
    let Some(rest) = rest.strip_prefix(['k', 'm', 'b', 't']) else { return false };
    rest.is_empty() || (rest.len() == 1 && digits(rest) == 1)
}

/// A size as it is written, unless it is far from that of the model: then it is the length of a context, mostly.
fn size(piece: &str, n_parameters: u64) -> (String, Option<Piece>) {
    let mut chars: Vec<char> = piece.replace('_', ".").chars().collect();
    let n = chars.len();
    if n >= 2 && chars[n - 1].is_ascii_digit() {
        // `7b1` is 7.1b.
        let (unit, digit) = (chars[n - 2], chars[n - 1]);
        chars.truncate(n - 2);
        chars.extend(['.', digit, unit]);
    }
    let n = chars.len();
    if n > 1 && chars[n - 2].is_ascii_digit() {
        chars[n - 1] = chars[n - 1].to_ascii_uppercase();
    }
    let unit = chars[n - 1];
    let number: String = chars[..n - 1].iter().collect();
    let scale = match unit {
        'K' => 1e3,
        'M' => 1e6,
        'B' => 1e9,
        'T' => 1e12,
        _ => 1e-3,
    };
    if let Ok(number) = number.parse::<f64>()
        && n_parameters > 0
        && (number * scale - n_parameters as f64).abs() > (7 * n_parameters / 8) as f64
    {
        chars[n - 1] = chars[n - 1].to_ascii_lowercase();
        return (chars.into_iter().collect(), Some(Piece::Finetune));
    }
    (chars.into_iter().collect(), Some(Piece::Size))
}

/// A name as a title: its words begin with capitals, unless they have some or are versions.
pub(super) fn title(name: &str) -> String {
    let spaced = name.trim().replace('-', " ");
    let words = spaced.split_whitespace().map(|word| {
        let has_small = word.chars().any(char::is_lowercase);
        let is_small = has_small && !word.chars().any(char::is_uppercase);
        let is_version = word.starts_with(|it: char| it.is_ascii_digit())
            || word.strip_prefix('v').is_some_and(|rest| is_version(rest) && !rest.starts_with('v'));
        if is_small && !is_version { capitals(word) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A capital wherever letters begin.
fn capitals(word: &str) -> String {
    let mut after_letter = false;
    let mut text = String::new();
    for char in word.chars() {
        if char.is_alphabetic() && !after_letter {
            text.extend(char.to_uppercase());
        } else {
            text.push(char);
        }
        after_letter = char.is_alphabetic();
    }
    text
}

/// How large a model of so many numbers is called: two digits at least.
pub(super) fn size_label(n_parameters: u64) -> String {
    let n = n_parameters as f64;
    let (scaled, unit) = match n {
        n if n > 1e12 => (n * 1e-12, "T"),
        n if n > 1e9 => (n * 1e-9, "B"),
        n if n > 1e6 => (n * 1e-6, "M"),
        n => (n * 1e-3, "K"),
    };
    let whole = format!("{}", scaled.round_ties_even());
    let n_digits = whole.trim_start_matches('0').len();
    format!("{scaled:.*}{unit}", 2_usize.saturating_sub(n_digits))
}

#[cfg(test)]
mod tests {
    use super::{Parts, size_label, title};

    #[track_caller]
    fn check(id: &str, n_parameters: u64, expected: [&str; 6]) {
        let parts = Parts::of(id, n_parameters);
        let found =
            [parts.name, parts.organization, parts.basename, parts.finetune, parts.version, parts.size_label];
        assert_eq!(found.map(Option::unwrap_or_default), expected, "{id}");
    }

    const B: u64 = 1_000_000_000;

    #[test]
    fn names_are_taken_apart() {
        check(
            "Mistral-7B-Instruct-v0.3",
            7 * B,
            ["Mistral-7B-Instruct-v0.3", "", "Mistral", "Instruct", "v0.3", "7B"],
        );
        check("Qwen/Qwen3-0.6B", 6 * B / 10, ["Qwen3-0.6B", "Qwen", "Qwen3", "", "", "0.6B"]);
        check("meta-llama/Llama-3.2-1B", B, ["Llama-3.2-1B", "meta-llama", "Llama-3.2", "", "", "1B"]);
        check("Mixtral-8x7B-v0.1", 46 * B, ["Mixtral-8x7B-v0.1", "", "Mixtral", "", "v0.1", "8x7B"]);
        check("x-7b-chat-32k", 7 * B, ["x-7b-chat-32k", "", "x", "chat-32k", "", "7B"]);
        check("bloom-7b1", 7 * B, ["bloom-7b1", "", "bloom", "", "", "7.1B"]);
        check("whatever", B, ["whatever", "", "", "", "", ""]);
        check("A sentence", B, ["A sentence", "", "", "", "", ""]);
        check("./x-1b", B, ["x-1b", "", "x", "", "", "1B"]);
        check("x-small-1B-f16", B, ["x-small-1B-f16", "", "x-small", "", "", "1B"]);
        check("", 0, ["", "", "", "", "", ""]);
    }

    #[test]
    fn titles_begin_with_capitals() {
        assert_eq!(title("tiny-model-v1.5-7b-Chat"), "Tiny Model v1.5 7b Chat");
        assert_eq!(title("a.b_c"), "A.B_C");
    }

    #[test]
    fn sizes_have_two_digits() {
        for (n, expected) in [
            (1_235_814_400, "1.2B"),
            (7_241_732_096, "7.2B"),
            (134_515_008, "135M"),
            (99_000, "99K"),
            (1_500, "1.5K"),
        ] {
            assert_eq!(size_label(n), expected);
        }
    }
}
