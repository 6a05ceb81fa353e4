//! Users and companies: an in-memory overlay of fresh changes over a key-value store.
//!
//! Every change is folded into the overlay, which reads see at once; a mover carries it into the store in sorted,
//! coalesced batches off the answering path. Overlay and store each hold *part* of what is known about a subject and
//! a read merges the parts: profile merging is idempotent (law 3), so it does no harm that for a moment a change is
//! in both. The store keeps keys and what is derived; the profiles themselves are in the *value log*. Both can always be dropped and rebuilt from the log; they are never ahead of it.

pub mod census;
pub mod checking;
mod erased;
pub mod every;
pub mod guarded;
pub mod lists;
pub mod mover;
pub mod overlay;
pub(crate) mod rewriting;
pub mod store;
mod taking_out;
pub mod tidy;
mod turns;
pub mod values;
pub mod wide;
