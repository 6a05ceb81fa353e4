//! The bytes of docs/FORMAT.md, "Base", held to a file in the repository. `UPDATE_FIXTURES=1` writes it anew, which only a
//! new version of the format may need.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_kernel::model::event::Event;
use muster_kernel::model::id::Position;
use muster_kernel::model::profile::{Change, Profile};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_testkit::builders::{identify, joining};
use muster_testkit::clock::DAY_ONE;

use super::file::{BaseFile, BaseWriter, Header, Table};
use crate::disk::{Disk, RealDisk};
use crate::log::writer::Identity;

const HEADER: Header = Header {
    identity: Identity { environment: 1, incarnation: 2 },
    salt: 0x5a5a_5a5a,
    position: Position(400),
    time: Timestamp(DAY_ONE.0 + 7),
};

fn profile(number: i64) -> Profile {
    let mut profile = Profile::default();
    for company in ["acme", "zeta"] {
        let padding = "x".repeat(300);
        let draft = identify("u", &[("n", Value::Int(number)), ("padding", Value::Text(&padding))]);
        let mut bytes = Vec::new();
        joining(draft, company).encode(&mut bytes);
        let event = Event::decode(&bytes).unwrap();
        profile.apply(&Change::of_user(&event, DAY_ONE).unwrap().1);
    }
    profile
}

/// Several blocks of users, one of each other table but for companies, of which there are none.
fn entries() -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let users = (0..500).map(|number| {
        (Table::Users, format!("user {number:03}").into_bytes(), profile(number).as_bytes().to_vec())
    });
    let others = [(Table::Guards, vec![7; 16], vec![9; 33]), (Table::Ledger, vec![0; 12], vec![1, 2, 3])];
    users.chain(others).collect()
}

fn written(directory: &Path) -> Vec<u8> {
    let path = directory.join("fixture");
    let mut writer = BaseWriter::new(Arc::from(RealDisk.open(&path, true).unwrap()), HEADER);
    for (table, key, value) in entries() {
        writer.push(table, &key, &value).unwrap();
    }
    writer.finish().unwrap();
    std::fs::read(path).unwrap()
}

fn open(bytes: Vec<u8>) -> Result<BaseFile, String> {
    BaseFile::open(Box::new(bytes), "the fixture".to_owned())
}

type OwnedEntry = (Table, Vec<u8>, Vec<u8>);

fn all(base: &BaseFile) -> Result<Vec<OwnedEntry>, String> {
    let of = |table| {
        base.entries(table).map(move |entry| entry.map(|(key, value)| (table, key.to_vec(), value.to_vec())))
    };
    Table::ALL.into_iter().flat_map(of).collect()
}

#[test]
fn a_base_is_written_as_it_was_and_reads_back() {
    let directory = tempfile::tempdir().unwrap();
    let now = written(directory.path());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/base-1");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let then = std::fs::read(path).unwrap();
    assert!(now == then, "the bytes of a base are others than those of version 1");
    let base = open(then).unwrap();
    assert_eq!((*base.header(), base.count(Table::Users), base.count(Table::Companies)), (HEADER, 500, 0));
    assert_eq!(all(&base).unwrap(), entries());
    for (table, key, value) in entries() {
        assert_eq!(base.get(table, &key), Ok(Some(&value[..])));
    }
    for missing in ["", "user 0", "user 2500", "zz"] {
        assert_eq!(base.get(Table::Users, missing.as_bytes()), Ok(None));
    }
    assert_eq!(base.get(Table::Companies, b"user 001"), Ok(None));
}

#[test]
fn a_flipped_bit_or_a_cut_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = written(directory.path());
    for at in (0..bytes.len()).step_by(97).chain(bytes.len() - 60..bytes.len()).chain(0..48) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        assert!(open(flipped).and_then(|base| all(&base)).is_err(), "byte {at}");
    }
    for end in [0, 47, 48, 1000, bytes.len() - 1] {
        assert!(open(bytes[..end].to_vec()).is_err(), "cut at {end}");
    }
    let mut newer = bytes;
    newer[8] = 9;
    let checksum = crc32fast::hash(&newer[..44]);
    newer[44..48].copy_from_slice(&checksum.to_le_bytes());
    assert!(open(newer).err().unwrap().contains("format 9, this program reads 1"));
}
