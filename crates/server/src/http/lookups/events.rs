//! Lookups of events and of their properties.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::calendar::{Buckets, Span};
use muster_kernel::model::catalog::PropertyType;
use muster_kernel::model::event::EventKind;
use muster_kernel::model::history::{EventName, NameSummary, NamesQuestion, PropertyOwner, PropertySummary};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::Inquiry;

use super::number_of;
use super::page::{PageBody, PageParameters, Turn};
use crate::admin::schema;
use crate::http::answer::{self, Instant};
use crate::http::asking;
use crate::http::caller::Read;
use crate::http::edge::Edge;
use crate::http::error::Refused;
use crate::http::openapi::{EnvironmentHeader, PositionParameter, ReadProblems};
use crate::http::properties::inferred;
use crate::http::read::{self, Head};
use crate::http::reader::Reader;

/// An event.
#[derive(Serialize, ToSchema)]
#[schema(as = LookupEvent)]
pub(super) struct EventBody {
    /// Its name for people: the same as the key.
    #[schema(example = "invoice_paid")]
    display_name: String,
    /// Its name: that of a tracked event or the number of a feature, else its type.
    #[schema(example = "invoice_paid")]
    key: String,
    /// Always `string`.
    #[schema(example = "string")]
    data_type: &'static str,
}

/// A property of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = LookupEventProperty)]
pub(super) struct PropertyBody {
    /// Its number, made from the event and its name; never another one.
    #[schema(example = 3_402_158_846_187_120u64)]
    id: u64,
    /// Its name.
    #[schema(example = "amount")]
    key: String,
    /// Its name for people: the same.
    #[schema(example = "amount")]
    display_name: String,
    /// Always false: what is here was sent as `metadata`.
    is_auto_property: bool,
    /// Always false.
    is_mobile_auto_property: bool,
    /// What it was declared to be, else what its values of this event read as.
    #[schema(value_type = schema::PropertyType)]
    data_type: PropertyType,
    /// Always `metadata`.
    #[schema(example = "metadata")]
    category: &'static str,
    /// Always empty.
    description: &'static str,
    /// Always false.
    is_archived: bool,
    /// Whose property it is.
    event: EventOf,
    /// When an event first had it.
    #[schema(value_type = Option<Instant>, required = true)]
    inserted_at: Option<Instant>,
    /// When an event last had it.
    #[schema(value_type = Option<Instant>, required = true)]
    last_seen: Option<Instant>,
}

/// The event that a property belongs to.
#[derive(Serialize, ToSchema)]
#[schema(as = LookupEventOfProperty)]
pub(super) struct EventOf {
    /// Its number, made from its type and name.
    #[schema(example = 1_206_733_046_114_051u64)]
    id: u64,
    /// Its name for people.
    #[schema(example = "invoice_paid")]
    display_name: String,
}

