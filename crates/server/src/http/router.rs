//! Every route of the server: the table of contents of the API, grouped by who calls it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use muster_kernel::model::problem::{Problem, ProblemCode};

use super::edge::Edge;
use super::error::Refused;
use super::live::{calls, problems, stream};
use super::{
    audit, bulk, companies, console, content, data_sync, downloads, environments, erasures, event_counts,
    event_names, events, exports, health, identify, identify_company, imports, invitations, job_list, jobs,
    kept_events, keys, ledger, lookups, members, membership, metrics, openapi, overview, properties,
    questions, reports, segment_explain, segment_list, segment_members, segment_preview, segments, session,
    ties, timeline, track, users, validate,
};

/// The routes and the document that describes them, generated from the handlers.
fn table(version: &str, public_url: Option<&str>) -> OpenApiRouter<Arc<Edge>> {
    let base = OpenApiRouter::with_openapi(openapi::base(version, public_url));
    base.merge(sending_table()).merge(reading_table()).merge(lookup_table()).merge(administering_table())
}

/// For who sends data, and erases.
fn sending_table() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::default()
        // Who sends data; scope `ingest`.
        .routes(routes!(identify::post)) //         POST   /v1/identify
        .routes(routes!(identify_company::post)) // POST   /v1/companies/identify
        .routes(routes!(track::post)) //            POST   /v1/track
        .routes(routes!(membership::delete)) //     DELETE /v1/users/{id}/company
        .routes(routes!(bulk::users)) //            POST   /v1/users/bulk_identify
        .routes(routes!(bulk::companies)) //        POST   /v1/companies/bulk_identify
        .routes(routes!(imports::post)) //          POST   /v1/imports
        .routes(routes!(jobs::delete)) //           DELETE /v1/background_jobs/{id}
        // Who sends or reads data; scope `ingest` or `read`, or a session.
        .routes(routes!(job_list::list)) //         GET    /v1/background_jobs
        .routes(routes!(jobs::get)) //              GET    /v1/background_jobs/{id}
        .routes(routes!(jobs::rejects)) //          GET    /v1/background_jobs/{id}/rejects
        .routes(routes!(imports::list)) //          GET    /v1/imports
        .routes(routes!(imports::get)) //           GET    /v1/imports/{id}
        .routes(routes!(imports::rejects)) //       GET    /v1/imports/{id}/rejects
        // Who erases; scope `erase`, or a session of an admin.
        .routes(routes!(erasures::delete_users)) //     DELETE /v1/users
        .routes(routes!(erasures::delete_companies)) // DELETE /v1/companies
        // Who erases or reads; scope `erase` or `read`, or a session.
        .routes(routes!(erasures::list)) //         GET    /v1/erasures
        .routes(routes!(erasures::get)) //          GET    /v1/erasures/{id}
        // Whoever has a key.
        .routes(routes!(validate::get)) //          GET    /v1/validate
}

