//! `GET /v1/properties/ties`: properties whose value only the order of values decided (law 3), counted and listed.
//!
//! Two events of one moment that say something different about a property are a mistake of who sends them, more often
//! than not. Nothing is kept about it but the mark in the profile: who asks pays for the look at every profile.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::history::PropertyOwner;
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::limits::{GROUPS_MAX, PAGE_ITEMS_MAX};
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::profile::Profile;
use muster_kernel::ports::{CompanyQuery, Inquiry, StoreError, UserQuery};

use super::answer;
use super::asking;
use super::caller::Read;
use super::edge::Edge;
use super::error::Refused;
use super::openapi::{EnvironmentHeader, PositionParameter, ReadProblems};
use super::read::{self, Head, invalid};
use super::reader::Reader;
use crate::admin::schema;

/// Ids listed of each property when nobody says how many.
const IDS_DEFAULT: usize = 3;
const IDS_MAX: usize = 100;

/// Whose properties.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `asked` reads")]
pub(super) struct TieParameters {
    /// `user` or `company`; both when absent.
    owner: Option<String>,
    /// Ids listed of each property; 3 when absent.
    #[param(minimum = 1, maximum = 100)]
    ids: Option<u32>,
}

/// The properties that were decided by a tie somewhere.
#[derive(Serialize, ToSchema)]
#[schema(as = TieList)]
pub(super) struct ListBody {
    /// By owner and name.
    data: Vec<TieBody>,
}

/// A property.
#[derive(Serialize, ToSchema)]
#[schema(as = Tie)]
pub(super) struct TieBody {
    /// `user` or `company`.
    #[schema(value_type = schema::PropertyOwner)]
    owner: PropertyOwner,
    /// Its name; null for the company that users belong to.
    #[schema(required = true)]
    name: Option<String>,
    /// In how many profiles.
    profiles: u64,
    /// The first of these, by id.
    ids: Vec<String>,
}

/// List properties that were decided by a tie.
#[utoipa::path(
    get,
    path = "/v1/properties/ties",
    operation_id = "list_ties",
    tag = "Events",
    params(TieParameters, PositionParameter, EnvironmentHeader),
    responses((status = 200, description = "Every property that was, in any profile", body = ListBody), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Read>, head: Head) -> Response {
    let outcome = asked(&edge, &reader, &head).await;
    reader.answer(outcome)
}

async fn asked(edge: &Arc<Edge>, reader: &Reader<Read>, head: &Head) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    let query = &reading.query;
    query.refuse_others(&["owner", "ids", "position"])?;
    let owners = match query.get("owner").as_deref() {
        None => vec![PropertyOwner::User, PropertyOwner::Company],
        Some("user") => vec![PropertyOwner::User],
        Some("company") => vec![PropertyOwner::Company],
        Some(_) => return Err(invalid("`owner` is none of `user` and `company`.".to_owned()).into()),
    };
    let ids_max = asking::number(query, "ids", IDS_DEFAULT, IDS_MAX)?;
    let environment = reader.environment();
    let data = asking::ask(edge, move |edge, inquiry| {
        let mut data = Vec::new();
        for owner in owners {
            let found = found(edge, environment, owner, ids_max, inquiry)?;
            data.extend(found.into_iter().map(|(name, (profiles, ids))| TieBody {
                owner,
                name,
                profiles,
                ids,
            }));
        }
        Ok(data)
    })
    .await?;
    answer::read(reading.position, &ListBody { data })
}

/// By name, how many profiles and the first of them.
type Found = BTreeMap<Option<String>, (u64, Vec<String>)>;

fn found(
    edge: &Edge,
    environment: EnvironmentId,
    owner: PropertyOwner,
    ids_max: usize,
    inquiry: &Inquiry,
) -> Result<Found, Refused> {
    let mut found = Found::new();
    let mut after = None;
    loop {
        if inquiry.is_stopped() {
            return Err(StoreError::Stopped.into());
        }
        let page = page(edge, environment, owner, after.as_ref())?;
        for (id, profile) in page.items {
            for name in profile.view().ties() {
                let (profiles, ids) = found.entry(name.map(str::to_owned)).or_default();
                *profiles += 1;
                if ids.len() < ids_max {
                    ids.push(id.clone());
                }
            }
            if found.len() > GROUPS_MAX {
                let message =
                    format!("More than {GROUPS_MAX} properties of one owner were decided by a tie.");
                return Err(Problem::of_call(ProblemCode::AnswerTooLarge, message).into());
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

fn page(
    edge: &Edge,
    environment: EnvironmentId,
    owner: PropertyOwner,
    after: Option<&Cursor>,
) -> Result<Page<(String, Profile)>, StoreError> {
    let profiles = &edge.parts.profiles;
    match owner {
        PropertyOwner::Company => {
            let page = profiles.companies(environment, &CompanyQuery::default(), after, PAGE_ITEMS_MAX)?;
            let items = page.items.into_iter().map(|(id, profile)| (id.to_string(), profile)).collect();
            Ok(Page { items, next: page.next })
        }
        // Of events no property is decided: each is kept.
        PropertyOwner::User | PropertyOwner::Event => {
            let page = profiles.users(environment, &UserQuery::default(), after, PAGE_ITEMS_MAX)?;
            let items = page.items.into_iter().map(|(id, profile)| (id.to_string(), profile)).collect();
            Ok(Page { items, next: page.next })
        }
    }
}
