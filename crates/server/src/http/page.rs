//! Writes a page of a list, item by item, within a bound of bytes.

use serde::Serialize;

use muster_kernel::model::page::Cursor;

use super::cursor::{PageAsked, Question};
use super::error::Refused;

/// Items asked of the engine at once: the page is looked at in between.
const ITEMS_AT_ONCE: usize = 50;
const EVENTS_AT_ONCE: usize = 250;
/// No further items are asked for once a page has this many bytes: profiles may be large, memory is not.
pub(super) const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// `{"data":[…],"next_cursor":…}` in the making.
pub(super) struct PageWriter {
    bytes: Vec<u8>,
    left: usize,
    at_once: usize,
    cursor: Option<Cursor>,
    question: Question,
    is_over: bool,
    is_empty: bool,
}

impl PageWriter {
    /// The page that is asked for.
    pub(super) fn new(asked: PageAsked) -> Self {
        let PageAsked { limit, cursor, question } = asked;
        PageWriter {
            bytes: br#"{"data":["#.to_vec(),
            left: limit,
            at_once: ITEMS_AT_ONCE,
            cursor,
            question,
            is_over: false,
            is_empty: true,
        }
    }

    /// The same, of a list whose items are called so.
    pub(super) fn of_items(asked: PageAsked) -> Self {
        PageWriter { bytes: br#"{"items":["#.to_vec(), ..PageWriter::new(asked) }
    }

    /// The same, of a list in which every look costs: more items are asked for at once.
    pub(super) fn in_large_steps(self) -> Self {
        PageWriter { at_once: EVENTS_AT_ONCE, ..self }
    }

    /// Where to go on and how many items to bring; nothing when the page is full or the list at its end.
    pub(super) fn wants(&self) -> Option<(Option<&Cursor>, usize)> {
        let goes_on = !self.is_over && self.left > 0 && self.bytes.len() < PAGE_BYTES_MAX;
        goes_on.then(|| (self.cursor.as_ref(), self.left.min(self.at_once)))
    }

    /// Adds an item.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which is a defect.
    pub(super) fn push(&mut self, item: &impl Serialize) -> Result<(), Refused> {
        if !self.is_empty {
            self.bytes.push(b',');
        }
        self.is_empty = false;
        serde_json::to_writer(&mut self.bytes, item).map_err(|error| Refused::internal(error.to_string()))
    }

    /// Notes how many items came and where the next ones begin.
    pub(super) fn turn(&mut self, count: usize, next: Option<Cursor>) {
        self.left = self.left.saturating_sub(count);
        self.is_over = next.is_none();
        self.cursor = next;
    }

    /// The page.
    pub(super) fn finish(self) -> Vec<u8> {
        let next = self.cursor.as_ref().filter(|_| !self.is_over);
        let text = next.map(|cursor| self.question.text_of(cursor));
        self.finish_with(text.as_deref())
    }

    /// The page, with the number of items on all pages.
    pub(super) fn finish_with_total(self, total: u64) -> Vec<u8> {
        let mut bytes = self.finish();
        bytes.pop();
        bytes.extend_from_slice(format!(r#","total":{total}}}"#).as_bytes());
        bytes
    }

    /// The page, with a cursor that the caller of this made.
    pub(super) fn finish_with(mut self, next_cursor: Option<&str>) -> Vec<u8> {
        self.bytes.extend_from_slice(br#"],"next_cursor":"#);
        match next_cursor {
            // Cursors are hexadecimal or positions: nothing to escape.
            Some(text) => self.bytes.extend_from_slice(format!("\"{text}\"").as_bytes()),
            None => self.bytes.extend_from_slice(b"null"),
        }
        self.bytes.push(b'}');
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_at_its_limit_its_bytes_or_the_end_of_the_list() {
        let next = || Some(Cursor(vec![0xab]));
        let question = Question::of(["a list"]);
        let first = || PageAsked { limit: 60, cursor: None, question };
        let mut page = PageWriter::new(first());
        assert_eq!(page.wants(), Some((None, 50)));
        page.push(&1).unwrap();
        page.push(&2).unwrap();
        page.turn(50, next());
        assert_eq!(page.wants(), Some((next().as_ref(), 10)));
        page.turn(10, next());
        assert_eq!(page.wants(), None);
        let text = question.text_of(&Cursor(vec![0xab]));
        assert_eq!(page.finish(), format!(r#"{{"data":[1,2],"next_cursor":"{text}"}}"#).into_bytes());

        let mut page = PageWriter::of_items(first());
        page.push(&1).unwrap();
        page.turn(1, None);
        assert_eq!(page.finish_with_total(7), br#"{"items":[1],"next_cursor":null,"total":7}"#);

        let mut page = PageWriter::new(first());
        page.turn(1, None);
        assert_eq!(page.wants(), None);
        assert_eq!(page.finish(), br#"{"data":[],"next_cursor":null}"#);

        let mut page = PageWriter::new(first());
        page.push(&"x".repeat(PAGE_BYTES_MAX)).unwrap();
        page.turn(1, next());
        assert_eq!(page.wants(), None);
    }
}
