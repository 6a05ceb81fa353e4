//! Segments of more events than the contract suite writes: few candidates are looked for one by one in large parts, many by
//! ranges, and both find what the model finds.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::id::Position;
use muster_kernel::model::segment::meaning::Truth;
use muster_kernel::model::segment::question::{MemberOrder, SegmentQuestion};
use muster_kernel::model::segment::{Level, Moment, Rule};
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::ports::{EventLog, Inquiry, Segments, StoreError};
use muster_local::disk::RealDisk;
use muster_local::{Engine, Options};
use muster_testkit::block_on::block_on;
use muster_testkit::builders::PRODUCTION;
use muster_testkit::chance::Chance;
use muster_testkit::clock::DAY_ONE;
use muster_testkit::model_segments::answer::Everybody;

use crate::stand::{add_environments, open};

const DAY: i64 = 24 * 60 * MINUTE;
const EVENTS: usize = 30_000;
const RULES: usize = 40;
const SOUGHT: [&str; 2] = ["person 3", "person 17"];

fn filled(directory: &Path, chance: &mut Chance) -> Engine {
    let options = Options { history_threads: 2, free_disk_reserve_bytes: 0, ..Options::default() };
    let engine = open(Arc::new(RealDisk), directory, options).unwrap();
    add_environments(&engine, &[1]);
    let mut batch = EventBatch::default();
    (0..EVENTS).for_each(|_| batch.push(&chance.event()));
    block_on(engine.append_many(PRODUCTION, &batch)).unwrap();
    engine.seal_history(PRODUCTION).unwrap();
    engine
}

#[test]
fn candidates_are_found_one_by_one_and_by_ranges() {
    let directory = tempfile::tempdir().unwrap();
    let mut chance = Chance(5);
    let engine = filled(directory.path(), &mut chance);
    let everybody = Everybody::of(&engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap());
    let evidence = SOUGHT.map(|id| everybody.evidence(Level::User, id).unwrap());
    let mut found = 0;
    for _ in 0..RULES {
        let happened = chance.happened();
        let question = |rule: &str| SegmentQuestion {
            level: Level::User,
            rule: Rule::parse(rule).unwrap(),
            moment: Moment { now: DAY_ONE.plus(20 * DAY), zone: TimeZone::UTC },
            looks_back: false,
            segments: Arc::default(),
        };
        let members = |question: &SegmentQuestion| -> Vec<String> {
            let page = engine.members(PRODUCTION, question, MemberOrder::Id, None, 100, &Inquiry::default());
            page.unwrap().items.into_iter().map(|member| member.id).collect()
        };
        let some = question(&format!("$id is one of (\"{}\", \"{}\") and {happened}", SOUGHT[0], SOUGHT[1]));
        let mut expected: Vec<&str> = (SOUGHT.iter().zip(&evidence))
            .filter(|(_, evidence)| evidence.holds(&some) == Truth::Yes)
            .map(|(id, _)| *id)
            .collect();
        expected.sort_unstable();
        assert_eq!(members(&some), expected, "{happened}");
        let mut all = members(&question(&happened));
        all.retain(|id| SOUGHT.contains(&id.as_str()));
        assert_eq!(all, expected, "{happened}");
        found += expected.len();
    }
    assert!(found > RULES / 2 && found < RULES * 2, "rules tell them apart: {found}");
}

#[test]
fn a_question_that_looks_back_finds_what_the_model_finds() {
    let directory = tempfile::tempdir().unwrap();
    let mut chance = Chance(23);
    let engine = filled(directory.path(), &mut chance);
    let all = engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap();
    let mut found = 0;
    for round in 0..RULES {
        let level = if round % 4 == 3 { Level::Company } else { Level::User };
        // Events happen from thirty days before the first to thirty behind it.
        let hours = i64::try_from(chance.below(64 * 24)).unwrap() - 32 * 24;
        let moment = Moment { now: DAY_ONE.plus(hours * 60 * MINUTE), zone: TimeZone::UTC };
        let (rule, segments) = (chance.rule(level), Arc::default());
        let question = SegmentQuestion { level, rule, moment, looks_back: true, segments };
        let everybody = Everybody::by(question.until(), &all);
        let inquiry = Inquiry::default();
        let what = format!("{} as of {}", question.rule, question.moment.now);
        assert_eq!(
            engine.preview(PRODUCTION, &question, 0, &inquiry).unwrap(),
            everybody.preview(&question, 0),
            "{what}"
        );
        let mut members = Vec::new();
        let mut after = None;
        loop {
            let order = MemberOrder::LastSeen;
            let page = engine.members(PRODUCTION, &question, order, after.as_ref(), 9, &inquiry).unwrap();
            members.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(members, everybody.members(&question, MemberOrder::LastSeen), "{what}");
        let names = ["p0", "p2", "never"].map(str::to_owned);
        for id in everybody.ids(level) {
            let values = engine.values(PRODUCTION, &question, (&[id], &names), &inquiry).unwrap();
            assert_eq!(values, [everybody.values(level, id, &names)], "{id}: {what}");
        }
        found += members.len();
    }
    assert!(found > RULES, "rules that hold for nobody show nothing: {found}");
}

#[test]
fn looking_back_needs_no_more_memory_than_a_question_may_have() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path(), &mut Chance(5)));
    let options =
        Options { history_question_bytes_max: 3_000, free_disk_reserve_bytes: 0, ..Options::default() };
    let engine = open(Arc::new(RealDisk), directory.path(), options).unwrap();
    let question = |text: &str, looks_back| SegmentQuestion {
        level: Level::User,
        rule: Rule::parse(text).unwrap(),
        moment: Moment { now: Timestamp(DAY_ONE.0 + 20 * DAY), zone: TimeZone::UTC },
        looks_back,
        segments: Arc::default(),
    };
    let preview = |question: &SegmentQuestion| engine.preview(PRODUCTION, question, 0, &Inquiry::default());
    assert_eq!(preview(&question("p0 exists and p1 exists", true)), Err(StoreError::TooLarge));
    assert!(preview(&question("did \"x\"", true)).is_ok());
    let inquiry = Inquiry::default();
    inquiry.stop();
    let stopped = engine.preview(PRODUCTION, &question("did \"y\"", true), 0, &inquiry);
    assert_eq!(stopped, Err(StoreError::Stopped));
}
