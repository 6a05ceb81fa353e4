//! `/v1/reports` and `/v1/reports/{id}`: reports that are kept under a name, to be asked again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::problem::ProblemCode;
use muster_kernel::model::report::funnel::FunnelQuestion;
use muster_kernel::model::report::path::PathQuestion;
use muster_kernel::model::saved::{ReportKind, SavedQuestion, SavedReport};
use muster_kernel::model::time::Timestamp;

use super::keeping::{self, Shown};
use super::object::{Object, Reading};
use super::retention::Retention;
use super::trend::Trend;
use super::{Asker, Report};
use crate::http::acts;
use crate::http::answer::Instant;
use crate::http::caller::{Curate, Read};
use crate::http::edge::Edge;
use crate::http::error::{self, Refused};
use crate::http::openapi::{ActProblems, EnvironmentHeader, ReadProblems};
use crate::http::reader::Reader;
use crate::http::signed_in::Numbers;
use crate::http::versions::VersionHeader;

/// A saved report.
#[derive(Serialize, ToSchema)]
#[schema(as = SavedReport)]
pub(super) struct ReportBody {
    /// Its number; never reused.
    id: u32,
    /// Its name.
    #[schema(example = "Sign-ups by plan")]
    name: String,
    /// Which report it is.
    kind: KindWord,
    /// The question as it is asked; null for who may not see a property that it asks about.
    #[schema(value_type = Option<Object>, required = true)]
    question: Option<Value>,
    /// When it was made.
    #[schema(value_type = Instant)]
    created_at: Instant,
    /// When it was last changed.
    #[schema(value_type = Instant)]
    updated_at: Instant,
    /// The address of the member who made it; null when it was a key, or the member is gone.
    #[schema(required = true)]
    created_by: Option<String>,
    /// Counts the changes; also as `ETag`.
    version: u32,
}

/// A kind of report.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportKind)]
enum KindWord {
    Trend,
    Funnel,
    Retention,
    Path,
}

impl From<KindWord> for ReportKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Trend => ReportKind::Trend,
            KindWord::Funnel => ReportKind::Funnel,
            KindWord::Retention => ReportKind::Retention,
            KindWord::Path => ReportKind::Path,
        }
    }
}

impl From<ReportKind> for KindWord {
    fn from(kind: ReportKind) -> Self {
        match kind {
            ReportKind::Trend => KindWord::Trend,
            ReportKind::Funnel => KindWord::Funnel,
            ReportKind::Retention => KindWord::Retention,
            ReportKind::Path => KindWord::Path,
        }
    }
}

/// The saved reports of an environment.
#[derive(Serialize, ToSchema)]
#[schema(as = SavedReportList)]
pub(super) struct ListBody {
    /// In the order in which they were made.
    items: Vec<ReportBody>,
    /// Always null: all of them are here.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// What a report shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SavedReportFields)]
pub(super) struct Fields {
    /// Its name: 1 to 120 characters, unique in the environment without regard to case.
    #[schema(example = "Sign-ups by plan")]
    name: String,
    /// Which report it is.
    kind: KindWord,
    /// The question, as it is sent to `/v1/reports/{kind}`.
    #[schema(value_type = Object)]
    question: Value,
}

/// Reads a question of a kind only for what is wrong with it.
fn check(kind: ReportKind, question: &Value, asker: &Asker, now: Timestamp) -> Result<(), Refused> {
    fn nothing<R: Report>(reading: &mut Reading, object: &mut Object<'_>) -> Option<()> {
        R::read(reading, object).map(drop)
    }
    let read = match kind {
        ReportKind::Trend => nothing::<Trend>,
        ReportKind::Funnel => nothing::<FunnelQuestion>,
        ReportKind::Retention => nothing::<Retention>,
        ReportKind::Path => nothing::<PathQuestion>,
    };
    let mut reading = asker.reading(now)?;
    let found = reading.whole(question, "/question", read);
    Ok(reading.finish(found)?)
}

impl Shown for SavedQuestion {
    type Body = ReportBody;

