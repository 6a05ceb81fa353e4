//! What tests of every engine share: contract suites for the ports, a disk that fails and loses power, a clock in the
//! test's hand. A dev-dependency only.

pub mod block_on;
pub mod builders;
pub mod clock;
pub mod contract;
pub mod sim_disk;
