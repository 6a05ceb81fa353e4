//! The exports of an environment on disk (docs/FORMAT.md, "Exports"): for export N the state `N.json`, and for part P of its
//! round R the file `N.R.P.part`, in `exports/`.
//!
//! Invariants: a part is synced under its name before a state names it; a state is written beside the old one, synced and
//! renamed; a state that names no part is durable before the parts that it named are removed. So whatever a stop leaves
//! that no state names is removed at the next start. One lock orders states, rounds and the names of parts: nobody keeps a
//! file of a round that is over.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_kernel::model::export::Export;
use muster_kernel::model::id::{ExportNumber, Position};
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::ports::{ExportFile, Refusal, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::disk::{Disk, DiskFile};

const FORMAT: u32 = 1;
const STATE: &str = ".json";
const FRESH: &str = ".json.new";
const PART: &str = ".part";
/// The state of an export larger than this is damage: 20,000 ids, and what is known of its parts.
const STATE_BYTES_MAX: u64 = 16 << 20;
/// How often the free space is looked at while a part is written.
const ROOM_CHECK_BYTES: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    format: u32,
    crc32: u32,
    #[serde(borrow)]
    export: &'a RawValue,
}

/// The exports of one environment.
pub struct ExportFiles(Arc<Shelf>);

struct Shelf {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    free_reserve_bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u32,
    exports: BTreeMap<u32, Export>,
}

/// What the name of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    State(u32),
    Fresh(u32),
    Part(u32, u32, usize),
}

impl Named {
    fn of(name: &str) -> Option<Named> {
        if let Some(number) = name.strip_suffix(FRESH) {
            return number.parse().ok().map(Named::Fresh);
        }
        if let Some(number) = name.strip_suffix(STATE) {
            return number.parse().ok().map(Named::State);
        }
        let mut numbers = name.strip_suffix(PART)?.split('.');
        let named = (numbers.next()?, numbers.next()?, numbers.next()?);
        let (export, round, part) = named;
        let named = Named::Part(export.parse().ok()?, round.parse().ok()?, part.parse().ok()?);
        numbers.next().is_none().then_some(named)
    }

    fn export(self) -> u32 {
        match self {
            Named::State(export) | Named::Fresh(export) | Named::Part(export, ..) => export,
        }
    }
}

