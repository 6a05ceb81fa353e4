//! `GET /v1/events`: the log in its own order, for tools that follow it; without a place to go on from, the newest events.
//! `GET /v1/events/{position}`: one of them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use muster_kernel::model::event::Event;
use muster_kernel::model::history::EventQuery;
use muster_kernel::model::id::{CompanyId, EnvironmentId, Position, PositionToken, UserId};
use muster_kernel::model::page::Page;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::property::PropertyList;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{Inquiry, StoreError, StoredEvent};

use super::answer::{self, Instant};
use super::asking::{self, FILTERS, FilterParameters, PAGE};
use super::caller::Read;
use super::cursor::PageAsked;
use super::edge::Edge;
use super::error::{Refused, id_problem};
use super::masking::{MASK, Masking};
use super::openapi::{
    CursorParameter, DroppedProblems, EnvironmentHeader, LimitParameter, PositionParameter, ReadProblems,
};
use super::page::{PAGE_BYTES_MAX, PageWriter};
use super::read::{self, Head, InPath, Plain, Reading};
use super::reader::Reader;

/// The value of `after` that begins with the first event of the log.
const START: &str = "start";

/// A page of events.
#[derive(ToSchema)]
#[schema(as = EventPage)]
#[expect(dead_code, reason = "describes an answer that is written item by item")]
pub(super) struct EventPage {
    data: Vec<EventBody<'static>>,
    /// Following the log: the position of the last event, to go on from with `after`; null when there was none, and the
    /// position asked from still holds. Else where the next page starts, for `cursor`; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// An event as it was taken.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct EventBody<'a> {
    /// Where it stands in the log.
    #[schema(value_type = String, example = "0a1b2c3d-42")]
    position: Token,
    /// `identify_user`, `identify_company`, `track`, …
    #[schema(example = "track")]
    event_type: &'static str,
    /// The name of a `track` event; empty for identify events.
    event_name: &'a str,
    /// The user that the event is about.
    #[schema(required = true)]
    user_id: Option<&'a str>,
    /// The company that the event itself names.
    #[schema(required = true)]
    company_id: Option<&'a str>,
    /// Where it came from.
    #[schema(example = "backend-http")]
    source: &'static str,
    /// When it happened.
    #[schema(value_type = Instant)]
    occurred_at: Instant,
    /// The contract's name for `occurred_at`.
    #[schema(value_type = Instant)]
    inserted_at: Instant,
    /// When this server took it.
    #[schema(value_type = Instant)]
    received_at: Instant,
    /// The caller's own id of the event, when one was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    /// The properties that it brought; null removes one.
    #[schema(value_type = Object)]
    metadata: PropertyObject<'a>,
    /// Where and on what it happened, when that is known: `hostname`, `pathname`, `screen_width`, `screen_height`,
    /// `device_type`, `user_agent`, `operating_system`, `browser`, `browser_language`, `country_code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    context: Option<PropertyObject<'a>>,
    /// Properties of the company named in an event about a user, when some were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    company: Option<PropertyObject<'a>>,
    /// Present and true when the event ends the user's membership of a company.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves_company: Option<bool>,
    /// Names of the properties whose values the caller may not see; absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    masked: Vec<&'a str>,
}

/// A position in its text form.
struct Token(PositionToken);

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The properties of an event as one JSON object.
struct PropertyObject<'a> {
    list: PropertyList<'a>,
    masking: &'a Masking,
}

impl Serialize for PropertyObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.list.iter() {
            let shown = if self.masking.hides(name) { Value::Text(MASK) } else { value };
            map.serialize_entry(name, &shown)?;
        }
        map.end()
    }
}

impl<'a> EventBody<'a> {
    fn new(position: PositionToken, stored: &StoredEvent, event: &Event<'a>, masking: &'a Masking) -> Self {
        let (own, company) = (event.properties, event.company_properties);
        let occurred_at = Instant(event.occurred_at.unwrap_or(stored.receipt.received_at));
        EventBody {
            position: Token(position),
            event_type: event.kind.as_str(),
            event_name: event.event_name,
            user_id: event.user_id,
            company_id: event.company_id,
            source: event.source.as_str(),
            occurred_at,
            inserted_at: occurred_at,
            received_at: Instant(stored.receipt.received_at),
            event_id: Some(event.event_id).filter(|id| !id.is_empty()),
            metadata: PropertyObject { list: own, masking },
            context: (!event.context.is_empty()).then_some(PropertyObject { list: event.context, masking }),
            company: (!company.is_empty()).then_some(PropertyObject { list: company, masking }),
            leaves_company: event.leaves_company.then_some(true),
            masked: masked(&[own, company, event.context], masking),
        }
    }
}

/// Names of hidden properties that are in the lists, each once.
fn masked<'a>(lists: &[PropertyList<'a>], masking: &Masking) -> Vec<&'a str> {
    if masking.names().is_empty() {
        return Vec::new();
    }
    let names = lists.iter().flat_map(|list| list.iter()).map(|(name, _)| name);
    let mut hidden: Vec<&str> = names.filter(|name| masking.hides(name)).collect();
    hidden.sort_unstable();
    hidden.dedup();
    hidden
}

