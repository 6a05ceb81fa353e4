//! History against a plain vector of events: any events, sealed, merged, erased, reopened in any order, answer every
//! question as the model does, and come back byte for byte.

use std::sync::Arc;

use jiff::tz::TimeZone;
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::calendar::{Buckets, Interval, Span};
use muster_kernel::model::erasure::ErasedKind;
use muster_kernel::model::event::{EventDraft, EventKind, Source};
use muster_kernel::model::guard::{Guard, GuardKind};
use muster_kernel::model::history::{
    AsOf, Breakdown, CountQuestion, EventName, EventQuery, Measure, NameSummary, NamesQuestion,
    PropertiesQuestion, PropertyIs, PropertyOwner, PropertySummary,
};
use muster_kernel::model::id::{JobNumber, KeyId, Position};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::property::Properties;
use muster_kernel::model::segment::question::{Evidence, MemberOrder, SegmentQuestion};
use muster_kernel::model::segment::{Level, Moment};
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{
    EventLog, History, Inquiry, ProfileKind, Profiles, Purged, Segments, StoredEvent,
};
use muster_local::disk::{Disk, RealDisk};
use muster_local::{Engine, Options};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::{PRODUCTION, company, user};
use muster_testkit::chance::Chance;
use muster_testkit::clock::DAY_ONE;
use muster_testkit::model_history::answer;
use muster_testkit::model_segments::answer::Everybody;
use proptest::prelude::*;

use crate::erasure::{erase, purge};
use crate::stand::{add_environments, open, small};

/// What a test does to an engine.
#[derive(Clone, Debug)]
pub enum Act {
    Append(Vec<EventDraft>),
    Seal,
    Reopen,
    Erase(ErasedKind, u8),
    Purge,
}

fn value() -> impl Strategy<Value = OwnedAny> {
    prop_oneof![
        Just(OwnedAny::Null),
        any::<bool>().prop_map(OwnedAny::Bool),
        (-3i64..4).prop_map(OwnedAny::Int),
        any::<i64>().prop_map(OwnedAny::Int),
        Just(OwnedAny::UInt(u64::MAX)),
        (-500i32..500).prop_map(|cents| OwnedAny::Float(f64::from(cents) / 100.0)),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(OwnedAny::Float),
        "[a-c]{0,2}".prop_map(OwnedAny::Text),
        Just(OwnedAny::Text("2026-01-05".into())),
        "\\PC{0,30}".prop_map(OwnedAny::Text),
        Just(OwnedAny::Json("[1,2]".into())),
    ]
}

#[derive(Clone, Debug)]
enum OwnedAny {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Text(String),
    Json(String),
}

impl OwnedAny {
    fn value(&self) -> Value<'_> {
        match self {
            OwnedAny::Null => Value::Null,
            OwnedAny::Bool(flag) => Value::Bool(*flag),
            OwnedAny::Int(number) => Value::Int(*number),
            OwnedAny::UInt(number) => Value::UInt(*number),
            OwnedAny::Float(number) => Value::Float(*number),
            OwnedAny::Text(text) => Value::Text(text),
            OwnedAny::Json(text) => Value::Json(text),
        }
    }
}

fn properties() -> impl Strategy<Value = Properties> {
    prop::collection::vec(("p[0-3]", value()), 0..4).prop_map(|list| {
        let mut properties = Properties::default();
        list.iter().for_each(|(name, value)| properties.push(name, value.value()));
        properties.settle();
        properties
    })
}

fn time() -> impl Strategy<Value = Option<Timestamp>> {
    let around = (-200i64..200).prop_map(|hours| DAY_ONE.plus(hours * 60 * MINUTE));
    let odd = (-(1i64 << 50)..1 << 50).prop_map(|micros| DAY_ONE.plus(micros));
    prop_oneof![3 => Just(None), 4 => around.prop_map(Some), 1 => odd.prop_map(Some)]
}

