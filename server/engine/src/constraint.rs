//! Answers of a given form: which tokens may come next.
//!
//! A grammar is compiled off the decode path, where a bad one is refused. What may come next depends only on the
//! tokens that were chosen, so it is found out on a thread beside the decoder as soon as a token is known, while the
//! next batch is computed. Memory and time of hostile grammars are bounded by [`limits`].

mod gbnf;

use crate::answer::Part;
use llama_cpp_2::{token::LlamaToken, vocab::LlamaVocab};
use llguidance::{
    Matcher, ParserFactory,
    api::{ParserLimits, TopLevelGrammar},
};
use protocol::Rejection;
use serde_json::{Value, json};
use std::{
    cell::OnceCell,
    cmp::Reverse,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};
use toktrie::{ApproximateTokEnv, InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie};
use types::constraint::Constraint;

/// White space between the parts of a JSON document: a space, or a new line with its indentation. Without a bound a
/// model may write nothing else until its tokens are used up.
const JSON_SPACE: &str = r"\x20|\r?\n[\x20\t]{0,20}";

/// Brackets of one Lark grammar, which bound how deep it nests.
const MAX_LARK_BRACKETS: usize = 2000;

/// The longest token that grammars are matched with, in bytes.
const MAX_TOKEN_BYTES: usize = 256;

/// Compiling a chain of rules takes stack for every link, and a grammar has room for many links.
const COMPILER_STACK: usize = 256 * 1024 * 1024;

const MASKS_STACK: usize = 16 * 1024 * 1024;

/// Tokens that are looked ahead for where the form leaves nothing else to say.
const MOST_AHEAD: usize = 16;

/// Nothing more is looked ahead for after so long: it only makes an answer faster. Tests compare what is found.
const LOOKING_AHEAD: Duration = Duration::from_micros(if cfg!(test) { 100_000 } else { 500 });

/// Whoever guesses waits so long for what was looked ahead for. Where little may come, it is found soon.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 1000 } else { 1 });

/// One text is not cut into its first token in more ways.
const MOST_CUTS: usize = 64;

/// Compiles constraints for one model. What all of them share is made when the first one comes.
pub(crate) struct Compiler<'m> {
    vocab: LlamaVocab<'m>,
    ends: Arc<[LlamaToken]>,
    /// Tokens that are never a part of text.
    delimiters: Vec<LlamaToken>,
    shared: OnceCell<Shared>,
}

struct Shared {
    factory: ParserFactory,
    env: TokEnv,
    masks: Sender<Job>,
}

impl<'m> Compiler<'m> {
    /// `ends` are the tokens that end an answer, `delimiters` others that are never a part of text.
    pub(crate) fn new(vocab: LlamaVocab<'m>, ends: Arc<[LlamaToken]>, delimiters: Vec<LlamaToken>) -> Self {
        Self { vocab, ends, delimiters, shared: OnceCell::new() }
    }

    /// Follows `constraint` from the beginning of an answer, or says what is wrong with it.
    pub(crate) fn compile(&self, constraint: &Constraint) -> Result<Constrained, Rejection> {
        let refused = |reason| Rejection::Constraint { kind: constraint.kind().to_owned(), reason };
        let grammar = to_grammar(constraint).map_err(refused)?;
        let shared = self.shared().map_err(Rejection::Engine)?;
        let matcher = compile(&shared.factory, grammar).map_err(refused)?;
        Ok(Constrained::new(matcher, shared.env.clone(), shared.masks.clone()))
    }

    /// A form that an answer may come to later, or why not.
    pub(crate) fn compile_calls(&self, lark: String) -> Result<Later, Rejection> {
        let shared = self.shared().map_err(Rejection::Engine)?;
        let matcher = compile(&shared.factory, TopLevelGrammar::from_lark(lark)).map_err(Rejection::Tools)?;
        Ok(Later { matcher, env: shared.env.clone(), masks: shared.masks.clone() })
    }

    fn shared(&self) -> Result<&Shared, String> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared);
        }
        let (factory, env) = factory(words(&self.vocab, &self.delimiters), &self.ends)?;
        let masks = start_masks().map_err(|error| format!("starting a thread failed: {error}"))?;
        Ok(self.shared.get_or_init(|| Shared { factory, env, masks }))
    }
}

