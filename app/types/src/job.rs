//! Background work as the jobs tray shows it.

use crate::ids::JobId;
use serde::{Deserialize, Serialize};

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    LoadModel,
    DownloadModel,
    QuantizeModel,
    MeasureModel,
    /// Which types of weights are worth it.
    MeasureQuants,
    /// What writing a model anew cost.
    CompareWithSource,
    IndexDocuments,
    ImportChats,
    CompareModels,
    BringModel,
}

/// A part of a job that consists of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStep {
    /// A model's files are written in another form.
    Converting,
    /// And with fewer bits.
    Quantising,
    /// A model is loaded: what makes room for it ends first,
    WaitingForMemory,
    /// then come its own weights,
    LoadingWeights,
    /// the model that guesses for it,
    LoadingDraft,
    /// the memory for conversations,
    PreparingContext,
    /// and what looks at images.
    LoadingProjector,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Running,
    Done,
    Failed,
    Cancelled,
    /// The server ended while it ran.
    Interrupted,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    pub id: JobId,
    pub kind: JobKind,
    /// What it works on, for example a model's name.
    pub subject: String,
    pub state: JobState,
    /// 0..=1 where it can be known.
    pub progress: Option<f32>,
    /// Bytes per second, for jobs that move bytes.
    pub bytes_per_second: Option<f64>,
    pub seconds_left: Option<f64>,
    /// Which of its parts runs, where there are several.
    pub step: Option<JobStep>,
    /// One sentence when `state` is `Failed`.
    pub error: Option<String>,
    /// Milliseconds since 1970, UTC.
    pub started_at_ms: i64,
    /// Whether it can be cancelled now.
    pub can_cancel: bool,
}
