//! Pages of lookups: `{"data":[…],"metadata":{"cursor":{"after","before"},"limit","total_count"}}`, as the contract has them. A
//! cursor names the item at the edge of a page, so that items which come and go shift no page.

use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use muster_kernel::model::page::Cursor;
use muster_kernel::model::problem::{Problem, ProblemCode};

use crate::http::answer;
use crate::http::asking;
use crate::http::read::Query;

/// Items on a page when the caller names no limit.
const ITEMS_DEFAULT: usize = 50;
/// Items on a page at most.
const ITEMS_MAX: usize = 500;

/// Which page.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Turn` reads")]
pub(super) struct PageParameters {
    /// `metadata.cursor.after` of the page before.
    after_cursor: Option<String>,
    /// `metadata.cursor.before` of the page behind.
    before_cursor: Option<String>,
    /// Items on the page; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A page.
#[derive(Serialize, ToSchema)]
#[schema(as = LookupPage)]
pub(super) struct PageBody<T> {
    /// The items.
    data: Vec<T>,
    /// Where the page stands.
    metadata: Metadata,
}

/// Where a page stands.
#[derive(Serialize, ToSchema)]
#[schema(as = LookupPageMetadata)]
pub(super) struct Metadata {
    cursor: Cursors,
    /// Items on a page at most.
    #[schema(example = 50)]
    limit: usize,
    /// Items on all pages.
    #[schema(example = 53)]
    total_count: usize,
}

/// Where the next pages begin.
#[derive(Serialize, ToSchema)]
#[schema(as = LookupCursors)]
pub(super) struct Cursors {
    /// Send it as `after_cursor` for the page behind this one; null on the last one.
    #[schema(required = true)]
    after: Option<String>,
    /// Send it as `before_cursor` for the page before this one; null on the first one.
    #[schema(required = true)]
    before: Option<String>,
}

/// Which page is asked for.
pub(super) struct Turn {
    after: Option<Cursor>,
    before: Option<Cursor>,
    limit: usize,
}

/// Items of a page: their place among all, and where the page stands.
pub(super) struct Cut {
    pub range: Range<usize>,
    metadata: Metadata,
}

impl Turn {
    /// # Errors
    /// When a parameter is not what it should be.
    pub(super) fn of(query: &Query) -> Result<Self, Problem> {
        let cursor = |name| match query.get(name) {
            None => Ok(None),
            Some(text) => answer::cursor_of(&text).map(Some).ok_or_else(|| not_ours(name)),
        };
        let (after, before) = (cursor("after_cursor")?, cursor("before_cursor")?);
        Ok(Turn { after, before, limit: asking::number(query, "limit", ITEMS_DEFAULT, ITEMS_MAX)? })
    }

    /// The page, of items that have these keys, in ascending order.
    ///
    /// # Errors
    /// When a cursor is none of this lookup.
    pub(super) fn cut<K: Ord + Serialize + DeserializeOwned>(&self, keys: &[K]) -> Result<Cut, Problem> {
        let read = |cursor: &Cursor, name| serde_json::from_slice(&cursor.0).map_err(|_| not_ours(name));
        let range = match (&self.after, &self.before) {
            (None, Some(before)) => {
                let before: K = read(before, "before_cursor")?;
                let end = keys.partition_point(|key| *key < before);
                end.saturating_sub(self.limit)..end
            }
            (after, _) => {
                let after: Option<K> = after.as_ref().map(|after| read(after, "after_cursor")).transpose()?;
                let start = after.map_or(0, |after| keys.partition_point(|key| *key <= after));
                start..keys.len().min(start.saturating_add(self.limit))
            }
        };
        // Numbers and strings: writing them cannot fail.
        let text = |key: &K| answer::cursor_text(&Cursor(serde_json::to_vec(key).unwrap_or_default()));
        let last = range.end.checked_sub(1).filter(|_| range.end < keys.len());
        let cursor = Cursors {
            after: last.and_then(|last| keys.get(last)).map(text),
            before: Some(range.start).filter(|start| *start > 0).and_then(|start| keys.get(start)).map(text),
        };
        let metadata = Metadata { cursor, limit: self.limit, total_count: keys.len() };
        Ok(Cut { range, metadata })
    }
}

impl Cut {
    /// The page with its items.
    pub(super) fn with<T>(self, data: Vec<T>) -> PageBody<T> {
        PageBody { data, metadata: self.metadata }
    }
}

fn not_ours(name: &str) -> Problem {
    let message = format!("`{name}` is not one that this lookup gave; start again without it.");
    Problem::of_call(ProblemCode::CursorInvalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(text: &str) -> Turn {
        Turn::of(&Query::of_text(text.to_owned())).unwrap()
    }

    #[test]
    fn pages_lead_there_and_back_whatever_comes_and_goes() {
        let keys: Vec<u32> = (0..25).map(|number| number * 2).collect();
        let first = turn("limit=10").cut(&keys).unwrap();
        assert_eq!((first.range.clone(), first.metadata.total_count), (0..10, 25));
        assert_eq!(first.metadata.cursor.before, None);
        let after = first.metadata.cursor.after.unwrap();
        let second = turn(&format!("limit=10&after_cursor={after}")).cut(&keys).unwrap();
        assert_eq!(second.range, 10..20);
        let back = second.metadata.cursor.before.unwrap();
        assert_eq!(turn(&format!("limit=10&before_cursor={back}")).cut(&keys).unwrap().range, 0..10);
        let after = second.metadata.cursor.after.unwrap();
        let last = turn(&format!("limit=10&after_cursor={after}")).cut(&keys).unwrap();
        assert_eq!((last.range, last.metadata.cursor.after), (20..25, None));
        // The item that the cursor names is gone, and others came before it.
        let others: Vec<u32> = (0..25).map(|number| number * 2 + 1).collect();
        let gone = turn(&format!("limit=10&after_cursor={after}")).cut(&others).unwrap();
        assert_eq!(others[gone.range.start], 39, "what follows 38");
        let none = turn("").cut::<u32>(&[]).unwrap();
        assert_eq!((none.range, none.metadata.cursor.after, none.metadata.limit), (0..0, None, 50));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["after_cursor=x", "before_cursor=0"] {
            let refused = Turn::of(&Query::of_text(text.to_owned())).err().unwrap();
            assert_eq!(refused.code, ProblemCode::CursorInvalid);
        }
        let foreign = turn("after_cursor=7b7d").cut(&[1u32]).err().unwrap();
        assert_eq!(foreign.code, ProblemCode::CursorInvalid);
        let limit = Turn::of(&Query::of_text("limit=0".to_owned())).err().unwrap();
        assert_eq!(limit.code, ProblemCode::ParameterInvalid);
    }
}
