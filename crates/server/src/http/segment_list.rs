//! `POST /v1/segments/{id}/members`: the ids of a static segment, added, removed and replaced, by JSON or by a file.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use muster_kernel::model::id;
use muster_kernel::model::limits::LIST_BODY_BYTES_MAX;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::segment::listed::{ListChange, ListChanged};

use super::caller::Curate;
use super::edge::Edge;
use super::error::{self, Refused, id_problem};
use super::openapi::{ActProblems, EnvironmentHeader};
use super::read::{Query, invalid};
use super::reader::Reader;
use super::rules;
use super::segments::{TriedParameter, act_of};
use super::signed_in::Numbers;
use super::versions::VersionHeader;
use super::{acts, body};
use crate::admin;

/// Ids that cannot be ones and are named in one answer.
const PROBLEMS_MAX: usize = 100;
/// Names of a first column that is a heading and no id.
const HEADINGS: [&str; 3] = ["id", "user_id", "company_id"];

type Ids = BTreeSet<Box<str>>;

/// A change to a list: `replace`, or one or both of the others.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SegmentListChange)]
pub(super) struct Fields {
    /// Ids that come to the list.
    add: Option<Vec<String>>,
    /// Ids that leave it; before others come.
    remove: Option<Vec<String>>,
    /// All ids of the list from now on.
    replace: Option<Vec<String>>,
}

/// What a change did.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentListChanged)]
pub(super) struct ChangedBody {
    /// How many ids the list has now.
    listed: u64,
    /// How many of them it had not before.
    added: u64,
    /// How many it has no longer.
    removed: u64,
}

impl From<ListChanged> for ChangedBody {
    fn from(ListChanged { listed, added, removed }: ListChanged) -> Self {
        ChangedBody { listed, added, removed }
    }
}

/// What the ids of a file are for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `of_file` reads")]
pub(super) struct ModeParameter {
    /// With a body of `text/csv` or `text/plain`: `add`, `remove` or `replace`.
    mode: Option<String>,
}

