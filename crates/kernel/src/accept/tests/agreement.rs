//! The two readers cannot disagree: whatever the fast one takes, the checker takes without a warning and with the same
//! encoded draft. Bodies come from a model of valid calls, from a grammar of odd ones, and from cuts and bruises to
//! both; for those of the model the draft is also known beforehand.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::model::catalog::{EmptyCompany, EnvironmentSettings, JunkIds, NestedValues};
use crate::model::event::{Event, EventDraft};
use crate::model::limits::PROBLEMS_LISTED_MAX;
use crate::model::time::Timestamp;
use crate::model::value::Value;

use super::NOW;
use crate::accept::{Call, checker, fast, read, text_of};

fn encoded(draft: &EventDraft) -> Vec<u8> {
    let mut bytes = Vec::new();
    draft.encode(&mut bytes);
    bytes
}

/// Reads `body` in every way and holds the answers against each other; whether the fast reader took it.
fn check(call: Call, settings: &EnvironmentSettings, body: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(body);
    // A used draft: nothing of an earlier call may shine through.
    let mut draft = EventDraft::default();
    let earlier = br#"{"user_id":"u","company_id":"c","event":"e","event_id":"i","company":{"id":"d","a":1},"timestamp":0}"#;
    read(Call::Track, settings, NOW, earlier, &mut draft).unwrap();
    let answer = read(call, settings, NOW, body, &mut draft);
    match &answer {
        Ok(_) => {
            Event::decode(&encoded(&draft)).unwrap();
        }
        Err(problems) => {
            assert!((1..=PROBLEMS_LISTED_MAX + 1).contains(&problems.len()), "{shown}");
            assert_eq!(encoded(&draft), encoded(&EventDraft::default()), "left over after {shown}");
            assert_pointers(body, problems.iter().map(|problem| &*problem.pointer));
        }
    }
    let Ok(text) = text_of(body) else { return false };
    let (mut quick, mut thorough) = (EventDraft::default(), EventDraft::default());
    let is_fast = fast::read(call, NOW, text, &mut quick);
    let checked = checker::check(call, settings, NOW, text, &mut thorough);
    assert_eq!(answer, checked, "{shown}");
    assert_eq!(encoded(&draft), encoded(&thorough), "{shown}");
    if is_fast {
        assert_eq!(checked, Ok(Vec::new()), "taken at once: {shown}");
        assert_eq!(encoded(&quick), encoded(&thorough), "{shown}");
    }
    is_fast
}

/// Every pointer leads somewhere. (serde_json's own tree stops at 128 levels: then nothing is asked.)
fn assert_pointers<'p>(body: &[u8], pointers: impl Iterator<Item = &'p str>) {
    let text = text_of(body).unwrap_or_default();
    if let Ok(tree) = serde_json::from_str::<serde_json::Value>(text) {
        for pointer in pointers {
            assert!(tree.pointer(pointer).is_some(), "{pointer} in {text}");
        }
    }
}

fn call() -> impl Strategy<Value = Call> {
    select(vec![Call::IdentifyUser, Call::IdentifyCompany, Call::Track, Call::UserRow, Call::CompanyRow])
}

fn settings() -> impl Strategy<Value = EnvironmentSettings> {
    any::<[bool; 3]>().prop_map(|[ignore, refuse_nested, refuse_junk]| EnvironmentSettings {
        empty_company: if ignore { EmptyCompany::Ignore } else { EmptyCompany::Refuse },
        nested_values: if refuse_nested { NestedValues::Refuse } else { NestedValues::Keep },
        junk_ids: if refuse_junk { JunkIds::Refuse } else { JunkIds::Take },
    })
}

/// A value of a property of the model.
#[derive(Clone, Debug)]
enum Model {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Text(String),
}

impl Model {
    fn value(&self) -> Value<'_> {
        match self {
            Model::Null => Value::Null,
            Model::Bool(flag) => Value::Bool(*flag),
            Model::Int(number) => Value::Int(*number),
            Model::UInt(number) => Value::UInt(*number),
            Model::Float(number) => Value::Float(*number),
            Model::Text(text) => Value::Text(text),
        }
    }

    fn json(&self, style: Style) -> String {
        match self {
            Model::Null => "null".into(),
            Model::Bool(flag) => flag.to_string(),
            Model::Int(number) => number.to_string(),
            Model::UInt(number) => number.to_string(),
            // The shortest digits that read back, with an exponent or without.
            Model::Float(number) if style.is_spaced => format!("{number:e}"),
            Model::Float(number) => format!("{number:?}"),
            Model::Text(text) => style.text(text),
        }
    }
}

