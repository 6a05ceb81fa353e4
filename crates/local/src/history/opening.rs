//! Opens history, or begins it: for a data directory that had none, the tail begins at the log's first event.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex, RwLock};

use super::archive::{Archive, ArchiveOptions, Files, Kept, Pressing, Sieving, Snapshot};
use super::dictionary::{Dictionaries, Dictionary, DictionaryFile};
use super::manifest::{self, DictionaryEntry, Manifest, SegmentEntry};
use super::rows::Intake;
use super::segment::Segment;
use muster_kernel::ports::{ProfileKind, StoreError};

use crate::base::Base;
use crate::disk::Disk;
use crate::erasure::Sieve;
use crate::log::reader::LogReader;
use crate::log::segment::Segments;
use crate::log::writer::{Identity, Random};

/// What history is opened with.
pub struct Parts {
    /// Where its files are.
    pub directory: PathBuf,
    /// Whose it is.
    pub identity: Identity,
    /// When and how segments are written.
    pub options: ArchiveOptions,
    /// Where the files are kept.
    pub disk: Arc<dyn Disk>,
    /// Source of salts.
    pub random: Random,
    /// The log that it is made from.
    pub log: Arc<Segments>,
    /// What is being erased.
    pub sieve: Sieving,
    /// Whether work in the background has to wait.
    pub pressing: Pressing,
    /// What stands for the events that were dropped.
    pub base: Option<Arc<Base>>,
}

impl Archive {
    /// Opens the history of a directory; one without gets an empty one, to be filled from the log.
    ///
    /// # Errors
    /// When its files cannot be read or are damaged; the text says which and why.
    pub fn open(parts: Parts) -> Result<Archive, String> {
        let (disk, directory) = (parts.disk.as_ref(), parts.directory.as_path());
        let failed = |error: io::Error| format!("{}: {error}", directory.display());
        disk.create_directory(directory).map_err(failed)?;
        let (files, known) = match Manifest::read(disk, directory)? {
            Some(manifest) => {
                let (files, known) = open_dictionaries(disk, directory, manifest, false)?;
                remove_strangers(disk, directory, &files.manifest).map_err(failed)?;
                (files, known)
            }
            None => {
                let known = names_in(parts.base.as_deref()).map_err(|error| error.to_string())?;
                let base = parts.base.as_ref().map_or(0, |base| base.position().0);
                (begin(disk, directory, &parts.random, base, &known).map_err(failed)?, known)
            }
        };
        if files.manifest.base > parts.base.as_ref().map_or(0, |base| base.position().0) {
            let base = files.manifest.base;
            return Err(format!(
                "it begins behind position {base}, and the base that stands for what was before is missing"
            ));
        }
        let kept = open_segments(disk, directory, parts.identity, &files.manifest)?;
        let base = parts.base.as_ref().map(|base| (Arc::clone(base), Sieve::default()));
        let through = files.manifest.covered().max(base.as_ref().map_or(0, |(base, _)| base.position().0));
        let dictionary_bytes = AtomicU64::new(files.dictionary_bytes());
        let history = Archive {
            directory: parts.directory,
            identity: parts.identity,
            options: parts.options,
            disk: parts.disk,
            random: parts.random,
            sealing_log: LogReader::new(Arc::clone(&parts.log)),
            log: LogReader::new(parts.log),
            sieve: parts.sieve,
            pressing: parts.pressing,
            known: RwLock::new(known),
            snapshot: RwLock::new(Arc::new(Snapshot { kept, through, sifted: Vec::new(), base })),
            tail: Mutex::default(),
            files: Mutex::new(files),
            signals: Mutex::default(),
            changed: Condvar::new(),
            columns: super::user_columns::UserColumns::default(),
            then_columns: super::then_columns::ThenColumns::default(),
            pins: super::pins::Pins::default(),
            rule_columns: super::members::Columns::default(),
            dictionary_bytes,
            waiting: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            asked: AtomicBool::new(false),
        };
        if let Some(base) = &parts.base {
            // A stop came between the base and this.
            history.stand_on(base).map_err(|error| error.to_string())?;
        }
        Ok(history)
    }

    /// The position up to which files hold everything.
    pub fn covered(&self) -> u64 {
        let snapshot = self.snapshot();
        let files = snapshot.kept.iter().filter(|kept| kept.segment.file.is_some());
        files.map(|kept| kept.segment.header().last).max().unwrap_or_default().max(snapshot.base_position())
    }
}

/// The name of a segment's file.
pub fn segment_name(file: u64) -> String {
    format!("{file:010}.seg")
}

/// The name of a dictionary's file.
pub fn dictionary_name(file: u64) -> String {
    format!("{file:010}.dict")
}

