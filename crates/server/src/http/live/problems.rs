//! `GET /v1/environments/{id}/problems`: why calls are refused, grouped by cause.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::ledger::LedgerRow;

use super::super::answer::{self, Instant};
use super::super::day::{TimeZoneParameter, Today};
use super::super::edge::Edge;
use super::super::error::Refused;
use super::super::openapi::SessionProblems;
use super::super::read::{self, Head, Query};
use super::super::signed_in::{InEnvironment, Viewers};
use super::causes::Cause;
use super::remedy::remedy;

/// Why calls are refused.
#[derive(Serialize, ToSchema)]
#[schema(as = ProblemPage)]
pub(in crate::http) struct Problems<'a> {
    /// The causes seen since the start of this process, the newest first; at most 100 are told apart.
    data: Vec<ProblemBody<'a>>,
    /// Since when they were counted.
    #[schema(value_type = Instant)]
    since: Instant,
    /// What the ledger holds of the caller's day, also of the time before the start.
    today: TodayBody,
}

/// Refused calls of today.
#[derive(Serialize, ToSchema)]
#[schema(as = ProblemsToday)]
pub(in crate::http) struct TodayBody {
    /// When the day began.
    #[schema(value_type = Instant)]
    from: Instant,
    /// Refused calls by `error_code`.
    by_code: BTreeMap<String, u64>,
}

/// One cause.
#[derive(Serialize, ToSchema)]
#[schema(as = ProblemGroup)]
pub(in crate::http) struct ProblemBody<'a> {
    /// A stable word; docs/API.md lists them all.
    #[schema(example = "company_id_missing")]
    code: &'static str,
    /// The newest sentence that a caller was told.
    message: &'a str,
    /// JSON Pointer to the place in the body.
    #[schema(example = "/company")]
    pointer: &'a str,
    /// The route's template.
    #[schema(example = "/v1/identify")]
    route: &'a str,
    /// How many calls it refused.
    count: u64,
    /// The keys of those calls, the first eight.
    keys: Vec<ProblemKey<'a>>,
    /// When it refused the first.
    #[schema(value_type = Instant)]
    first_seen: Instant,
    /// When it refused the newest.
    #[schema(value_type = Instant)]
    last_seen: Instant,
    /// The newest such call that is still kept.
    #[schema(required = true)]
    sample_sequence: Option<u64>,
    /// What mends it, in a few words.
    #[schema(example = "send one, or leave `company` out")]
    remedy: &'static str,
}

/// A key whose calls were refused.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct ProblemKey<'a> {
    /// Its number.
    id: u32,
    /// What its owner calls it.
    name: &'a str,
}

/// List why calls are refused.
#[utoipa::path(
    get,
    path = "/v1/environments/{id}/problems",
    operation_id = "list_problems",
    tag = "Live",
    params(("id" = u32, Path, description = "The environment's number"), TimeZoneParameter),
    responses((status = 200, description = "Causes, the newest first", body = Problems<'static>), SessionProblems),
    security(("session" = [])),
)]
pub(in crate::http) async fn list(
    State(edge): State<Arc<Edge>>,
    at_work: InEnvironment<Viewers>,
    head: Head,
) -> Result<Response, Refused> {
    let today = Today::of(&Query::of(&head), at_work.member.now)?;
    let scope = super::scope(&at_work);
    let (environment, (from, to)) = (scope.environment, today.span.minutes());
    let rows = read::aside(&edge, move |edge| Ok(edge.parts.ledger.rows(environment, from, to)?)).await?;
    let mut refused = LedgerRow::default();
    rows.iter().for_each(|row| refused.add(row));
    let (causes, catalog) = (edge.shared.recorder.causes(scope), edge.parts.catalog.state());
    answer::plain(&Problems {
        data: causes.iter().map(|cause| ProblemBody::new(cause, &catalog)).collect(),
        since: Instant(edge.shared.ledger_start.at()),
        today: TodayBody { from: Instant(today.span.from), by_code: refused.rejected },
    })
}

impl<'a> ProblemBody<'a> {
    fn new(cause: &'a Cause, catalog: &'a CatalogState) -> Self {
        let keys = catalog.keys.iter().filter(|key| cause.keys.contains(&key.id));
        ProblemBody {
            code: cause.code.as_str(),
            message: &cause.message,
            pointer: &cause.pointer,
            route: &cause.route,
            count: cause.count,
            keys: keys.map(|key| ProblemKey { id: key.id.0, name: &key.name }).collect(),
            first_seen: Instant(cause.first_seen),
            last_seen: Instant(cause.last_seen),
            sample_sequence: cause.sample,
            remedy: remedy(cause.code),
        }
    }
}
