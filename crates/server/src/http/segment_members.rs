//! `GET /v1/segments/{id}/members`: who belongs to a segment, a page at a time or all of them as CSV.
//!
//! The columns that are asked for come from the profiles as they are now, or are of the time that is asked about; who belongs is
//! decided by the engine alone.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use futures_core::Stream;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use muster_kernel::model::id::{CompanyId, EnvironmentId, SegmentId, UserId};
use muster_kernel::model::page::Cursor;
use muster_kernel::model::problem::Problem;
use muster_kernel::model::profile::Profile;
use muster_kernel::model::segment::Level;
use muster_kernel::model::segment::question::{Member, MemberOrder, SegmentQuestion};
use muster_kernel::model::value::{OwnedValue, Value};
use muster_kernel::ports::{Inquiry, StoreError};

use super::answer::{self, Instant};
use super::asking;
use super::caller::Read;
use super::edge::Edge;
use super::error::{Envelope, Refused};
use super::masking::Masking;
use super::openapi::{
    CursorParameter, EnvironmentHeader, LimitParameter, PastProblems, PositionParameter, ReadProblems,
};
use super::page::PageWriter;
use super::read::{self, Head, Query, invalid};
use super::reader::Reader;
use super::rules;
use super::segment_past::{AS_OF, SegmentAsOfParameter, When};
use super::signed_in::Numbers;

/// Properties that one list may show of each member.
const COLUMNS_MAX: usize = 50;
/// Members asked of the engine at once where all of them are written.
const AT_ONCE: usize = 20_000;
/// Members of a CSV whose properties are asked for at once.
const VALUES_AT_ONCE: usize = 1_000;
/// A piece of CSV is sent once it has this many bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// How members are shown.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `asked` reads")]
pub(super) struct MembersParameters {
    /// `id` (by the bytes of the ids) or `last_seen` (those seen last come first); `id` when absent.
    sort: Option<String>,
    /// Names of properties, with commas between them: 50 at most.
    #[param(example = "plan,email")]
    columns: Option<String>,
    /// `csv`: all members as CSV, as with `Accept: text/csv`. `limit` and `cursor` then mean nothing.
    format: Option<String>,
}

/// A page of members.
#[derive(ToSchema)]
#[schema(as = SegmentMemberPage)]
#[expect(dead_code, reason = "describes an answer that is written item by item")]
pub(super) struct MemberPage {
    items: Vec<MemberBody<'static>>,
    /// Where the next page starts; null on the last one. A page may be shorter than `limit` before that.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// How many members there are on all pages.
    total: u64,
}

/// A member with what was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentMemberRow)]
struct MemberBody<'a> {
    /// The user's or the company's id.
    id: &'a str,
    /// When the member was last seen.
    #[schema(value_type = Option<Instant>, required = true)]
    last_seen_at: Option<Instant>,
    /// Of the properties asked for those that the member has.
    #[schema(value_type = Object)]
    properties: Columns<'a>,
}

/// What is known of a member's properties.
enum Known {
    /// The profile as it is now; one that was erased meanwhile is none.
    Now(Option<Profile>),
    /// The value of each column as of the question's time.
    Then(Vec<Option<OwnedValue>>),
}

/// Some properties of a member.
struct Columns<'a> {
    names: &'a [String],
    known: &'a Known,
}

impl<'a> Columns<'a> {
    fn values(&self) -> impl Iterator<Item = (&'a str, Option<Value<'a>>)> {
        let known = self.known;
        let value = move |index: usize, name: &str| match known {
            Known::Now(profile) => profile.as_ref()?.property(name),
            Known::Then(values) => values.get(index)?.as_ref().map(OwnedValue::value),
        };
        self.names.iter().enumerate().map(move |(index, name)| (name.as_str(), value(index, name)))
    }
}

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.values() {
            if let Some(value) = value {
                map.serialize_entry(name, &value)?;
            }
        }
        map.end()
    }
}

/// List who belongs to a segment now, or belonged at a time.
#[utoipa::path(
    get,
    path = "/v1/segments/{id}/members",
    operation_id = "list_segment_members",
    tag = "Segments",
    params(
        ("id" = u32, Path, description = "The segment's number"),
        MembersParameters,
        SegmentAsOfParameter,
        LimitParameter,
        CursorParameter,
        PositionParameter,
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "A page of members, or all of them as CSV", content(
            (MemberPage = "application/json"),
            (String = "text/csv"),
        )),
        (status = 404, description = "No such segment", body = Envelope<'static>),
        ReadProblems,
        PastProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    Numbers([id]): Numbers<1>,
    head: Head,
) -> Response {
    let outcome = asked(&edge, &reader, id, &head).await;
    reader.answer(outcome)
}

