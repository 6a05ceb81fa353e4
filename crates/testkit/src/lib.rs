//! What tests of every engine share: contract suites for the ports, a disk that fails and loses power, a clock in the
//! test's hand, and the rules that keep the repository tidy. A dev-dependency only.

pub mod block_on;
pub mod builders;
pub mod chance;
pub mod clock;
pub mod contract;
pub mod model_engine;
mod model_erasures;
pub mod model_exports;
pub mod model_history;
pub mod model_jobs;
mod model_lists;
mod model_pages;
mod model_raw_events;
pub mod model_reports;
pub mod model_segments;
pub mod sim_disk;
pub mod tidy;