/// How a sender writes JSON.
#[derive(Clone, Copy, Debug)]
struct Style {
    is_spaced: bool,
    is_ascii: bool,
}

impl Style {
    fn text(self, text: &str) -> String {
        let plain = serde_json::to_string(text).unwrap();
        if !self.is_ascii {
            return plain;
        }
        let escaped = |c: char| {
            let units: Vec<String> =
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
            units.concat()
        };
        plain.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect()
    }

    fn object(self, members: &[(String, String)]) -> String {
        let (colon, comma) = if self.is_spaced { (" :\t", " ,\r\n  ") } else { (":", ",") };
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("{}{colon}{value}", self.text(name))).collect();
        format!("{{{}}}", members.join(comma))
    }
}

fn style() -> impl Strategy<Value = Style> {
    any::<[bool; 2]>().prop_map(|[is_spaced, is_ascii]| Style { is_spaced, is_ascii })
}

fn model() -> impl Strategy<Value = Model> {
    let float = proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO;
    prop_oneof![
        Just(Model::Null),
        any::<bool>().prop_map(Model::Bool),
        any::<i64>().prop_map(Model::Int),
        (i64::MAX as u64 + 1..).prop_map(Model::UInt),
        float.prop_map(Model::Float),
        any::<String>().prop_map(Model::Text),
        "[a-zé/~\"\\\\ ]{0,12}".prop_map(Model::Text),
    ]
}

