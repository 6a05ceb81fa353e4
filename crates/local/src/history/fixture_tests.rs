//! The bytes of docs/FORMAT.md, held to files in the repository: what is written today is what was written then, and what
//! was written then reads back. `UPDATE_FIXTURES=1` writes them anew, which only a new version of the format may need.

use std::path::PathBuf;
use std::sync::RwLock;

use muster_kernel::model::event::{Event, EventDraft, EventKind};
use muster_kernel::model::id::{JobNumber, KeyId, Position};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{Receipt, StoredEvent};
use muster_testkit::builders::{guarded, identify, identify_company, joining, tracked};
use muster_testkit::clock::DAY_ONE;

use super::dictionary::{Dictionaries, DictionaryFile, read};
use super::part::Restorer;
use super::rows::Intake;
use super::segment::{Header, Segment};
use super::writer::{SegmentWriter, Target};
use crate::disk::RealDisk;

const HEADER: Header = Header { environment: 1, incarnation: 2, salt: 0x5a5a_5a5a, first: 11, last: 400 };

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// What stands in the file; first writes it, when asked to.
fn expected(name: &str, now: &[u8]) -> Vec<u8> {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(fixture(name), now).unwrap();
    }
    std::fs::read(fixture(name)).unwrap()
}

/// An event of each kind of content, then enough of one to fill blocks.
fn events() -> Vec<StoredEvent> {
    let at = |mut draft: EventDraft, micros| {
        draft.occurred_at = Some(Timestamp(micros));
        draft
    };
    let odd = [
        ("bool", Value::Bool(true)),
        ("float", Value::Float(0.1 + 0.2)),
        ("json", Value::Json("[1,{}]")),
        ("large", Value::UInt(u64::MAX)),
        ("null", Value::Null),
        ("text", Value::Text("2026-01-05")),
    ];
    let mut of_job = identify("row", &[("plan", Value::Text("pro"))]);
    (of_job.job, of_job.ordinal, of_job.key) = (Some(JobNumber(3)), 70, KeyId(300));
    let mut named = joining(tracked("anna", "paid", &[("amount", Value::Float(12.5))]), "acme");
    named.event_id = "evt-1".into();
    named.company_properties.push("seats", Value::Int(-3));
    let mut leaver = tracked("anna", "left", &[]);
    (leaver.leaves_company, leaver.kind) = (true, EventKind::PageView);
    leaver.event_name.clear();
    let mut drafts = vec![
        identify("anna", &odd),
        of_job,
        guarded(named, 7, 8),
        leaver,
        identify_company("acme", &[("name", Value::Text("Acme"))]),
        at(tracked("long ago", "paid", &[]), -5),
    ];
    for n in 0..300i64 {
        let amount = Value::Float((n * 37 % 400) as f64 / 100.0);
        let properties = [("amount", amount), ("n", Value::Int(n * n)), ("who", Value::Text("same"))];
        let draft = tracked(
            &format!("user {}", n * 7 % 90),
            "seen",
            &properties[..usize::try_from(1 + n % 3).unwrap()],
        );
        drafts.push(at(draft, DAY_ONE.0 + n * 61_000_000));
    }
    let stored = |(index, draft): (usize, EventDraft)| {
        let mut payload = Vec::new();
        draft.encode(&mut payload);
        let position = Position(11 + index as u64 + u64::from(index > 50));
        let received_at = DAY_ONE.plus(index as i64 + if index > 80 { 5_000 } else { 0 });
        StoredEvent { receipt: Receipt { position, received_at }, payload }
    };
    let mut events: Vec<StoredEvent> = drafts.into_iter().enumerate().map(stored).collect();
    // A payload that no encoder makes: its one property's name is there twice.
    if let Some(last) = events.last_mut() {
        let mut payload = Vec::new();
        identify("anna", &[("a", Value::Null)]).encode(&mut payload);
        let twice = [&payload[..payload.len() - 4], &[2, 1, b'a', 0, 1, b'a', 0]].concat();
        assert_eq!(Event::decode(&twice).unwrap().properties.len(), 2);
        last.payload = twice;
    }
    events
}

fn written(events: &[StoredEvent]) -> (Vec<u8>, RwLock<Dictionaries>) {
    let mut known = Dictionaries::default();
    let (mut intake, mut writer) = (Intake::default(), SegmentWriter::new(Target::Memory, HEADER));
    for event in events {
        writer.receive(event.receipt.position.0, event.receipt.received_at.0);
        assert!(intake.take(&mut known, event.receipt, &event.payload));
    }
    let known = RwLock::new(known);
    for (name, mut rows) in intake.by_name {
        rows.sort();
        writer.add(name, &rows, &known).unwrap();
    }
    (writer.finish().unwrap(), known)
}

#[test]
fn a_segment_is_written_and_read_as_its_format_says() {
    let events = events();
    let (bytes, known) = written(&events);
    let fixture = expected("history.seg", &bytes);
    assert!(
        bytes == fixture,
        "a segment is written in another way: that needs another version of its format"
    );
    let segment = Segment::open(Box::new(fixture), None).unwrap();
    assert_eq!((segment.header(), segment.events()), (&HEADER, events.len() as u64));
    let (known, receipts) = (read(&known), segment.receipts().unwrap());
    let mut found = Vec::new();
    for (index, entry) in segment.parts().iter().enumerate() {
        let mut restorer = Restorer::new(segment.part(index).unwrap(), entry.name, &known).unwrap();
        for row in 0..entry.rows as usize {
            let mut payload = Vec::new();
            restorer.restore(row, &known, &mut payload).unwrap();
            let position = HEADER.first + restorer.part().positions.get(row).unwrap();
            let received_at = Timestamp(receipts.received_at(position).unwrap());
            found.push(StoredEvent {
                receipt: Receipt { position: Position(position), received_at },
                payload,
            });
        }
    }
    found.sort_by_key(|event| event.receipt.position);
    assert!(found == events, "every event comes back as it was");
}

#[test]
fn a_dictionary_is_written_and_read_as_its_format_says() {
    let (_, known) = written(&events());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("names.dict");
    let mut file = DictionaryFile::create(&RealDisk, &path, 0x5a5a_5a5a).unwrap();
    let missing = file.missing(&read(&known).names);
    file.add(&missing).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes == expected("names.dict", &bytes), "that needs another version of the format");
    let (_, names) = DictionaryFile::open(&RealDisk, &fixture("names.dict"), 1, true).unwrap();
    assert_eq!(names.text(1), Some(&b"\x01"[..]), "the first event was an identify_user");
    assert_eq!(names.count(), read(&known).names.count());
}

#[test]
fn a_newer_segment_and_a_cut_one_are_refused() {
    let (bytes, _) = written(&events());
    let mut newer = bytes.clone();
    newer[8] = 2;
    let sum = crc32fast::hash(&newer[..44]);
    newer[44..48].copy_from_slice(&sum.to_le_bytes());
    let refused = Segment::open(Box::new(newer), None).err().unwrap();
    assert_eq!(refused, "has segment format 2, this program reads 1");
    for end in (0..bytes.len()).step_by(97) {
        assert!(Segment::open(Box::new(bytes[..end].to_vec()), None).is_err(), "cut at {end}");
    }
}