fn event() -> impl Strategy<Value = EventDraft> {
    let kind = prop_oneof![
        Just(EventKind::IdentifyUser),
        Just(EventKind::IdentifyCompany),
        Just(EventKind::Track),
        Just(EventKind::Track),
        Just(EventKind::PageView),
    ];
    let sides = (properties(), properties(), time(), 0u32..3, any::<bool>());
    (kind, 0u8..6, 0u8..4, "[xy]", 0u8..6, sides).prop_map(|(kind, who, firm, name, rare, sides)| {
        let (properties, company_properties, occurred_at, ordinal, leaves) = sides;
        let of_company = kind == EventKind::IdentifyCompany;
        let mut draft = EventDraft {
            kind,
            source: if rare == 1 { Source::WebClient } else { Source::BackendHttp },
            key: KeyId(u32::from(rare) * 100),
            occurred_at,
            job: (rare == 2).then_some(JobNumber(300)),
            ordinal: if rare == 2 { ordinal } else { 0 },
            properties,
            ..EventDraft::default()
        };
        if !of_company {
            draft.user_id = format!("user {who}");
        }
        if firm > 1 || of_company {
            draft.company_id = format!("firm {firm}");
            draft.company_properties = if of_company { Properties::default() } else { company_properties };
        } else {
            draft.leaves_company = leaves && !of_company;
        }
        if kind == EventKind::Track {
            draft.event_name = name;
        }
        if rare == 3 {
            draft.event_id = format!("evt-{who}");
            draft.warnings = "[]".into();
            draft.guards = vec![Guard { kind: GuardKind::EventId, key: [who; 16], body: [firm; 16] }];
        }
        draft
    })
}

pub fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => prop::collection::vec(event(), 1..60).prop_map(Act::Append),
        3 => Just(Act::Seal),
        1 => Just(Act::Reopen),
        1 => (0u8..6).prop_map(|who| Act::Erase(ErasedKind::Users, who)),
        1 => (0u8..4).prop_map(|firm| Act::Erase(ErasedKind::Companies, firm)),
        1 => Just(Act::Purge),
    ]
}

/// An engine and what the model holds of it.
pub struct Pair {
    directory: tempfile::TempDir,
    engine: Option<Engine>,
    pub events: Vec<StoredEvent>,
}

fn options() -> Options {
    Options { history_seal_age_s_max: u64::MAX / 4, ..small() }
}

impl Pair {
    pub fn new() -> Pair {
        Pair::with(options().history_question_bytes_max)
    }

