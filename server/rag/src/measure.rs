//! How well searching finds what answers a question, and how long it takes, measured with what is known.

use crate::{
    Rag, RagError,
    fuse::fuse,
    rank::{RANKED, reordered},
    retrieve::{MOST_JOINED_CHARS, Ranked, told},
    vectors::to_bytes,
};
use std::time::{Duration, Instant};
use store::{Added, NewDocument, NewPassage, PassageRow, Reading};
use types::{
    document::{DocumentKind, FoundPassage},
    ids::{CollectionId, ModelId, PassageId, UserId},
};

/// How far down a list is looked.
const DEPTH: usize = 10;
/// Passages that are made up at once.
const BATCH: usize = 1_000;
/// Words that are made up, some of which are far more frequent than others.
const VOCABULARY: usize = 30_000;
const WORDS_OF_A_PASSAGE: usize = 60;
/// So many of them would be left out of questions.
const COMMON_WORDS: f64 = 150.0;

/// A question, and how the passage that answers it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub text: String,
    /// The name of the document.
    pub document: String,
    /// What stands in the passage.
    pub phrase: String,
}

/// How well one way of finding did, over all questions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    pub recall_at_5: f64,
    pub mrr_at_10: f64,
    pub ndcg_at_10: f64,
}

/// All ways.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    pub words: Figures,
    pub meaning: Figures,
    pub fused: Figures,
    /// And how long a question took to rank, the median; `None` without a model that ranks.
    pub ranked: Option<(Figures, Duration)>,
    /// Questions whose phrase is in no passage; they count for no way.
    pub n_unanswerable: usize,
}

/// How long searching takes, the median.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    pub words: Duration,
    pub meaning: Duration,
    /// Both at once, joined, with the texts of what was found; the question's vector is given, and no model ranks.
    pub whole: Duration,
}

impl Rag {
    /// Asks a collection of the person's all questions. `ranker` ranks what was found for as long as it takes, or else the model that
    /// the person would have it ranked by.
    pub async fn measure(
        &self,
        user: UserId,
        collection: CollectionId,
        questions: &[Question],
        ranker: Option<&ModelId>,
    ) -> Result<Measured, RagError> {
        let ranker = match ranker {
            Some(model) => Some(model.clone()),
            None => self.ranker(user).await?,
        };
        let all = self.all_passages(user, collection).await?;
        let mut ranks: [Vec<Vec<usize>>; 4] = Default::default();
        let mut n_unanswerable = 0;
        // What loading takes is no part of what is measured.
        let _hold = match &ranker {
            Some(model) => Some(self.models().ensure_loaded(user, model).await?),
            None => None,
        };
        let mut times = Vec::new();
        for question in questions {
            let answers: Vec<_> = all.iter().filter(|it| answers(it, question)).map(|it| it.id).collect();
            if answers.is_empty() {
                n_unanswerable += 1;
                continue;
            }
            let words = self.by_words(user, &[collection], &question.text).await?;
            let meaning = self.by_meaning(user, &[collection], &question.text).await?;
            let fused = fuse(&words, &meaning);
            let rows = self.rows_of(user, &fused, RANKED).await?;
            let begun = Instant::now();
            let ranked = match &ranker {
                Some(model) => reordered(&fused, &self.ranked(user, model, &question.text, &rows).await?),
                None => fused.clone(),
            };
            times.push(begun.elapsed());
            for (ranks, list) in ranks.iter_mut().zip([&words, &meaning, &fused, &ranked]) {
                ranks.push(places(list, &answers));
            }
        }
        let [words, meaning, fused, ranked] = ranks.map(|ranks| figures(&ranks));
        let ranked = ranker.map(|_| (ranked, median(times)));
        Ok(Measured { words, meaning, fused, ranked, n_unanswerable })
    }

    async fn all_passages(
        &self,
        user: UserId,
        collection: CollectionId,
    ) -> Result<Vec<PassageRow>, RagError> {
        let mut all = Vec::new();
        for document in self.store().list_documents(user, collection, u32::MAX).await? {
            all.extend(self.store().list_passages(user, document.id, 0, u32::MAX).await?);
        }
        Ok(all)
    }

