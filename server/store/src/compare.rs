//! Comparisons: runs and their answers.

use crate::{
    Store, StoreError,
    messages::{UsageColumns, parse_state},
    samplers::{overrides_of, written},
    sessions::found,
};
use std::collections::HashMap;
use types::{
    chat::{Guesser, MessageState, Usage},
    compare::Vote,
    ids::{CompareRunId, ModelId, UserId},
    overrides::Overrides,
    reasoning::Effort,
};

/// What the list shows of a prompt, in characters.
const SHOWN_CHARS: i64 = 200;

/// Who answers, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ContestantRow {
    pub model: ModelId,
    /// `None` takes the run's.
    pub system_prompt: Option<String>,
    pub effort: Option<Effort>,
    /// The samplers that are not as the program has them.
    pub sampling: Overrides,
}

/// A run to add. Its answers have all begun.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    pub prompt: &'a str,
    pub system_prompt: &'a str,
    pub is_blind: bool,
    pub in_turn: bool,
    /// In the order in which they are shown.
    pub contestants: &'a [ContestantRow],
    pub now_ms: i64,
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    pub id: CompareRunId,
    /// Only its beginning in lists.
    pub prompt: String,
    /// Empty in lists.
    pub system_prompt: String,
    pub is_blind: bool,
    pub in_turn: bool,
    pub vote: Option<Vote>,
    pub created_ms: i64,
    pub slots: Vec<SlotRow>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotRow {
    /// Only its model in lists.
    pub contestant: ContestantRow,
    /// Empty in lists, as is what was thought.
    pub body: String,
    pub reasoning: String,
    pub state: MessageState,
    pub error: Option<String>,
    pub had_no_room: bool,
    pub usage: Option<Usage>,
    /// How keys and values were kept, in words.
    pub kv: Option<String>,
}

/// How often a contestant was chosen in blind runs.
#[derive(Clone, Debug, PartialEq)]
pub struct TallyRow {
    /// Without seed and longest answer.
    pub contestant: ContestantRow,
    pub n_runs: u32,
    pub n_won: u32,
    pub n_even: u32,
}

impl SlotRow {
    /// One that has begun.
    pub fn begun(contestant: ContestantRow) -> Self {
        Self {
            contestant,
            body: String::new(),
            reasoning: String::new(),
            state: MessageState::Running,
            error: None,
            had_no_room: false,
            usage: None,
            kv: None,
        }
    }
}

struct RawRun {
    id: i64,
    prompt: String,
    system_prompt: String,
    is_blind: i64,
    in_turn: i64,
    vote: Option<i64>,
    created_ms: i64,
}

struct RawSlot {
    run_id: i64,
    model: String,
    system_prompt: Option<String>,
    effort: Option<String>,
    sampling: String,
    body: String,
    reasoning: String,
    state: String,
    error: Option<String>,
    had_no_room: i64,
    n_prompt_tokens: Option<i64>,
    n_cached_tokens: Option<i64>,
    n_generated_tokens: Option<i64>,
    first_token_ms: Option<i64>,
    decode_ms: Option<i64>,
    n_drafted_tokens: Option<i64>,
    n_accepted_tokens: Option<i64>,
    n_steps: Option<i64>,
    guesser: Option<String>,
    n_forgotten_tokens: Option<i64>,
    kv: Option<String>,
}

impl RawRun {
    fn with_slots(self, slots: Vec<SlotRow>) -> RunRow {
        RunRow {
            id: CompareRunId(self.id),
            prompt: self.prompt,
            system_prompt: self.system_prompt,
            is_blind: self.is_blind != 0,
            in_turn: self.in_turn != 0,
            vote: self.vote.map(|n| u8::try_from(n).map_or(Vote::Even, Vote::For)),
            created_ms: self.created_ms,
            slots,
        }
    }
}

impl RawSlot {
    fn usage(&self) -> Option<Usage> {
        let count = |n: Option<i64>| number(n).unwrap_or_default();
        Some(Usage {
            n_prompt_tokens: number(self.n_prompt_tokens)?,
            n_cached_tokens: count(self.n_cached_tokens),
            n_generated_tokens: count(self.n_generated_tokens),
            n_forgotten_tokens: count(self.n_forgotten_tokens),
            n_drafted_tokens: count(self.n_drafted_tokens),
            n_accepted_tokens: count(self.n_accepted_tokens),
            n_steps: count(self.n_steps),
            guesser: self.guesser.as_deref().and_then(Guesser::named).unwrap_or_default(),
            first_token_ms: count(self.first_token_ms),
            decode_ms: count(self.decode_ms),
            ..Usage::default()
        })
    }
}