/// A page of events, newest first: how many there are on it, and the page.
pub(super) fn page(
    edge: &Edge,
    (environment, incarnation): (EnvironmentId, u32),
    query: &EventQuery,
    asked: PageAsked,
    masking: &Masking,
    inquiry: &Inquiry,
) -> Result<(usize, Vec<u8>), Refused> {
    let mut writer = PageWriter::new(asked).in_large_steps();
    let mut count = 0;
    while let Some((after, wanted)) = writer.wants() {
        let Page { items, next } = edge.parts.history.events(environment, query, after, wanted, inquiry)?;
        for stored in &items {
            let position = PositionToken { incarnation, position: stored.receipt.position };
            writer.push(&body_of(position, stored, masking)?)?;
        }
        count += items.len();
        writer.turn(items.len(), next);
    }
    Ok((count, writer.finish()))
}

fn body_of<'a>(
    position: PositionToken,
    stored: &'a StoredEvent,
    masking: &'a Masking,
) -> Result<EventBody<'a>, Refused> {
    let event = Event::decode(&stored.payload)
        .map_err(|_| Refused::internal(format!("the record at {position} holds no event")))?;
    Ok(EventBody::new(position, stored, &event, masking))
}

/// Read one event.
#[utoipa::path(
    get,
    path = "/v1/events/{position}",
    operation_id = "read_event",
    tag = "Events",
    params(
        ("position" = String, Path, description = "Where the event stands in the log, as a list of events says"),
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "The event", body = EventBody<'static>),
        (status = 404, description = "No event stands there", body = super::error::Envelope<'static>),
        ReadProblems,
        DroppedProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    position: InPath<Plain>,
    head: Head,
) -> Response {
    let outcome = one(&edge, &reader, position, &head).await;
    reader.answer(outcome)
}

async fn one(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    position: InPath<Plain>,
    head: &Head,
) -> Result<Response, Refused> {
    let Plain(text) = position.id()?;
    let token = read::position_of(reader, &text, "position")?;
    let reading = read::begin(edge, reader, head).await?;
    let (environment, at) = (reader.environment(), token.position);
    let found = read::aside(edge, move |edge| {
        let before = Position(at.0.saturating_sub(1));
        let read = edge.parts.log.read(environment, before, 1, 1);
        let next = read.map_err(|error| dropped(error, token.incarnation))?.pop();
        // Refused calls take positions too, and erased events are gone: the next event may be another one.
        Ok(next.filter(|stored| stored.receipt.position == at))
    })
    .await?;
    let stored = found.ok_or_else(unknown_event)?;
    answer::read(reading.position, &body_of(token, &stored, &reader.masking())?)
}

fn unknown_event() -> Problem {
    Problem::of_call(ProblemCode::EventUnknown, "No event stands at this position; list the events.")
}

/// Follow the log from `after` on, or look for the newest events.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "list_events",
    tag = "Events",
    params(
        ("after" = Option<String>, Query,
            description = "Events in the order of the log, behind this position; `start` begins with the first. Without it, \
                           the newest events that the other parameters let pass"),
        FilterParameters,
        ("user_id" = Option<String>, Query, description = "Only events about this user"),
        ("company_id" = Option<String>, Query, description = "Only events that name this company"),
        LimitParameter,
        CursorParameter,
        PositionParameter,
        EnvironmentHeader,
    ),
    responses((status = 200, description = "Events, in the order of the log or newest first", body = EventPage), ReadProblems, DroppedProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Read>, head: Head) -> Response {
    let outcome = listed(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn listed(edge: &Arc<Edge>, reader: &Reader<Read>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let after = match reading.query.get("after").as_deref() {
        None => return newest(edge, reader, reading).await,
        Some(START) => Position::START,
        Some(text) => read::position_of(reader, text, "after")?.position,
    };
    let asked = reading.query.first_page()?;
    let limit = asked.limit;
    let (environment, incarnation) = (reader.environment(), reader.incarnation());
    let masking = reader.masking();
    let bytes = read::aside(edge, move |edge| {
        let token = |position| PositionToken { incarnation, position };
        let read = edge.parts.log.read(environment, after, limit, PAGE_BYTES_MAX);
        let events = read.map_err(|error| dropped(error, incarnation))?;
        let mut writer = PageWriter::new(asked);
        for stored in &events {
            writer.push(&body_of(token(stored.receipt.position), stored, &masking)?)?;
        }
        let last = events.last().map(|event| token(event.receipt.position).to_string());
        Ok(writer.finish_with(last.as_deref()))
    })
    .await?;
    Ok(answer::found(reading.position, bytes))
}

/// Says of events that are no longer kept where the others begin.
fn dropped(error: StoreError, incarnation: u32) -> Refused {
    let StoreError::Dropped { until, .. } = error else { return error.into() };
    let until = PositionToken { incarnation, position: until };
    let message = format!("Events up to {until} are no longer kept: go on with `after={until}`.");
    Problem::of_call(ProblemCode::EventsDropped, message).into()
}

/// The newest events that the parameters let pass.
async fn newest(edge: &Arc<Edge>, reader: &Reader<Read>, reading: Reading) -> Result<Response, Refused> {
    let query = &reading.query;
    query.refuse_others(&[&FILTERS[..], &PAGE[..], &["user_id", "company_id", "after"]].concat())?;
    let masking = reader.masking();
    let user = query.get("user_id").map(|id| UserId::parse(&id)).transpose().map_err(id_problem)?;
    let company = query.get("company_id").map(|id| CompanyId::parse(&id)).transpose().map_err(id_problem)?;
    let asked = EventQuery { user, company, ..asking::filters(query, &TimeZone::UTC, &masking)? };
    let wanted = query.page()?;
    let place = (reader.environment(), reader.incarnation());
    let bytes =
        asking::ask(edge, move |edge, inquiry| Ok(page(edge, place, &asked, wanted, &masking, inquiry)?.1))
            .await?;
    Ok(answer::found(reading.position, bytes))
}
