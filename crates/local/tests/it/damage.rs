//! Damaged logs: cut at every byte, a bit flipped anywhere. Nothing acknowledged is lost in silence, nothing false is
//! read.

use std::path::{Path, PathBuf};

use muster_kernel::model::id::Position;
use muster_kernel::model::time::Timestamp;
use muster_local::disk::Disk;
use muster_local::log::record::{FrameKind, begin_batch, begin_frame};
use muster_local::log::recover::{RecoverError, Recovered, Request, recover};
use muster_local::log::segment::Segments;
use muster_local::log::writer::{Identity, LogEnd, Writer, WriterOptions};
use muster_testkit::sim_disk::{SimDisk, Unsynced};
use std::sync::Arc;

const IDENTITY: Identity = Identity { environment: 1, incarnation: 2 };
const SEGMENT_BYTES: u64 = 1024;
const RECORDS: u64 = 30;

/// Position and payload of each.
type Records = Vec<(u64, Vec<u8>)>;

fn directory() -> PathBuf {
    PathBuf::from("/log")
}

fn payload(n: u64) -> Vec<u8> {
    format!("record {n} with some text in it").into_bytes()
}

/// A log of single-record batches over several small segments. `ended`: closed cleanly, else left as a crash leaves it
/// after a moment of rest.
fn written(ended: bool) -> SimDisk {
    let disk = SimDisk::default();
    disk.create_directory(&directory()).unwrap();
    let options = WriterOptions {
        segment_bytes: SEGMENT_BYTES,
        free_reserve_bytes: 0,
        random: Arc::new(|bytes| bytes.fill(0x5a)),
    };
    let end = LogEnd { last: Position::START, time: Timestamp(0), offset: 0 };
    let segments = Arc::new(Segments::default());
    let mut writer =
        Writer::open(Arc::new(disk.clone()), directory(), IDENTITY, options, segments, end).unwrap();
    for n in 1..=RECORDS {
        let mut batch = Vec::new();
        begin_batch(&mut batch);
        begin_frame(&mut batch, FrameKind::Event, |out| out.extend_from_slice(&payload(n)));
        writer.write(&mut batch, Timestamp(1000)).unwrap();
    }
    writer.witness();
    if ended {
        writer.close().unwrap();
    }
    disk.after_power_cut(Unsynced::Kept)
}

/// What recovery says, and the records that it gives.
fn read(disk: &SimDisk, skip_damaged: bool) -> (Result<Recovered, RecoverError>, Records) {
    let mut seen = Vec::new();
    let log = directory();
    let request = Request {
        disk,
        directory: &log,
        identity: IDENTITY,
        saved: Position::START,
        skip_damaged,
        read_only: false,
    };
    let recovered = recover(&request, &mut |frame| seen.push((frame.position.0, frame.payload.to_vec())));
    (recovered, seen)
}

fn whole() -> Records {
    (1..=RECORDS).map(|n| (n, payload(n))).collect()
}

fn last_segment(disk: &SimDisk) -> PathBuf {
    disk.paths().pop().unwrap()
}

fn is_damage_at(error: &RecoverError, path: &Path) -> bool {
    let text = error.to_string();
    matches!(error, RecoverError::Damaged { path: named, .. } if named == path)
        && text.contains("--skip-damaged")
}

#[test]
fn a_whole_log_reads_back_however_it_ended() {
    for ended in [false, true] {
        let disk = written(ended);
        assert!(disk.paths().len() >= 2, "several segments");
        let (recovered, seen) = read(&disk, false);
        let recovered = recovered.unwrap();
        assert_eq!((recovered.end.last, recovered.notes), (Position(RECORDS), vec![]));
        assert_eq!(seen, whole());
    }
}

#[test]
fn a_log_cut_at_any_byte_keeps_every_whole_record_before_the_cut() {
    let disk = written(true);
    let path = last_segment(&disk);
    let length = disk.bytes(&path).unwrap().len();
    let mut kept = Vec::new();
    for cut in 128..length {
        for zeros in [false, true] {
            let cut_disk = disk.with_file(&path, |bytes| {
                bytes.truncate(cut);
                if zeros {
                    bytes.resize(usize::try_from(SEGMENT_BYTES).unwrap(), 0);
                }
            });
            let (recovered, seen) = read(&cut_disk, false);
            let recovered = recovered.unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            assert_eq!(seen, whole()[..seen.len()], "cut at {cut}");
            assert_eq!(recovered.end.last.0, seen.len() as u64);
            kept.push(seen.len());
            let again = read(&cut_disk.after_power_cut(Unsynced::Lost), false);
            assert_eq!(again.1, seen, "a second start finds the same");
        }
    }
    assert!(kept.is_sorted(), "a later cut never keeps fewer");
    assert!(kept.len() > 300 && kept[kept.len() - 1] == whole().len());
}

#[test]
fn a_flipped_bit_is_found_and_named_and_the_rest_can_be_kept() {
    let disk = written(true);
    let mut refused = 0;
    for path in disk.paths() {
        let length = disk.bytes(&path).unwrap().len();
        for bit in 0..length * 8 {
            let flipped = disk.with_file(&path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            let (strict, seen) = read(&flipped, false);
            match strict {
                Ok(_) => assert_eq!(seen, whole(), "{path:?} bit {bit}: taken although something is missing"),
                Err(error) => {
                    refused += 1;
                    assert!(is_damage_at(&error, &path), "{path:?} bit {bit}: {error}");
                    let (lenient, seen) = read(&flipped, true);
                    let lenient = lenient.unwrap_or_else(|error| panic!("{path:?} bit {bit}: {error}"));
                    assert_eq!(lenient.end.last, Position(RECORDS), "no position is given twice");
                    assert_eq!(lenient.notes.len(), 1, "{:?}", lenient.notes);
                    let missing = whole().into_iter().filter(|record| !seen.contains(record)).count();
                    assert!(
                        missing <= 1 && seen.len() + missing == whole().len(),
                        "{path:?} bit {bit}: {seen:?}"
                    );
                }
            }
        }
    }
    assert!(refused > 1000, "most bits belong to records: {refused}");
}

#[test]
fn a_missing_segment_is_damage() {
    let disk = written(true);
    let paths = disk.paths();
    disk.remove(&paths[1]).unwrap();
    let (strict, _) = read(&disk, false);
    assert!(strict.is_err_and(|error| error.to_string().contains("damaged")));
    let (lenient, seen) = read(&disk, true);
    assert!(lenient.is_ok() && seen.len() < whole().len() && seen.last() == whole().last());
}

#[test]
fn files_of_another_environment_or_a_newer_format_are_refused() {
    let disk = written(true);
    let log = directory();
    let other = Identity { environment: 3, incarnation: 2 };
    let request = Request {
        disk: &disk,
        directory: &log,
        identity: other,
        saved: Position::START,
        skip_damaged: true,
        read_only: false,
    };
    assert!(matches!(recover(&request, &mut |_| {}), Err(RecoverError::Foreign { .. })));
}