async fn asked(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    id: Option<u32>,
    head: &Head,
) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let query = &reading.query;
    query.refuse_others(&["limit", "cursor", "sort", "columns", "format", AS_OF, "position"])?;
    let environment = reader.environment();
    let segment = rules::saved(edge, environment, id)?;
    let (order, columns) = (rules::order(query)?, columns(query, &reader.masking())?);
    let page = query.page()?;
    let (when, level, id) = (When::of(query, reader.now())?, segment.level, segment.id);
    let asked = move |edge: &Edge| when.question(edge, environment, level, segment.membership());
    let question = read::aside(edge, asked).await?;
    if wants_csv(head, query)? {
        let rows = Rows { environment, question, order, columns, waiting: VecDeque::new(), next: Some(None) };
        let mut response = csv(edge, rows, id).await?;
        answer::put_position(&mut response, reading.position);
        return Ok(response);
    }
    let bytes = asking::ask(edge, move |edge, inquiry| {
        let mut writer = PageWriter::of_items(page).in_large_steps();
        let mut total = 0;
        while let Some((after, count)) = writer.wants() {
            let page = edge.parts.segments.members(environment, &question, order, after, count, inquiry)?;
            let all = known(edge, environment, &question, &columns, &page.items, inquiry)?;
            for (member, known) in page.items.iter().zip(&all) {
                writer.push(&MemberBody {
                    id: &member.id,
                    last_seen_at: member.last_seen_at.map(Instant),
                    properties: Columns { names: &columns, known },
                })?;
            }
            total = page.total;
            writer.turn(page.items.len(), page.next);
        }
        Ok(writer.finish_with_total(total))
    })
    .await?;
    Ok(answer::found(reading.position, bytes))
}

/// The properties that are asked for.
fn columns(query: &Query, masking: &Masking) -> Result<Vec<String>, Problem> {
    let Some(text) = query.get("columns") else { return Ok(Vec::new()) };
    let names: Vec<String> = text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.len() > COLUMNS_MAX {
        return Err(invalid(format!("`columns` names more than {COLUMNS_MAX} properties.")));
    }
    names.iter().try_for_each(|name| asking::check_shown(name, masking))?;
    Ok(names)
}

fn wants_csv(head: &Head, query: &Query) -> Result<bool, Problem> {
    match query.get("format").as_deref() {
        Some("csv") => Ok(true),
        Some("json") => Ok(false),
        Some(_) => Err(invalid("`format` is neither `csv` nor `json`.".to_owned())),
        None => {
            let accept = head.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
            Ok(accept.is_some_and(|accept| accept.trim_start().starts_with("text/csv")))
        }
    }
}

/// What is known of members, if anything of it is shown.
fn known(
    edge: &Edge,
    environment: EnvironmentId,
    question: &SegmentQuestion,
    columns: &[String],
    members: &[Member],
    inquiry: &Inquiry,
) -> Result<Vec<Known>, StoreError> {
    if columns.is_empty() {
        return Ok(members.iter().map(|_| Known::Now(None)).collect());
    }
    if question.looks_back {
        let ids: Vec<&str> = members.iter().map(|member| member.id.as_str()).collect();
        let all = edge.parts.segments.values(environment, question, (&ids, columns), inquiry)?;
        return Ok(all.into_iter().map(Known::Then).collect());
    }
    let profiles = &edge.parts.profiles;
    let now = |member: &Member| {
        let profile = match question.level {
            Level::User => UserId::parse(&member.id).map_or(Ok(None), |id| profiles.user(environment, &id)),
            Level::Company => {
                CompanyId::parse(&member.id).map_or(Ok(None), |id| profiles.company(environment, &id))
            }
        };
        profile.map(Known::Now)
    };
    members.iter().map(now).collect()
}

/// All members as CSV: the first piece is there before the answer begins, so that a refusal has its status.
async fn csv(edge: &Arc<Edge>, rows: Rows, id: SegmentId) -> Result<Response, Refused> {
    let mut header = Vec::new();
    write_row(&mut header, ["id", "last_seen_at"].into_iter().chain(rows.columns.iter().map(String::as_str)));
    let (first, rest) = asking::ask(edge, move |edge, inquiry| rows.piece(edge, inquiry, header)).await?;
    let body = Pieces { edge: Arc::clone(edge), ready: Some(first), rest, coming: None };
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"segment-{id}.csv\"")) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Rows that were not written yet.
struct Rows {
    environment: EnvironmentId,
    question: SegmentQuestion,
    order: MemberOrder,
    columns: Vec<String>,
    waiting: VecDeque<Member>,
    /// Where the engine is to go on; `None` at the end.
    next: Option<Option<Cursor>>,
}