    /// With so much memory for a question, until it is reopened.
    pub fn with(history_question_bytes_max: u64) -> Pair {
        let directory = tempfile::tempdir().unwrap();
        let options = Options { history_question_bytes_max, ..options() };
        let engine = open(Arc::new(RealDisk), directory.path(), options).unwrap();
        add_environments(&engine, &[1]);
        Pair { directory, engine: Some(engine), events: Vec::new() }
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub fn act(&mut self, act: Act) {
        match act {
            Act::Append(drafts) => {
                let after = self.engine().visible(PRODUCTION).unwrap();
                let mut batch = EventBatch::default();
                drafts.iter().for_each(|draft| batch.push(draft));
                block_on(self.engine().append_many(PRODUCTION, &batch)).unwrap();
                let new = self.engine().read(PRODUCTION, after, usize::MAX, usize::MAX).unwrap();
                assert_eq!(new.len(), drafts.len());
                self.events.extend(new);
            }
            Act::Seal => self.engine().seal_history(PRODUCTION).unwrap(),
            Act::Reopen => {
                drop(self.engine.take());
                let disk: Arc<dyn Disk> = Arc::new(RealDisk);
                self.engine = Some(open(disk, self.directory.path(), options()).unwrap());
            }
            Act::Erase(kind, who) => {
                let subject = if kind == ErasedKind::Users { "user" } else { "firm" };
                erase(self.engine(), kind, &[&format!("{subject} {who}")]);
                self.events =
                    self.engine().read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap();
            }
            Act::Purge => assert_eq!(purge(self.engine()), Ok(Purged::Completed)),
        }
    }

    fn check(&self) {
        self.check_lists();
        self.check_counts();
        self.check_names();
        self.check_as_of();
        self.check_segments();
    }

    fn check_segments(&self) {
        let mut chance = Chance(self.events.len() as u64);
        for (level, looks_back) in [
            (Level::User, false),
            (Level::Company, false),
            (Level::User, true),
            (Level::Company, true),
            (Level::User, true),
        ] {
            let hours = if looks_back { i64::try_from(chance.below(400)).unwrap() - 200 } else { 90 };
            let moment = Moment { now: DAY_ONE.plus(hours * 60 * MINUTE), zone: TimeZone::UTC };
            let (rule, segments) = (chance.rule(level), Arc::default());
            let question = SegmentQuestion { level, rule, moment, looks_back, segments };
            let everybody = Everybody::by(question.until(), &self.events);
            let (inquiry, order) = (Inquiry::default(), MemberOrder::LastSeen);
            let found = self.engine().preview(PRODUCTION, &question, 0, &inquiry).unwrap();
            assert_eq!(found, everybody.preview(&question, 0), "{}", question.rule);
            let page = self.engine().members(PRODUCTION, &question, order, None, 100, &inquiry).unwrap();
            assert_eq!(page.items, everybody.members(&question, order), "{}", question.rule);
            let id = if level == Level::User { "user 1" } else { "firm 2" };
            let evidence = self.engine().evidence(PRODUCTION, &question, id, &inquiry).unwrap();
            let explained = |evidence: Option<Evidence>| evidence.map(|one| one.explain(&question));
            assert_eq!(explained(evidence), explained(everybody.evidence(level, id)), "{}", question.rule);
        }
    }

    fn check_lists(&self) {
        let all = EventQuery::default();
        let span = Span { from: DAY_ONE.plus(-50 * 60 * MINUTE), until: DAY_ONE.plus(70 * 60 * MINUTE) };
        let x = EventName::track("x");
        let queries = [
            all.clone(),
            EventQuery { user: Some(user("user 1")), ..all.clone() },
            EventQuery { company: Some(company("firm 2")), ..all.clone() },
            EventQuery { span, ..all.clone() },
            EventQuery { names: vec![x.clone()], kinds: vec![EventKind::PageView], ..all.clone() },
            EventQuery { names: vec![x], user: Some(user("user 2")), span, ..all.clone() },
            EventQuery { properties: vec![PropertyIs::reading("p1", "1")], ..all.clone() },
            EventQuery { properties: vec![PropertyIs::reading("p2", "a")], ..all },
        ];
        for query in queries {
            for limit in [7, 10_000] {
                let (mut ours, mut models) = (None, None);
                loop {
                    let inquiry = Inquiry::default();
                    let page =
                        self.engine().events(PRODUCTION, &query, ours.as_ref(), limit, &inquiry).unwrap();
                    let expected = answer::events(&self.events, &query, models.as_ref(), limit).unwrap();
                    assert_eq!(page.items, expected.items, "{query:?}");
                    assert_eq!(page.next.is_some(), expected.next.is_some());
                    (ours, models) = (page.next, expected.next);
                    if ours.is_none() {
                        break;
                    }
                }
            }
        }
    }

    fn check_counts(&self) {
        let users: Vec<(String, Profile)> = (0..6)
            .map(|who| format!("user {who}"))
            .filter_map(|id| Some((id.clone(), self.engine().user(PRODUCTION, &user(&id)).unwrap()?)))
            .collect();
        let profile = |id: &str| users.iter().find(|(known, _)| known == id).map(|(_, profile)| profile);
        let firms: Vec<(String, Profile)> = (0..4)
            .map(|firm| format!("firm {firm}"))
            .filter_map(|id| Some((id.clone(), self.engine().company(PRODUCTION, &company(&id)).unwrap()?)))
            .collect();
        let firm = |id: &str| firms.iter().find(|(known, _)| known == id).map(|(_, profile)| profile);
        let span = Span { from: DAY_ONE.plus(-100 * 60 * MINUTE), until: DAY_ONE.plus(90 * 60 * MINUTE) };
        let odd = Span { from: span.from.plus(7 * MINUTE + 1), until: span.until.plus(-1) };
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let names = [
            vec![],
            vec![EventName::track("x")],
            vec![EventName::kind(EventKind::Track), EventName::kind(EventKind::PageView)],
            vec![EventName::track("y"), EventName::kind(EventKind::IdentifyUser), EventName::track("never")],
        ];
        let breakdowns = [
            None,
            Some(Breakdown::EventProperty("p1".into())),
            Some(Breakdown::UserProperty("p2".into())),
            Some(Breakdown::UserPropertyThen("p2".into())),
            Some(Breakdown::CompanyProperty("p2".into())),
            Some(Breakdown::EventProperty("never".into())),
        ];
        for (span, interval) in [(span, Interval::Day), (odd, Interval::Hour), (Span::ALL, Interval::Day)] {
            let whole = || Buckets::whole(span);
            let buckets = Buckets::cut(span, interval, &zone).unwrap_or_else(|_| whole());
            for names in &names {
                for breakdown in &breakdowns {
                    for measure in [Measure::Total, Measure::UniqueUsers] {
                        for properties in [vec![], vec![PropertyIs::reading("p0", "1")]] {
                            let question = CountQuestion {
                                names: names.clone(),
                                buckets: buckets.clone(),
                                measure,
                                breakdown: breakdown.clone(),
                                groups_max: 5,
                                properties,
                            };
                            let inquiry = Inquiry::default();
                            let found = self.engine().counts(PRODUCTION, &question, &inquiry).unwrap();
                            let expected = answer::counts(&self.events, &question, profile, firm);
                            assert_eq!(found, expected, "{question:?}");
                        }
                    }
                }
            }
        }
    }

    fn check_as_of(&self) {
        let ends = Timestamp(i64::MAX);
        let middle = self.events.get(self.events.len() / 2).map_or(ends, |event| event.receipt.received_at);
        let moments = [
            AsOf { time: ends, known_at: ends },
            AsOf { time: DAY_ONE.plus(20 * 60 * MINUTE), known_at: ends },
            AsOf { time: ends, known_at: middle },
        ];
        for at in moments {
            let as_of = |kind, id: &str| {
                let found = self.engine().as_of(PRODUCTION, (kind, id), at, &Inquiry::default()).unwrap();
                assert_eq!(found, answer::as_of(&self.events, (kind, id), at), "{id} {at:?}");
                found
            };
            for who in 0..6 {
                let id = format!("user {who}");
                let found = as_of(ProfileKind::User, &id);
                if at == moments[0] {
                    assert_eq!(
                        found,
                        self.engine().user(PRODUCTION, &user(&id)).unwrap(),
                        "{id} as it is now"
                    );
                }
            }
            (0..4).for_each(|firm| drop(as_of(ProfileKind::Company, &format!("firm {firm}"))));
        }
    }

    fn check_names(&self) {
        let span = Span { from: DAY_ONE, until: DAY_ONE.plus(48 * 60 * MINUTE) };
        let volume = Buckets::cut(span, Interval::Day, &TimeZone::UTC).unwrap();
        let question = NamesQuestion { volume, names: Vec::new(), examples_max: 3, with_times: true };
        let found = self.engine().names(PRODUCTION, &question, &Inquiry::default()).unwrap();
        let expected = answer::names(&self.events, &question);
        let plain = |names: &[NameSummary]| -> Vec<NameSummary> {
            let bare =
                |name: &NameSummary| NameSummary { properties: bare(&name.properties), ..name.clone() };
            names.iter().map(bare).collect()
        };
        assert_eq!(plain(&found), plain(&expected));
        for owner in [PropertyOwner::User, PropertyOwner::Company, PropertyOwner::Event] {
            let question = PropertiesQuestion { owner, examples_max: 1000 };
            let found = self.engine().properties(PRODUCTION, &question, &Inquiry::default()).unwrap();
            let expected = answer::properties(&self.events, &question);
            assert_eq!(sorted(found), sorted(expected), "{owner:?}");
        }
    }
}

/// Without the examples, of which any will do, but for their number.
fn bare(properties: &[PropertySummary]) -> Vec<PropertySummary> {
    let mut bare = properties.to_vec();
    for summary in bare.iter_mut().flat_map(|property| &mut property.types) {
        let count = summary.examples.len();
        summary.examples.clear();
        summary.count = summary.count * 1000 + count as u64;
    }
    bare
}

/// With all examples, in order.
fn sorted(mut properties: Vec<PropertySummary>) -> Vec<PropertySummary> {
    properties.iter_mut().flat_map(|property| &mut property.types).for_each(|one| one.examples.sort());
    properties
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn history_answers_as_a_vector_of_events_does(acts in prop::collection::vec(act(), 1..12)) {
        let mut pair = Pair::new();
        for act in acts {
            pair.act(act);
            if pair.events.len().is_multiple_of(3) {
                pair.check();
            }
        }
        pair.check();
        let last = pair.events.last().map_or(Position::START, |event| event.receipt.position);
        prop_assert!(pair.engine().visible(PRODUCTION).unwrap() >= last);
    }
}

#[test]
fn what_lost_a_tie_of_companies_is_there_again() {
    let mut pair = Pair::new();
    let joins = |firm: &str| EventDraft {
        kind: EventKind::Track,
        occurred_at: Some(DAY_ONE),
        user_id: "user 1".to_owned(),
        company_id: firm.to_owned(),
        leaves_company: firm.is_empty(),
        event_name: "x".to_owned(),
        ..EventDraft::default()
    };
    pair.act(Act::Append(vec![joins("firm 2"), joins("firm 3"), joins("")]));
    for erased in [3, 2] {
        pair.act(Act::Erase(ErasedKind::Companies, erased));
        pair.check();
        pair.act(Act::Purge);
        pair.act(Act::Reopen);
        pair.check();
    }
}

/// How many events there are by the answer to a question, which must be all that were visible when it was asked.
fn counted(engine: &Engine) -> u64 {
    let question = CountQuestion {
        names: Vec::new(),
        buckets: Buckets::whole(Span::ALL),
        measure: Measure::Total,
        breakdown: None,
        groups_max: 1,
        properties: Vec::new(),
    };
    let answer = engine.counts(PRODUCTION, &question, &Inquiry::default()).unwrap();
    answer.series.iter().flat_map(|series| &series.counts).sum()
}

#[test]
fn questions_miss_nothing_while_the_log_goes_straight_into_files() {
    const BATCH: u64 = 1500;
    const BATCHES: u64 = 60;
    let directory = tempfile::tempdir().unwrap();
    let options = || Options { history_seal_events: 10_000, ..options() };
    let disk = || -> Arc<dyn Disk> { Arc::new(RealDisk) };
    let engine = open(disk(), directory.path(), options()).unwrap();
    add_environments(&engine, &[1]);
    let stored = std::sync::atomic::AtomicU64::new(0);
    let is_over = || stored.load(std::sync::atomic::Ordering::Acquire) == BATCH * BATCHES;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..BATCHES {
                let mut batch = EventBatch::default();
                for row in 0..BATCH {
                    batch.push(&EventDraft {
                        kind: EventKind::Track,
                        user_id: format!("user {}", (number * BATCH + row) % 700),
                        event_name: format!("event {}", row % 5),
                        ..EventDraft::default()
                    });
                }
                block_on(engine.append_many(PRODUCTION, &batch)).unwrap();
                stored.fetch_add(BATCH, std::sync::atomic::Ordering::Release);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over() {
                    let before = stored.load(std::sync::atomic::Ordering::Acquire);
                    let found = counted(&engine);
                    assert!((before..=BATCH * BATCHES).contains(&found), "{found} of at least {before}");
                }
            });
        }
    });
    assert_eq!(counted(&engine), BATCH * BATCHES);
    let standing = engine.standing(PRODUCTION).unwrap();
    assert!(standing.segments > 0, "nothing was sealed: {standing:?}");
    drop(engine);
    let engine = open(disk(), directory.path(), options()).unwrap();
    assert_eq!(counted(&engine), BATCH * BATCHES, "after another start");
}

#[test]
fn what_nobody_asks_for_is_sealed_without_a_question() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(Arc::new(RealDisk), directory.path(), options()).unwrap();
    add_environments(&engine, &[1]);
    let mut batch = EventBatch::default();
    for number in 0..1000 {
        let user_id = format!("user {number}");
        batch.push(&EventDraft { kind: EventKind::IdentifyUser, user_id, ..EventDraft::default() });
    }
    block_on(engine.append_many(PRODUCTION, &batch)).unwrap();
    let behind = || engine.standing(PRODUCTION).unwrap().behind;
    while behind() >= options().history_seal_events {
        std::thread::yield_now();
    }
    assert_eq!(counted(&engine), 1000);
}
