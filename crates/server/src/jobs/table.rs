//! The rows of a CSV file, each turned into the JSON object that it means.
//!
//! The first line names the columns: keys of a row of history, `metadata` as JSON text, or `metadata.name` for one
//! property. The delimiter is the one of comma, semicolon, tab and bar that finds the most known names in it. An empty
//! field is as if it were absent. A field of a `metadata.name` column is a number or a boolean where its text is exactly
//! how that is written, and a string otherwise, so that nothing of it is lost. Rows are numbered by the line that they begin in.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use muster_kernel::accept::is_row_key;
use muster_kernel::model::problem::{Problem, ProblemCode};
use serde_json::Number;
use serde_json::value::RawValue;

use super::rows::{NoRows, ROW_BYTES_MAX};

/// Columns that a file may have.
const COLUMNS_MAX: usize = 4_096;
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
const PROPERTY: &str = "metadata.";
/// The columns whose fields are numbers in JSON.
const SIZES: [&str; 2] = ["screen_width", "screen_height"];

/// What was found where a row should be.
pub enum Line {
    /// A row; its JSON is in the buffer.
    Row,
    /// Something else; what stood there is in the buffer.
    Bad(Problem),
    /// Longer than a row may be; its beginning is in the buffer.
    TooLong,
}

/// A CSV file behind its header.
pub struct Table {
    reader: Reader,
    delimiter: u8,
    header: Vec<String>,
    /// Lines that were passed.
    lines: u64,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

/// How much of a record was read.
enum Record {
    End,
    /// So many fields.
    Whole(usize),
    TooLong,
}

impl Table {
    /// Reads the header. `begins` is the beginning of the file, and still to be read from `source`.
    pub fn open(begins: &[u8], source: &mut impl BufRead) -> io::Result<Result<Table, NoRows>> {
        let delimiter = delimiter_of(begins);
        let mut table = Table {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            header: Vec::new(),
            lines: 0,
            fields: vec![0; 4 << 10],
            ends: vec![0; 64],
        };
        table.pass_blank_lines(source)?;
        let count = match table.record(source)? {
            Record::Whole(count) => count,
            Record::End => 0,
            Record::TooLong => {
                return Ok(Err(NoRows::header(
                    "The first line of the file is no header of a CSV file: it is too long.",
                )));
            }
        };
        for at in 0..count {
            match std::str::from_utf8(table.field(at)) {
                Ok(name) => table.header.push(name.trim().to_owned()),
                Err(_) => {
                    return Ok(Err(NoRows::header(
                        "The header of the file is not UTF-8; save the file as UTF-8.",
                    )));
                }
            }
        }
        Ok(match fault_of(&table.header) {
            Some(message) => Err(NoRows::Header(message)),
            None => Ok(table),
        })
    }

    /// The next row and the line that it begins in; nothing behind the last one.
    pub fn next(&mut self, source: &mut impl BufRead, out: &mut Vec<u8>) -> io::Result<Option<(u64, Line)>> {
        out.clear();
        self.pass_blank_lines(source)?;
        let number = self.lines + 1;
        let line = match self.record(source)? {
            Record::End => return Ok(None),
            Record::TooLong => {
                let begins = self.fields.len().min(ROW_BYTES_MAX);
                out.extend_from_slice(&self.fields[..begins]);
                Line::TooLong
            }
            Record::Whole(count) => match self.problem(count).or_else(|| self.write(out).err()) {
                None => Line::Row,
                Some(problem) => {
                    self.write_as_it_was(count, out);
                    Line::Bad(problem)
                }
            },
        };
        Ok(Some((number, line)))
    }

    fn pass_blank_lines(&mut self, source: &mut impl BufRead) -> io::Result<()> {
        loop {
            let some = source.fill_buf()?;
            let ends = some.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.lines += count_lines(&some[..ends]);
            let is_over = ends < some.len() || some.is_empty();
            source.consume(ends);
            if is_over {
                return Ok(());
            }
        }
    }

