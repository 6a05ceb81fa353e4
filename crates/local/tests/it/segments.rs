//! Segments of more events than the contract suite writes: few candidates are looked for one by one in large parts, many by
//! ranges, and both find what the model finds.

use std::sync::Arc;

use jiff::tz::TimeZone;
use muster_kernel::model::batch::EventBatch;
use muster_kernel::model::id::Position;
use muster_kernel::model::segment::meaning::Truth;
use muster_kernel::model::segment::question::{MemberOrder, SegmentQuestion};
use muster_kernel::model::segment::{Level, Moment, Rule};
use muster_kernel::model::time::MINUTE;
use muster_kernel::ports::{EventLog, Inquiry, Segments};
use muster_local::Options;
use muster_local::disk::RealDisk;
use muster_testkit::block_on::block_on;
use muster_testkit::builders::PRODUCTION;
use muster_testkit::chance::Chance;
use muster_testkit::clock::DAY_ONE;
use muster_testkit::model_segments::answer::Everybody;

use crate::stand::{add_environments, open};

const EVENTS: usize = 30_000;
const RULES: usize = 40;
const SOUGHT: [&str; 2] = ["person 3", "person 17"];

#[test]
fn candidates_are_found_one_by_one_and_by_ranges() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { history_threads: 2, free_disk_reserve_bytes: 0, ..Options::default() };
    let engine = open(Arc::new(RealDisk), directory.path(), options).unwrap();
    add_environments(&engine, &[1]);
    let mut chance = Chance(5);
    let mut batch = EventBatch::default();
    (0..EVENTS).for_each(|_| batch.push(&chance.event()));
    block_on(engine.append_many(PRODUCTION, &batch)).unwrap();
    engine.seal_history(PRODUCTION).unwrap();
    let everybody = Everybody::of(&engine.read(PRODUCTION, Position::START, usize::MAX, usize::MAX).unwrap());
    let evidence = SOUGHT.map(|id| everybody.evidence(Level::User, id).unwrap());
    let mut found = 0;
    for _ in 0..RULES {
        let happened = chance.happened();
        let question = |rule: &str| SegmentQuestion {
            level: Level::User,
            rule: Rule::parse(rule).unwrap(),
            moment: Moment { now: DAY_ONE.plus(20 * 24 * 60 * MINUTE), zone: TimeZone::UTC },
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
