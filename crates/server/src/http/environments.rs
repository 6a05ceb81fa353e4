//! `/v1/environments`: listed, made and changed.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use muster_kernel::model::catalog::{CatalogState, EmptyCompany, JunkIds, NestedValues};
use muster_kernel::model::team::Role;
use muster_kernel::model::time::Timestamp;

use crate::admin::{
    self, AdminAnswer, AdminRequest, CreateEnvironment, EnvironmentView, SetEnvironment, SettingsPatch,
    schema,
};

use super::acts;
use super::edge::Edge;
use super::error::{self, Refused};
use super::openapi::{ActProblems, SessionProblems};
use super::signed_in::{Admins, InEnvironment, Rank, SignedIn, Viewers};

/// Every environment.
#[derive(Serialize, ToSchema)]
#[schema(as = EnvironmentList)]
pub(super) struct ListBody {
    /// By number.
    data: Vec<EnvironmentView>,
}

/// An environment to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EnvironmentCreate)]
pub(super) struct CreateFields {
    /// Its name: 1 to 64 characters, unique without regard to case.
    name: String,
    /// A label for where the data lives; `local` when absent.
    region: Option<String>,
    /// How strictly its calls are read, where that differs from the usual.
    #[serde(default)]
    #[schema(required = false)]
    settings: SettingsFields,
}

/// What shall be different about an environment; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EnvironmentPatch)]
pub(super) struct PatchFields {
    /// The new name.
    name: Option<String>,
    /// The new label for where the data lives.
    region: Option<String>,
    /// Settings that shall be different.
    #[serde(default)]
    #[schema(required = false)]
    settings: SettingsFields,
    /// The names of all properties that viewers shall not see the values of; at most 100.
    pii_properties: Option<Vec<String>>,
    /// Where its days shall begin: a name of the IANA time zone database.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// For how many days raw events shall be kept, 1 to 3,660; 0 to keep them for good. Profiles stay whatever this says.
    /// `GET /v1/environments/{id}/kept_events` shows before what would go.
    #[schema(maximum = 3660, example = 365)]
    keep_events_days: Option<u32>,
}

/// Settings that are named; the others stay as they are.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EnvironmentSettingsPatch)]
struct SettingsFields {
    /// A `company` without an id.
    #[schema(value_type = Option<schema::EmptyCompany>)]
    empty_company: Option<EmptyCompany>,
    /// Objects and arrays as property values.
    #[schema(value_type = Option<schema::NestedValues>)]
    nested_values: Option<NestedValues>,
    /// Ids such as `null` and `undefined`.
    #[schema(value_type = Option<schema::JunkIds>)]
    junk_ids: Option<JunkIds>,
}

impl From<SettingsFields> for SettingsPatch {
    fn from(fields: SettingsFields) -> Self {
        let SettingsFields { empty_company, nested_values, junk_ids } = fields;
        SettingsPatch { empty_company, nested_values, junk_ids }
    }
}

/// List environments.
#[utoipa::path(
    get,
    path = "/v1/environments",
    operation_id = "list_environments",
    tag = "Environments",
    responses((status = 200, description = "Every environment", body = ListBody), SessionProblems),
    security(("session" = [])),
)]
pub(super) async fn list(
    State(edge): State<Arc<Edge>>,
    member: SignedIn<Viewers>,
) -> Result<Response, Refused> {
    let data = shown_to(member.role, &edge.parts.catalog.state(), member.now);
    acts::answer(error::OK, &ListBody { data })
}

/// Every environment, by number. Where on the machine its data lies is the business of who administers.
pub(super) fn shown_to(role: Role, state: &CatalogState, now: Timestamp) -> Vec<EnvironmentView> {
    let view = |environment| {
        let view = admin::view_environment(state, environment, now);
        let directory = view.directory.filter(|_| role >= Admins::LEAST);
        EnvironmentView { directory, ..view }
    };
    state.environments.iter().map(view).collect()
}

/// Make an environment. One with a directory of its own is made on the command line.
#[utoipa::path(
    post,
    path = "/v1/environments",
    operation_id = "create_environment",
    tag = "Environments",
    request_body = CreateFields,
    responses((status = 201, description = "The environment", body = EnvironmentView), ActProblems),
    security(("session" = [])),
)]
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    member: SignedIn<Admins>,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let CreateFields { name, region, settings } = acts::fields(&edge, &head.headers, body).await?;
    let request = CreateEnvironment { name, region, directory: None, settings: settings.into() };
    let request = AdminRequest::CreateEnvironment(request);
    match acts::execute(&edge, member.actor(), String::new(), request).await? {
        AdminAnswer::EnvironmentCreated { environment } => acts::answer(error::CREATED, &environment),
        _ => Err(acts::astray()),
    }
}

/// Change an environment.
#[utoipa::path(
    patch,
    path = "/v1/environments/{id}",
    operation_id = "update_environment",
    tag = "Environments",
    params(("id" = u32, Path, description = "The environment's number")),
    request_body = PatchFields,
    responses((status = 200, description = "The environment as it is now", body = EnvironmentView), ActProblems),
    security(("session" = [])),
)]
pub(super) async fn patch(
    State(edge): State<Arc<Edge>>,
    at_work: InEnvironment<Admins>,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let fields: PatchFields = acts::fields(&edge, &head.headers, body).await?;
    let request = AdminRequest::SetEnvironment(SetEnvironment {
        environment: at_work.environment.id.into(),
        name: fields.name,
        region: fields.region,
        settings: fields.settings.into(),
        pii_properties: fields.pii_properties,
        time_zone: fields.time_zone,
        keep_events_days: fields.keep_events_days,
    });
    match acts::execute(&edge, at_work.member.actor(), String::new(), request).await? {
        AdminAnswer::EnvironmentChanged { environment } => acts::answer(error::OK, &environment),
        _ => Err(acts::astray()),
    }
}
