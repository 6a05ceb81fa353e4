//! The base of an environment: what everything in the log up to a position comes to, once the events themselves are no
//! longer kept.
//!
//! A base is the fold of the log up to its position: every profile, the first outcome of every guarded call, and the ledger. With
//! the log behind it, it is all that profiles are made from, so it is primary: it is durable under its name before anything
//! that it stands for is dropped, and whatever a stop leaves of the old events is dropped at the next start (`dropping`).
//! It must never be ahead of the store, hold what an erasure covers once that is complete, or go back.

mod building;
mod dropping;
mod file;
#[cfg(test)]
mod fixture_tests;
mod seeding;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use muster_kernel::model::id::Position;
use muster_kernel::model::ledger::LedgerRow;
use muster_kernel::model::profile::Profile;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{ProfileKind, StoreError};

use crate::disk::Disk;
use crate::erasure::Sieve;
use crate::ledger::decode_note;
use crate::log::writer::{Identity, Random};
use crate::profiles::guarded::Guarded;
use crate::profiles::store::decode_guard;
use file::{BaseFile, BaseWriter, Header, Table};

pub use dropping::{drop_before, end_of, kept, would_drop};
pub use seeding::seed;

const SUFFIX: &str = ".base";
const RUN_SUFFIX: &str = ".run";

/// A base that is open.
pub struct Base(BaseFile);

impl Base {
    fn open(disk: &dyn Disk, path: &Path) -> Result<Base, String> {
        let name = path.display().to_string();
        let bytes = disk.open(path, false).and_then(|file| file.map());
        let bytes = bytes.map_err(|error| format!("{name}: {error}"))?;
        BaseFile::open(bytes, name).map(Base)
    }

    /// The position up to which it stands for the log.
    pub fn position(&self) -> Position {
        self.0.header().position
    }

    /// When the record there was received: what was known since then can be asked for.
    pub fn since(&self) -> Timestamp {
        self.0.header().time
    }

    /// How many profiles of a kind it holds.
    pub fn count(&self, kind: ProfileKind) -> u64 {
        self.0.count(table(kind))
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.0.length()
    }

    /// What it knows of a subject, but for what a sieve covers.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn profile(&self, kind: ProfileKind, id: &str, sieve: &Sieve) -> Result<Option<Profile>, StoreError> {
        let found = self.0.get(table(kind), id.as_bytes()).map_err(StoreError::Damaged)?;
        let known = found.map(|bytes| self.decoded(bytes)).transpose()?;
        Ok(known.and_then(|profile| self.left(kind, id, profile, sieve)))
    }

    /// Shows every profile of a kind, by id, but for what a sieve covers.
    ///
    /// # Errors
    /// When it is damaged, or `see` answers an error.
    pub fn each(
        &self,
        kind: ProfileKind,
        sieve: &Sieve,
        see: &mut dyn FnMut(&str, Profile) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for entry in self.0.entries(table(kind)) {
            let (id, bytes) = entry.map_err(StoreError::Damaged)?;
            let id = std::str::from_utf8(id).map_err(|_| self.damaged())?;
            if let Some(profile) = self.left(kind, id, self.decoded(bytes)?, sieve) {
                see(id, profile)?;
            }
        }
        Ok(())
    }

    /// Shows the first outcome of every guarded call.
    ///
    /// # Errors
    /// When it is damaged, or `see` answers an error.
    pub fn each_guard(
        &self,
        see: &mut dyn FnMut([u8; 16], Guarded) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for entry in self.0.entries(Table::Guards) {
            let (key, value) = entry.map_err(StoreError::Damaged)?;
            let key = key.try_into().map_err(|_| self.damaged())?;
            see(key, decode_guard(value).ok_or_else(|| self.damaged())?)?;
        }
        Ok(())
    }

    /// Shows every row of the ledger.
    ///
    /// # Errors
    /// When it is damaged, or `see` answers an error.
    pub fn each_ledger_row(
        &self,
        see: &mut dyn FnMut(LedgerRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for entry in self.0.entries(Table::Ledger) {
            let (_, value) = entry.map_err(StoreError::Damaged)?;
            see(decode_note(value).ok_or_else(|| self.damaged())?)?;
        }
        Ok(())
    }

    /// How many profiles there are, and of how many a sieve covers something.
    ///
    /// # Errors
    /// When it is damaged, or `check` does not want to go on.
    pub fn search(
        &self,
        sieve: &Sieve,
        check: &dyn Fn() -> Result<(), StoreError>,
    ) -> Result<(u64, u64), StoreError> {
        let (mut searched, mut found) = (0, 0);
        for kind in [ProfileKind::User, ProfileKind::Company] {
            self.each(kind, &Sieve::default(), &mut |id, profile| {
                searched += 1;
                let left = self.left(kind, id, profile.clone(), sieve);
                found += u64::from(left.as_ref() != Some(&profile));
                check()
            })?;
        }
        Ok((searched, found))
    }

    /// What a sieve leaves of a profile. An erasure that was accepted before the position left its mark in what was folded.
    fn left(&self, kind: ProfileKind, id: &str, profile: Profile, sieve: &Sieve) -> Option<Profile> {
        if sieve.is_empty() {
            return Some(profile);
        }
        let covers = |kind, id: &str| sieve.covers(kind, id, self.position(), None);
        if covers(kind, id) {
            return None;
        }
        Some(profile.cleared_of(|company| covers(ProfileKind::Company, company)).unwrap_or(profile))
    }

    fn decoded(&self, bytes: &[u8]) -> Result<Profile, StoreError> {
        Profile::from_bytes(bytes.to_vec()).map_err(|_| self.damaged())
    }

    fn damaged(&self) -> StoreError {
        StoreError::Damaged(format!("the base of position {} holds what makes no sense", self.position().0))
    }
}