/// How every token is written; those that are not text begin with a byte that text does not have.
fn words(vocab: &LlamaVocab<'_>, delimiters: &[LlamaToken]) -> Vec<Vec<u8>> {
    let word = |token| {
        let mut word = vocab.token_to_piece(token, false, None);
        if word.is_empty() || delimiters.contains(&token) {
            word = vocab.token_to_piece(token, true, None);
            word.insert(0, TokTrie::SPECIAL_TOKEN_MARKER);
        }
        if word.len() > MAX_TOKEN_BYTES { vec![] } else { word }
    };
    vocab.tokens().map(word).collect()
}

fn factory(words: Vec<Vec<u8>>, ends: &[LlamaToken]) -> Result<(ParserFactory, TokEnv), String> {
    let ends: Vec<u32> = ends.iter().filter_map(|end| u32::try_from(end.0).ok()).collect();
    let n_words = u32::try_from(words.len()).map_err(|_| "the vocabulary is too large")?;
    let info = TokRxInfo::new(n_words, ends.first().copied().unwrap_or(toktrie::INVALID_TOKEN));
    let mut trie = TokTrie::from(&info, &words);
    if !ends.is_empty() {
        trie = trie.with_eos_tokens(&ends);
    }
    let env: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
    let slices = llguidance::earley::SlicedBiasComputer::general_slices();
    let mut factory = ParserFactory::new(&env, InferenceCapabilities::default(), &slices)
        .map_err(|error| first_line(&error.to_string()))?;
    *factory.limits_mut() = limits();
    factory.quiet();
    Ok((factory, env))
}

/// A lexer state takes up to 2 kB; the other bounds are llguidance's own: about 20 ms for compiling and for a step.
fn limits() -> ParserLimits {
    ParserLimits { max_lexer_states: 50_000, verbose_errors: false, ..ParserLimits::default() }
}

fn to_grammar(constraint: &Constraint) -> Result<TopLevelGrammar, String> {
    match constraint {
        Constraint::JsonSchema(schema) => json_grammar(schema),
        Constraint::Regex(regex) => Ok(TopLevelGrammar::from_regex(regex)),
        Constraint::Lark(lark) => lark_grammar(lark.clone()),
        Constraint::Gbnf(gbnf) => {
            Ok(TopLevelGrammar::from_lark(gbnf::to_lark(gbnf).map_err(|error| error.to_string())?))
        }
    }
}

fn json_grammar(schema: &str) -> Result<TopLevelGrammar, String> {
    let schema = serde_json::from_str(schema).map_err(|error| error.to_string())?;
    Ok(TopLevelGrammar::from_json_schema(with_json_space(schema)?))
}

/// The schema with a bound on white space.
pub(crate) fn with_json_space(mut schema: Value) -> Result<Value, String> {
    match &mut schema {
        Value::Object(members) => {
            let options = || json!({"whitespace_pattern": JSON_SPACE});
            members.entry("x-guidance").or_insert_with(options);
        }
        Value::Bool(_) => {}
        _ => return Err("a schema is an object".to_owned()),
    }
    Ok(schema)
}

fn lark_grammar(lark: String) -> Result<TopLevelGrammar, String> {
    if lark.matches('(').count() > MAX_LARK_BRACKETS {
        return Err(format!("it has more than {MAX_LARK_BRACKETS} brackets"));
    }
    Ok(TopLevelGrammar::from_lark(lark))
}

fn compile(factory: &ParserFactory, grammar: TopLevelGrammar) -> Result<Matcher, String> {
    let matcher = thread::scope(|scope| {
        let compiler = thread::Builder::new().name("compiler".into()).stack_size(COMPILER_STACK);
        let compiling = compiler.spawn_scoped(scope, || Matcher::new(factory.create_parser(grammar)));
        let compiling = compiling.map_err(|error| format!("starting a thread failed: {error}"))?;
        compiling.join().map_err(|_| "the compiler failed".to_owned())
    })?;
    match matcher.get_error() {
        Some(error) => Err(first_line(&error)),
        None => Ok(matcher),
    }
}