/// For who reads data, and says what to read.
fn reading_table() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::default()
        // Who reads data; scope `read`, or a session.
        .routes(routes!(users::list)) //            GET    /v1/users
        .routes(routes!(users::get)) //             GET    /v1/users/{id}
        .routes(routes!(companies::list)) //        GET    /v1/companies
        .routes(routes!(companies::get)) //         GET    /v1/companies/{id}
        .routes(routes!(companies::users)) //       GET    /v1/companies/{id}/users
        .routes(routes!(timeline::of_user)) //      GET    /v1/users/{id}/events
        .routes(routes!(timeline::of_company)) //   GET    /v1/companies/{id}/events
        .routes(routes!(events::list)) //           GET    /v1/events
        .routes(routes!(events::get)) //            GET    /v1/events/{position}
        .routes(routes!(event_names::list)) //      GET    /v1/events/names
        .routes(routes!(event_counts::read)) //     GET    /v1/events/counts
        .routes(routes!(questions::get)) //         GET    /v1/questions/{name}
        .routes(routes!(properties::list)) //       GET    /v1/properties
        .routes(routes!(ties::list)) //             GET    /v1/properties/ties
        .routes(routes!(segments::list)) //         GET    /v1/segments
        .routes(routes!(segments::get)) //          GET    /v1/segments/{id}
        .routes(routes!(segment_preview::post)) //  POST   /v1/segments/preview
        .routes(routes!(segment_members::list)) //  GET    /v1/segments/{id}/members
        .routes(routes!(segment_explain::get)) //   GET    /v1/segments/{id}/explain
        .routes(routes!(segment_explain::of_user)) // GET  /v1/users/{id}/segments
        .routes(routes!(segment_explain::of_company)) // GET /v1/companies/{id}/segments
        .routes(routes!(ledger::read)) //           GET    /v1/ledger (`admin` will do)
        .routes(routes!(overview::get)) //          GET    /v1/overview (`admin` will do)
        .routes(routes!(reports::trend::post)) //       POST   /v1/reports/trend
        .routes(routes!(reports::trend::people)) //     POST   /v1/reports/trend/people
        .routes(routes!(reports::funnel::post)) //      POST   /v1/reports/funnel
        .routes(routes!(reports::funnel::people)) //    POST   /v1/reports/funnel/people
        .routes(routes!(reports::retention::post)) //   POST   /v1/reports/retention
        .routes(routes!(reports::retention::people)) // POST   /v1/reports/retention/people
        .routes(routes!(reports::path::post)) //        POST   /v1/reports/path
        .routes(routes!(reports::path::people)) //      POST   /v1/reports/path/people
        .routes(routes!(reports::saved::list)) //       GET    /v1/reports
        .routes(routes!(reports::saved::get)) //        GET    /v1/reports/{id}
        .routes(routes!(reports::dashboards::list)) //  GET    /v1/dashboards
        .routes(routes!(reports::dashboards::get)) //   GET    /v1/dashboards/{id}
        // Who takes data out as files; scope `read`, or a session of an admin.
        .routes(routes!(exports::post)) //          POST   /api/v1/analytics/exports
        .routes(routes!(exports::list)) //          GET    /api/v1/analytics/exports/jobs
        .routes(routes!(exports::get)) //           GET    /api/v1/analytics/exports/jobs/{id}
        .routes(routes!(exports::delete)) //        DELETE /api/v1/analytics/exports/jobs/{id}
        // Whoever has a link that the server signed; no key.
        .routes(routes!(downloads::get)) //         GET    /v1/downloads/{environment}/{id}/{file}
        // Who saves segments and reports; scope `admin`, or a session of an analyst.
        .routes(routes!(segments::post)) //         POST   /v1/segments
        .routes(routes!(segments::put)) //          PUT    /v1/segments/{id}
        .routes(routes!(segments::delete)) //       DELETE /v1/segments/{id}
        .routes(routes!(segment_list::post)) //     POST   /v1/segments/{id}/members
        .routes(routes!(reports::saved::post)) //        POST   /v1/reports
        .routes(routes!(reports::saved::put)) //         PUT    /v1/reports/{id}
        .routes(routes!(reports::saved::delete)) //      DELETE /v1/reports/{id}
        .routes(routes!(reports::dashboards::post)) //   POST   /v1/dashboards
        .routes(routes!(reports::dashboards::put)) //    PUT    /v1/dashboards/{id}
        .routes(routes!(reports::dashboards::delete)) // DELETE /v1/dashboards/{id}
        // Who says what properties are; scope `admin`, or a session of an admin.
        .routes(routes!(properties::put)) //        PUT    /v1/properties
}

/// For who looks up what there is, in the shapes of the contract, and says it.
fn lookup_table() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::default()
        // Who reads data; scope `read`, or a session.
        .routes(routes!(lookups::properties::of_users)) //     GET /api/v1/analytics/exports/lookups/user_properties
        .routes(routes!(lookups::properties::of_companies)) // GET /api/v1/analytics/exports/lookups/company_properties
        .routes(routes!(lookups::segments::list)) //           GET /api/v1/analytics/exports/lookups/segments
        .routes(routes!(lookups::events::names)) //            GET /api/v1/analytics/exports/lookups/features_events
        .routes(routes!(lookups::events::properties)) //       GET /api/v1/analytics/exports/lookups/events_properties
        .routes(routes!(lookups::content::flows)) //           GET /api/v1/analytics/exports/lookups/flows
        .routes(routes!(lookups::content::banners)) //         GET /api/v1/analytics/exports/lookups/banners
        .routes(routes!(lookups::content::embeds)) //          GET /api/v1/analytics/exports/lookups/embeds
        .routes(routes!(lookups::content::spotlights)) //      GET /api/v1/analytics/exports/lookups/spotlights
        .routes(routes!(lookups::content::surveys)) //         GET /api/v1/analytics/exports/lookups/surveys
        .routes(routes!(lookups::content::resource_center_modules)) // GET /api/v1/analytics/exports/lookups/resource_center_modules
        .routes(routes!(lookups::content::checklists)) //      GET /api/v1/analytics/exports/lookups/checklists
        .routes(routes!(content::get)) //                      GET /v1/content/{kind}
        .routes(routes!(data_sync::get)) //                    GET /v1/data_sync
        .routes(routes!(data_sync::runs)) //                   GET /v1/data_sync/runs
        // Who says what content there is and what is synced; scope `admin`, or a session of an admin.
        .routes(routes!(content::put)) //                      PUT /v1/content/{kind}
        .routes(routes!(content::delete)) //                   DELETE /v1/content/{kind}
        .routes(routes!(data_sync::put)) //                    PUT /v1/data_sync
        .routes(routes!(data_sync::backfill)) //               POST /v1/data_sync/runs
}