impl ExportFiles {
    /// Reads the states below an environment's directory and removes what belongs to none. Answers as well what could not be
    /// read, for the operator: such an export is gone, because nobody knows what is in its files.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn open(
        disk: Arc<dyn Disk>,
        environment: &Path,
        free_reserve_bytes: u64,
    ) -> io::Result<(ExportFiles, Vec<String>)> {
        let directory = environment.join("exports");
        let (mut state, mut notes) = (State::default(), Vec::new());
        let names = match disk.list(&directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            names => names.unwrap_or_default(),
        };
        let named: Vec<(&String, Named)> =
            names.iter().filter_map(|name| Some((name, Named::of(name)?))).collect();
        for (name, what) in &named {
            state.last = state.last.max(what.export());
            let Named::State(number) = *what else { continue };
            match read_state(disk.as_ref(), &directory.join(name)) {
                Ok(export) => drop(state.exports.insert(number, export)),
                Err(what) => {
                    notes.push(format!("{}: {what}; it was removed", directory.join(name).display()));
                }
            }
        }
        let shelf = Shelf { disk, directory, free_reserve_bytes, state: Mutex::new(state) };
        for (name, what) in named {
            if !shelf.lock().is_needed(what) {
                shelf.disk.remove(&shelf.directory.join(name))?;
            }
        }
        Ok((ExportFiles(Arc::new(shelf)), notes))
    }

    /// See the port.
    pub fn begin(&self, export: Export) -> Result<Export, StoreError> {
        let shelf = &self.0;
        shelf.disk.create_directory(&shelf.directory).map_err(failed)?;
        if let Some(above) = shelf.directory.parent() {
            shelf.disk.sync_directory(above).map_err(failed)?;
        }
        shelf.check_room()?;
        let mut state = shelf.lock();
        state.last += 1;
        let export = Export { number: ExportNumber(state.last), ..export };
        shelf.write_state(&export).map_err(failed)?;
        state.exports.insert(export.number.0, export.clone());
        Ok(export)
    }

    /// Every export, the newest first.
    pub fn exports(&self) -> Vec<Export> {
        self.0.lock().exports.values().rev().cloned().collect()
    }

    /// See the port.
    pub fn save(&self, export: &Export) -> Result<(), StoreError> {
        let mut state = self.0.lock();
        state.check_round(export)?;
        self.0.write_state(export).map_err(failed)?;
        state.exports.insert(export.number.0, export.clone());
        Ok(())
    }

    /// See the port. Everything that an erasure before `visible` hides is hidden from the next round.
    pub fn renew(&self, number: ExportNumber, visible: Position) -> Result<Export, StoreError> {
        let mut state = self.0.lock();
        let export = state.exports.get(&number.0).cloned().ok_or_else(|| unknown(number))?;
        let next = Export { round: export.round + 1, hidden_until: visible, parts: Vec::new(), ..export };
        self.0.replace(&mut state, next.clone())?;
        Ok(next)
    }

    /// See the port.
    pub fn begin_part(&self, export: &Export, part: usize) -> Result<Box<dyn ExportFile>, StoreError> {
        let shelf = &self.0;
        shelf.check_room()?;
        let state = shelf.lock();
        state.check_round(export)?;
        let path = shelf.part(export, part);
        let file = shelf.disk.open(&path, true).map_err(failed)?;
        // What a part that was not kept left in this process.
        file.set_length(0).map_err(failed)?;
        drop(state);
        let export = export.clone();
        let shelf = Arc::clone(shelf);
        Ok(Box::new(Writing { shelf, export, path, file, bytes: 0, checked: 0, is_kept: false }))
    }

    /// See the port.
    pub fn read_part(
        &self,
        export: &Export,
        part: usize,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let file = self.0.disk.open(&self.0.part(export, part), false).map_err(failed)?;
        file.read_at(buffer, offset).map_err(failed)
    }

    /// See the port.
    pub fn remove(&self, number: ExportNumber) -> Result<(), StoreError> {
        let shelf = &self.0;
        let mut state = shelf.lock();
        if !state.exports.contains_key(&number.0) {
            return Ok(());
        }
        // The state first: parts that no state names are removed at the next start.
        shelf.remove_file(&shelf.directory.join(format!("{number}{STATE}")))?;
        shelf.disk.sync_directory(&shelf.directory).map_err(failed)?;
        state.exports.remove(&number.0);
        shelf.remove_parts(&state)
    }

    /// The files that stand there, with the positions up to which erasures were hidden from whoever wrote them.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn each_part(&self, see: &mut dyn FnMut(Position)) -> Result<(), StoreError> {
        let shelf = &self.0;
        let state = shelf.lock();
        for name in shelf.names()? {
            let Some(Named::Part(export, round, _)) = Named::of(&name) else { continue };
            let known = state.exports.get(&export).filter(|known| known.round == round);
            // Of a file that belongs to no round nothing is known.
            see(known.map_or(Position::START, |known| known.hidden_until));
        }
        Ok(())
    }

    /// Takes every file that may hold what an erasure before `until` took away, durably: ended exports fail for that reason,
    /// the others begin anew.
    ///
    /// # Errors
    /// When something of it may be left.
    pub fn purge(&self, until: Position, visible: Position) -> Result<(), StoreError> {
        let mut state = self.0.lock();
        let older: Vec<Export> =
            state.exports.values().filter(|export| export.hidden_until < until).cloned().collect();
        for export in older {
            let mut next =
                Export { round: export.round + 1, hidden_until: visible, parts: Vec::new(), ..export };
            if next.status == JobStatus::Completed {
                next.status = JobStatus::Failed;
                let message = "People or companies were erased after the export was made, so that its files were removed; \
                               start it anew.";
                next.reason = Some(Problem::of_call(ProblemCode::ExportErased, message));
            }
            self.0.replace(&mut state, next)?;
        }
        // Also what an earlier try could not remove.
        self.0.remove_parts(&state)
    }
}

impl State {
    /// Whether a file belongs to an export as its state says.
    fn is_needed(&self, what: Named) -> bool {
        match what {
            Named::State(number) => self.exports.contains_key(&number),
            Named::Fresh(_) => false,
            Named::Part(number, round, part) => self
                .exports
                .get(&number)
                .is_some_and(|export| export.round == round && part < export.parts.len()),
        }
    }

    fn check_round(&self, export: &Export) -> Result<(), StoreError> {
        let known = self.exports.get(&export.number.0).ok_or_else(|| unknown(export.number))?;
        if known.round == export.round { Ok(()) } else { Err(StoreError::Stopped) }
    }
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn part(&self, export: &Export, part: usize) -> PathBuf {
        self.directory.join(format!("{}.{}.{part}{PART}", export.number, export.round))
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        match self.disk.list(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => names.map_err(failed),
        }
    }

