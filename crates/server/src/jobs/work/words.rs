//! Why a job or a row of it is refused, in words.

use muster_kernel::model::job::JobKind;
use muster_kernel::model::problem::{Problem, ProblemCode};

use crate::jobs::file::Fault;
use crate::jobs::rows::NoRows;

pub(super) fn unreadable_from(fault: &Fault, number: u64) -> Problem {
    let (code, what) = match fault {
        Fault::Ratio => (
            ProblemCode::CompressionRatio,
            "it grows to more than 200 times its size when decompressed; send it without compression",
        ),
        _ => (
            ProblemCode::BodyNotDecompressed,
            "its compression is broken or cut short there; check that the file is whole",
        ),
    };
    Problem::of_call(code, format!("The file cannot be read from row {number} on: {what}."))
}

pub(super) fn no_rows(none: NoRows, kind: JobKind) -> Problem {
    let message = match none {
        NoRows::Header(message) => return Problem::of_call(ProblemCode::HeaderInvalid, message),
        NoRows::Utf16 => "The file is in UTF-16; save it as UTF-8.".to_owned(),
        NoRows::NoArray => {
            let name = kind.rows_key();
            format!(
                "The document has no array `{name}`; send {{\"{name}\": […]}}, or one row on each line as \
                 `application/x-ndjson`."
            )
        }
    };
    Problem::of_call(ProblemCode::FileUnreadable, message)
}