    /// Reads one record into `fields` and `ends`, holding no more of it than a row may have.
    fn record(&mut self, source: &mut impl BufRead) -> io::Result<Record> {
        let (mut written, mut count, mut is_whole) = (0, 0, true);
        loop {
            let some = source.fill_buf()?;
            let (result, read, put, ended) =
                self.reader.read_record(some, &mut self.fields[written..], &mut self.ends[count..]);
            self.lines += count_lines(&some[..read]);
            source.consume(read);
            (written, count) = (written + put, count + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.fields.len() < ROW_BYTES_MAX => {
                    let more = (2 * self.fields.len()).min(ROW_BYTES_MAX);
                    self.fields.resize(more, 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < COLUMNS_MAX => {
                    self.ends.resize(2 * self.ends.len(), 0);
                }
                // What follows of it is passed over; its beginning is overwritten only by that.
                ReadRecordResult::OutputFull => (written, is_whole) = (ROW_BYTES_MAX / 2, false),
                ReadRecordResult::OutputEndsFull => (count, is_whole) = (COLUMNS_MAX / 2, false),
                ReadRecordResult::Record if is_whole => return Ok(Record::Whole(count)),
                ReadRecordResult::Record => return Ok(Record::TooLong),
                ReadRecordResult::End => return Ok(Record::End),
            }
        }
    }

    fn field(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends.get(at - 1).copied().unwrap_or_default() };
        let end = self.ends.get(at).copied().unwrap_or_default();
        self.fields.get(start..end).unwrap_or_default()
    }

    /// What is wrong with a record as a whole.
    fn problem(&self, count: usize) -> Option<Problem> {
        let columns = self.header.len();
        if count != columns {
            let message = format!(
                "The row has {count} fields and the header {columns} columns; put fields that hold the delimiter or a line end into \
                 quotes, and close every quote."
            );
            return Some(Problem::of_call(ProblemCode::RowRagged, message));
        }
        let is_header = |at: usize| self.field(at).trim_ascii() == self.header[at].as_bytes();
        (0..count).all(is_header).then(|| {
            let message =
                "The row is the header again, as when files are put one behind the other; leave it out.";
            Problem::of_call(ProblemCode::HeaderRepeated, message)
        })
    }

    /// Writes the record as the JSON object that it means.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), Problem> {
        out.push(b'{');
        let mut properties = Vec::new();
        for (at, name) in self.header.iter().enumerate() {
            let text = std::str::from_utf8(self.field(at)).map_err(|_| {
                let message = "The field is not UTF-8; save the file as UTF-8.";
                Problem::at(pointer_to(name), ProblemCode::FieldUnreadable, message)
            })?;
            if text.trim().is_empty() || name.is_empty() {
                continue;
            }
            if name == "metadata" {
                push_members(members_of(text)?, &mut properties);
            } else if let Some(property) = name.strip_prefix(PROPERTY) {
                let mut member = Vec::new();
                write_member(property, text, is_plain(text), &mut member);
                push_members(&member, &mut properties);
            } else {
                if out.len() > 1 {
                    out.push(b',');
                }
                let is_number = SIZES.contains(&&**name)
                    && text.bytes().all(|byte| byte.is_ascii_digit())
                    && is_plain(text);
                write_member(name, text, is_number, out);
            }
        }
        if !properties.is_empty() {
            let comma: &[u8] = if out.len() > 1 { b"," } else { b"" };
            out.extend_from_slice(comma);
            out.extend_from_slice(b"\"metadata\":{");
            out.append(&mut properties);
            out.push(b'}');
        }
        out.push(b'}');
        Ok(())
    }

