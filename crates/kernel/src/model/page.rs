//! Pages of lists: cursors that stay stable while the lists change.

/// Where a page ended. Opaque to callers; an engine puts the last key of the page in it, so that a cursor means the
/// same after any write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

/// One page of a list, in the list's own order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; absent on the last one.
    pub next: Option<Cursor>,
}
