//! Every maximum of the contract, named, with its source. Limits of an engine or of the edge that an operator may
//! change are settings (`server/config`); these are the same everywhere, because clients rely on them.

/// Bytes of UTF-8 in an id (decisions.md, "ids").
pub const ID_BYTES_MAX: usize = 255;
/// Characters in a property name (spec 4.3).
pub const PROPERTY_NAME_CHARS_MAX: usize = 255;
/// Characters in a property value (spec 4.3).
pub const PROPERTY_VALUE_CHARS_MAX: usize = 65_535;
/// Properties of a profile, removed ones counted (spec 4.3, decisions.md "metadata").
pub const PROFILE_PROPERTIES_MAX: usize = 500;
/// Properties in one call: no call may bring more than a profile can hold.
pub const CALL_PROPERTIES_MAX: usize = PROFILE_PROPERTIES_MAX;
/// Bytes of a track call's metadata as sent (spec 2.3).
pub const TRACK_METADATA_BYTES_MAX: usize = 10 * 1024;
/// Characters in an event name. The vendor names no limit for one; this keeps names readable in a list.
pub const EVENT_NAME_CHARS_MAX: usize = 512;
/// Bytes of a real-time body after decompression (decisions.md, "metadata").
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Levels of nesting in a body (decisions.md, "metadata").
pub const BODY_DEPTH_MAX: usize = 32;
/// How much larger than the compressed body a decompressed one may be.
pub const DECOMPRESSION_RATIO_MAX: usize = 200;
/// Visible ASCII characters in an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Items on a page of a list.
pub const PAGE_ITEMS_MAX: usize = 1000;
/// Items on a page when the caller names no limit.
pub const PAGE_ITEMS_DEFAULT: usize = 100;
/// How far ahead of the server a client's time may lie (law 9), in microseconds.
pub const AHEAD_MICROS_MAX: i64 = 10 * super::time::MINUTE;
/// Problems named in one answer; what a body holds beyond these is counted, not listed.
pub const PROBLEMS_LISTED_MAX: usize = 100;
/// Intervals in one answer: eleven weeks of hours, five years of days.
pub const BUCKETS_MAX: usize = 2_000;
/// Values that one answer may tell apart in a breakdown.
pub const GROUPS_MAX: usize = 1_000;
/// Groups within groups of a segment's rule: deeper ones are asked for as a segment of their own.
pub const RULE_DEPTH_MAX: usize = 8;
/// Conditions of a segment's rule, filters of events counted.
pub const RULE_CONDITIONS_MAX: usize = 100;
/// Values in one list of a segment's rule; more of them are a static segment.
pub const RULE_LIST_MAX: usize = 1_000;
/// Characters in one value of a segment's rule.
pub const RULE_VALUE_CHARS_MAX: usize = 1_024;
/// Characters in the text form of a segment's rule.
pub const RULE_TEXT_CHARS_MAX: usize = 100_000;
/// Saved segments of an environment.
pub const SEGMENTS_MAX: usize = 1_000;
/// Bytes of all saved rules of an environment, as JSON: the catalog is written as a whole at every change.
pub const SAVED_RULES_BYTES_MAX: usize = 1 << 20;
/// Ids on the list of a static segment.
pub const LIST_IDS_MAX: usize = 1_000_000;
/// Bytes of a file of ids.
pub const LIST_BODY_BYTES_MAX: usize = 32 << 20;
/// Characters in the name of a segment.
pub const SEGMENT_NAME_CHARS_MAX: usize = 120;
/// Characters in the description of a segment.
pub const SEGMENT_DESCRIPTION_CHARS_MAX: usize = 1_000;
/// Days that a segment's rule may reach back or ahead: a century.
pub const RULE_DAYS_MAX: u32 = 36_525;
/// Times that a segment's rule may ask an event to have happened.
pub const RULE_TIMES_MAX: u32 = 1_000_000;
/// Ids in one deletion. The vendor names no limit; this keeps an erasure's state a few megabytes.
pub const ERASED_IDS_MAX: usize = 10_000;
/// Steps of a funnel.
pub const FUNNEL_STEPS_MAX: usize = 48;
/// Exclusions of a funnel.
pub const FUNNEL_EXCLUSIONS_MAX: usize = 16;
/// How long an attempt at a funnel may take, in microseconds: a leap year.
pub const FUNNEL_WINDOW_MICROS_MAX: i64 = 366 * 24 * 60 * super::time::MINUTE;
/// Conditions on properties at one place of a report: a step, a series, the people in it.
pub const REPORT_CONDITIONS_MAX: usize = 20;
/// Intervals of a retention report, cohorts and those that follow them together: a leap year of days.
pub const RETENTION_INTERVALS_MAX: usize = 366;
/// Series of a trend.
pub const TREND_SERIES_MAX: usize = 10;
/// Levels of a path report, the event that it begins with among them.
pub const PATH_LEVELS_MAX: usize = 10;
/// Branches told apart behind one step of a path report.
pub const PATH_BRANCHES_MAX: usize = 50;
/// Formulas of a trend.
pub const TREND_FORMULAS_MAX: usize = 10;
/// Characters in one of them.
pub const FORMULA_CHARS_MAX: usize = 200;
/// How long the state that an answer is of is kept, in microseconds.
pub const PIN_MICROS_MAX: i64 = 15 * super::time::MINUTE;
/// Saved reports of an environment.
pub const REPORTS_MAX: usize = 500;
/// Bytes of all their questions together: the catalog is written as a whole at every change.
pub const SAVED_QUESTIONS_BYTES_MAX: usize = 1 << 20;
/// Dashboards of an environment.
pub const DASHBOARDS_MAX: usize = 100;
/// Reports on a dashboard.
pub const DASHBOARD_REPORTS_MAX: usize = 50;
/// Characters in the name of a report or a dashboard.
pub const SAVED_NAME_CHARS_MAX: usize = 120;
/// Ids that the filter of an export may name, of users or of companies.
pub const EXPORT_IDS_MAX: usize = 10_000;
/// Members of a segment that the events of an export may be filtered by: each takes 16 bytes while the export runs.
pub const EXPORT_MEMBERS_MAX: usize = 10_000_000;
/// Items of one kind in an environment's content catalogue.
pub const CONTENT_ITEMS_MAX: usize = 1_000;
/// Bytes of an environment's content catalogue, as JSON: the catalog is written as a whole at every change.
pub const CONTENT_BYTES_MAX: usize = 1 << 20;
/// Characters in a title, a name or a key of content.
pub const CONTENT_TITLE_CHARS_MAX: usize = 255;
/// Characters in the question of a survey's module.
pub const CONTENT_QUESTION_CHARS_MAX: usize = 1_000;
/// Characters in a word that says what something is: a survey's platform, a module's type, a type of data.
pub const CONTENT_WORD_CHARS_MAX: usize = 64;
/// Modules of one survey.
pub const SURVEY_MODULES_MAX: usize = 100;
/// The largest number of content: the largest that every JSON client reads exactly.
pub const CONTENT_ID_MAX: u64 = (1 << 53) - 1;
/// Runs of a data sync that are told of, those that have not ended apart: the catalog is written as a whole at every change.
pub const SYNC_RUNS_KEPT_MAX: usize = 100;
/// Days of one back-fill: ten years.
pub const SYNC_BACKFILL_DAYS_MAX: i32 = 3_660;
/// Days that the weekly re-sync writes anew.
pub const SYNC_RESYNC_DAYS_MAX: u16 = 365;