/// The ids that the base names: whoever it knows of must have a number, also where no event names them any more.
fn names_in(base: Option<&Base>) -> Result<Dictionaries, StoreError> {
    let mut known = Dictionaries::default();
    let Some(base) = base else { return Ok(known) };
    base.each(ProfileKind::Company, &Sieve::default(), &mut |id, _| {
        known.companies.intern(id.as_bytes());
        Ok(())
    })?;
    base.each(ProfileKind::User, &Sieve::default(), &mut |id, profile| {
        known.users.intern(id.as_bytes());
        profile.view().companies().for_each(|company| {
            known.companies.intern(company.as_bytes());
        });
        Ok(())
    })?;
    Ok(known)
}

fn begin(
    disk: &dyn Disk,
    directory: &Path,
    random: &Random,
    base: u64,
    known: &Dictionaries,
) -> io::Result<Files> {
    let create = |file: u64| {
        let mut salt = [0; 4];
        random(&mut salt);
        DictionaryFile::create(disk, &directory.join(dictionary_name(file)), u32::from_le_bytes(salt))
    };
    let (mut users, mut companies, names) = (create(1)?, create(2)?, create(3)?);
    users.add(&users.missing(&known.users))?;
    companies.add(&companies.missing(&known.companies))?;
    let entry = |file, count| DictionaryEntry { file, count };
    let manifest = Manifest {
        last_file: 3,
        base,
        segments: Vec::new(),
        users: entry(1, users.kept()),
        companies: entry(2, companies.kept()),
        names: entry(3, names.kept()),
    };
    disk.sync_directory(directory)?;
    manifest.write(disk, directory)?;
    Ok(Files { manifest, users, companies, names, intake: Intake::default() })
}

/// Opens the dictionaries that a manifest names.
pub(super) fn open_dictionaries(
    disk: &dyn Disk,
    directory: &Path,
    manifest: Manifest,
    read_only: bool,
) -> Result<(Files, Dictionaries), String> {
    let open = |entry: &DictionaryEntry| -> Result<(DictionaryFile, Dictionary), String> {
        let path = directory.join(dictionary_name(entry.file));
        DictionaryFile::open(disk, &path, entry.count, read_only)
    };
    let (users, known_users) = open(&manifest.users)?;
    let (companies, known_companies) = open(&manifest.companies)?;
    let (names, known_names) = open(&manifest.names)?;
    let known = Dictionaries { users: known_users, companies: known_companies, names: known_names };
    Ok((Files { manifest, users, companies, names, intake: Intake::default() }, known))
}

/// Opens the segments that a manifest names.
pub(super) fn open_segments(
    disk: &dyn Disk,
    directory: &Path,
    identity: Identity,
    manifest: &Manifest,
) -> Result<Vec<Kept>, String> {
    let open = |entry: &SegmentEntry| {
        let segment = open_segment(disk, &directory.join(segment_name(entry.file)))?;
        let header = segment.header();
        let own = (header.environment, header.incarnation) == (identity.environment, identity.incarnation);
        if !own || (header.first, header.last, segment.events()) != (entry.first, entry.last, entry.events) {
            return Err(format!("{} is not the segment that the manifest means", segment.name()));
        }
        Ok(Kept { segment: Arc::new(segment), hidden: Arc::default() })
    };
    manifest.segments.iter().map(open).collect()
}

/// Opens a segment's file.
pub(super) fn open_segment(disk: &dyn Disk, path: &Path) -> Result<Segment, String> {
    let bytes = disk.open(path, false).and_then(|file| file.map());
    let named = |what: String| format!("{}: {what}", path.display());
    let bytes = bytes.map_err(|error| named(error.to_string()))?;
    Segment::open(bytes, Some(path.into())).map_err(named)
}

/// The files that a manifest names, and its own.
pub(super) fn names_of(manifest: &Manifest) -> Vec<String> {
    let segments = manifest.segments.iter().map(|entry| segment_name(entry.file));
    let dictionaries = [&manifest.users, &manifest.companies, &manifest.names];
    let mut known: Vec<String> = segments.collect();
    known.extend(dictionaries.map(|entry| dictionary_name(entry.file)));
    known.push(manifest::FILE.to_owned());
    known
}

/// Removes what a seal or a merge left behind that did not come to its end.
fn remove_strangers(disk: &dyn Disk, directory: &Path, manifest: &Manifest) -> io::Result<()> {
    let known = names_of(manifest);
    for name in disk.list(directory)? {
        if !known.contains(&name) {
            disk.remove(&directory.join(name))?;
        }
    }
    Ok(())
}
