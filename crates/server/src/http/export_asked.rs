//! What the body of an export asks for (spec 2.12): read leniently in its form, strictly in what it means. A filter that is
//! not understood is refused, because without it the files would hold more than was asked for; what only goes beyond this
//! server is told as a warning.

use serde_json::{Map, Value};
use utoipa::ToSchema;

use muster_kernel::model::event::EventKind;
use muster_kernel::model::export::{ExportFilter, ExportKind, FileFormat};
use muster_kernel::model::id;
use muster_kernel::model::id::SegmentId;
use muster_kernel::model::limits::{EXPORT_IDS_MAX, PROBLEMS_LISTED_MAX};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::team::DAY;
use muster_kernel::model::time::Timestamp;

use super::error::id_problem;
use crate::exports::Asked;

/// What to export.
#[derive(ToSchema)]
#[schema(as = ExportRequest)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(super) struct AskedBody {
    /// `events` (when absent), `users` or `companies`.
    #[schema(example = "events")]
    r#type: Option<String>,
    /// `ndjson` (when absent; `json` is the same), `csv`, `parquet` or `avro`.
    #[schema(example = "ndjson")]
    format: Option<String>,
    /// Of events: a date or a time, from which on; it is in it.
    #[schema(example = "2026-10-01")]
    from: Option<String>,
    /// Of events: a date, which is in it as a whole, or a time, which is not.
    #[schema(example = "2026-10-31")]
    to: Option<String>,
    /// Of events: only these kinds. `event_types` is another name for it.
    event_type: Option<Vec<String>>,
    /// Only these users, or events about them.
    user_id: Option<Vec<String>>,
    /// Only these companies, users who belong to them, or events that name them.
    company_id: Option<Vec<String>>,
    /// Only members of this saved segment, or events about them: its number.
    segment_id: Option<String>,
}

/// A key that means nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ignored {
    pub key: String,
    pub message: String,
}

const KNOWN: [&str; 9] =
    ["type", "format", "from", "to", "event_type", "event_types", "user_id", "company_id", "segment_id"];
/// Keys that mean nothing which are told of.
const IGNORED_MAX: usize = 20;

/// Reads a body. An empty one asks for all events.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn read(json: &[u8]) -> Result<(Asked, Vec<Ignored>), Vec<Problem>> {
    if json.trim_ascii().is_empty() {
        return Ok((Asked::default(), Vec::new()));
    }
    let body: Value = serde_json::from_slice(json).map_err(|error| {
        vec![Problem::of_call(ProblemCode::BodyNotJson, format!("The body is not JSON: {error}."))]
    })?;
    let Some(body) = body.as_object() else {
        let message = "The body is no JSON object; send one such as {\"format\": \"ndjson\"}.";
        return Err(vec![Problem::of_call(ProblemCode::BodyNotObject, message)]);
    };
    let mut reading = Reading { body, problems: Vec::new() };
    let asked = reading.asked();
    let Reading { mut problems, .. } = reading;
    problems.truncate(PROBLEMS_LISTED_MAX);
    if problems.is_empty() { Ok((asked, ignored(body))) } else { Err(problems) }
}

fn ignored(body: &Map<String, Value>) -> Vec<Ignored> {
    let others = body.iter().filter(|(key, value)| !KNOWN.contains(&key.as_str()) && !value.is_null());
    let told = others.map(|(key, _)| Ignored {
        key: key.clone(),
        message: match key.as_str() {
            "emails" => "This server sends no mail; read the job for the links.".to_owned(),
            _ => format!("`{key}` means nothing here and was ignored."),
        },
    });
    told.take(IGNORED_MAX).collect()
}