fn properties() -> impl Strategy<Value = Vec<(String, Model)>> {
    let name = prop_oneof!["[a-c]{1,2}", "[a-z_]{8,12}", "\\PC{1,5}!", Just("createdAt".to_owned())];
    proptest::collection::btree_map(name, model(), 0..6)
        .prop_map(|map| map.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

/// An id as it reads, and whether it is sent as a number.
fn id() -> impl Strategy<Value = (String, bool)> {
    prop_oneof![
        any::<i64>().prop_map(|number| (number.to_string(), true)),
        any::<u64>().prop_map(|number| (number.to_string(), true)),
        "[a-z0-9é@. ]{0,20}[0-9]".prop_map(|text| (text, false)),
    ]
}

/// A valid call that leaves nothing to remark, and what it means.
#[derive(Clone, Debug)]
struct Sent {
    call: Call,
    style: Style,
    user: (String, bool),
    company: Option<(String, bool)>,
    company_key: &'static str,
    event_id: Option<(String, bool)>,
    at: Option<(i64, &'static str)>,
    properties: Vec<(String, Model)>,
    company_properties: Vec<(String, Model)>,
    order: Vec<Index>,
}

fn sent() -> impl Strategy<Value = Sent> {
    let at = proptest::option::of((0..NOW.0 / 1_000_000, select(vec!["occurred_at", "timestamp"])));
    let ids = (id(), proptest::option::of(id()), proptest::option::of(id()));
    let order = proptest::collection::vec(any::<Index>(), 8);
    (call(), style(), ids, select(vec!["id", "company_id"]), at, properties(), properties(), order).prop_map(
        |(call, style, (user, company, event_id), company_key, at, properties, company_properties, order)| {
            Sent {
                call,
                style,
                user,
                company,
                company_key,
                event_id,
                at,
                properties,
                company_properties,
                order,
            }
        },
    )
}

impl Sent {
    fn is_about_company(&self) -> bool {
        matches!(self.call, Call::IdentifyCompany | Call::CompanyRow)
    }

    fn body(&self) -> String {
        let style = self.style;
        let id = |(id, is_number): &(String, bool)| if *is_number { id.clone() } else { style.text(id) };
        let property = |(name, value): &(String, Model)| (name.clone(), value.json(style));
        let mut members =
            vec![("metadata", style.object(&self.properties.iter().map(property).collect::<Vec<_>>()))];
        match self.call {
            Call::IdentifyCompany | Call::CompanyRow => members.push((self.company_key, id(&self.user))),
            Call::IdentifyUser | Call::UserRow => members.push(("user_id", id(&self.user))),
            Call::Track => members.extend([("user_id", id(&self.user)), ("event_name", style.text("påid"))]),
        }
        if !self.is_about_company()
            && let Some(company) = &self.company
        {
            let mut inside: Vec<_> = self.company_properties.iter().map(property).collect();
            inside.insert(inside.len() / 2, (self.company_key.to_owned(), id(company)));
            members.push(("company", style.object(&inside)));
        }
        if let Some(event_id) = &self.event_id {
            members.push(("event_id", id(event_id)));
        }
        if let Some((seconds, key)) = self.at {
            members.push((key, seconds.to_string()));
        }
        members.push(("context", "true".into()));
        for (index, other) in self.order.iter().enumerate().take(members.len()) {
            let other = other.index(members.len());
            members.swap(index, other);
        }
        style.object(
            &members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Vec<_>>(),
        )
    }

    fn draft(&self) -> EventDraft {
        let mut draft = EventDraft { kind: self.call.kind(), ..EventDraft::default() };
        draft.event_id = self.event_id.as_ref().map_or_else(String::new, |(id, _)| id.clone());
        // A row has no time of its own.
        let is_row = matches!(self.call, Call::UserRow | Call::CompanyRow);
        let at = self.at.filter(|_| !is_row);
        draft.occurred_at = at.map(|(seconds, _)| Timestamp(seconds * 1_000_000));
        for (name, value) in &self.properties {
            let renamed = name == "createdAt" && self.call != Call::Track;
            draft.properties.push(if renamed { "created_at" } else { name }, value.value());
        }
        if self.is_about_company() {
            draft.company_id.clone_from(&self.user.0);
        } else {
            draft.user_id.clone_from(&self.user.0);
            draft.event_name = if self.call == Call::Track { "påid".into() } else { String::new() };
            if let Some((company, _)) = &self.company {
                draft.company_id.clone_from(company);
                for (name, value) in &self.company_properties {
                    draft
                        .company_properties
                        .push(if name == "createdAt" { "created_at" } else { name }, value.value());
                }
            }
        }
        draft.properties.settle();
        draft.company_properties.settle();
        draft
    }
}

/// JSON that is odd in one of the ways in which senders are odd.
fn odd_value() -> impl Strategy<Value = String> {
    let scalar = select(vec![
        "null",
        "true",
        "1",
        "-0",
        "0.5",
        "1e999",
        "-1e-999",
        "18446744073709551616",
        "\"\"",
        "\" \"",
        "\"null\"",
        "\"u\"",
        "\"v\"",
        "\"u\\u0000\"",
        "\"\\ud83d\"",
        "\"\\ud83d\\ude00\"",
        "\"2026-01-05T09:30:00Z\"",
        "\"1767605400\"",
        "\"2099-01-01\"",
        "1767605400000",
        "99999999999999",
        "[1, 2 ]",
        "{}",
        "{\"a\" : [ {\"b\":\"c d\"} ]}",
        "[[[[]]]]",
    ])
    .prop_map(String::from);
    let broken = select(vec!["\"x", "\"a\tb\"", "NaN", "01", "\"\\x\"", "[1,]"]).prop_map(String::from);
    let deep = (1usize..40).prop_map(|levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
    let long = (250usize..260).prop_map(|length| format!("\"{}\"", "é".repeat(length)));
    prop_oneof![50 => scalar, 4 => deep, 4 => long, 1 => broken]
}

fn odd_members(names: &'static [&'static str]) -> impl Strategy<Value = Vec<(&'static str, String)>> {
    proptest::collection::vec((select(names), odd_value()), 0..4)
}

/// A call put together from known keys and odd values; mostly with what it cannot do without.
fn odd_call() -> impl Strategy<Value = (Call, String)> {
    const TOP: &[&str] = &[
        "user_id",
        "company_id",
        "id",
        "event_name",
        "event",
        "event_id",
        "occurred_at",
        "timestamp",
        "x",
        "",
        "company",
        "metadata",
    ];
    const INSIDE: &[&str] = &[
        "id",
        "company_id",
        "created_at",
        "createdAt",
        "a",
        "b",
        "",
        "a/b",
        "m~n",
        "\\u0061",
        "\\ud800",
        "\\udfff",
    ];
    let write = |members: &[(&str, String)]| {
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(", "))
    };
    let object = |key: &'static str, base: &'static str| {
        let inside = (any::<bool>(), odd_members(INSIDE)).prop_map(move |(has_base, inside)| {
            let base = has_base.then(|| (base, "\"c-1\"".to_owned()));
            (key, write(&base.into_iter().chain(inside).collect::<Vec<_>>()))
        });
        proptest::option::of(inside)
    };
    let needed_value = prop_oneof![3 => Just("\"u-7\"".to_owned()), 1 => odd_value()];
    let base = (call(), 0..8, needed_value).prop_map(|(call, dice, value)| {
        let needed: &[&str] = match call {
            _ if dice == 0 => &[],
            Call::IdentifyUser | Call::UserRow => &["user_id"],
            Call::IdentifyCompany | Call::CompanyRow => &["company_id"],
            Call::Track => &["user_id", "event"],
        };
        (call, needed.iter().map(|&name| (name, value.clone())).collect::<Vec<_>>())
    });
    (base, odd_members(TOP), object("metadata", "m"), object("company", "id"), any::<Index>()).prop_map(
        move |((call, base), top, metadata, company, at)| {
            let mut members: Vec<(&str, String)> = base.into_iter().chain(metadata).chain(company).collect();
            let at = at.index(members.len() + 1);
            members.splice(at..at, top);
            (call, write(&members))
        },
    )
}

/// A cut or a bruise.
#[derive(Clone, Debug)]
enum Harm {
    Replace(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize),
    Insert(Index, &'static str),
    /// Where a member may stand, or an element, or nothing.
    Member(Index, &'static str),
}

fn harm() -> impl Strategy<Value = Harm> {
    let pieces = select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "\\u0041", "null", "1e999", "-0", "0",
        ".", "e9", " ", "\n", "\u{feff}", "é", "true",
    ]);
    let members = select(vec![
        "\"id\":1,",
        "\"user_id\":null,",
        "\"createdAt\":1,",
        "\"metadata\":{\"a\":1},",
        "\"context\":{},",
        "\"a\":[],",
        "\"company\":null,",
        "\"timestamp\":0,",
        "\"\\u0069d\":\"x\",",
        "\"\":0,",
    ]);
    prop_oneof![
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Harm::Replace(at, byte)),
        2 => (any::<Index>(), b'0'..=b'9').prop_map(|(at, byte)| Harm::Replace(at, byte)),
        1 => (any::<Index>(), 1usize..9).prop_map(|(at, length)| Harm::Remove(at, length)),
        1 => (any::<Index>(), 1usize..40).prop_map(|(at, length)| Harm::Repeat(at, length)),
        2 => (any::<Index>(), pieces).prop_map(|(at, piece)| Harm::Insert(at, piece)),
        6 => (any::<Index>(), members).prop_map(|(at, piece)| Harm::Member(at, piece)),
    ]
}

fn harmed(body: &str, harms: &[Harm]) -> Vec<u8> {
    let mut bytes = body.as_bytes().to_vec();
    for harm in harms {
        let place = |at: &Index| at.index(bytes.len() + 1);
        match harm {
            Harm::Replace(at, byte) => {
                let at = place(at);
                bytes.splice(at..bytes.len().min(at + 1), [*byte]);
            }
            Harm::Remove(at, length) => {
                let at = place(at);
                bytes.drain(at..bytes.len().min(at + length));
            }
            Harm::Repeat(at, length) => {
                let at = place(at);
                let piece = bytes[at..bytes.len().min(at + length)].to_vec();
                bytes.splice(at..at, piece);
            }
            Harm::Insert(at, piece) => {
                let at = place(at);
                bytes.splice(at..at, piece.bytes());
            }
            Harm::Member(at, piece) => {
                let starts: Vec<usize> =
                    (1..=bytes.len()).filter(|&end| matches!(bytes[end - 1], b'{' | b',')).collect();
                if !starts.is_empty() {
                    let at = *at.get(&starts);
                    bytes.splice(at..at, piece.bytes());
                }
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_valid_call_is_taken_at_once_and_means_what_was_sent(sent in sent(), settings in settings()) {
        let body = sent.body();
        prop_assert!(check(sent.call, &settings, body.as_bytes()), "not taken at once: {body}");
        let mut draft = EventDraft::default();
        prop_assert_eq!(read(sent.call, &settings, NOW, body.as_bytes(), &mut draft), Ok(Vec::new()));
        prop_assert_eq!(encoded(&draft), encoded(&sent.draft()), "{}", body);
    }

    #[test]
    fn an_odd_call_reads_the_same_both_ways((call, body) in odd_call(), settings in settings()) {
        check(call, &settings, body.as_bytes());
    }

    #[test]
    fn a_harmed_call_reads_the_same_both_ways(
        (call, body) in prop_oneof![sent().prop_map(|sent| (sent.call, sent.body())), odd_call()],
        harms in proptest::collection::vec(harm(), 1..4),
        settings in settings(),
    ) {
        check(call, &settings, &harmed(&body, &harms));
    }
}
