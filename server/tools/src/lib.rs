//! Tools that a language model may call: what they are, whether they may run, and running them.
//!
//! Nothing runs without an [`Approved`] call, and only [`Approvals::decide`] makes one: it binds a tool as it is described
//! now to the very bytes of the arguments. What a tool does ends in an [`Outcome`] of bounded size within bounded time,
//! whatever the tool does; dropping [`Running`] cancels what is under way.
//!
//! One round of the loop, where a person answers questions in between:
//!
//! ```
//! # async fn example(calls: Vec<types::tools::ToolCall>) -> Result<(), tools::RegistryError> {
//! use tools::{Answered, Approvals, Asker, Calculator, Clock, Decision, Limits, Registry, run};
//!
//! let registry = Registry::new([Calculator::tool(), Clock::tool()])?;
//! let mut approvals = Approvals::default();
//! let limits = Limits::default();
//! # let now_ms = 0;
//! let mut ready = Vec::new();
//! let mut outcomes = Vec::new();
//! for call in calls {
//!     match registry.prepare(call, &limits).map(|prepared| approvals.decide(prepared, now_ms)) {
//!         Ok(Decision::Run(approved)) => ready.push(approved),
//!         // Shown to the person; `approvals.answer(question.id, Answered::Yes, now_ms)`, then the same again.
//!         Ok(Decision::Ask(_question)) => {}
//!         Ok(Decision::Refuse(outcome)) | Err(outcome) => outcomes.push(*outcome),
//!     }
//! }
//! outcomes.extend(run(ready, Asker::local(), &limits).all().await);
//! # Ok(())
//! # }
//! ```

mod approvals;
mod arguments;
mod calculator;
mod clock;
mod egress;
mod fetch;
mod fingerprint;
mod images;
mod known;
mod limits;
mod mcp;
mod outcome;
mod readable;
mod registry;
mod rounds;
mod run;
mod search;
mod shown;
#[cfg(test)]
mod tests;
mod tool;

pub use approvals::{APPROVAL_TIME, AnswerError, Answered, Approvals, Approved, Decision};
pub use arguments::Arguments;
pub use calculator::{Calculator, CalculatorError, evaluate};
pub use clock::Clock;
pub use egress::{AllowedHosts, Egress, EgressError};
pub use fetch::FetchPage;
pub use images::GenerateImage;
pub use limits::Limits;
pub use mcp::{Launcher, Listing, Look, McpClient, McpError, StartProcess, Untaken};
pub use outcome::{Answer, Failure, NotAllowed, Outcome};
pub use registry::{Prepared, Registry, RegistryError};
pub use rounds::Rounds;
pub use run::{Running, run};
pub use search::WebSearch;
pub use shown::arguments as shown_arguments;
pub use tool::{Asker, Description, Tool};