    /// Makes a state without parts durable, then removes every part of the rounds before it.
    fn replace(&self, state: &mut State, next: Export) -> Result<(), StoreError> {
        self.write_state(&next).map_err(failed)?;
        state.exports.insert(next.number.0, next);
        self.remove_parts(state)
    }

    /// Removes the parts that no state names. Not those of a round that goes on: one of them may be on its way.
    fn remove_parts(&self, state: &State) -> Result<(), StoreError> {
        for name in self.names()? {
            let Some(Named::Part(number, round, _)) = Named::of(&name) else { continue };
            if state.exports.get(&number).is_none_or(|export| export.round != round) {
                self.remove_file(&self.directory.join(&name))?;
            }
        }
        self.sync_if_there()
    }

    fn sync_if_there(&self) -> Result<(), StoreError> {
        match self.disk.sync_directory(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced.map_err(failed),
        }
    }

    fn remove_file(&self, path: &Path) -> Result<(), StoreError> {
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }

    fn check_room(&self) -> Result<(), StoreError> {
        match self.disk.free_bytes(&self.directory) {
            Ok(free) if free < self.free_reserve_bytes => Err(StoreError::Refused(Refusal::DiskFull)),
            // Not knowing is no reason to refuse: a full disk still answers the write itself.
            _ => Ok(()),
        }
    }

    fn write_state(&self, export: &Export) -> io::Result<()> {
        let text = RawValue::from_string(serde_json::to_string(export)?)?;
        let crc32 = crc32fast::hash(text.get().as_bytes());
        let bytes = serde_json::to_vec(&Envelope { format: FORMAT, crc32, export: &text })?;
        let fresh = self.directory.join(format!("{}{FRESH}", export.number));
        let file = self.disk.open(&fresh, true)?;
        file.set_length(0)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        drop(file);
        self.disk.rename(&fresh, &self.directory.join(format!("{}{STATE}", export.number)))?;
        self.disk.sync_directory(&self.directory)
    }
}

/// A part on its way.
struct Writing {
    shelf: Arc<Shelf>,
    export: Export,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    bytes: u64,
    /// How many bytes there were at the last look at free space and round.
    checked: u64,
    is_kept: bool,
}

impl ExportFile for Writing {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.bytes - self.checked >= ROOM_CHECK_BYTES {
            self.shelf.check_room()?;
            self.shelf.lock().check_round(&self.export)?;
            self.checked = self.bytes;
        }
        self.file.write_at(bytes, self.bytes).map_err(failed)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn keep(mut self: Box<Self>) -> Result<(), StoreError> {
        self.file.sync().map_err(failed)?;
        let state = self.shelf.lock();
        state.check_round(&self.export)?;
        self.shelf.disk.sync_directory(&self.shelf.directory).map_err(failed)?;
        drop(state);
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        if let Err(error) = self.shelf.remove_file(&self.path) {
            tracing::warn!(%error, "what is left of an export is removed at the next start");
        }
    }
}

fn unknown(number: ExportNumber) -> StoreError {
    StoreError::Failed(format!("there is no export {number}"))
}

fn failed(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Refused(Refusal::DiskFull),
        _ => StoreError::Failed(format!("a file of an export: {error}")),
    }
}

fn read_state(disk: &dyn Disk, path: &Path) -> Result<Export, String> {
    let read = || -> io::Result<Vec<u8>> {
        let file = disk.open(path, false)?;
        let length = file.length()?;
        if length > STATE_BYTES_MAX {
            return Err(io::Error::other("it is larger than the state of any export"));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_at(&mut bytes, 0)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| format!("the export cannot be read: {error}"))?;
    let envelope: Envelope<'_> =
        serde_json::from_slice(&bytes).map_err(|error| format!("the export is damaged: {error}"))?;
    if envelope.format != FORMAT {
        return Err(format!("the export has format {}, this program reads {FORMAT}", envelope.format));
    }
    if crc32fast::hash(envelope.export.get().as_bytes()) != envelope.crc32 {
        return Err("the export is damaged: its checksum does not match".to_owned());
    }
    serde_json::from_str(envelope.export.get()).map_err(|error| format!("the export is damaged: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_file_is() {
        assert_eq!(Named::of("7.json"), Some(Named::State(7)));
        assert_eq!(Named::of("7.json.new"), Some(Named::Fresh(7)));
        assert_eq!(Named::of("7.2.0.part"), Some(Named::Part(7, 2, 0)));
        for other in ["7", "x.json", "7.2.part", "7.2.0.1.part", "7.2.x.part", "lost+found"] {
            assert_eq!(Named::of(other), None, "{other}");
        }
    }
}
