//! `/v1/properties`: the properties that were ever sent, what they are, and what somebody says they are.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use muster_kernel::model::catalog::{Environment, PropertyType};
use muster_kernel::model::history::{PropertiesQuestion, PropertyOwner, PropertySummary, ReadableType};
use muster_kernel::model::problem::{Problem, ProblemCode};

use super::answer;
use super::asking;
use super::caller::{Administer, Read};
use super::edge::Edge;
use super::error::{self, Refused};
use super::event_names::{EXAMPLES_DEFAULT, EXAMPLES_MAX, TypeBody, types};
use super::openapi::{ActProblems, EnvironmentHeader, PositionParameter, ReadProblems};
use super::read::{self, Head, invalid};
use super::reader::Reader;
use super::{acts, masking::Masking};
use crate::admin::{self, DeclareProperty, schema};

/// Which properties.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `asked` reads")]
pub(super) struct PropertyParameters {
    /// `user`, `company` or `event`; all when absent.
    owner: Option<String>,
    /// Examples for each property and type; 3 when absent.
    #[param(minimum = 1, maximum = 10)]
    examples: Option<u32>,
}

/// The properties that there are.
#[derive(Serialize, ToSchema)]
#[schema(as = PropertyList)]
pub(super) struct ListBody {
    /// By owner and name.
    data: Vec<PropertyBody>,
}

/// A property.
#[derive(Serialize, ToSchema)]
#[schema(as = PropertySummary)]
pub(super) struct PropertyBody {
    /// `user`, `company` or `event`.
    #[schema(value_type = schema::PropertyOwner)]
    owner: PropertyOwner,
    /// Its name.
    name: String,
    /// What its values are taken for: `numeric`, `boolean`, `date` or `json` when all of them read so, else `string`.
    #[schema(value_type = schema::PropertyType)]
    r#type: PropertyType,
    /// What somebody declared that it is.
    #[schema(value_type = Option<schema::PropertyType>, required = true)]
    declared_type: Option<PropertyType>,
    /// Whether viewers do not see its values.
    pii: bool,
    /// Whether values of different JSON types were sent, or values that do not read as the declared type.
    conflict: bool,
    /// What its values read as; empty when it was declared and never sent. Without examples where the caller may not see
    /// the values.
    types: Vec<TypeBody>,
}

/// What somebody says about a property; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PropertyDeclaration)]
pub(super) struct DeclareFields {
    /// `user`, `company` or `event`.
    #[schema(value_type = schema::PropertyOwner)]
    owner: PropertyOwner,
    /// Its name.
    name: String,
    /// What it is; null takes that back.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<schema::PropertyType>, required = false)]
    declared_type: Option<Option<PropertyType>>,
    /// Whether viewers shall not see its values, whoever's property it is.
    pii: Option<bool>,
}

/// What is said about a property now.
#[derive(Serialize, ToSchema)]
#[schema(as = PropertyDeclared)]
pub(super) struct DeclaredBody {
    /// `user`, `company` or `event`.
    #[schema(value_type = schema::PropertyOwner)]
    owner: PropertyOwner,
    /// Its name.
    name: String,
    /// What it is declared to be.
    #[schema(value_type = Option<schema::PropertyType>, required = true)]
    declared_type: Option<PropertyType>,
    /// Whether viewers do not see its values.
    pii: bool,
}