    fn body(saved: &SavedReport, state: &CatalogState, asker: &Asker, now: Timestamp) -> ReportBody {
        let SavedQuestion { kind, question } = &saved.what;
        let is_hidden = check(*kind, question, asker, now).is_err_and(|refused| {
            refused.problems().iter().any(|one| one.code == ProblemCode::RoleInsufficient)
        });
        ReportBody {
            id: saved.id,
            name: saved.name.clone(),
            kind: (*kind).into(),
            question: (!is_hidden).then(|| question.clone()),
            created_at: Instant(saved.created_at),
            updated_at: Instant(saved.updated_at),
            created_by: keeping::author(saved, state),
            version: saved.version,
        }
    }
}

async fn fields(
    edge: &Arc<Edge>,
    asker: &Asker,
    now: Timestamp,
    call: Request<Body>,
) -> Result<(String, SavedQuestion), Refused> {
    let (head, body) = call.into_parts();
    let Fields { name, kind, question } = acts::fields(edge, &head.headers, body).await?;
    let kind = ReportKind::from(kind);
    check(kind, &question, asker, now)?;
    Ok((name, SavedQuestion { kind, question }))
}

/// List saved reports.
#[utoipa::path(
    get,
    path = "/v1/reports",
    operation_id = "list_reports",
    tag = "Reports",
    params(EnvironmentHeader),
    responses((status = 200, description = "Every saved report", body = ListBody), ReadProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn list(State(edge): State<Arc<Edge>>, reader: Reader<Read>) -> Response {
    let items = keeping::all::<SavedQuestion, _>(&edge, &reader);
    let outcome = acts::answer(error::OK, &ListBody { items, next_cursor: None });
    reader.answer(outcome)
}

/// Read a saved report.
#[utoipa::path(
    get,
    path = "/v1/reports/{id}",
    operation_id = "read_report",
    tag = "Reports",
    params(("id" = u32, Path, description = "The report's number"), EnvironmentHeader),
    responses(
        (status = 200, description = "The report", body = ReportBody, headers(("ETag" = String, description = "Its version"))),
        (status = 404, description = "No such report", body = error::Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    Numbers([id]): Numbers<1>,
) -> Response {
    let outcome = keeping::one::<SavedQuestion, _>(&edge, &reader, id);
    reader.answer(outcome)
}

/// Save a report.
#[utoipa::path(
    post,
    path = "/v1/reports",
    operation_id = "create_report",
    tag = "Reports",
    params(EnvironmentHeader),
    request_body = Fields,
    responses(
        (status = 201, description = "The report", body = ReportBody, headers(("ETag" = String, description = "Its version"))),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(in crate::http) async fn post(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Curate>,
    call: Request<Body>,
) -> Response {
    let headers = call.headers().clone();
    let outcome = match fields(&edge, &Asker::of(&edge, &reader), reader.now(), call).await {
        Ok((name, what)) => keeping::save(&edge, &reader, None, &headers, (name, what)).await,
        Err(refused) => Err(refused),
    };
    reader.answer(outcome)
}

/// Change a saved report to what the body says.
#[utoipa::path(
    put,
    path = "/v1/reports/{id}",
    operation_id = "replace_report",
    tag = "Reports",
    params(("id" = u32, Path, description = "The report's number"), VersionHeader, EnvironmentHeader),
    request_body = Fields,
    responses(
        (status = 200, description = "The report as it is now", body = ReportBody, headers(("ETag" = String, description = "Its version"))),
        (status = 412, description = "It has another version by now", body = error::Envelope<'static>),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(in crate::http) async fn put(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Curate>,
    Numbers([id]): Numbers<1>,
    call: Request<Body>,
) -> Response {
    let headers = call.headers().clone();
    let outcome = match fields(&edge, &Asker::of(&edge, &reader), reader.now(), call).await {
        Ok(fields) => keeping::save(&edge, &reader, Some(id), &headers, fields).await,
        Err(refused) => Err(refused),
    };
    reader.answer(outcome)
}

/// Remove a saved report, also from the dashboards that it stands on.
#[utoipa::path(
    delete,
    path = "/v1/reports/{id}",
    operation_id = "delete_report",
    tag = "Reports",
    params(("id" = u32, Path, description = "The report's number"), VersionHeader, EnvironmentHeader),
    responses(
        (status = 204, description = "The report is removed"),
        (status = 412, description = "It has another version by now", body = error::Envelope<'static>),
        ActProblems,
    ),
    security(("api_key" = ["admin"]), ("session" = [])),
)]
pub(in crate::http) async fn delete(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Curate>,
    Numbers([id]): Numbers<1>,
    call: Request<Body>,
) -> Response {
    let outcome = keeping::remove::<SavedQuestion>(&edge, &reader, id, call.headers()).await;
    reader.answer(outcome)
}