impl Rows {
    /// The next piece behind what `bytes` holds already, and what is left then.
    fn piece(
        mut self,
        edge: &Edge,
        inquiry: &Inquiry,
        mut bytes: Vec<u8>,
    ) -> Result<(Bytes, Option<Rows>), Refused> {
        let Rows { environment, order, .. } = self;
        while bytes.len() < PIECE_BYTES {
            if self.waiting.is_empty() {
                let Some(after) = self.next.take() else { return Ok((bytes.into(), None)) };
                let (segments, question) = (&edge.parts.segments, &self.question);
                let page =
                    segments.members(environment, question, order, after.as_ref(), AT_ONCE, inquiry)?;
                self.waiting = page.items.into();
                self.next = page.next.map(Some);
                continue;
            }
            let count = self.waiting.len().min(VALUES_AT_ONCE);
            let members: Vec<Member> = self.waiting.drain(..count).collect();
            let all = known(edge, environment, &self.question, &self.columns, &members, inquiry)?;
            for (member, known) in members.into_iter().zip(&all) {
                let seen = member.last_seen_at.map(|at| at.to_string()).unwrap_or_default();
                let columns = Columns { names: &self.columns, known };
                let values = columns.values().map(|(_, value)| value.map_or_else(String::new, cell));
                write_row(&mut bytes, [member.id, seen].into_iter().chain(values));
            }
        }
        Ok((bytes.into(), Some(self)))
    }
}

/// A value as a cell: texts as they are, everything else as its JSON.
fn cell(value: Value<'_>) -> String {
    match value {
        Value::Text(text) | Value::Json(text) => text.to_owned(),
        // Numbers and booleans: writing them cannot fail.
        other => serde_json::to_string(&other).unwrap_or_default(),
    }
}

/// A line of CSV (RFC 4180).
fn write_row(bytes: &mut Vec<u8>, cells: impl Iterator<Item = impl AsRef<str>>) {
    for (index, cell) in cells.enumerate() {
        let cell = cell.as_ref();
        if index > 0 {
            bytes.push(b',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            bytes.push(b'"');
            bytes.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            bytes.push(b'"');
        } else {
            bytes.extend_from_slice(cell.as_bytes());
        }
    }
    bytes.extend_from_slice(b"\r\n");
}

type Coming = Pin<Box<dyn Future<Output = Result<(Bytes, Option<Rows>), Refused>> + Send>>;

/// CSV, piece by piece while it is sent. Each piece waits for its turn like any other question.
struct Pieces {
    edge: Arc<Edge>,
    ready: Option<Bytes>,
    rest: Option<Rows>,
    coming: Option<Coming>,
}

impl Stream for Pieces {
    type Item = Result<Bytes, String>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(ready) = self.ready.take() {
            return Poll::Ready(Some(Ok(ready)));
        }
        if self.coming.is_none() {
            let Some(rows) = self.rest.take() else { return Poll::Ready(None) };
            let edge = Arc::clone(&self.edge);
            self.coming = Some(Box::pin(async move {
                asking::ask(&edge, move |edge, inquiry| rows.piece(edge, inquiry, Vec::new())).await
            }));
        }
        let Some(coming) = &mut self.coming else { return Poll::Ready(None) };
        let Poll::Ready(outcome) = coming.as_mut().poll(context) else { return Poll::Pending };
        self.coming = None;
        match outcome {
            Ok((bytes, None)) if bytes.is_empty() => Poll::Ready(None),
            Ok((bytes, rest)) => {
                self.rest = rest;
                Poll::Ready(Some(Ok(bytes)))
            }
            Err(refused) => {
                let error = refused.inside().unwrap_or("refused").to_owned();
                tracing::error!(error, "a list of members breaks off");
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut bytes = Vec::new();
        write_row(&mut bytes, ["plain", "a,b", "say \"x\"", "two\nlines", ""].into_iter());
        let line = "plain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), line);
        assert_eq!(
            [cell(Value::Text("a")), cell(Value::Float(1.5)), cell(Value::Bool(true))],
            ["a", "1.5", "true"]
        );
    }
}