/// Look up events.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/features_events",
    operation_id = "lookup_events",
    tag = "Lookups",
    params(PositionParameter, EnvironmentHeader),
    responses((status = 200, description = "Every event that ever happened, by name", body = Vec<EventBody>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn names(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    head: Head,
) -> Response {
    let outcome = events(&edge, &reader, &head).await;
    reader.answer(outcome)
}

/// Look up properties of events.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/events_properties",
    operation_id = "lookup_event_properties",
    tag = "Lookups",
    params(PageParameters, PositionParameter, EnvironmentHeader),
    responses((status = 200, description = "A page of properties, by event and name", body = PageBody<PropertyBody>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn properties(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    head: Head,
) -> Response {
    let outcome = properties_page(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn events(edge: &Arc<Edge>, reader: &Reader<Read>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let environment = reader.environment();
    let names =
        asking::ask(edge, move |edge, inquiry| known(edge, environment, (Vec::new(), false), inquiry))
            .await?;
    // A tracked event may be called as a type is; a key stands here once.
    let keys: BTreeSet<&str> = names.iter().map(|name| name.event.label()).collect();
    let body =
        |key: &str| EventBody { display_name: key.to_owned(), key: key.to_owned(), data_type: "string" };
    let bodies: Vec<EventBody> = keys.into_iter().map(body).collect();
    answer::read(reading.position, &bodies)
}

/// What is known about events, of some names or of all; about those that tell what somebody did, and not who somebody is.
fn known(
    edge: &Edge,
    environment: EnvironmentId,
    (names, with_times): (Vec<EventName>, bool),
    inquiry: &Inquiry,
) -> Result<Vec<NameSummary>, Refused> {
    // How many there are is not asked.
    let volume = Buckets::whole(Span { from: Timestamp(0), until: Timestamp(1) });
    let question = NamesQuestion { volume, names, examples_max: 0, with_times };
    let mut names = edge.parts.history.names(environment, &question, inquiry)?;
    names.retain(|name| !matches!(name.event.kind, EventKind::IdentifyUser | EventKind::IdentifyCompany));
    Ok(names)
}

/// An event's label, its type, and the name of a property: the order of the lookup, and what a cursor holds.
type Key = (String, String, String);

async fn properties_page(edge: &Arc<Edge>, reader: &Reader<Read>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let turn = Turn::of(&reading.query)?;
    let environment = reader.environment();
    let page = asking::ask(edge, move |edge, inquiry| {
        let all = known(edge, environment, (Vec::new(), false), inquiry)?;
        let (keys, events) = sorted(&all);
        let cut = turn.cut(&keys)?;
        let mut on_page = events.get(cut.range.clone()).unwrap_or_default().to_vec();
        on_page.dedup();
        // Only the events of this page are looked at one by one; to name none would be to ask about all.
        let looked_at = match on_page.is_empty() {
            true => Vec::new(),
            false => known(edge, environment, (on_page.into_iter().cloned().collect(), true), inquiry)?,
        };
        let state = edge.parts.catalog.state();
        let declared = |name: &str| state.environment(environment)?.declared_type(PropertyOwner::Event, name);
        let rows = keys.iter().zip(&events).take(cut.range.end).skip(cut.range.start);
        let data = rows.filter_map(|((_, _, name), event)| {
            let properties = &looked_at.iter().find(|found| found.event == **event)?.properties;
            let property = properties.iter().find(|property| property.name == *name)?;
            Some(PropertyBody::new(event, property, declared(name)))
        });
        let data = data.collect();
        Ok(cut.with(data))
    })
    .await?;
    answer::read(reading.position, &page)
}

/// Every property of every event in the order of the lookup, and beside each the event.
fn sorted(all: &[NameSummary]) -> (Vec<Key>, Vec<&EventName>) {
    let mut rows: Vec<(Key, &EventName)> = Vec::new();
    for NameSummary { event, properties, .. } in all {
        let (label, kind) = (event.label(), event.kind.as_str());
        let key = |property: &PropertySummary| (label.to_owned(), kind.to_owned(), property.name.clone());
        rows.extend(properties.iter().map(|property| (key(property), event)));
    }
    rows.sort();
    rows.into_iter().unzip()
}

impl PropertyBody {
    fn new(event: &EventName, property: &PropertySummary, declared: Option<PropertyType>) -> Self {
        let of_event = [event.kind.as_str(), event.name.as_str()];
        PropertyBody {
            id: number_of(&["event_property", of_event[0], of_event[1], &property.name]),
            key: property.name.clone(),
            display_name: property.name.clone(),
            is_auto_property: false,
            is_mobile_auto_property: false,
            data_type: declared.unwrap_or_else(|| inferred(property)),
            category: "metadata",
            description: "",
            is_archived: false,
            event: EventOf {
                id: number_of(&["event", of_event[0], of_event[1]]),
                display_name: event.label().to_owned(),
            },
            inserted_at: property.times.map(|(first, _)| Instant(first)),
            last_seen: property.times.map(|(_, last)| Instant(last)),
        }
    }
}