/// For who watches, signs in, administers and runs the server.
fn administering_table() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::default()
        // Who watches calls arrive; a session.
        .routes(routes!(calls::list)) //            GET    /v1/environments/{id}/calls
        .routes(routes!(calls::get)) //             GET    /v1/environments/{id}/calls/{sequence}
        .routes(routes!(stream::watch)) //          GET    /v1/environments/{id}/live
        .routes(routes!(problems::list)) //         GET    /v1/environments/{id}/problems
        // Who signs in.
        .routes(routes!(session::get)) //           GET    /v1/session
        .routes(routes!(session::post)) //          POST   /v1/session (no session yet)
        .routes(routes!(session::delete)) //        DELETE /v1/session
        .routes(routes!(session::delete_all)) //    DELETE /v1/sessions
        .routes(routes!(invitations::check)) //     POST   /v1/invitations/check (no session yet)
        .routes(routes!(invitations::accept)) //    POST   /v1/invitations/accept (no session yet)
        .routes(routes!(members::patch_self)) //    PATCH  /v1/members/me
        .routes(routes!(environments::list)) //     GET    /v1/environments
        // Who may see keys; a session of an analyst.
        .routes(routes!(keys::list)) //             GET    /v1/environments/{id}/keys
        // Who administers; a session of an admin.
        .routes(routes!(environments::post)) //     POST   /v1/environments
        .routes(routes!(environments::patch)) //    PATCH  /v1/environments/{id}
        .routes(routes!(kept_events::read)) //      GET    /v1/environments/{id}/kept_events
        .routes(routes!(keys::post)) //             POST   /v1/environments/{id}/keys
        .routes(routes!(keys::delete)) //           DELETE /v1/environments/{id}/keys/{key}
        .routes(routes!(members::list)) //          GET    /v1/members
        .routes(routes!(members::patch)) //         PATCH  /v1/members/{id}
        .routes(routes!(members::delete)) //        DELETE /v1/members/{id}
        .routes(routes!(invitations::post)) //      POST   /v1/invitations
        .routes(routes!(invitations::delete)) //    DELETE /v1/invitations/{id}
        .routes(routes!(audit::list)) //            GET    /v1/audit
        // Who runs the server; no key.
        .routes(routes!(health::live)) //           GET    /healthz/live
        .routes(routes!(health::ready)) //          GET    /healthz/ready
        .routes(routes!(health::version)) //        GET    /version
        .routes(routes!(openapi::get)) //           GET    /openapi.json
}

/// What may be moved to a listener of its own.
fn metrics_table() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::default().routes(routes!(metrics::read)) // GET /metrics
}

/// A router of one edge thread. `with_metrics` says whether `/metrics` is served here or elsewhere.
pub(super) fn router(edge: Arc<Edge>, with_metrics: bool) -> Router {
    let (mut router, _) = table("", None).split_for_parts();
    if with_metrics {
        router = router.merge(metrics_table().split_for_parts().0);
    }
    // What is no path of the API may be one of the console.
    finished(router.fallback(console::get), edge)
}

/// The router of the listener for metrics.
pub(super) fn metrics_router(edge: Arc<Edge>) -> Router {
    finished(metrics_table().split_for_parts().0.fallback(no_such_route), edge)
}

fn finished(router: Router<Arc<Edge>>, edge: Arc<Edge>) -> Router {
    router.method_not_allowed_fallback(no_such_method).with_state(edge)
}

pub(super) async fn no_such_route(State(edge): State<Arc<Edge>>, headers: HeaderMap) -> Refused {
    let message = "No such path; `/openapi.json` lists them all.";
    edge.of_sender(&headers, Problem::of_call(ProblemCode::RouteUnknown, message))
}

async fn no_such_method(State(edge): State<Arc<Edge>>, headers: HeaderMap) -> Refused {
    let message = "This path takes other methods; the header `Allow` names them.";
    edge.of_sender(&headers, Problem::of_call(ProblemCode::MethodNotAllowed, message))
}

fn described(version: &str, public_url: Option<&str>) -> utoipa::openapi::OpenApi {
    table(version, public_url).merge(metrics_table()).into_openapi()
}

/// The OpenAPI document of the whole API.
///
/// # Errors
/// When it cannot be written as JSON, which is a defect.
pub fn document(version: &str, public_url: Option<&str>) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec_pretty(&described(version, public_url)).map(Bytes::from)
}

/// The path templates of the whole API.
pub(super) fn templates() -> Vec<String> {
    described("", None).paths.paths.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_comments_of_the_table_are_true() {
        let said: BTreeSet<String> = include_str!("router.rs")
            .lines()
            .filter(|line| line.contains("(routes!(") && !line.contains('"'))
            .filter_map(|line| line.rsplit_once(" // "))
            .map(|(_, comment)| comment.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
            .collect();
        let mut routed = BTreeSet::new();
        for (path, item) in described("", None).paths.paths {
            let methods = [
                ("GET", item.get),
                ("POST", item.post),
                ("PATCH", item.patch),
                ("DELETE", item.delete),
                ("PUT", item.put),
            ];
            let present = methods.into_iter().filter(|(_, operation)| operation.is_some());
            routed.extend(present.map(|(method, _)| format!("{method} {path}")));
        }
        assert_eq!(said, routed);
    }
}