/// A field that may be null, which is not the same as absent.
pub(super) fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// List properties.
#[utoipa::path(
    get,
    path = "/v1/properties",
    operation_id = "list_properties",
    tag = "Events",
    params(PropertyParameters, PositionParameter, EnvironmentHeader),
    responses((status = 200, description = "Every property", body = ListBody), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Read>, head: Head) -> Response {
    let outcome = asked(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn asked(edge: &Arc<Edge>, reader: &Reader<Read>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let query = &reading.query;
    query.refuse_others(&["owner", "examples", "position"])?;
    let owners = match query.get("owner") {
        None => PropertyOwner::ALL.to_vec(),
        Some(word) => {
            let found = PropertyOwner::ALL.into_iter().find(|owner| owner.as_str() == word);
            vec![
                found
                    .ok_or_else(|| invalid("`owner` is none of `user`, `company` and `event`.".to_owned()))?,
            ]
        }
    };
    let examples_max = asking::number(query, "examples", EXAMPLES_DEFAULT, EXAMPLES_MAX)?;
    let (environment, masking) = (reader.environment(), reader.masking());
    let data = asking::ask(edge, move |edge, inquiry| {
        let state = edge.parts.catalog.state();
        let Some(known) = state.environment(environment) else {
            return Err(Refused::internal("the catalog lost an environment"));
        };
        let mut data = Vec::new();
        for owner in owners {
            let question = PropertiesQuestion { owner, examples_max };
            let sent = edge.parts.history.properties(environment, &question, inquiry)?;
            let all = sent_or_declared(owner, sent, known).into_iter();
            data.extend(all.map(|summary| PropertyBody::new(owner, summary, known, &masking)));
        }
        Ok(data)
    })
    .await?;
    answer::read(reading.position, &ListBody { data })
}

/// What was sent and what was only declared, by name.
pub(super) fn sent_or_declared(
    owner: PropertyOwner,
    sent: Vec<PropertySummary>,
    known: &Environment,
) -> Vec<PropertySummary> {
    let mut all = sent;
    for declared in known.declared_properties.iter().filter(|declared| declared.owner == owner) {
        if !all.iter().any(|summary| summary.name == declared.name) {
            all.push(PropertySummary { name: declared.name.clone(), types: Vec::new(), times: None });
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// What a property's values are taken for.
pub(super) fn inferred(summary: &PropertySummary) -> PropertyType {
    let sent: Vec<ReadableType> = summary.types.iter().map(|one| one.reads_as).collect();
    PropertyType::inferred(&sent)
}

impl PropertyBody {
    fn new(owner: PropertyOwner, summary: PropertySummary, known: &Environment, masking: &Masking) -> Self {
        let declared_type = known.declared_type(owner, &summary.name);
        let types_sent: Vec<ReadableType> = summary.types.iter().map(|one| one.reads_as).collect();
        PropertyBody {
            owner,
            name: summary.name.clone(),
            r#type: inferred(&summary),
            declared_type,
            pii: known.is_pii(&summary.name),
            conflict: is_conflict(&types_sent, declared_type),
            types: {
                let is_hidden = masking.hides(&summary.name);
                types(summary, is_hidden)
            },
        }
    }
}

/// Whether JSON types differ, or a value does not read as what is declared. A null is a removal and no value.
fn is_conflict(sent: &[ReadableType], declared: Option<PropertyType>) -> bool {
    let mut json: Vec<&str> = sent.iter().filter_map(|sent| sent.json_type()).collect();
    json.dedup();
    let strays = |declared: PropertyType| !sent.iter().all(|sent| declared.takes(*sent));
    json.len() > 1 || declared.is_some_and(strays)
}

/// Declare what a property is, or whether viewers see it.
#[utoipa::path(
    put,
    path = "/v1/properties",
    operation_id = "declare_property",
    tag = "Events",
    params(EnvironmentHeader),
    request_body = DeclareFields,
    responses((status = 200, description = "What is said about it now", body = DeclaredBody), ActProblems),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(super) async fn put(State(edge): State<Arc<Edge>>, reader: Reader<Administer>, head: Whole) -> Response {
    let outcome = declared(&edge, &reader, head).await;
    reader.answer(outcome)
}

type Whole = axum::http::Request<axum::body::Body>;

async fn declared(edge: &Arc<Edge>, reader: &Reader<Administer>, call: Whole) -> Result<Response, Refused> {
    let (head, body) = call.into_parts();
    let fields: DeclareFields = acts::fields(edge, &head.headers, body).await?;
    if fields.declared_type.is_none() && fields.pii.is_none() {
        let message = "There is nothing to change; give `declared_type`, `pii`, or both.";
        return Err(Problem::of_call(ProblemCode::FieldInvalid, message).into());
    }
    let request = DeclareProperty {
        environment: reader.environment(),
        owner: fields.owner,
        name: fields.name,
        declared_type: fields.declared_type,
        pii: fields.pii,
    };
    let (by, key) = (reader.actor(), reader.key());
    let (owner, name) = (request.owner, request.name.clone());
    let environment = acts::with_office(edge, String::new(), move |office| {
        admin::declare_property(&request, &by, key, office)
    })
    .await?;
    let body = DeclaredBody {
        declared_type: environment.declared_type(owner, &name),
        pii: environment.is_pii(&name),
        owner,
        name,
    };
    acts::answer(error::OK, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_is_between_json_types_or_with_what_was_declared() {
        use ReadableType as R;
        assert!(!is_conflict(&[R::Null, R::Integer, R::Decimal], None));
        assert!(!is_conflict(&[R::NumericText, R::Text], None), "postal codes");
        assert!(is_conflict(&[R::Integer, R::NumericText], None));
        assert!(!is_conflict(&[R::NumericText], Some(PropertyType::Numeric)));
        assert!(is_conflict(&[R::Text], Some(PropertyType::Date)));
        assert!(!is_conflict(&[R::Text, R::DateText], Some(PropertyType::String)));
    }
}