/// What llguidance says, without the excerpt of the grammar that follows.
fn first_line(error: &str) -> String {
    error.lines().next().unwrap_or("there is no reason").chars().take(300).collect()
}

/// A matcher, and what it allows next.
struct Position {
    matcher: Matcher,
    mask: Result<SimpleVob, String>,
    /// Tokens that most likely come next, since the form leaves one text.
    ahead: Vec<LlamaToken>,
}

impl Position {
    fn find_mask(&mut self) {
        self.mask = self.matcher.compute_mask_or_eos().map_err(|error| reason(&error.to_string()));
        self.ahead = self.mask.as_ref().map_or_else(|_| vec![], |mask| look_ahead(&self.matcher, mask));
    }
}

/// The tokens that come next as long as there is one text to say, each as long as it can be: so models cut what they write.
fn look_ahead(matcher: &Matcher, mask: &SimpleVob) -> Vec<LlamaToken> {
    let begun = Instant::now();
    let Ok(env) = matcher.tok_env() else { return Vec::new() };
    let Some(first) = only_text(env.tok_trie(), mask) else { return Vec::new() };
    let mut ahead = vec![first];
    let mut matcher = matcher.clone();
    while ahead.len() < MOST_AHEAD && begun.elapsed() < LOOKING_AHEAD {
        let goes_on = matcher.consume_tokens(&ahead[ahead.len() - 1..]).is_ok() && !matcher.is_stopped();
        let mask = if goes_on { matcher.compute_mask().ok() } else { None };
        let Some(next) = mask.and_then(|mask| only_text(env.tok_trie(), &mask)) else { break };
        ahead.push(next);
    }
    ahead.into_iter().map_while(|token| i32::try_from(token).ok().map(LlamaToken)).collect()
}

/// The longest token that may come next, where all others are beginnings of it.
fn only_text(trie: &TokTrie, mask: &SimpleVob) -> Option<u32> {
    if mask.num_set() > MOST_CUTS {
        return None;
    }
    let allowed = mask.to_list();
    let longest = allowed.iter().copied().min_by_key(|&token| Reverse(trie.token(token).len()))?;
    let text = trie.token(longest);
    let is_one = allowed.iter().all(|&token| text.starts_with(trie.token(token)));
    (is_one && !trie.eos_tokens().contains(&longest)).then_some(longest)
}

/// Why an answer cannot go on.
fn reason(error: &str) -> String {
    let too_complex = ["TooComplex", "too complex", "too many", "limit"];
    match error.lines().next().unwrap_or_default() {
        line if line.contains("NoExtensionBias") => {
            "no token of the model fits the grammar any more".to_owned()
        }
        line if too_complex.iter().any(|it| line.contains(it)) => {
            format!("the grammar is too complex to follow ({})", first_line(line))
        }
        line => format!("the grammar could not be followed ({})", first_line(line)),
    }
}

/// A position whose mask is to be found, and the way back.
type Job = (Box<Position>, SyncSender<Box<Position>>);

/// A thread that finds masks until nobody can ask any more.
fn start_masks() -> std::io::Result<Sender<Job>> {
    let (sender, jobs) = channel::<Job>();
    thread::Builder::new().name("masks".into()).stack_size(MASKS_STACK).spawn(move || {
        for (mut position, back) in jobs {
            position.find_mask();
            // Whoever asked may have been cancelled meanwhile.
            let _ = back.send(position);
        }
    })?;
    Ok(sender)
}

/// A form that an answer may come to.
pub(crate) struct Later {
    matcher: Matcher,
    env: TokEnv,
    masks: Sender<Job>,
}

impl Later {
    /// Follows it from its beginning.
    pub(crate) fn begin(&self) -> Constrained {
        Constrained::new(self.matcher.deep_clone(), self.env.clone(), self.masks.clone())
    }

