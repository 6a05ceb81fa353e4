//! How the kernel's words read in the OpenAPI document. The kernel itself knows nothing of it.

use utoipa::ToSchema;

/// What a key may do.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what the kernel's own type serialises to")]
pub(crate) enum Scope {
    Ingest,
    Read,
    Admin,
    Erase,
}

/// What a member may do; each role may do what the ones before it may.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what the kernel's own type serialises to")]
pub(crate) enum Role {
    Viewer,
    Analyst,
    Admin,
    Owner,
}

/// RFC 3339 in UTC with microseconds.
#[derive(ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-21T06:21:09.123456Z")]
#[expect(dead_code, reason = "describes what `time_text` writes")]
pub(crate) struct Instant(String);

/// How strictly an environment reads calls.
#[derive(ToSchema)]
#[schema(as = EnvironmentSettings)]
#[expect(dead_code, reason = "describes what the kernel's own type serialises to")]
pub(crate) struct Settings {
    /// A `company` without an id: 400, or as if it were absent.
    empty_company: EmptyCompany,
    /// Objects and arrays as property values: their JSON text with a warning, or 400.
    nested_values: NestedValues,
    /// Ids such as `null` and `undefined`: taken with a warning, or 400.
    junk_ids: JunkIds,
}

/// What to do with a `company` object that has no id.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what the kernel's own type serialises to")]
pub(crate) enum EmptyCompany {
    Refuse,
    Ignore,
}

/// What to do with objects and arrays as property values.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what the kernel's own type serialises to")]
pub(crate) enum NestedValues {
    Keep,
    Refuse,
}

/// What to do with ids that look like a variable that was never filled in.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what the kernel's own type serialises to")]
pub(crate) enum JunkIds {
    Take,
    Refuse,
}

/// Whose a property is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what the kernel's own type serialises to")]
pub(crate) enum PropertyOwner {
    User,
    Company,
    Event,
}

/// Whose segment it is.
#[derive(ToSchema)]
#[schema(as = SegmentLevel, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what the kernel's own type serialises to")]
pub(crate) enum Level {
    User,
    Company,
}

/// What a property is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what the kernel's own type serialises to")]
pub(crate) enum PropertyType {
    String,
    Numeric,
    Boolean,
    Date,
    Json,
}
