//! `GET /v1/events/names`: which events there are, how often and since when, and what they bring.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::calendar::{Buckets, Interval};
use muster_kernel::model::history::{NameSummary, NamesQuestion, PropertySummary, TypeSummary};
use muster_kernel::model::value::OwnedValue;

use super::answer::{self, Instant};
use super::asking::{self, ZoneParameter};
use super::caller::Read;
use super::edge::Edge;
use super::error::Refused;
use super::masking::Masking;
use super::openapi::{EnvironmentHeader, PositionParameter, ReadProblems};
use super::read::{self, Head, invalid};
use super::reader::Reader;

/// Days of volume that one answer may have.
const DAYS_MAX: usize = 366;
const DAYS_DEFAULT: usize = 30;
/// Examples of a property's values, for each type.
pub(super) const EXAMPLES_MAX: usize = 10;
pub(super) const EXAMPLES_DEFAULT: usize = 3;

/// How much is shown.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `asked` reads")]
pub(super) struct NamesParameters {
    /// Days of volume, today being the last; 30 when absent.
    #[param(minimum = 1, maximum = 366)]
    days: Option<u32>,
    /// Examples for each property and type; 3 when absent.
    #[param(minimum = 1, maximum = 10)]
    examples: Option<u32>,
}

/// The events that there are.
#[derive(Serialize, ToSchema)]
#[schema(as = EventNames)]
pub(super) struct NamesBody {
    /// The time zone in which days were counted.
    #[schema(example = "Europe/Berlin")]
    zone: String,
    /// When each day of `volume` begins.
    #[schema(value_type = Vec<Instant>)]
    starts: Vec<Instant>,
    /// By type and name.
    data: Vec<NameBody>,
}

/// An event name.
#[derive(Serialize, ToSchema)]
#[schema(as = EventNameSummary)]
pub(super) struct NameBody {
    /// `track`, `identify_user`, …
    event_type: &'static str,
    /// The name of a tracked event; empty for types that have no names.
    event_name: String,
    /// How many there are, whenever they happened.
    count: u64,
    /// When the first happened.
    #[schema(value_type = Instant)]
    first_at: Instant,
    /// When the last happened.
    #[schema(value_type = Instant)]
    last_at: Instant,
    /// How many happened on each day.
    volume: Vec<u64>,
    /// What they brought, by name.
    properties: Vec<PropertyBody>,
}

/// A property of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = EventPropertySummary)]
pub(super) struct PropertyBody {
    /// Its name.
    name: String,
    /// What its values read as.
    types: Vec<TypeBody>,
    /// Present and true when the caller may not see its values: then there are no examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    masked: Option<bool>,
}

/// Values of a property that read the same way.
#[derive(Serialize, ToSchema)]
#[schema(as = PropertyReading)]
pub(super) struct TypeBody {
    /// `null`, `boolean`, `integer`, `decimal`, `numeric_text` (a string that reads as a number), `date_text`, `text` or
    /// `json`.
    #[schema(example = "integer")]
    r#type: &'static str,
    /// How often such a value was sent.
    count: u64,
    /// Some of them.
    #[schema(value_type = Vec<Value>)]
    examples: Vec<serde_json::Value>,
}

/// Values as they are shown.
pub(super) fn shown(value: &OwnedValue) -> serde_json::Value {
    // Numbers and strings: writing them cannot fail.
    serde_json::to_value(value.value()).unwrap_or_default()
}

/// The types of a property; without examples when its values are hidden.
pub(super) fn types(summary: PropertySummary, is_hidden: bool) -> Vec<TypeBody> {
    let of_type = |TypeSummary { reads_as, count, examples }: TypeSummary| {
        let mut examples = if is_hidden { Vec::new() } else { examples };
        examples.sort();
        TypeBody { r#type: reads_as.as_str(), count, examples: examples.iter().map(shown).collect() }
    };
    summary.types.into_iter().map(of_type).collect()
}

impl NameBody {
    fn new(summary: NameSummary, masking: &Masking) -> Self {
        let property = |summary: PropertySummary| {
            let is_hidden = masking.hides(&summary.name);
            PropertyBody {
                name: summary.name.clone(),
                types: types(summary, is_hidden),
                masked: is_hidden.then_some(true),
            }
        };
        NameBody {
            event_type: summary.event.kind.as_str(),
            event_name: summary.event.name,
            count: summary.count,
            first_at: Instant(summary.first_at),
            last_at: Instant(summary.last_at),
            volume: summary.volume,
            properties: summary.properties.into_iter().map(property).collect(),
        }
    }
}

/// Read which events there are.
#[utoipa::path(
    get,
    path = "/v1/events/names",
    operation_id = "list_event_names",
    tag = "Events",
    params(NamesParameters, ZoneParameter, PositionParameter, EnvironmentHeader),
    responses((status = 200, description = "Names, volume and properties", body = NamesBody), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Read>, head: Head) -> Response {
    let outcome = asked(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn asked(edge: &Arc<Edge>, reader: &Reader<Read>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let query = &reading.query;
    query.refuse_others(&["days", "examples", "zone", "position"])?;
    let (zone, name) = asking::zone(query)?;
    let days = asking::number(query, "days", DAYS_DEFAULT, DAYS_MAX)?;
    let examples_max = asking::number(query, "examples", EXAMPLES_DEFAULT, EXAMPLES_MAX)?;
    let volume = Buckets::recent(reader.now(), days, Interval::Day, &zone)
        .map_err(|_| invalid("`days` reaches beyond the calendar.".to_owned()))?;
    let starts = volume.starts().iter().map(|start| Instant(*start)).collect();
    let question = NamesQuestion { volume, names: Vec::new(), examples_max, with_times: false };
    let (environment, masking) = (reader.environment(), reader.masking());
    let names = asking::ask(edge, move |edge, inquiry| {
        Ok(edge.parts.history.names(environment, &question, inquiry)?)
    })
    .await?;
    let data = names.into_iter().map(|name| NameBody::new(name, &masking)).collect();
    answer::read(reading.position, &NamesBody { zone: name, starts, data })
}
