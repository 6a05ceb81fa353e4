//! Cursors as callers see them: hexadecimal, and bound to the question that they go on with.
//!
//! What an engine puts into a cursor means something in one list alone, and in another may mean some other place. So behind it
//! stands a short hash of what was asked: the path and every parameter that decides which items a list has and in which order.
//! It keeps mistakes apart and is no secret.

use muster_kernel::model::page::Cursor;
use sha2::{Digest, Sha256};

use super::answer::{cursor_of, cursor_text};

/// Bytes of the hash that a cursor carries.
const HASH_BYTES: usize = 4;

/// The question that a cursor goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question([u8; HASH_BYTES]);

impl Question {
    /// The question that these parts say, in this order.
    pub(super) fn of(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            let part = part.as_ref();
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut short = [0; HASH_BYTES];
        short.copy_from_slice(&hash.finalize()[..HASH_BYTES]);
        Question(short)
    }

    /// A cursor of its list as callers are told it.
    pub(super) fn text_of(self, cursor: &Cursor) -> String {
        cursor_text(&Cursor([cursor.0.as_slice(), &self.0].concat()))
    }

    /// The cursor that a text stands for; `None` when it is none that was given for this question.
    pub(super) fn cursor_of(self, text: &str) -> Option<Cursor> {
        let Cursor(mut bytes) = cursor_of(text)?;
        let own = bytes.split_last_chunk::<HASH_BYTES>().is_some_and(|(_, hash)| *hash == self.0);
        bytes.truncate(bytes.len().saturating_sub(HASH_BYTES));
        own.then_some(Cursor(bytes))
    }
}

/// Which page of a list is asked for.
pub(super) struct PageAsked {
    /// How many items it may have.
    pub limit: usize,
    /// Where it starts; `None` for the beginning.
    pub cursor: Option<Cursor>,
    /// What the list is of.
    pub question: Question,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_for_its_own_question_alone() {
        let (one, other) =
            (Question::of(["/v1/users", "sort", "id"]), Question::of(["/v1/users", "sorti", "d"]));
        for place in [&b""[..], b"u-7", &[0, 0xff]] {
            let cursor = Cursor(place.to_vec());
            let text = one.text_of(&cursor);
            assert_eq!(one.cursor_of(&text), Some(cursor));
            assert_eq!(other.cursor_of(&text), None);
        }
        for bad in ["", "00", "zz", "752d37"] {
            assert_eq!(one.cursor_of(bad), None, "{bad}");
        }
    }
}
