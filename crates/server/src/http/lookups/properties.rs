//! Lookups of the properties of users and companies.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::catalog::PropertyType;
use muster_kernel::model::history::{PropertiesQuestion, PropertyOwner, PropertySummary};

use super::number_of;
use crate::admin::schema;
use crate::http::answer;
use crate::http::asking;
use crate::http::caller::Read;
use crate::http::edge::Edge;
use crate::http::error::Refused;
use crate::http::openapi::{EnvironmentHeader, PositionParameter, ReadProblems};
use crate::http::properties::{inferred, sent_or_declared};
use crate::http::read::{self, Head};
use crate::http::reader::Reader;

/// What every profile has without anybody sending it.
const KEPT_BY_ITSELF: [(&str, PropertyType); 2] =
    [("first_seen_at", PropertyType::Date), ("last_seen_at", PropertyType::Date)];

/// A property.
#[derive(Serialize, ToSchema)]
#[schema(as = LookupProperty)]
pub(super) struct PropertyBody {
    /// Its number, made from its name; never another one.
    #[schema(example = 3_402_158_846_187_120u64)]
    id: u64,
    /// `user_property` or `company_property`.
    #[schema(example = "user_property")]
    r#type: &'static str,
    /// Its name.
    #[schema(example = "email")]
    key: String,
    /// Its name for people: the same.
    #[schema(example = "email")]
    display_name: String,
    /// What it was declared to be, else what its values read as.
    #[schema(value_type = schema::PropertyType)]
    data_type: PropertyType,
    /// Whether the server keeps it by itself.
    is_auto_property: bool,
}

/// Look up the properties of users.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/user_properties",
    operation_id = "lookup_user_properties",
    tag = "Lookups",
    params(PositionParameter, EnvironmentHeader),
    responses((status = 200, description = "Every property, by name", body = Vec<PropertyBody>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn of_users(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    head: Head,
) -> Response {
    let outcome = asked(&edge, &reader, &head, (PropertyOwner::User, "user_property")).await;
    reader.answer(outcome)
}

/// Look up the properties of companies.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/exports/lookups/company_properties",
    operation_id = "lookup_company_properties",
    tag = "Lookups",
    params(PositionParameter, EnvironmentHeader),
    responses((status = 200, description = "Every property, by name", body = Vec<PropertyBody>), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn of_companies(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    head: Head,
) -> Response {
    let outcome = asked(&edge, &reader, &head, (PropertyOwner::Company, "company_property")).await;
    reader.answer(outcome)
}

async fn asked(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    head: &Head,
    (owner, word): (PropertyOwner, &'static str),
) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let environment = reader.environment();
    let body = |name: &str, data_type, is_auto_property| PropertyBody {
        id: number_of(&[word, name]),
        r#type: word,
        key: name.to_owned(),
        display_name: name.to_owned(),
        data_type,
        is_auto_property,
    };
    let properties = asking::ask(edge, move |edge, inquiry| {
        let state = edge.parts.catalog.state();
        let Some(known) = state.environment(environment) else {
            return Err(Refused::internal("the catalog lost an environment"));
        };
        let question = PropertiesQuestion { owner, examples_max: 0 };
        let sent = edge.parts.history.properties(environment, &question, inquiry)?;
        let all = sent_or_declared(owner, sent, known);
        let of_sent = |summary: &PropertySummary| {
            let declared = known.declared_type(owner, &summary.name);
            body(&summary.name, declared.unwrap_or_else(|| inferred(summary)), false)
        };
        let mut properties: Vec<PropertyBody> = all.iter().map(of_sent).collect();
        for (name, data_type) in KEPT_BY_ITSELF {
            if !properties.iter().any(|property| property.key == name) {
                properties.push(body(name, data_type, true));
            }
        }
        properties.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(properties)
    })
    .await?;
    answer::read(reading.position, &properties)
}
