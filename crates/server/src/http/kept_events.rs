//! `GET /v1/environments/{id}/kept_events`: since when there are raw events, and what keeping them for fewer days would
//! drop.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::raw_events::WouldDrop;
use muster_kernel::model::team::DAY;
use muster_kernel::model::time::Timestamp;

use crate::admin::kept_days;

use super::answer::{self, Instant};
use super::asking;
use super::edge::Edge;
use super::error::Refused;
use super::openapi::SessionProblems;
use super::read::{Head, Query, invalid};
use super::signed_in::{Admins, InEnvironment};

/// Names that are listed; the others are counted.
const NAMES_MAX: usize = 100;

/// Since when there are raw events.
#[derive(Serialize, ToSchema)]
#[schema(as = KeptEvents)]
pub(super) struct KeptBody {
    /// For how many days they are kept; for good when null.
    #[schema(required = true)]
    keep_events_days: Option<u32>,
    /// When the last event that was dropped was received: profiles can be asked for as of then and later. Null when none was.
    #[schema(value_type = Option<Instant>, required = true)]
    known_since: Option<Instant>,
    /// When the oldest event that is kept was received.
    #[schema(value_type = Option<Instant>, required = true)]
    oldest_received_at: Option<Instant>,
    /// What keeping events for `days` days would drop now; null without `days`.
    #[schema(required = true)]
    would_drop: Option<WouldDropBody>,
}

/// What would be dropped. Profiles, when they were seen, and counts of calls stay.
#[derive(Serialize, ToSchema)]
#[schema(as = WouldDropEvents)]
pub(super) struct WouldDropBody {
    /// What was received before this time would go.
    #[schema(value_type = Instant)]
    before: Instant,
    /// How many events.
    events: u64,
    /// About how many bytes they take on disk.
    bytes: u64,
    /// When the oldest of them was received.
    #[schema(value_type = Option<Instant>, required = true)]
    oldest_received_at: Option<Instant>,
    /// When the newest of them was received.
    #[schema(value_type = Option<Instant>, required = true)]
    newest_received_at: Option<Instant>,
    /// How many of each name, the most frequent first; 100 names at most.
    names: Vec<GoingName>,
    /// How many names they have.
    names_count: usize,
}

/// A name of events that would be dropped.
#[derive(Serialize, ToSchema)]
#[schema(as = WouldDropName)]
struct GoingName {
    /// `identify_user`, `identify_company`, `track`, …
    #[schema(example = "track")]
    event_type: &'static str,
    /// The name of a `track` event; empty for identify events.
    event_name: String,
    /// How many would go.
    events: u64,
}

impl WouldDropBody {
    fn new(before: Timestamp, would: WouldDrop) -> Self {
        let WouldDrop { events, bytes, oldest_received_at, newest_received_at, names } = would;
        let names_count = names.len();
        let named = names.into_iter().take(NAMES_MAX).map(|(name, events)| GoingName {
            event_type: name.kind.as_str(),
            event_name: name.name,
            events,
        });
        WouldDropBody {
            before: Instant(before),
            events,
            bytes,
            oldest_received_at: oldest_received_at.map(Instant),
            newest_received_at: newest_received_at.map(Instant),
            names: named.collect(),
            names_count,
        }
    }
}

/// See since when raw events are kept, and what keeping them for fewer days would drop. Changes nothing.
#[utoipa::path(
    get,
    path = "/v1/environments/{id}/kept_events",
    operation_id = "read_kept_events",
    tag = "Environments",
    params(
        ("id" = u32, Path, description = "The environment's number"),
        ("days" = Option<u32>, Query, description = "Also say what keeping events for so many days would drop now"),
    ),
    responses((status = 200, description = "What is kept, and what would go", body = KeptBody), SessionProblems),
    security(("session" = [])),
)]
pub(super) async fn read(
    State(edge): State<Arc<Edge>>,
    at_work: InEnvironment<Admins>,
    head: Head,
) -> Result<Response, Refused> {
    let query = Query::of(&head);
    query.refuse_others(&["days"])?;
    let days = query.get("days").map(|text| days_in(&text)).transpose()?;
    let before = days.map(|days| at_work.member.now.plus(-i64::from(days) * DAY));
    let (environment, keep_events_days) = (at_work.environment.id, at_work.environment.keep_events_days);
    let body = asking::ask(&edge, move |edge, inquiry| {
        let raw = &edge.parts.raw_events;
        let kept = raw.kept(environment)?;
        let would_drop = before.map(|before| {
            Ok::<_, Refused>(WouldDropBody::new(before, raw.would_drop(environment, before, inquiry)?))
        });
        Ok(KeptBody {
            keep_events_days,
            known_since: kept.known_since.map(Instant),
            oldest_received_at: kept.oldest_received_at.map(Instant),
            would_drop: would_drop.transpose()?,
        })
    })
    .await?;
    answer::plain(&body)
}

fn days_in(text: &str) -> Result<u32, Refused> {
    let days = text.parse().ok().and_then(|days| kept_days(days).ok().flatten());
    days.ok_or_else(|| invalid("`days` is not a number of days from 1 to 3660.".to_owned()).into())
}