    /// Follows it, if this is how it begins.
    pub(crate) fn begin_with(&self, beginning: &[Part<'_>]) -> Option<Constrained> {
        let mut matcher = self.matcher.deep_clone();
        matcher.consume_tokens(&tokens(&self.env, beginning)).ok()?;
        Some(Constrained::new(matcher, self.env.clone(), self.masks.clone()))
    }
}

/// Some tokens that spell this; grammars look at bytes only.
fn tokens(env: &TokEnv, parts: &[Part<'_>]) -> Vec<u32> {
    let part = |part: &Part<'_>| match part {
        Part::Token(token) => u32::try_from(token.0).into_iter().collect(),
        Part::Text(text) => env.tokenize_bytes(text.as_bytes()),
    };
    parts.iter().flat_map(part).collect()
}

/// Follows one answer through its grammar.
pub(crate) struct Constrained {
    place: Place,
    env: TokEnv,
    masks: Sender<Job>,
}

/// Where a position is.
enum Place {
    Here(Box<Position>),
    /// Its mask is being found; it comes back.
    Away(Receiver<Box<Position>>),
}

impl Constrained {
    fn new(matcher: Matcher, env: TokEnv, masks: Sender<Job>) -> Self {
        let mask = Err("nothing was looked for yet".to_owned());
        let position = Position { matcher, mask, ahead: Vec::new() };
        Self { place: find_mask(Box::new(position), &masks), env, masks }
    }

    /// One bit for each token: whether it may come next.
    pub(crate) fn mask(&mut self) -> Result<&[u32], String> {
        match &self.position()?.mask {
            Ok(mask) => Ok(mask.as_slice()),
            Err(reason) => Err(reason.clone()),
        }
    }

    /// Goes on past a token that the mask allows.
    pub(crate) fn accept(&mut self, token: LlamaToken) -> Result<(), String> {
        self.consume(&[u32::try_from(token.0).map_err(|_| "there is no such token".to_owned())?])
    }

    /// Goes on past a text that came before the form was asked.
    pub(crate) fn feed(&mut self, beginning: &[Part<'_>]) -> Result<(), String> {
        match tokens(&self.env, beginning) {
            tokens if tokens.is_empty() => Ok(()),
            tokens => self.consume(&tokens),
        }
    }

    fn consume(&mut self, tokens: &[u32]) -> Result<(), String> {
        let position = self.position()?;
        position.ahead.clear();
        position.matcher.consume_tokens(tokens).map_err(|error| reason(&error.to_string()))?;
        if !position.matcher.is_stopped() {
            let nowhere = Place::Away(sync_channel(0).1);
            if let Place::Here(position) = std::mem::replace(&mut self.place, nowhere) {
                self.place = find_mask(position, &self.masks);
            }
        }
        Ok(())
    }

    /// The grammar allows nothing more.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(&self.place, Place::Here(position) if position.matcher.is_stopped())
    }

    /// How many of these tokens may come next, one after the other.
    pub(crate) fn n_allowed(&mut self, draft: &[LlamaToken]) -> usize {
        let draft: Vec<u32> = draft.iter().map_while(|token| u32::try_from(token.0).ok()).collect();
        self.position().ok().and_then(|it| it.matcher.validate_tokens(&draft).ok()).unwrap_or(0)
    }

    /// Tokens that most likely come next, since the form leaves one text; none where that is not found out soon.
    pub(crate) fn ahead(&mut self) -> &[LlamaToken] {
        if let Place::Away(found) = &self.place
            && let Ok(position) = found.recv_timeout(PATIENCE)
        {
            self.place = Place::Here(position);
        }
        match &self.place {
            Place::Here(position) => &position.ahead,
            Place::Away(_) => &[],
        }
    }

    fn position(&mut self) -> Result<&mut Position, String> {
        if let Place::Away(found) = &self.place {
            let ended = |_| "the thread that follows grammars ended".to_owned();
            self.place = Place::Here(found.recv().map_err(ended)?);
        }
        match &mut self.place {
            Place::Here(position) => Ok(position),
            Place::Away(_) => Err("the grammar's position is lost".to_owned()),
        }
    }
}

/// Sends a position to the thread that finds masks. Were that gone, whoever waits would be told.
fn find_mask(position: Box<Position>, masks: &Sender<Job>) -> Place {
    let (back, found) = sync_channel(1);
    let _ = masks.send((position, back));
    Place::Away(found)
}

#[cfg(test)]
pub(crate) mod tests;
