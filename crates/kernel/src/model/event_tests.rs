//! Events: what is encoded reads back, and what an erasure leaves of it.

use super::*;
use crate::model::value::Value;

fn full() -> EventDraft {
    let mut draft = EventDraft {
        kind: EventKind::Track,
        source: Source::BackendSegment,
        key: KeyId(300),
        occurred_at: Some(Timestamp(-5)),
        job: Some(JobNumber(400)),
        ordinal: 7,
        user_id: "u".into(),
        company_id: "c".into(),
        event_name: "paid".into(),
        event_id: "e".into(),
        warnings: "[]".into(),
        guards: vec![Guard { kind: GuardKind::EventId, key: [1; 16], body: [2; 16] }],
        ..EventDraft::default()
    };
    draft.properties.push("amount", Value::Float(12.5));
    draft.company_properties.push("plan", Value::Text("pro"));
    draft
}

#[test]
fn an_event_reads_back_whole_and_no_part_of_it_does() {
    let draft = full();
    let mut bytes = Vec::new();
    draft.encode(&mut bytes);
    let event = Event::decode(&bytes).unwrap();
    assert_eq!((event.kind, event.source, event.key), (draft.kind, draft.source, draft.key));
    assert_eq!((event.occurred_at, event.job, event.ordinal), (draft.occurred_at, draft.job, 7));
    assert_eq!((event.user_id, event.membership()), (Some("u"), Membership::Of("c")));
    assert_eq!((event.event_name, event.event_id, event.warnings), ("paid", "e", "[]"));
    assert_eq!(event.guards().collect::<Vec<_>>(), draft.guards);
    assert_eq!(event.properties.iter().collect::<Vec<_>>(), [("amount", Value::Float(12.5))]);
    assert_eq!(event.company_properties.iter().collect::<Vec<_>>(), [("plan", Value::Text("pro"))]);
    for end in 0..bytes.len() {
        assert!(Event::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    bytes.push(0);
    assert!(Event::decode(&bytes).is_err(), "one byte more");
}

#[test]
fn a_padded_event_reads_back_and_says_where_it_ends() {
    let mut bytes = Vec::new();
    full().encode(&mut bytes);
    let length = bytes.len();
    bytes.resize(length + 7, 0);
    assert_eq!(Event::decode_padded(&bytes).unwrap().1, length);
    bytes[length + 6] = 1;
    assert!(Event::decode_padded(&bytes).is_err());
}

#[test]
fn what_an_erasure_leaves_of_an_event_is_no_longer_than_the_event() {
    for draft in [full(), EventDraft { user_id: "u".into(), company_id: "c".into(), ..EventDraft::default() }]
    {
        let (mut whole, mut company, mut user) = (Vec::new(), Vec::new(), Vec::new());
        draft.encode(&mut whole);
        let event = Event::decode(&whole).unwrap();
        EventDraft::of_company_alone(&event).unwrap().encode(&mut company);
        EventDraft::without_company(&event).encode(&mut user);
        assert!(company.len() <= whole.len() && user.len() <= whole.len());
        let company = Event::decode(&company).unwrap();
        assert_eq!((company.user_id, company.company_id), (None, Some("c")));
        assert_eq!(
            company.properties.iter().collect::<Vec<_>>(),
            event.company_properties.iter().collect::<Vec<_>>()
        );
        let user = Event::decode(&user).unwrap();
        assert_eq!((user.user_id, user.membership()), (Some("u"), Membership::Removed));
        assert_eq!(user.properties.iter().collect::<Vec<_>>(), event.properties.iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_cleared_draft_is_a_new_one() {
    let mut draft = full();
    draft.clear();
    draft.user_id.push('v');
    let (mut reused, mut fresh) = (Vec::new(), Vec::new());
    draft.encode(&mut reused);
    EventDraft { user_id: "v".into(), ..EventDraft::default() }.encode(&mut fresh);
    assert_eq!(reused, fresh);
}