struct Reading<'b> {
    body: &'b Map<String, Value>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn asked(&mut self) -> Asked {
        let kind =
            self.word("type", ExportKind::parse, "`events`, `users` or `companies`").unwrap_or_default();
        let format = self.word("format", FileFormat::parse, "`ndjson`, `csv`, `parquet` or `avro`");
        let filter = ExportFilter {
            from: self.time("from", false),
            until: self.time("to", true),
            kinds: self.kinds(),
            users: self.ids("user_id"),
            companies: self.ids("company_id"),
            segment: self.segment(),
        };
        if filter.from.zip(filter.until).is_some_and(|(from, until)| from >= until) {
            self.wrong("to", "`to` is not later than `from`; swap them, or leave one out.".to_owned());
        }
        self.check_fits(kind, &filter);
        Asked { kind, format: format.unwrap_or_default(), filter }
    }

    /// Filters that mean nothing for what is exported.
    fn check_fits(&mut self, kind: ExportKind, filter: &ExportFilter) {
        if kind == ExportKind::Events {
            return;
        }
        let of_events = [
            ("from", filter.from.is_some()),
            ("to", filter.until.is_some()),
            ("event_type", !filter.kinds.is_empty()),
        ];
        for (name, _) in of_events.into_iter().filter(|(_, is_there)| *is_there) {
            let message = format!(
                "`{name}` filters events; {} are exported as they are now. Leave it out, or export events.",
                kind.as_str()
            );
            self.wrong(name, message);
        }
        if kind == ExportKind::Companies && !filter.users.is_empty() {
            let message = "`user_id` filters users and events; leave it out, or export one of those.";
            self.wrong("user_id", message.to_owned());
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.body.get(name).filter(|value| !value.is_null() && *value != "")
    }

    fn wrong(&mut self, name: &str, message: String) {
        self.problems.push(Problem::at(format!("/{name}"), ProblemCode::FieldInvalid, message));
    }

    fn word<T>(&mut self, name: &str, parse: fn(&str) -> Option<T>, words: &str) -> Option<T> {
        let value = self.value(name)?;
        let found = value.as_str().map(str::to_ascii_lowercase).and_then(|word| parse(&word));
        if found.is_none() {
            self.wrong(name, format!("`{name}` is none of these: send {words}."));
        }
        found
    }

    /// A time; a date ends a span with its whole day.
    fn time(&mut self, name: &str, is_end: bool) -> Option<Timestamp> {
        let text = self.value(name)?.as_str().map(str::to_owned);
        let time = text.as_deref().and_then(Timestamp::parse);
        if time.is_none() {
            let message = format!(
                "`{name}` is neither a date nor a time; send one such as 2026-10-01 or 2026-10-01T09:30:00Z."
            );
            self.wrong(name, message);
        }
        let is_date = text.is_some_and(|text| text.len() <= "2026-10-01".len());
        time.map(|time| if is_end && is_date { time.plus(DAY) } else { time })
    }

    /// A list, or one item as if it stood alone in one.
    fn items(&self, name: &str) -> Vec<(String, Value)> {
        match self.value(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => {
                let place = |(index, item): (usize, &Value)| (format!("{name}/{index}"), item.clone());
                items.iter().enumerate().map(place).collect()
            }
            Some(item) => vec![(name.to_owned(), item.clone())],
        }
    }

    fn kinds(&mut self) -> Vec<EventKind> {
        let mut kinds = Vec::new();
        for (place, item) in [self.items("event_type"), self.items("event_types")].concat() {
            match item.as_str().and_then(EventKind::parse) {
                Some(kind) if !kinds.contains(&kind) => kinds.push(kind),
                Some(_) => {}
                None => {
                    let all: Vec<String> =
                        EventKind::ALL.iter().map(|kind| format!("`{}`", kind.as_str())).collect();
                    self.wrong(&place, format!("That is no kind of event; send some of {}.", all.join(", ")));
                }
            }
        }
        kinds
    }

    fn ids(&mut self, name: &str) -> Vec<String> {
        let items = self.items(name);
        if items.len() > EXPORT_IDS_MAX {
            let message = format!(
                "`{name}` has more than {EXPORT_IDS_MAX} ids; make a segment of them and send its `segment_id`."
            );
            self.wrong(name, message);
            return Vec::new();
        }
        let mut ids = Vec::new();
        for (place, item) in items {
            let text = match item {
                Value::String(text) => Some(text),
                Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
                _ => None,
            };
            let Some(text) = text else {
                let message = "The id is neither a string nor a 64-bit integer; send a string.";
                self.problems.push(Problem::at(format!("/{place}"), ProblemCode::IdType, message));
                continue;
            };
            match id::check(&text) {
                Ok(()) => ids.push(text),
                Err(fault) => {
                    self.problems.push(Problem { pointer: format!("/{place}"), ..id_problem(fault) });
                }
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn segment(&mut self) -> Option<SegmentId> {
        let value = self.value("segment_id")?;
        let number = match value {
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        if number.is_none() {
            let message = "`segment_id` is no number of a segment; `GET /v1/segments` lists them.".to_owned();
            self.wrong("segment_id", message);
        }
        number.map(SegmentId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(json: &str) -> Vec<(String, &'static str)> {
        let problems = read(json.as_bytes()).unwrap_err();
        problems.into_iter().map(|problem| (problem.pointer, problem.code.as_str())).collect()
    }

    #[test]
    fn what_clients_send_is_understood() {
        let asked = |json: &str| read(json.as_bytes()).unwrap().0;
        assert_eq!(asked(""), Asked::default());
        assert_eq!(asked("{}"), Asked::default());
        let script = asked(
            r#"{"from":"2026-10-01","to":"2026-10-31","format":"json","event_types":["track","page_view","track"]}"#,
        );
        assert_eq!(script.format, FileFormat::Ndjson);
        assert_eq!(script.filter.from, Timestamp::parse("2026-10-01"));
        assert_eq!(script.filter.until, Timestamp::parse("2026-11-01"), "the last day is in it");
        assert_eq!(script.filter.kinds, [EventKind::Track, EventKind::PageView]);
        let exact = asked(
            r#"{"to":"2026-10-31T12:00:00Z","event_type":"track","user_id":7,"company_id":["b","a","b"]}"#,
        );
        assert_eq!(exact.filter.until, Timestamp::parse("2026-10-31T12:00:00Z"));
        assert_eq!(
            (exact.filter.users, exact.filter.companies),
            (vec!["7".into()], vec!["a".into(), "b".into()])
        );
        for segment in [r#"{"segment_id":"3"}"#, r#"{"segment_id":3}"#] {
            assert_eq!(asked(segment).filter.segment, Some(SegmentId(3)));
        }
        let blank =
            asked(r#"{"from":null,"to":"","user_id":[],"segment_id":null,"format":"CSV","type":"users"}"#);
        assert_eq!(
            (blank.kind, blank.format, blank.filter),
            (ExportKind::Users, FileFormat::Csv, ExportFilter::default())
        );
    }

    #[test]
    fn what_means_nothing_is_told() {
        let (_, ignored) = read(br#"{"emails":["a@b.c"],"exclusions":"x","limit":null}"#).unwrap();
        let keys: Vec<&str> = ignored.iter().map(|ignored| ignored.key.as_str()).collect();
        assert_eq!(keys, ["emails", "exclusions"]);
    }

    #[test]
    fn everything_that_is_wrong_is_named_with_its_place() {
        let at = |pointer: &str, code| vec![(pointer.to_owned(), code)];
        assert_eq!(wrong("{"), at("", "body_not_json"));
        assert_eq!(wrong("[]"), at("", "body_not_object"));
        for (json, pointer) in [
            (r#"{"format":"xlsx"}"#, "/format"),
            (r#"{"type":"event"}"#, "/type"),
            (r#"{"from":"yesterday"}"#, "/from"),
            (r#"{"from":20261001}"#, "/from"),
            (r#"{"from":"2026-10-02","to":"2026-10-01"}"#, "/to"),
            (r#"{"event_type":["track","click"]}"#, "/event_type/1"),
            (r#"{"segment_id":"pro"}"#, "/segment_id"),
            (r#"{"type":"users","from":"2026-10-01"}"#, "/from"),
            (r#"{"type":"companies","user_id":["u"]}"#, "/user_id"),
        ] {
            assert_eq!(wrong(json), at(pointer, "field_invalid"), "{json}");
        }
        assert_eq!(wrong(r#"{"user_id":["a"," "]}"#), at("/user_id/1", "id_empty"));
        assert_eq!(wrong(r#"{"user_id":[true]}"#), at("/user_id/0", "id_type"));
        assert_eq!(wrong(r#"{"type":"x","format":"y"}"#).len(), 2);
    }

    #[test]
    fn a_filter_names_ten_thousand_ids_of_each_kind() {
        for name in ["user_id", "company_id"] {
            let ids = |count: usize| serde_json::json!({name: (0..count).collect::<Vec<_>>()}).to_string();
            assert!(read(ids(10_000).as_bytes()).is_ok());
            assert_eq!(wrong(&ids(10_001)), [(format!("/{name}"), "field_invalid")]);
        }
    }
}
