//! The people behind a number of a report.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use muster_kernel::model::id::{CompanyId, EnvironmentId, UserId};
use muster_kernel::model::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use muster_kernel::model::page::Cursor;
use muster_kernel::model::problem::Problem;
use muster_kernel::model::report::{Level, People, Pin};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Inquiry, PeoplePage, StoreError};

use super::object::Reading;
use super::{Asker, Report, json, pin_of, token};
use crate::http::answer::{self, Instant};
use crate::http::asking;
use crate::http::caller::Read;
use crate::http::cursor::Question;
use crate::http::edge::Edge;
use crate::http::error::Refused;
use crate::http::read::{self, Head};
use crate::http::reader::Reader;

/// The people behind a number, a page of them.
#[derive(Serialize, ToSchema)]
#[schema(as = ReportPeople)]
pub(super) struct PeopleBody {
    /// How many they are: the number itself, wherever it counts users, or companies where the question is about those.
    total: u64,
    /// Some of them, each on one page, in no order that means anything.
    items: Vec<PersonBody>,
    /// Where the next page starts; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// The state that they are of: the one that was asked for, or null when it is no longer kept and they are of now.
    #[schema(required = true)]
    snapshot: Option<String>,
}

/// Somebody behind a number: a user, or a company.
#[derive(Serialize, ToSchema)]
#[schema(as = ReportPerson)]
struct PersonBody {
    /// The id of the user or the company.
    id: String,
    /// When they were last seen, as of now; null for somebody without a profile.
    #[schema(value_type = Option<Instant>, required = true)]
    last_seen_at: Option<Instant>,
}

/// Which page is asked for.
struct Page {
    limit: usize,
    after: Option<Cursor>,
    question: Question,
    snapshot: Option<String>,
}

/// A question, which of its numbers, and the state that it is asked of.
struct Asked<R: Report> {
    report: R,
    number: R::Number,
    pin: Option<(Pin, Timestamp)>,
}

/// Answers who is behind a number.
pub(super) async fn answered<R: Report>(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    call: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = call.into_parts();
    let head = Head::of(head);
    let reading = read::begin(edge, reader, &head).await?;
    reading.query.refuse_others(&["position"])?;
    let value = json(edge, &head.headers, body).await?;
    let (asker, now) = (Asker::of(edge, reader), reader.now());
    let asked_of = |pin: Option<(Pin, Timestamp)>| -> Result<(Asked<R>, Page), Refused> {
        // A pinned state is asked what was asked of it: spans are counted from the same moment.
        let now = pin.map_or(now, |(_, asked_at)| asked_at);
        Ok(reading_of::<R>(asker.reading(now)?, (head.uri.path(), &value), pin)?)
    };
    let (mut fresh, page) = asked_of(None)?;
    let pin = page.snapshot.as_deref().and_then(|token| pin_of(token, now));
    let pinned = pin.map(|pin| asked_of(Some(pin))).transpose()?;
    let environment = reader.environment();
    let bytes = asking::ask(edge, move |edge, inquiry| {
        let found = match pinned {
            // A pinned state knows who took part: what a rule refers to is not asked again.
            Some((pinned, _)) => match people(edge, environment, &pinned, &page, inquiry) {
                Err(StoreError::Unpinned) => None,
                found => Some((found?, pinned.pin)),
            },
            None => None,
        };
        let (found, pin) = match found {
            Some(found) => found,
            None => {
                asker.complete(fresh.report.who_mut())?;
                (people(edge, environment, &fresh, &page, inquiry)?, None)
            }
        };
        let level = fresh.report.behind(&fresh.number).about().level;
        let body = shown(edge, environment, level, (found, page.question), pin)?;
        serde_json::to_vec(&body).map_err(|error| Refused::internal(error.to_string()))
    })
    .await?;
    Ok(answer::found(reading.position, bytes))
}

/// Reads the whole body.
fn reading_of<R: Report>(
    mut reading: Reading,
    (path, value): (&str, &Value),
    pin: Option<(Pin, Timestamp)>,
) -> Result<(Asked<R>, Page), Vec<Problem>> {
    let asked = |name| value.get(name).map(Value::to_string).unwrap_or_default();
    let question = Question::of([path.to_owned(), asked("question"), asked("number")]);
    let read = reading.whole(value, "", |reading, object| {
        let limit = reading.number(object, "limit", 1..=PAGE_ITEMS_MAX, Some(PAGE_ITEMS_DEFAULT));
        let cursor = reading.optional_text(object, "cursor");
        let snapshot = reading.optional_text(object, "snapshot");
        let number = object.get("number");
        let report = match object.get("question") {
            Some(value) => reading.whole(value, "/question", R::read),
            None => reading.refuse("/question", "`question` is missing; send the report's."),
        };
        let report = report?;
        let number = match number {
            Some(value) => reading.whole(value, "/number", |reading, object| report.number(reading, object)),
            None => reading.refuse("/number", "`number` is missing; say which one of the answer."),
        };
        let after = match cursor?.map(|text| question.cursor_of(&text)) {
            Some(None) => {
                let message = "This is no cursor of this question and number; start again without it.";
                return reading.refuse("/cursor", message);
            }
            after => after.flatten(),
        };
        let asked = Asked { report, number: number?, pin };
        Some((asked, Page { limit: limit?, after, question, snapshot: snapshot? }))
    });
    reading.finish(read)
}

fn people<R: Report>(
    edge: &Edge,
    environment: EnvironmentId,
    asked: &Asked<R>,
    page: &Page,
    inquiry: &Inquiry,
) -> Result<People, StoreError> {
    let place =
        PeoplePage { pin: asked.pin.map(|(pin, _)| pin), after: page.after.as_ref(), limit: page.limit };
    edge.parts.reports.people(environment, asked.report.behind(&asked.number), place, inquiry)
}

fn shown(
    edge: &Edge,
    environment: EnvironmentId,
    level: Level,
    (people, question): (People, Question),
    pin: Option<(Pin, Timestamp)>,
) -> Result<PeopleBody, Refused> {
    let person = |id: String| -> Result<PersonBody, Refused> {
        let profiles = &edge.parts.profiles;
        let profile = match level {
            Level::User => UserId::parse(&id).ok().map(|id| profiles.user(environment, &id)),
            Level::Company => CompanyId::parse(&id).ok().map(|id| profiles.company(environment, &id)),
        };
        let profile = profile.transpose()?.flatten();
        Ok(PersonBody { id, last_seen_at: profile.and_then(|profile| profile.last_seen_at()).map(Instant) })
    };
    Ok(PeopleBody {
        total: people.total,
        next_cursor: people.page.next.as_ref().map(|next| question.text_of(next)),
        items: people.page.items.into_iter().map(person).collect::<Result<_, _>>()?,
        snapshot: pin.map(|(pin, asked_at)| token(pin, asked_at)),
    })
}
