//! Law 3 as property tests: permutation, duplication, split-and-merge give one profile, and it is the one that a
//! plain map with the same rule gives.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::property::Properties;
use super::*;

/// One event about one user, small enough that times, ordinals and names collide often.
#[derive(Clone, Debug)]
struct Step {
    at: i64,
    ordinal: u32,
    company: Option<Option<String>>,
    properties: Vec<(String, Sent)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Sent {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl Sent {
    fn value(&self) -> Value<'_> {
        match self {
            Sent::Null => Value::Null,
            Sent::Bool(flag) => Value::Bool(*flag),
            Sent::Int(number) => Value::Int(*number),
            Sent::Float(number) => Value::Float(*number),
            Sent::Text(text) => Value::Text(text),
        }
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        Just(Sent::Null),
        any::<bool>().prop_map(Sent::Bool),
        (-2i64..3).prop_map(Sent::Int),
        (-2.0f64..2.0).prop_map(Sent::Float),
        "[ab]{0,2}".prop_map(Sent::Text),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let company = proptest::option::of(proptest::option::of("[cd]".prop_map(String::from)));
    let properties = proptest::collection::vec(("[xyz]", sent()), 0..4);
    (0i64..4, 0u32..3, company, properties).prop_map(|(at, ordinal, company, properties)| Step {
        at,
        ordinal,
        company,
        properties,
    })
}

fn apply(profile: &mut Profile, step: &Step) {
    let mut properties = Properties::default();
    for (name, value) in &step.properties {
        properties.push(name, value.value());
    }
    properties.settle();
    let mut bytes = Vec::new();
    properties.encode(&mut bytes);
    profile.apply(&Change {
        is_sign_of_life: true,
        occurred_at: Timestamp(step.at),
        ordinal: step.ordinal,
        membership: match &step.company {
            None => Membership::Unchanged,
            Some(None) => Membership::Removed,
            Some(Some(company)) => Membership::Of(company),
        },
        properties: PropertyList::read(&mut Reader::new(&bytes)).unwrap(),
    });
}

fn fold(steps: &[Step]) -> Profile {
    let mut profile = Profile::default();
    for step in steps {
        apply(&mut profile, step);
    }
    profile
}

/// The rule of law 3 without encodings: per name the largest (occurred_at, ordinal, value).
fn plain_fold(steps: &[Step]) -> BTreeMap<String, (i64, u32, Sent)> {
    let mut winners: BTreeMap<String, (i64, u32, Sent)> = BTreeMap::new();
    for step in steps {
        let mut sent: BTreeMap<&str, &Sent> = BTreeMap::new();
        for (name, value) in &step.properties {
            sent.insert(name, value);
        }
        for (name, value) in sent {
            let new = (step.at, step.ordinal, value.clone());
            let rank = |fact: &(i64, u32, Sent)| (fact.0, fact.1);
            match winners.get(name) {
                Some(old) if (rank(old), old.2.value()) >= (rank(&new), new.2.value()) => {}
                _ => {
                    winners.insert(name.to_owned(), new);
                }
            }
        }
    }
    winners
}

proptest! {
    #[test]
    fn any_order_duplication_and_split_give_one_profile(
        steps in proptest::collection::vec(step(), 0..12),
        order in any::<u64>(),
        cut in 0usize..12,
    ) {
        let expected = fold(&steps);
        let mut shuffled = steps.clone();
        let mut state = order | 1;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(index, (state >> 33) as usize % (index + 1));
        }
        prop_assert_eq!(&fold(&shuffled), &expected);
        shuffled.extend_from_slice(&steps);
        prop_assert_eq!(&fold(&shuffled), &expected, "every event twice");
        let cut = cut.min(steps.len());
        let (left, right) = (fold(&steps[..cut]), fold(&steps[cut..]));
        prop_assert_eq!(&left.merge(&right), &expected);
        prop_assert_eq!(&right.merge(&left), &expected);
        prop_assert_eq!(&expected.merge(&expected), &expected);
    }

    #[test]
    fn the_fold_is_the_plain_rule(steps in proptest::collection::vec(step(), 0..12)) {
        let profile = fold(&steps);
        let plain = plain_fold(&steps);
        let seen: Vec<_> = profile.all_properties().map(|p| (p.name.to_owned(), p.occurred_at.0)).collect();
        let wanted: Vec<_> = plain.iter().map(|(name, fact)| (name.clone(), fact.0)).collect();
        prop_assert_eq!(seen, wanted);
        for property in profile.all_properties() {
            prop_assert_eq!(property.value, plain[property.name].2.value());
        }
        prop_assert_eq!(profile.property_count(), plain.len());
        prop_assert_eq!(profile.first_seen_at(), steps.iter().map(|step| Timestamp(step.at)).min());
        prop_assert_eq!(profile.last_seen_at(), steps.iter().map(|step| Timestamp(step.at)).max());
        prop_assert_eq!(Profile::from_bytes(profile.as_bytes().to_vec()), Ok(profile.clone()));
    }

    #[test]
    fn erasing_companies_is_the_fold_of_events_that_leave_them(
        steps in proptest::collection::vec(step(), 0..12),
        cut in 0usize..12,
        both in any::<bool>(),
    ) {
        let is_erased = |company: &str| company == "c" || (both && company == "d");
        let left = |step: &Step| {
            let company = step.company.clone().map(|named| named.filter(|company| !is_erased(company)));
            Step { company, ..step.clone() }
        };
        let without: Vec<Step> = steps.iter().map(left).collect();
        let cleared = |steps: &[Step]| {
            let profile = fold(steps);
            profile.cleared_of(is_erased).unwrap_or(profile)
        };
        prop_assert_eq!(&cleared(&steps), &fold(&without));
        let cut = cut.min(steps.len());
        prop_assert_eq!(&cleared(&steps[..cut]).merge(&cleared(&steps[cut..])), &fold(&without), "in parts");
        prop_assert_eq!(cleared(&steps).cleared_of(is_erased), None, "nothing is left of them");
    }

    #[test]
    fn bytes_that_are_cut_are_no_profile(steps in proptest::collection::vec(step(), 1..5)) {
        let bytes = fold(&steps).as_bytes().to_vec();
        for end in 0..bytes.len() {
            let shorter = Profile::from_bytes(bytes[..end].to_vec());
            prop_assert_eq!(shorter, Err(NotAProfile), "cut at {}", end);
        }
    }
}

#[test]
fn a_tie_is_marked_and_an_older_fact_changes_nothing() {
    let step =
        |at, value: Sent| Step { at, ordinal: 0, company: None, properties: vec![("x".into(), value)] };
    let tied = fold(&[step(2, Sent::Int(1)), step(2, Sent::Text("a".into())), step(1, Sent::Int(9))]);
    let property = tied.all_properties().next().unwrap();
    assert_eq!((property.value, property.tied), (Value::Text("a"), true));
    let settled = fold(&[step(2, Sent::Int(1)), step(2, Sent::Int(2)), step(3, Sent::Null)]);
    let property = settled.all_properties().next().unwrap();
    assert_eq!((property.value, property.tied), (Value::Null, false), "a later fact settles the tie");
    assert_eq!((settled.properties().count(), settled.property_count()), (0, 1), "removed, but remembered");
}

#[test]
fn what_lost_a_tie_of_companies_counts_again_once_the_winner_is_erased() {
    let joins = |at, company: &str| Step {
        at,
        ordinal: 0,
        company: Some(Some(company.to_owned()).filter(|company| !company.is_empty())),
        properties: vec![],
    };
    let mut tied = fold(&[joins(2, "b"), joins(2, "a"), joins(2, ""), joins(2, "c"), joins(1, "z")]);
    assert_eq!(
        tied.view().companies().collect::<Vec<_>>(),
        ["c", "b", "a"],
        "what is older has lost for good"
    );
    assert_eq!(tied.property_count(), 0);
    for (erased, then) in [("c", Some("b")), ("a", Some("b")), ("b", None)] {
        tied = tied.cleared_of(|company| company == erased).unwrap();
        assert_eq!(tied.company_id(), then, "{erased} erased");
    }
    assert_eq!(tied, fold(&[joins(2, ""), joins(1, "z")]), "no tie is left of nothing but departures");
    let settled = fold(&[joins(2, "b"), joins(2, "c"), joins(3, "a")]);
    assert_eq!(settled.view().companies().collect::<Vec<_>>(), ["a"], "a later fact settles the tie");
}

#[test]
fn a_row_of_a_job_is_no_sign_of_life() {
    let step = Step { at: 5, ordinal: 1, company: None, properties: vec![] };
    let mut seen = fold(&[step]);
    assert_eq!((seen.first_seen_at(), seen.last_seen_at()), (Some(Timestamp(5)), Some(Timestamp(5))));
    let mut unseen = Profile::default();
    for profile in [&mut seen, &mut unseen] {
        profile.apply(&Change {
            is_sign_of_life: false,
            occurred_at: Timestamp(9),
            ordinal: 1,
            membership: Membership::Removed,
            properties: PropertyList::EMPTY,
        });
    }
    assert_eq!((seen.first_seen_at(), seen.last_seen_at()), (Some(Timestamp(5)), Some(Timestamp(5))));
    assert_eq!((unseen.first_seen_at(), unseen.last_seen_at()), (None, None));
}

#[test]
fn rows_of_history_are_signs_of_life_and_what_a_crm_knows_is_none() {
    use crate::model::event::{EventDraft, Source};
    use crate::model::id::JobNumber;
    let seen = |source: Source, ordinal: u32| {
        let draft = EventDraft {
            source,
            ordinal,
            job: Some(JobNumber(1)),
            user_id: "u".into(),
            occurred_at: Some(Timestamp(5)),
            ..EventDraft::default()
        };
        let mut bytes = Vec::new();
        draft.encode(&mut bytes);
        let event = Event::decode(&bytes).unwrap();
        Change::of_user(&event, Timestamp(9)).unwrap().1.is_sign_of_life
    };
    for source in Source::ALL {
        let is_crm = matches!(source, Source::BackendHubspot | Source::BackendSalesforce);
        assert_eq!((seen(source, 0), seen(source, 1)), (!is_crm, false), "{source:?}");
    }
}