    fn write_as_it_was(&self, count: usize, out: &mut Vec<u8>) {
        out.clear();
        for at in 0..count {
            if at > 0 {
                out.push(self.delimiter);
            }
            out.extend_from_slice(self.field(at));
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn push_members(members: &[u8], properties: &mut Vec<u8>) {
    if !properties.is_empty() && !members.is_empty() {
        properties.push(b',');
    }
    properties.extend_from_slice(members);
}

/// The members of the JSON object that the field `metadata` holds, without its braces.
fn members_of(text: &str) -> Result<&[u8], Problem> {
    let inner = serde_json::from_str::<&RawValue>(text.trim()).ok();
    let inner = inner.and_then(|json| json.get().strip_prefix('{')?.strip_suffix('}'));
    inner.map(|members| members.trim().as_bytes()).ok_or_else(|| {
        let message = "The field `metadata` is no JSON object; write one such as {\"plan\":\"pro\"}, with its quotes doubled, or use \
                       columns named `metadata.plan`.";
        Problem::at("/metadata", ProblemCode::MetadataType, message)
    })
}

fn write_member(name: &str, text: &str, is_plain: bool, out: &mut Vec<u8>) {
    write_string(name, out);
    out.push(b':');
    if is_plain {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_string(text, out);
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    if let Err(error) = serde_json::to_writer(&mut *out, text) {
        tracing::error!(%error, "a field could not be written as JSON");
    }
}

/// Whether a text is exactly how JSON writes a boolean or a number that it can hold.
fn is_plain(text: &str) -> bool {
    matches!(text, "true" | "false") || text.parse::<Number>().is_ok_and(|number| number.to_string() == text)
}

fn pointer_to(column: &str) -> String {
    let escape = |part: &str| part.replace('~', "~0").replace('/', "~1");
    match column.strip_prefix(PROPERTY) {
        Some(property) => format!("/metadata/{}", escape(property)),
        None => format!("/{}", escape(column)),
    }
}

/// The delimiter that finds the most known names in the first line.
fn delimiter_of(begins: &[u8]) -> u8 {
    let line =
        begins.trim_ascii_start().split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let known = |delimiter: u8| {
        let names = line.split(|byte| *byte == delimiter);
        let name = |bytes| String::from_utf8_lossy(bytes).trim().trim_matches('"').trim().to_owned();
        names.map(name).filter(|name| is_row_key(name) || name.starts_with(PROPERTY)).count()
    };
    // Of equals the first stays.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| known(*delimiter)).unwrap_or(b',')
}

/// Why these names are no header.
fn fault_of(header: &[String]) -> Option<String> {
    for (at, name) in header.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(again) = header[at + 1..].iter().position(|other| other == name) {
            let (first, second) = (at + 1, at + again + 2);
            return Some(format!(
                "The header names the column `{name}` twice, as column {first} and as column {second}; name each once."
            ));
        }
    }
    let has = |wanted: &str| header.iter().any(|name| name == wanted);
    if has("event_type") {
        return None;
    }
    let is_any = header.iter().any(|name| is_row_key(name));
    Some(if is_any {
        "The header names no column `event_type`; every row needs one.".to_owned()
    } else {
        "The first line of the file is no header: it names no column that is known. Begin a CSV file with a line such as \
         event_type,user_id,event_name,source,inserted_at,metadata, or send NDJSON."
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line of a file as text.
    fn lines(text: &[u8]) -> Result<Vec<String>, NoRows> {
        // A small buffer, so that every field is cut somewhere.
        let mut source = io::BufReader::with_capacity(3, text);
        let mut table = Table::open(text, &mut source).unwrap()?;
        let (mut found, mut out) = (Vec::new(), Vec::new());
        while let Some((number, line)) = table.next(&mut source, &mut out).unwrap() {
            let shown = String::from_utf8_lossy(&out).into_owned();
            found.push(match line {
                Line::Row => format!("{number} {shown}"),
                Line::Bad(problem) => {
                    format!("{number} {}{} {shown}", problem.code.as_str(), problem.pointer)
                }
                Line::TooLong => format!("{number} long {}", &shown[..4]),
            });
        }
        Ok(found)
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(lines(text.as_bytes()).unwrap(), expected, "{text}");
    }

    #[test]
    fn a_row_is_the_object_that_its_header_names() {
        check(
            "event_type,user_id,screen_width,metadata\ntrack,7,390,\"{\"\"a\"\":1}\"\n\"page_view\",\"a \"\"b\"\"\n,c\",,\n",
            &[
                r#"2 {"event_type":"track","user_id":"7","screen_width":390,"metadata":{"a":1}}"#,
                "3 {\"event_type\":\"page_view\",\"user_id\":\"a \\\"b\\\"\\n,c\"}",
            ],
        );
        check(
            "event_type;metadata.plan;metadata.seats;metadata;other\r\ntrack;pro;12;\"{\"\"b\"\": [1, 2]}\";x\r\n\r\ntrack;;;{};\r\n",
            &[
                r#"2 {"event_type":"track","other":"x","metadata":{"plan":"pro","seats":12,"b": [1, 2]}}"#,
                r#"4 {"event_type":"track"}"#,
            ],
        );
        check("\n\nevent_type\tuser_id\ntrack\tu", &[r#"4 {"event_type":"track","user_id":"u"}"#]);
        check("event_type|user_id|\ntrack|u|\n", &[r#"2 {"event_type":"track","user_id":"u"}"#]);
    }

    #[test]
    fn a_property_is_a_number_only_where_nothing_of_its_text_is_lost() {
        for (text, json) in [
            ("12", "12"),
            ("-1.5", "-1.5"),
            ("true", "true"),
            ("18446744073709551615", "18446744073709551615"),
            ("012", "\"012\""),
            ("1.50", "\"1.50\""),
            ("+1", "\"+1\""),
            ("1e5", "\"1e5\""),
            ("123456789012345678901234567890", "\"123456789012345678901234567890\""),
            ("NaN", "\"NaN\""),
            ("null", "\"null\""),
            ("TRUE", "\"TRUE\""),
        ] {
            let file = format!("event_type,metadata.n\ntrack,{text}\n");
            check(&file, &[&format!("2 {{\"event_type\":\"track\",\"metadata\":{{\"n\":{json}}}}}")]);
        }
    }

    #[test]
    fn bad_rows_say_why_and_good_ones_are_kept() {
        check(
            "event_type,user_id\ntrack\ntrack,u,v\nevent_type,user_id\ntrack,u\n",
            &[
                "2 row_ragged track",
                "3 row_ragged track,u,v",
                "4 header_repeated event_type,user_id",
                r#"5 {"event_type":"track","user_id":"u"}"#,
            ],
        );
        check(
            "event_type,metadata\ntrack,{\ntrack,[1]\ntrack,{}\n",
            &[
                "2 metadata_type/metadata track,{",
                "3 metadata_type/metadata track,[1]",
                r#"4 {"event_type":"track"}"#,
            ],
        );
        let latin = lines(b"event_type,metadata.a/b\ntrack,\xe9\ntrack,x\n").unwrap();
        assert_eq!(latin[0], "2 field_unreadable/metadata/a~1b track,\u{fffd}");
        assert_eq!(latin.len(), 2);
    }

    #[test]
    fn a_row_that_is_too_long_is_passed_over() {
        let long = "y".repeat(3 * ROW_BYTES_MAX);
        let many = ",".repeat(3 * COLUMNS_MAX);
        let file = format!("event_type,user_id\ntrack,{long}\ntrack,u\ntrac{many}\ntrack,v\n");
        let found = lines(file.as_bytes()).unwrap();
        assert_eq!(found[0], "2 long trac");
        assert_eq!(found[1], r#"3 {"event_type":"track","user_id":"u"}"#);
        assert_eq!(found[2], "4 long trac");
        assert_eq!(found[3], r#"5 {"event_type":"track","user_id":"v"}"#);
        let open = format!("event_type,user_id\ntrack,\"{long}\n");
        assert_eq!(lines(open.as_bytes()).unwrap(), ["2 long trac"]);
    }

    #[test]
    fn a_header_that_is_none_is_said() {
        let fault = |text: &str| match lines(text.as_bytes()) {
            Err(NoRows::Header(message)) => message,
            other => panic!("{other:?}"),
        };
        assert!(fault("track,u-1,paid\n").starts_with("The first line of the file is no header"));
        assert!(fault("user_id,source\n").starts_with("The header names no column `event_type`"));
        assert_eq!(
            fault("event_type, user_id ,a,user_id\n"),
            "The header names the column `user_id` twice, as column 2 and as column 4; name each once."
        );
        assert!(fault("").starts_with("The first line"));
    }
}