impl From<RawSlot> for SlotRow {
    fn from(raw: RawSlot) -> Self {
        let usage = raw.usage();
        Self {
            contestant: contestant(raw.model, raw.system_prompt, raw.effort.as_deref(), &raw.sampling),
            body: raw.body,
            reasoning: raw.reasoning,
            state: parse_state(&raw.state),
            error: raw.error,
            had_no_room: raw.had_no_room != 0,
            usage,
            kv: raw.kv,
        }
    }
}

fn contestant(
    model: String,
    system_prompt: Option<String>,
    effort: Option<&str>,
    sampling: &str,
) -> ContestantRow {
    let (effort, sampling) = (effort.and_then(Effort::named), overrides_of(sampling));
    ContestantRow { model: ModelId(model), system_prompt, effort, sampling }
}

impl Store {
    /// Adds a run with its answers; all or nothing.
    pub async fn create_run(&self, user: UserId, run: NewRun<'_>) -> Result<CompareRunId, StoreError> {
        let mut tx = self.write.begin().await?;
        let done = sqlx::query!(
            "insert into compare_run (user_id, prompt, system_prompt, is_blind, in_turn, created_ms)
             values (?, ?, ?, ?, ?, ?)",
            user.0,
            run.prompt,
            run.system_prompt,
            run.is_blind,
            run.in_turn,
            run.now_ms
        )
        .execute(&mut *tx)
        .await?;
        let id = done.last_insert_rowid();
        for (position, it) in (0_i64..).zip(run.contestants) {
            let (effort, sampling) = (it.effort.map(Effort::name), written(&it.sampling)?);
            sqlx::query!(
                "insert into compare_slot (run_id, position, model, system_prompt, effort, sampling, state)
                 values (?, ?, ?, ?, ?, ?, 'running')",
                id,
                position,
                it.model.0,
                it.system_prompt,
                effort,
                sampling
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(CompareRunId(id))
    }

    /// The run, if `user` owns it and it is not deleted.
    pub async fn find_run(&self, user: UserId, id: CompareRunId) -> Result<Option<RunRow>, StoreError> {
        let run = sqlx::query_as!(
            RawRun,
            "select id, prompt, system_prompt, is_blind, in_turn, vote, created_ms from compare_run
             where id = ? and user_id = ? and deleted_ms is null",
            id.0,
            user.0
        )
        .fetch_optional(&self.read)
        .await?;
        let Some(run) = run else { return Ok(None) };
        let slots = sqlx::query_as!(
            RawSlot,
            "select run_id, model, system_prompt, effort, sampling, body, reasoning, state, error, had_no_room,
                 n_prompt_tokens, n_cached_tokens, n_generated_tokens, first_token_ms, decode_ms, n_drafted_tokens,
                 n_accepted_tokens, n_steps, guesser, n_forgotten_tokens, kv
             from compare_slot where run_id = ? order by position",
            id.0
        )
        .fetch_all(&self.read)
        .await?;
        Ok(Some(run.with_slots(slots.into_iter().map(Into::into).collect())))
    }

    /// The person's runs, newest first, without what was answered.
    pub async fn list_runs(
        &self,
        user: UserId,
        older_than: Option<CompareRunId>,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        let below = older_than.map_or(i64::MAX, |run| run.0);
        let runs = sqlx::query_as!(
            RawRun,
            r#"select id, substr(prompt, 1, ?1) as "prompt!: String", '' as "system_prompt!: String", is_blind, in_turn, vote,
                   created_ms
               from compare_run where user_id = ?2 and deleted_ms is null and id < ?3 order by id desc limit ?4"#,
            SHOWN_CHARS,
            user.0,
            below,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        let (oldest, newest) = (runs.last().map_or(0, |run| run.id), runs.first().map_or(0, |run| run.id));
        let slots = sqlx::query_as!(
            RawSlot,
            r#"select slot.run_id, model, null as "system_prompt?: String", null as "effort?: String",
                   '' as "sampling!: String", '' as "body!: String", '' as "reasoning!: String", state, error, had_no_room,
                   n_prompt_tokens, n_cached_tokens, n_generated_tokens, first_token_ms, decode_ms, n_drafted_tokens,
                   n_accepted_tokens, n_steps, guesser, n_forgotten_tokens, kv
               from compare_slot slot join compare_run run on run.id = slot.run_id
               where run.user_id = ? and run.deleted_ms is null and run.id between ? and ? order by slot.run_id, slot.position"#,
            user.0,
            oldest,
            newest
        )
        .fetch_all(&self.read)
        .await?;
        let mut by_run: HashMap<i64, Vec<SlotRow>> = HashMap::new();
        for slot in slots {
            by_run.entry(slot.run_id).or_default().push(slot.into());
        }
        let complete = |run: RawRun| {
            let slots = by_run.remove(&run.id).unwrap_or_default();
            run.with_slots(slots)
        };
        Ok(runs.into_iter().map(complete).collect())
    }

    /// Saves what a running answer has so far.
    pub async fn save_partial_slot(
        &self,
        run: CompareRunId,
        position: u8,
        body: &str,
        reasoning: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update compare_slot set body = ?, reasoning = ? where run_id = ? and position = ? and state = 'running'",
            body,
            reasoning,
            run.0,
            position
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Ends a running answer. An answer ends once: a second end is `NotFound`.
    pub async fn finish_slot(
        &self,
        run: CompareRunId,
        position: u8,
        slot: &SlotRow,
    ) -> Result<(), StoreError> {
        let state = slot.state.name();
        let usage = UsageColumns::of(slot.usage);
        let done = sqlx::query!(
            "update compare_slot set body = ?, reasoning = ?, state = ?, error = ?, had_no_room = ?, n_prompt_tokens = ?,
                 n_cached_tokens = ?, n_generated_tokens = ?, first_token_ms = ?, decode_ms = ?, n_drafted_tokens = ?,
                 n_accepted_tokens = ?, n_steps = ?, guesser = ?, n_forgotten_tokens = ?, kv = ?
             where run_id = ? and position = ? and state = 'running'",
            slot.body,
            slot.reasoning,
            state,
            slot.error,
            slot.had_no_room,
            usage.n_prompt,
            usage.n_cached,
            usage.n_generated,
            usage.first_token_ms,
            usage.decode_ms,
            usage.n_drafted,
            usage.n_accepted,
            usage.n_steps,
            usage.guesser,
            usage.n_forgotten,
            slot.kv,
            run.0,
            position
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Keeps a person's choice. The first one stands, as who answered is known after it.
    pub async fn vote(&self, user: UserId, run: CompareRunId, vote: Vote) -> Result<(), StoreError> {
        let vote = match vote {
            Vote::For(position) => i64::from(position),
            Vote::Even => -1,
        };
        let done = sqlx::query!(
            "update compare_run set vote = ?1 where id = ?2 and user_id = ?3 and deleted_ms is null and vote is null
               and (?1 = -1 or exists (select 1 from compare_slot where run_id = ?2 and position = ?1))
               and not exists (select 1 from compare_slot where run_id = ?2 and state = 'running')",
            vote,
            run.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// How often each model with its settings was chosen in blind runs, those chosen most first.
    pub async fn tally(&self, user: UserId, limit: u32) -> Result<Vec<TallyRow>, StoreError> {
        let rows = sqlx::query!(
            r#"select model, slot.system_prompt, effort,
                   json_remove(sampling, '$.seed', '$.max_tokens') as "sampling!: String", count(*) as "n_runs!: i64",
                   sum(run.vote = slot.position) as "n_won!: i64", sum(run.vote = -1) as "n_even!: i64"
               from compare_slot slot join compare_run run on run.id = slot.run_id
               where run.user_id = ? and run.deleted_ms is null and run.is_blind = 1 and run.vote is not null
               group by 1, 2, 3, 4
               order by 6 desc, 5, model limit ?"#,
            user.0,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        let count = |n: i64| u32::try_from(n).unwrap_or_default();
        let rows = rows.into_iter().map(|row| TallyRow {
            contestant: contestant(row.model, row.system_prompt, row.effort.as_deref(), &row.sampling),
            n_runs: count(row.n_runs),
            n_won: count(row.n_won),
            n_even: count(row.n_even),
        });
        Ok(rows.collect())
    }

    /// Hides a run until it is restored or purged.
    pub async fn delete_run(&self, user: UserId, run: CompareRunId, now_ms: i64) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update compare_run set deleted_ms = ? where id = ? and user_id = ? and deleted_ms is null",
            now_ms,
            run.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Undoes [`Store::delete_run`].
    pub async fn restore_run(&self, user: UserId, run: CompareRunId) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update compare_run set deleted_ms = null where id = ? and user_id = ? and deleted_ms is not null",
            run.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Removes what was deleted before `before_ms`.
    pub async fn purge_runs(&self, before_ms: i64) -> Result<u64, StoreError> {
        let done = sqlx::query!("delete from compare_run where deleted_ms < ?", before_ms)
            .execute(&self.write)
            .await?;
        Ok(done.rows_affected())
    }

    /// Ends the answers that a crash left running, keeping their text. Called once, at start.
    pub async fn end_interrupted_slots(&self, error: &str) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update compare_slot set state = 'failed', error = ? where state = 'running'",
            error
        )
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }
}

fn number(n: Option<i64>) -> Option<u32> {
    n.and_then(|n| u32::try_from(n).ok())
}

#[cfg(test)]
mod tests;
