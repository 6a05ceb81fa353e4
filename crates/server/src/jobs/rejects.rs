//! Rejected rows as they are given back: the row itself with what is wrong with it under `_muster`, or, when it is no
//! JSON object, `_muster` alone with the beginning of what stood there. One line each.

use std::collections::BTreeMap;

use muster_kernel::model::problem::Problem;
use serde::Serialize;
use serde_json::value::RawValue;

/// The key under which a rejected row says why; a row that is sent again may still have it.
const KEY: &str = "_muster";
/// Characters that are given back of what is no JSON object.
const RAW_CHARS_MAX: usize = 1_000;

#[derive(Serialize)]
struct Why<'a> {
    row: u64,
    pointer: &'a str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
}

/// Appends one line: the row with this number, and its first problem.
pub fn write(number: u64, row: &[u8], problem: &Problem, out: &mut Vec<u8>) {
    let why = Why {
        row: number,
        pointer: &problem.pointer,
        code: problem.code.as_str(),
        message: &problem.message,
        raw: None,
    };
    let start = out.len();
    if let Err(error) = write_line(row, why, out) {
        tracing::error!(row = number, %error, "a rejected row could not be written down");
        out.truncate(start);
        return;
    }
    // White space between values may hold line ends; inside of strings they are escaped.
    out[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    out.push(b'\n');
}

fn write_line(row: &[u8], why: Why<'_>, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let reason = serde_json::value::to_raw_value(&why)?;
    if let Ok(mut members) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(row) {
        members.insert(KEY.to_owned(), &reason);
        return serde_json::to_writer(out, &members);
    }
    let text = String::from_utf8_lossy(&row[..row.len().min(4 * RAW_CHARS_MAX)]);
    let raw: String = text.chars().take(RAW_CHARS_MAX).collect();
    serde_json::to_writer(out, &BTreeMap::from([(KEY, Why { raw: Some(&raw), ..why })]))
}

#[cfg(test)]
mod tests {
    use muster_kernel::model::problem::ProblemCode;

    use super::*;

    fn line(row: &[u8]) -> String {
        let mut out = b"before\n".to_vec();
        write(7, row, &Problem::at("/a", ProblemCode::IdMissing, "Send \"it\"."), &mut out);
        String::from_utf8(out).unwrap().strip_prefix("before\n").unwrap().to_owned()
    }

    #[test]
    fn a_row_comes_back_as_it_was_with_what_is_wrong() {
        let why = r#"{"row":7,"pointer":"/a","code":"id_missing","message":"Send \"it\"."}"#;
        assert_eq!(
            line(b"{\"n\": 12345678901234567890123,\n\"s\":\"x\\n\"}"),
            format!("{{\"_muster\":{why},\"n\":12345678901234567890123,\"s\":\"x\\n\"}}\n")
        );
        let again = b"{\"_muster\":{\"row\":1},\"a\":[1,\n2]}";
        assert_eq!(line(again), format!("{{\"_muster\":{why},\"a\":[1, 2]}}\n"));
    }

    #[test]
    fn what_is_no_object_comes_back_as_text() {
        let raw = |raw: &str| {
            format!(
                "{{\"_muster\":{{\"row\":7,\"pointer\":\"/a\",\"code\":\"id_missing\",\"message\":\"Send \\\"it\\\".\",\"raw\":{raw}}}}}\n"
            )
        };
        assert_eq!(line(b"{\"a\":"), raw(r#""{\"a\":""#));
        assert_eq!(line(b"a,b\xff"), raw("\"a,b\u{fffd}\""));
        assert_eq!(line(b"[1]"), raw("\"[1]\""));
        let long = "é".repeat(5_000);
        assert_eq!(line(long.as_bytes()), raw(&format!("\"{}\"", "é".repeat(1_000))));
    }
}