fn table(kind: ProfileKind) -> Table {
    match kind {
        ProfileKind::User => Table::Users,
        ProfileKind::Company => Table::Companies,
    }
}

/// Where bases of an environment are kept. There is one at most.
pub struct Bases {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    identity: Identity,
    random: Random,
    current: RwLock<Option<Arc<Base>>>,
}

impl Bases {
    /// Opens the base below an environment's directory, if there is one; what was being made is removed.
    ///
    /// # Errors
    /// When it cannot be read: without it profiles cannot be made anew. The text says why.
    pub fn open(
        disk: Arc<dyn Disk>,
        environment: &Path,
        identity: Identity,
        random: Random,
    ) -> Result<Bases, String> {
        let directory = environment.join("base");
        let bases = Bases { disk, directory, identity, random, current: RwLock::default() };
        let failed = |error: io::Error| format!("{}: {error}", bases.directory.display());
        let names = list(bases.disk.as_ref(), &bases.directory).map_err(failed)?;
        let Some(newest) = names.iter().filter_map(|name| position_of(name)).max() else {
            bases.remove_others(None).map_err(failed)?;
            return Ok(bases);
        };
        bases.remove_others(Some(newest)).map_err(failed)?;
        let base = bases.read(newest)?;
        *bases.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(base));
        Ok(bases)
    }

    /// The base below an environment's directory, changing nothing.
    ///
    /// # Errors
    /// As [`Bases::open`].
    pub fn look(disk: &dyn Disk, environment: &Path, identity: Identity) -> Result<Option<Base>, String> {
        let directory = environment.join("base");
        let names = list(disk, &directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let newest = names.iter().filter_map(|name| position_of(name)).max();
        newest.map(|position| read(disk, &directory.join(name_of(position)), position, identity)).transpose()
    }

    /// The base, if there is one.
    pub fn current(&self) -> Option<Arc<Base>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The position up to which events are no longer kept.
    pub fn position(&self) -> Position {
        self.current().map_or(Position::START, |base| base.position())
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a base and puts it in the place of the one before, durably.
    fn replace(
        &self,
        (position, time): (Position, Timestamp),
        write: &mut dyn FnMut(&mut BaseWriter) -> Result<(), StoreError>,
    ) -> Result<Arc<Base>, StoreError> {
        self.disk.create_directory(&self.directory).map_err(unwritten)?;
        if let Some(environment) = self.directory.parent() {
            self.disk.sync_directory(environment).map_err(unwritten)?;
        }
        let fresh = self.directory.join(format!("{}.new", name_of(position)));
        self.write(&fresh, (position, time), write)?;
        let path = self.directory.join(name_of(position));
        self.disk.rename(&fresh, &path).map_err(unwritten)?;
        self.disk.sync_directory(&self.directory).map_err(unwritten)?;
        let base = Arc::new(self.read(position).map_err(StoreError::Damaged)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&base));
        self.remove_others(Some(position)).map_err(unwritten)?;
        Ok(base)
    }

    /// Takes what a sieve covers out of the base, durably. Answers the new one, if there is something to take out.
    ///
    /// # Errors
    /// When it cannot be read or written, or `check` does not want to go on.
    pub fn purge(
        &self,
        sieve: &Sieve,
        check: &dyn Fn() -> Result<(), StoreError>,
    ) -> Result<Option<Arc<Base>>, StoreError> {
        let Some(base) = self.current() else { return Ok(None) };
        if base.search(sieve, check)?.1 == 0 {
            return Ok(None);
        }
        self.replace((base.position(), base.since()), &mut |writer| {
            building::merge(&[(&base, sieve)], writer, check)
        })
        .map(Some)
    }

    fn write(
        &self,
        path: &Path,
        (position, time): (Position, Timestamp),
        write: &mut dyn FnMut(&mut BaseWriter) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.disk.create_directory(&self.directory).map_err(unwritten)?;
        let mut salt = [0; 4];
        (self.random)(&mut salt);
        let header = Header { identity: self.identity, salt: u32::from_le_bytes(salt), position, time };
        let file = self.disk.open(path, true).map_err(unwritten)?;
        file.set_length(0).map_err(unwritten)?;
        let mut writer = BaseWriter::new(Arc::from(file), header);
        write(&mut writer)?;
        writer.finish().map_err(unwritten)
    }

    fn read(&self, position: Position) -> Result<Base, String> {
        read(self.disk.as_ref(), &self.directory.join(name_of(position)), position, self.identity)
    }

    fn remove_others(&self, kept: Option<Position>) -> io::Result<()> {
        let kept = kept.map(name_of);
        for name in list(self.disk.as_ref(), &self.directory)? {
            if Some(&name) != kept.as_ref() {
                self.disk.remove(&self.directory.join(name))?;
            }
        }
        Ok(())
    }
}

fn read(disk: &dyn Disk, path: &Path, position: Position, identity: Identity) -> Result<Base, String> {
    let base = Base::open(disk, path)?;
    if base.0.header().identity != identity || base.position() != position {
        return Err(format!("{} is not the base of this environment that its name says", path.display()));
    }
    Ok(base)
}

fn name_of(position: Position) -> String {
    format!("{:020}{SUFFIX}", position.0)
}

fn position_of(name: &str) -> Option<Position> {
    let digits = name.strip_suffix(SUFFIX).filter(|digits| digits.len() == 20)?;
    digits.parse().ok().map(Position)
}

fn list(disk: &dyn Disk, directory: &Path) -> io::Result<Vec<String>> {
    match disk.list(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        names => names,
    }
}

fn unwritten(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("a base cannot be written: {error}"))
}
