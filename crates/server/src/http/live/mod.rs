//! What arrives: the newest calls as they came, why some were refused, and how many there are a second.
//!
//! It reads `budget` (which calls are recorded at all) → `sketch` (what a handler tells of its call) → `recorder` (the
//! shelves on which calls are kept) → `calls`, `stream` and `problems` (the three ways to look at them). Everything is
//! kept in the memory of this process, bounded by count and by bytes, and gone with it: the log and the ledger are what
//! lasts. A call that is over the budget costs its thread one counter, and no call ever waits for somebody who watches.

mod budget;
mod call;
pub(super) mod calls;
mod causes;
mod changes;
mod filter;
pub(super) mod problems;
mod recorder;
mod remedy;
mod render;
mod ring;
mod sketch;
pub(super) mod stream;

pub(super) use budget::Window;
pub(super) use call::Outside;
pub(super) use recorder::Recorder;
pub(super) use sketch::{Sketch, note_refused};

use muster_kernel::model::team::Role;

use super::edge::Edge;
use super::signed_in::{InEnvironment, Viewers};

/// Whose calls a member sees: those of the environment, and for who administers also those without a known key.
fn scope(at_work: &InEnvironment<Viewers>) -> recorder::Scope {
    let with_strangers = at_work.member.role >= Role::Admin;
    recorder::Scope { environment: at_work.environment.id, with_strangers }
}

/// How many calls a reader cannot see because they were not recorded.
fn skipped(edge: &Edge, scope: recorder::Scope) -> u64 {
    edge.shared.tally.sums(scope.environment).skipped + edge.shared.recorder.skipped(scope)
}
