//! Who was erased, as a generation of the overlay knows it: of them nothing counts that lies below.

use std::collections::BTreeSet;

use muster_kernel::model::id::Position;
use muster_kernel::ports::ProfileKind;

/// Ids of which nothing below a generation counts any more.
#[derive(Clone, Default)]
pub struct Erased {
    /// Users.
    pub users: BTreeSet<Box<str>>,
    /// Companies; whoever belonged to one below has none.
    pub companies: BTreeSet<Box<str>>,
    /// Where the last mark of these stands in the log; before the first event when there is none.
    pub last: Position,
}

impl Erased {
    /// The ids of a kind.
    pub fn of(&self, kind: ProfileKind) -> &BTreeSet<Box<str>> {
        match kind {
            ProfileKind::User => &self.users,
            ProfileKind::Company => &self.companies,
        }
    }
}
