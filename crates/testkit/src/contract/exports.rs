//! What `Exports` promises, but for what it promises about erasures.

use muster_kernel::model::export::{Export, ExportFilter, ExportKind, ExportPart, FileFormat};
use muster_kernel::model::id::{EnvironmentId, ExportNumber, Position};
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Exports, StoreError};

use crate::builders::{KEY, PRODUCTION};

const STAGING: EnvironmentId = EnvironmentId(2);

/// An export that has just been asked for.
pub fn export(id: &str) -> Export {
    Export {
        number: ExportNumber(0),
        id: id.to_owned(),
        kind: ExportKind::Events,
        format: FileFormat::Ndjson,
        filter: ExportFilter::default(),
        status: JobStatus::Queued,
        key: Some(KEY),
        asked_at: Timestamp(1_795_242_069_123_456),
        started_at: None,
        ended_at: None,
        position: Position(3),
        round: 0,
        hidden_until: Position(3),
        parts: Vec::new(),
        secret: "00".repeat(32),
        is_cancelled: false,
        reason: None,
    }
}

fn listed(exports: &dyn Exports, environment: EnvironmentId) -> Vec<Export> {
    exports.exports(environment).unwrap_or_else(|error| panic!("{error}"))
}

/// Writes a part of the round that an export is in, and says so in its state.
///
/// # Panics
/// When it is not kept.
pub fn write_part(exports: &dyn Exports, environment: EnvironmentId, export: &mut Export, pieces: &[&[u8]]) {
    let part = export.parts.len();
    let mut file = exports.begin_part(environment, export, part).unwrap_or_else(|error| panic!("{error}"));
    for piece in pieces {
        file.write(piece).unwrap_or_else(|error| panic!("{error}"));
    }
    file.keep().unwrap_or_else(|error| panic!("{error}"));
    let bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
    export.parts.push(ExportPart { rows: 1, bytes });
    exports.save_export(environment, export).unwrap_or_else(|error| panic!("{error}"));
}

/// Runs every promise.
pub fn exports_keep_their_promises(exports: &dyn Exports) {
    assert_eq!(listed(exports, PRODUCTION), []);
    let first = exports.begin_export(PRODUCTION, export("one")).unwrap_or_else(|error| panic!("{error}"));
    let second = exports.begin_export(PRODUCTION, export("two")).unwrap_or_else(|error| panic!("{error}"));
    assert!(first.number < second.number && first.number > ExportNumber(0));
    assert_eq!(listed(exports, PRODUCTION), [second.clone(), first.clone()], "the newest first");
    assert_eq!(listed(exports, STAGING), [], "nothing crosses environments");

    let mut now = exports.renew_export(PRODUCTION, first.number).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((now.round, now.parts.len(), &now.id), (first.round + 1, 0, &first.id));
    write_part(exports, PRODUCTION, &mut now, &[b"abc", b"def"]);
    write_part(exports, PRODUCTION, &mut now, &[]);
    assert_eq!(listed(exports, PRODUCTION), [second.clone(), now.clone()]);
    let mut buffer = [0; 4];
    assert_eq!(exports.read_part(PRODUCTION, &now, 0, 0, &mut buffer), Ok(4));
    assert_eq!(&buffer, b"abcd");
    assert_eq!(exports.read_part(PRODUCTION, &now, 0, 4, &mut buffer), Ok(2));
    assert_eq!(&buffer[..2], b"ef");
    assert_eq!(exports.read_part(PRODUCTION, &now, 0, 6, &mut buffer), Ok(0));
    assert_eq!(exports.read_part(PRODUCTION, &now, 1, 0, &mut buffer), Ok(0), "a part may be empty");
    assert!(exports.read_part(PRODUCTION, &now, 2, 0, &mut buffer).is_err(), "there is none");

    let late = exports.begin_part(PRODUCTION, &now, 2);
    let late = late.unwrap_or_else(|error| panic!("{error}"));
    let next = exports.renew_export(PRODUCTION, first.number).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((next.round, next.parts.len()), (now.round + 1, 0));
    assert_eq!(late.keep(), Err(StoreError::Stopped), "nobody writes into a round that is over");
    assert_eq!(exports.save_export(PRODUCTION, &now), Err(StoreError::Stopped));
    assert_eq!(exports.begin_part(PRODUCTION, &now, 0).err(), Some(StoreError::Stopped));
    assert!(exports.read_part(PRODUCTION, &now, 0, 0, &mut buffer).is_err(), "its files are gone");

    assert_eq!(exports.remove_export(PRODUCTION, first.number), Ok(()));
    assert_eq!(listed(exports, PRODUCTION), std::slice::from_ref(&second));
    assert!(exports.save_export(PRODUCTION, &next).is_err(), "it is not there any more");
    assert_eq!(exports.remove_export(PRODUCTION, first.number), Ok(()), "once more does no harm");
    let third = exports.begin_export(PRODUCTION, export("three")).unwrap_or_else(|error| panic!("{error}"));
    assert_ne!(third.number, second.number);

    let nowhere = EnvironmentId(99);
    assert_eq!(exports.exports(nowhere), Err(StoreError::NoEnvironment));
    assert_eq!(exports.begin_export(nowhere, export("x")).err(), Some(StoreError::NoEnvironment));
}