/// Change who is on the list of a static segment.
#[utoipa::path(
    post,
    path = "/v1/segments/{id}/members",
    operation_id = "change_segment_members",
    tag = "Segments",
    params(
        ("id" = u32, Path, description = "The segment's number"),
        ModeParameter,
        TriedParameter,
        VersionHeader,
        EnvironmentHeader,
    ),
    request_body(content(
        (Fields = "application/json"),
        (String = "text/plain"),
        (String = "text/csv"),
    ), description = "JSON, or a file with an id on each line; of CSV the first column counts"),
    responses(
        (status = 200, description = "What is different", body = ChangedBody),
        (status = 412, description = "It has another version by now", body = error::Envelope<'static>),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Curate>,
    Numbers([id]): Numbers<1>,
    call: Request<Body>,
) -> Response {
    let outcome = changed(&edge, &reader, id, call).await;
    reader.answer(outcome)
}

async fn changed(
    edge: &Arc<Edge>,
    reader: &Reader<Curate>,
    id: Option<u32>,
    call: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = call.into_parts();
    let query = Query::of_parts(&head);
    let act = act_of(reader, &query, &head.headers)?;
    let segment = rules::saved(edge, reader.environment(), id)?;
    let change = change_of(edge, &head, &query, body).await?;
    let changed = acts::with_office(edge, String::new(), move |office| {
        admin::change_list(segment.id, &change, &act, office)
    })
    .await?;
    acts::answer(error::OK, &ChangedBody::from(changed))
}

async fn change_of(edge: &Edge, head: &Parts, query: &Query, body: Body) -> Result<ListChange, Refused> {
    match body::essence(&head.headers).as_str() {
        kind @ ("text/csv" | "text/plain") => {
            let bytes = body::read_up_to(edge, &head.headers, body, LIST_BODY_BYTES_MAX).await?;
            Ok(of_file(query, kind == "text/csv", &bytes)?)
        }
        _ => Ok(of_fields(acts::fields(edge, &head.headers, body).await?)?),
    }
}

fn of_fields(fields: Fields) -> Result<ListChange, Vec<Problem>> {
    let ids = |ids: Option<Vec<String>>, pointer: &str| of_list(&ids.unwrap_or_default(), pointer);
    match fields {
        Fields { add: None, remove: None, replace: Some(all) } => {
            Ok(ListChange::Replace(of_list(&all, "/replace")?))
        }
        Fields { add, remove, replace: None } if add.is_some() || remove.is_some() => {
            Ok(ListChange::Edit { add: ids(add, "/add")?, remove: ids(remove, "/remove")? })
        }
        _ => {
            let message = "Give `add`, `remove` or both, or `replace` alone.";
            Err(vec![Problem::of_call(ProblemCode::FieldInvalid, message)])
        }
    }
}

/// The ids of a list in JSON.
///
/// # Errors
/// Each that is none, at its place; 100 at most.
pub(super) fn of_list(ids: &[String], pointer: &str) -> Result<Ids, Vec<Problem>> {
    gathered(ids.iter().enumerate().map(|(index, text)| {
        let place = move |problem: Problem| Problem { pointer: format!("{pointer}/{index}"), ..problem };
        (text.as_str(), place)
    }))
}

fn of_file(query: &Query, is_csv: bool, bytes: &Bytes) -> Result<ListChange, Vec<Problem>> {
    let text = std::str::from_utf8(bytes).map_err(|_| {
        vec![Problem::of_call(ProblemCode::BodyNotJson, "The file is not UTF-8; send it as UTF-8.")]
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = if is_csv { first_cells(text) } else { lines(text) };
    let heading =
        usize::from(is_csv && rows.first().is_some_and(|(_, cell)| HEADINGS.contains(&cell.as_str())));
    let ids = gathered(rows[heading..].iter().map(|(line, cell)| {
        let place = move |problem: Problem| Problem {
            message: format!("Line {line}: {}", problem.message),
            ..problem
        };
        (cell.as_str(), place)
    }))?;
    let nobody = Ids::new;
    match query.get("mode").as_deref() {
        Some("add") => Ok(ListChange::Edit { add: ids, remove: nobody() }),
        Some("remove") => Ok(ListChange::Edit { add: nobody(), remove: ids }),
        Some("replace") => Ok(ListChange::Replace(ids)),
        _ => {
            Err(vec![invalid("Say what the file is for: `mode` is `add`, `remove` or `replace`.".to_owned())])
        }
    }
}

fn gathered<'t>(
    ids: impl Iterator<Item = (&'t str, impl Fn(Problem) -> Problem)>,
) -> Result<Ids, Vec<Problem>> {
    let (mut found, mut problems) = (Ids::new(), Vec::new());
    for (text, place) in ids {
        match id::check(text) {
            Ok(()) => drop(found.insert(text.into())),
            Err(fault) if problems.len() < PROBLEMS_MAX => problems.push(place(id_problem(fault))),
            Err(_) => {}
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The lines that are not empty, with their numbers.
fn lines(text: &str) -> Vec<(usize, String)> {
    let numbered = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty());
    numbered.map(|(number, line)| (number, line.to_owned())).collect()
}

/// The first cell of each row of CSV (RFC 4180) that is not empty, with the line that it begins on.
fn first_cells(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut cell, mut line, mut began) = (String::new(), 1, 1);
    let (mut is_first, mut is_quoted) = (true, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        line += usize::from(letter == '\n');
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                if is_first {
                    cell.push('"');
                }
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => is_first = false,
            '\n' if !is_quoted => {
                found.push((began, std::mem::take(&mut cell)));
                (began, is_first) = (line, true);
            }
            '\r' if !is_quoted => {}
            other if is_first => cell.push(other),
            _ => {}
        }
    }
    found.push((began, cell));
    found.retain(|(_, cell)| !cell.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_csv_the_first_column_counts() {
        let cells = |text: &str| -> Vec<(usize, String)> { first_cells(text) };
        let read = cells("id,last\r\na,1\r\n\"b, \"\"c\"\"\",\"two\r\nlines\"\r\n\r\nd\n,e\nf");
        let expected = [(1, "id"), (2, "a"), (3, "b, \"c\""), (6, "d"), (8, "f")];
        assert_eq!(read, expected.map(|(line, cell)| (line, cell.to_owned())));
    }

    #[test]
    fn a_file_is_read_line_by_line_and_its_mistakes_are_named() {
        let query = Query::of_text("mode=replace".to_owned());
        let set = |ids: &[&str]| ids.iter().map(|id| Box::from(*id)).collect::<Ids>();
        let read = |text: &str, is_csv| of_file(&query, is_csv, &Bytes::from(text.to_owned()));
        assert_eq!(read("\u{feff}a\nb\r\n\na", false), Ok(ListChange::Replace(set(&["a", "b"]))));
        assert_eq!(read("id\na", false), Ok(ListChange::Replace(set(&["a", "id"]))), "no heading");
        assert_eq!(read("user_id,plan\na,pro\n", true), Ok(ListChange::Replace(set(&["a"]))));
        let refused = read("a\n \nb\u{1}", false).unwrap_err();
        let told: Vec<&str> = refused.iter().map(|problem| &problem.message[..7]).collect();
        assert_eq!(told, ["Line 2:", "Line 3:"]);
        let nothing = Query::of_text(String::new());
        assert_eq!(
            of_file(&nothing, false, &Bytes::from_static(b"a")).unwrap_err()[0].code,
            ProblemCode::ParameterInvalid
        );
    }

    #[test]
    fn fields_replace_or_edit() {
        let fields = |text: &str| of_fields(serde_json::from_str(text).unwrap());
        assert!(matches!(fields(r#"{"replace":[]}"#), Ok(ListChange::Replace(_))));
        assert!(matches!(fields(r#"{"add":["a"],"remove":["b"]}"#), Ok(ListChange::Edit { .. })));
        for bad in ["{}", r#"{"add":[],"replace":[]}"#] {
            assert_eq!(fields(bad).unwrap_err()[0].code, ProblemCode::FieldInvalid, "{bad}");
        }
        assert_eq!(fields(r#"{"add":["a",""]}"#).unwrap_err()[0].pointer, "/add/1");
    }
}