    /// Makes up so many passages with vectors of `model`, in a collection of the person's.
    pub async fn make_up(
        &self,
        user: UserId,
        collection: CollectionId,
        n_passages: usize,
        n_dims: usize,
    ) -> Result<(), RagError> {
        let mut random = fastrand::Rng::with_seed(7);
        for batch in 0..n_passages.div_ceil(BATCH) {
            let name = format!("made up {batch}");
            let document = NewDocument { name: &name, hash: &name, n_bytes: 0, now_ms: 0 };
            let Added::New(id) = self.store().add_document(user, collection, document).await? else {
                continue;
            };
            let n = BATCH.min(n_passages - batch * BATCH);
            let passages: Vec<_> = (0..n).map(|_| made_up_passage(&mut random)).collect();
            let reading = Reading { kind: DocumentKind::Text, n_pages: None, note: None, reader: 0 };
            self.store().replace_passages(id, reading, &passages).await?;
            let missing = self.store().passages_without_vector(id, MADE_UP, n as u32).await?;
            let rows: Vec<_> =
                missing.iter().map(|(id, _)| (*id, to_bytes(&made_up_vector(&mut random, n_dims)))).collect();
            self.store().save_vectors(MADE_UP, &rows).await?;
        }
        Ok(())
    }

    /// Searches `n` times for made up words and vectors.
    pub async fn time(
        &self,
        user: UserId,
        collection: CollectionId,
        n: usize,
        n_dims: usize,
    ) -> Result<Times, RagError> {
        let mut random = fastrand::Rng::with_seed(11);
        let (mut words, mut meaning, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        let model = ModelId(MADE_UP.to_owned());
        // The first one reads all vectors from the disk.
        self.nearest_of(user, &[collection], &model, made_up_vector(&mut random, n_dims)).await?;
        for _ in 0..n {
            let query = made_up_question(&mut random);
            let begun = Instant::now();
            self.by_words(user, &[collection], &query).await?;
            words.push(begun.elapsed());
            let vector = made_up_vector(&mut random, n_dims);
            let begun = Instant::now();
            self.nearest_of(user, &[collection], &model, vector).await?;
            meaning.push(begun.elapsed());
            // Other ones: what was just looked for would be found faster.
            let (query, vector) = (made_up_question(&mut random), made_up_vector(&mut random, n_dims));
            let begun = Instant::now();
            self.search_once(user, collection, &model, &query, vector).await?;
            whole.push(begun.elapsed());
        }
        Ok(Times { words: median(words), meaning: median(meaning), whole: median(whole) })
    }

    /// As a person's search goes, but that the question's vector is there already and no model ranks.
    async fn search_once(
        &self,
        user: UserId,
        collection: CollectionId,
        model: &ModelId,
        query: &str,
        vector: Vec<f32>,
    ) -> Result<Vec<FoundPassage>, RagError> {
        let collections = self.own(user, &[collection]).await?;
        let (words, meaning) = tokio::join!(
            self.by_words(user, &collections, query),
            self.nearest_of(user, &collections, model, vector)
        );
        let (words, meaning) = (words?, meaning?);
        self.store().lacking_vectors(user, collection, &model.0).await?;
        let (fused, rows) = self.joined(user, &words, &meaning, DEPTH).await?;
        Ok(told(rows, [&words, &meaning, &Ranked::new()], &fused, DEPTH, MOST_JOINED_CHARS))
    }
}

/// The model that vectors are said to be of that no model made.
const MADE_UP: &str = "made up";

fn answers(passage: &PassageRow, question: &Question) -> bool {
    passage.document_name == question.document
        && one_line(&passage.body).contains(&one_line(&question.phrase))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where the answers are in a list, from 1, the best first. More than one passage may answer.
fn places(list: &[(PassageId, f32)], answers: &[PassageId]) -> Vec<usize> {
    let top = (1..).zip(list).take(DEPTH);
    let mut places: Vec<usize> =
        top.filter(|(_, (id, _))| answers.contains(id)).map(|(place, _)| place).collect();
    places.truncate(answers.len());
    places
}

/// `ranks` are the places of the answers of each question. One answer is enough.
fn figures(ranks: &[Vec<usize>]) -> Figures {
    let n = ranks.len().max(1) as f64;
    let mean = |of: &dyn Fn(usize) -> f64| {
        let best = ranks.iter().filter_map(|places| places.first());
        best.map(|place| of(*place)).sum::<f64>() / n
    };
    Figures {
        recall_at_5: mean(&|place| f64::from(u8::from(place <= 5))),
        mrr_at_10: mean(&|place| 1.0 / place as f64),
        // With one answer that counts, the best there is is 1.
        ndcg_at_10: mean(&|place| 1.0 / (place as f64 + 1.0).log2()),
    }
}

fn made_up_passage(random: &mut fastrand::Rng) -> NewPassage {
    let words: Vec<_> = (0..WORDS_OF_A_PASSAGE).map(|_| made_up_word(random)).collect();
    NewPassage { body: words.join(" "), ..NewPassage::default() }
}

/// As in a language, a few are in nearly every passage and most in hardly any.
fn made_up_word(random: &mut fastrand::Rng) -> String {
    let rank = (VOCABULARY as f64).powf(random.f64()) as usize;
    spelled(rank, random)
}

/// Letters, and one of the endings that words of a language have.
fn spelled(rank: usize, random: &mut fastrand::Rng) -> String {
    let (consonants, vowels) = (b"bdfgklmnprstvz", b"aeiou");
    let mut word = String::new();
    let mut rest = rank;
    for _ in 0..3 {
        word.push(char::from(consonants[rest % consonants.len()]));
        rest /= consonants.len();
        word.push(char::from(vowels[rest % vowels.len()]));
        rest /= vowels.len();
    }
    word + random.choice(["t", "ts", "ted", "ting"]).unwrap_or_default()
}

fn made_up_question(random: &mut fastrand::Rng) -> String {
    (0..6).map(|_| made_up_question_word(random)).collect::<Vec<_>>().join(" ")
}

/// The most frequent words are no part of questions, see [`crate::words`].
fn made_up_question_word(random: &mut fastrand::Rng) -> String {
    let rank = (VOCABULARY as f64 / COMMON_WORDS).powf(random.f64()) * COMMON_WORDS;
    spelled(rank as usize, random)
}

fn made_up_vector(random: &mut fastrand::Rng, n_dims: usize) -> Vec<f32> {
    let vector: Vec<f32> = (0..n_dims).map(|_| random.f32() - 0.5).collect();
    let length = vector.iter().map(|it| it * it).sum::<f32>().sqrt();
    vector.iter().map(|it| it / length).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Figures, figures, places};
    use crate::tests::bench::{Bench, ME};
    use std::time::Duration;
    use types::ids::PassageId;

    #[test]
    fn figures_say_how_high_the_answers_are() {
        let check = |ranks: &[&[usize]], expected: Figures| {
            let ranks: Vec<_> = ranks.iter().map(|it| it.to_vec()).collect();
            assert_eq!(figures(&ranks), expected);
        };
        check(&[&[1], &[1, 3]], Figures { recall_at_5: 1.0, mrr_at_10: 1.0, ndcg_at_10: 1.0 });
        check(&[&[3], &[]], Figures { recall_at_5: 0.5, mrr_at_10: 1.0 / 6.0, ndcg_at_10: 0.25 });
        check(&[&[7]], Figures { recall_at_5: 0.0, mrr_at_10: 1.0 / 7.0, ndcg_at_10: 1.0 / 3.0 });
        check(&[], Figures::default());
    }

    #[tokio::test]
    async fn each_way_of_searching_is_timed_and_all_together() {
        let bench = Bench::open().await;
        let collection = bench.rag.add_collection(ME, "speed").await.unwrap();
        bench.rag.make_up(ME, collection, 30, 8).await.unwrap();
        let times = bench.rag.time(ME, collection, 3, 8).await.unwrap();
        assert!([times.words, times.meaning, times.whole].iter().all(|time| *time > Duration::ZERO));
    }

    #[test]
    fn places_are_looked_for_in_the_first_ten() {
        let list: Vec<_> = (1..20).map(|id| (PassageId(id), 0.0)).collect();
        assert_eq!(places(&list, &[PassageId(3), PassageId(9), PassageId(15)]), [3, 9]);
        assert_eq!(places(&list, &[PassageId(11)]), [] as [usize; 0]);
    }
}
