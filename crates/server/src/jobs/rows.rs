//! The rows of an upload: one JSON object on each line, or the elements of a JSON document; of an import also the lines of a
//! CSV file (`table`).
//!
//! A row is found without being understood, so that a bad one takes no good one with it. Rows are numbered from 1: of
//! lines the number is the line's, so that an editor finds it; blank lines are no rows.

use std::io::{self, BufRead, Cursor, Read};

use muster_kernel::model::job::JobKind;
use muster_kernel::model::limits::BODY_BYTES_MAX;
use muster_kernel::model::problem::Problem;

use super::table::{Line, Table};

/// Bytes of one row.
pub const ROW_BYTES_MAX: usize = BODY_BYTES_MAX;
/// How much of the beginning is looked at to tell what a file is.
const SNIFFED_BYTES: u64 = 16 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a file holds no rows that could be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRows {
    /// It is in UTF-16.
    Utf16,
    /// It is a JSON document without the array of rows.
    NoArray,
    /// Its first line does not name the columns; a sentence says how.
    Header(String),
}

impl NoRows {
    pub(super) fn header(message: &str) -> NoRows {
        NoRows::Header(message.to_owned())
    }
}

/// What stands where a row should.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'b> {
    /// Something to be read.
    Row(&'b [u8]),
    /// Something longer than a row may be; its beginning.
    TooLong(&'b [u8]),
    /// Something that is no row, and why.
    Bad(&'b [u8], Problem),
    /// The document is broken here, and no further row can be found; what there is of this one.
    Broken(&'b [u8]),
}

type Source = io::Chain<Cursor<Vec<u8>>, Box<dyn BufRead + Send>>;

/// Gives one row after the other.
pub struct Rows {
    source: Source,
    form: Form,
    number: u64,
    row: Vec<u8>,
    /// Of a CSV file.
    table: Option<Box<Table>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Lines,
    /// Elements of an array; nothing was read of it beyond its bracket.
    First,
    Elements,
    Over,
}

/// How the reading of one value ended.
enum Ended {
    Whole,
    TooLong,
    /// At the end of the file.
    Cut,
}

impl Rows {
    /// Looks at the beginning of a file and finds out in which form its rows are.
    ///
    /// # Errors
    /// When reading fails; the inner error when there are no rows to be found.
    pub fn open(
        mut file: Box<dyn BufRead + Send>,
        kind: JobKind,
        is_document: bool,
    ) -> io::Result<Result<Rows, NoRows>> {
        let mut begins = Vec::new();
        let read = file.by_ref().take(SNIFFED_BYTES).read_to_end(&mut begins);
        // What breaks behind the first rows breaks again behind them.
        if begins.is_empty() {
            read?;
        }
        if begins.starts_with(b"\xff\xfe") || begins.starts_with(b"\xfe\xff") {
            return Ok(Err(NoRows::Utf16));
        }
        if begins.starts_with(BYTE_ORDER_MARK) {
            begins.drain(..BYTE_ORDER_MARK.len());
        }
        let is_table = kind == JobKind::Import && !is_document && !is_json(&begins);
        let is_array = begins.trim_ascii_start().starts_with(b"[");
        let is_object = begins.trim_ascii_start().starts_with(b"{")
            && (is_document
                || [JobKind::Users, JobKind::Companies, JobKind::Import]
                    .into_iter()
                    .any(|kind| names_rows(&begins, kind)));
        let header = if is_table { begins.clone() } else { Vec::new() };
        let source = Cursor::new(begins).chain(file);
        let mut rows = Rows { source, form: Form::Lines, number: 0, row: Vec::new(), table: None };
        if is_table {
            return Ok(Table::open(&header, &mut rows.source)?.map(|table| {
                rows.table = Some(Box::new(table));
                rows
            }));
        }
        let found = match (is_array, is_object) {
            (true, _) => rows.skip_space()? == Some(b'['),
            (_, true) => rows.find_array(kind.rows_key())?,
            _ => return Ok(Ok(rows)),
        };
        if !found {
            return Ok(Err(NoRows::NoArray));
        }
        rows.source.consume(1);
        rows.form = Form::First;
        Ok(Ok(rows))
    }

    /// The next row and its number; nothing behind the last one.
    ///
    /// # Errors
    /// When the file cannot be read further.
    pub fn next(&mut self) -> io::Result<Option<(u64, Found<'_>)>> {
        if self.table.is_some() {
            return self.next_record();
        }
        match self.form {
            Form::Lines => self.next_line(),
            Form::First | Form::Elements => self.next_element(),
            Form::Over => Ok(None),
        }
    }

    /// The number of the last row that was given.
    pub fn number(&self) -> u64 {
        self.number
    }

    fn next_record(&mut self) -> io::Result<Option<(u64, Found<'_>)>> {
        let Some(table) = &mut self.table else { return Ok(None) };
        let Some((number, line)) = table.next(&mut self.source, &mut self.row)? else { return Ok(None) };
        self.number = number;
        Ok(Some((
            number,
            match line {
                Line::Row => Found::Row(&self.row),
                Line::Bad(problem) => Found::Bad(&self.row, problem),
                Line::TooLong => Found::TooLong(&self.row),
            },
        )))
    }

    fn next_line(&mut self) -> io::Result<Option<(u64, Found<'_>)>> {
        loop {
            self.row.clear();
            // One byte more than a row and its two line ends tells what is too long.
            let limit = ROW_BYTES_MAX as u64 + 3;
            if self.source.by_ref().take(limit).read_until(b'\n', &mut self.row)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let is_ended = self.row.ends_with(b"\n");
            if self.row.trim_ascii().len() > ROW_BYTES_MAX || (self.row.len() as u64 == limit && !is_ended) {
                if !is_ended {
                    self.source.skip_until(b'\n')?;
                }
                return Ok(Some((self.number, Found::TooLong(&self.row))));
            }
            if !self.row.trim_ascii().is_empty() {
                return Ok(Some((self.number, Found::Row(self.row.trim_ascii()))));
            }
        }
    }

    fn next_element(&mut self) -> io::Result<Option<(u64, Found<'_>)>> {
        self.row.clear();
        let is_first = self.form == Form::First;
        self.form = Form::Elements;
        let mut next = self.skip_space()?;
        if next == Some(b']') {
            self.form = Form::Over;
            return Ok(None);
        }
        if !is_first && next == Some(b',') {
            self.source.consume(1);
            next = self.skip_space()?;
        } else if !is_first {
            next = None;
        }
        self.number += 1;
        let ended = match next {
            Some(b',' | b']' | b'}' | b':') | None => Ended::Cut,
            Some(_) => read_value(&mut self.source, &mut self.row)?,
        };
        Ok(Some((
            self.number,
            match ended {
                Ended::Whole => Found::Row(&self.row),
                Ended::TooLong => Found::TooLong(&self.row),
                Ended::Cut => {
                    self.form = Form::Over;
                    Found::Broken(&self.row)
                }
            },
        )))
    }

    /// The next byte that is no white space; it stays where it is.
    fn skip_space(&mut self) -> io::Result<Option<u8>> {
        loop {
            let some = self.source.fill_buf()?;
            let Some(&byte) = some.first() else { return Ok(None) };
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            let spaces = some.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.source.consume(spaces);
        }
    }

    /// Goes to the bracket of the array that stands under `name` in the object that begins here.
    fn find_array(&mut self, name: &str) -> io::Result<bool> {
        let wanted = format!("\"{name}\"");
        if self.skip_space()? != Some(b'{') {
            return Ok(false);
        }
        self.source.consume(1);
        loop {
            let mut key = Vec::new();
            if self.skip_space()? != Some(b'"') {
                return Ok(false);
            }
            if !matches!(read_value(&mut self.source, &mut key)?, Ended::Whole)
                || self.skip_space()? != Some(b':')
            {
                return Ok(false);
            }
            self.source.consume(1);
            let begins = self.skip_space()?;
            if key == wanted.as_bytes() {
                return Ok(begins == Some(b'['));
            }
            if matches!(read_value(&mut self.source, &mut Vec::new())?, Ended::Cut)
                || self.skip_space()? != Some(b',')
            {
                return Ok(false);
            }
            self.source.consume(1);
        }
    }
}

/// Whether a file begins as JSON does, in one document or on each line.
fn is_json(begins: &[u8]) -> bool {
    matches!(begins.trim_ascii_start().first(), None | Some(b'{' | b'['))
}

/// Whether a file begins as a JSON document whose first key is the one of the rows.
fn names_rows(begins: &[u8], kind: JobKind) -> bool {
    let rest = begins.trim_ascii_start().strip_prefix(b"{").unwrap_or_default().trim_ascii_start();
    let key = format!("\"{}\"", kind.rows_key());
    rest.strip_prefix(key.as_bytes()).is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
}

/// Reads one JSON value without understanding it: up to the bracket that closes it, the end of its string, or the
/// separator behind a single value. Keeps no more of it than a row may have.
fn read_value(source: &mut Source, into: &mut Vec<u8>) -> io::Result<Ended> {
    let mut scan = Scan::default();
    let mut is_whole = true;
    loop {
        let some = source.fill_buf()?;
        if some.is_empty() {
            let is_scalar = scan.depth == 0 && !scan.in_string && !into.is_empty();
            return Ok(if is_scalar { Ended::Whole } else { Ended::Cut });
        }
        let (count, is_ended) = scan.take(some);
        let room = ROW_BYTES_MAX - into.len();
        into.extend_from_slice(&some[..count.min(room)]);
        is_whole &= count <= room;
        source.consume(count);
        if is_ended {
            return Ok(if is_whole { Ended::Whole } else { Ended::TooLong });
        }
    }
}

/// Where in a value the reading is.
#[derive(Default)]
struct Scan {
    begun: bool,
    depth: u32,
    in_string: bool,
    is_escaped: bool,
    /// Neither string, object nor array.
    is_single: bool,
}

impl Scan {
    /// How many of these bytes belong to the value, and whether it ends with them.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            if self.is_single {
                if matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace() {
                    return (at, true);
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                _ if !self.begun => self.is_single = true,
                _ => {}
            }
            self.begun = true;
        }
        (bytes.len(), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8], is_document: bool) -> Result<Vec<(u64, String)>, NoRows> {
        // A small buffer, so that every value is cut somewhere.
        let file: Box<dyn BufRead + Send> =
            Box::new(io::BufReader::with_capacity(3, Cursor::new(text.to_vec())));
        let mut rows = Rows::open(file, JobKind::Users, is_document).unwrap()?;
        let mut found = Vec::new();
        while let Some((number, row)) = rows.next().unwrap() {
            let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(20)]).into_owned();
            found.push((
                number,
                match row {
                    Found::Row(row) => shown(row),
                    Found::TooLong(row) => format!("long {}", shown(row).trim_end()),
                    Found::Bad(row, problem) => format!("bad {} {}", problem.code.as_str(), shown(row)),
                    Found::Broken(row) => format!("broken {}", shown(row)),
                },
            ));
        }
        Ok(found)
    }

    fn are(found: &[(u64, &str)]) -> Result<Vec<(u64, String)>, NoRows> {
        Ok(found.iter().map(|(number, text)| (*number, (*text).to_owned())).collect())
    }

    #[test]
    fn lines_are_numbered_as_an_editor_does() {
        assert_eq!(rows(b"{\"a\":1}\r\n\n  {}\nx", false), are(&[(1, "{\"a\":1}"), (3, "{}"), (4, "x")]));
        assert_eq!(rows(b"\xef\xbb\xbf{}\n", false), are(&[(1, "{}")]));
        assert_eq!(rows(b"", false), are(&[]));
        assert_eq!(rows(b"\n \n", false), are(&[]));
    }

    #[test]
    fn elements_of_a_document_are_rows() {
        let all = [(1, "{\"a\":[1,{}]}"), (2, "\"]\\\"\""), (3, "3"), (4, "[]")];
        assert_eq!(rows(b"[{\"a\":[1,{}]},\"]\\\"\", 3 ,[]]", false), are(&all));
        assert_eq!(
            rows(b"{ \"users\" : [ {} , {\"b\":2}] , \"x\":1}", false),
            are(&[(1, "{}"), (2, "{\"b\":2}")])
        );
        assert_eq!(rows(b"{\"x\":{\"users\":[9]},\"users\":[1]}", true), are(&[(1, "1")]));
        assert_eq!(rows(b"{\"users\":[]}", true), are(&[]));
        assert_eq!(rows(b"{\"user_id\":\"u\"}", true), Err(NoRows::NoArray));
        assert_eq!(rows(b"{\"companies\":[]}", false), Err(NoRows::NoArray), "of another kind");
        assert_eq!(rows(b"\xff\xfe{\0", false), Err(NoRows::Utf16));
    }

    #[test]
    fn a_broken_document_keeps_the_rows_before() {
        assert_eq!(rows(b"[{},{\"a\":\"x]", false), are(&[(1, "{}"), (2, "broken {\"a\":\"x]")]));
        assert_eq!(rows(b"[{} {}]", false), are(&[(1, "{}"), (2, "broken ")]));
        assert_eq!(rows(b"[{},", false), are(&[(1, "{}"), (2, "broken ")]));
        assert_eq!(rows(b"[{}", false), are(&[(1, "{}"), (2, "broken ")]));
    }

    #[test]
    fn a_row_that_is_too_long_is_passed_over() {
        let long = "y".repeat(ROW_BYTES_MAX + 1);
        let beginning = "long yyyyyyyyyyyyyyyyyyyy";
        let lines = format!("{{}}\n{long}\n{{}}\n{}\n", &long[1..]);
        let fitting = "y".repeat(20);
        assert_eq!(
            rows(lines.as_bytes(), false),
            are(&[(1, "{}"), (2, beginning), (3, "{}"), (4, &fitting)])
        );
        let document = format!("[\"{long}\",{{}}]");
        assert_eq!(rows(document.as_bytes(), false), are(&[(1, "long \"yyyyyyyyyyyyyyyyyyy"), (2, "{}")]));
    }
}
