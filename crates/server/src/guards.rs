//! What makes two calls the same call (law 2), as hashes. The scopes of the keys are told apart by their first word.

use muster_kernel::model::guard::{Guard, GuardKind};
use sha2::{Digest, Sha256};

/// The guard of a call with an `Idempotency-Key`. Its scope is the environment (the log's business), the method and the
/// path.
pub fn of_request(method: &str, path: &str, key: &str, body: &[u8]) -> Guard {
    let scope = [method, "\n", path, "\n", key];
    Guard { kind: GuardKind::Request, key: hash(&scope.map(str::as_bytes)), body: hash(&[body]) }
}

/// The guard of an event with an id of the caller's.
pub fn of_event(event_id: &str, body: &[u8]) -> Guard {
    let scope = ["event", "\n", event_id];
    Guard { kind: GuardKind::EventId, key: hash(&scope.map(str::as_bytes)), body: hash(&[body]) }
}

/// What a row of history without an id says, hashed: `canonical` is all of it.
pub fn row_hash(canonical: &[u8]) -> [u8; 16] {
    hash(&[b"row\n", canonical])
}

/// The guard of such a row, the `number`th of its equals in one file, counted from 1.
pub fn of_row(row: [u8; 16], number: u32) -> Guard {
    let key = if number == 1 { row } else { hash(&[b"rows\n", &row, &number.to_be_bytes()]) };
    Guard { kind: GuardKind::Row, key, body: key }
}

/// The first 128 bits of the SHA-256 of the parts.
pub fn hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update(part);
    }
    first_half(sha)
}

/// The first 128 bits of what was hashed.
pub fn first_half(sha: Sha256) -> [u8; 16] {
    let whole: [u8; 32] = sha.finalize().into();
    let mut first = [0; 16];
    first.copy_from_slice(&whole[..16]);
    first
}
