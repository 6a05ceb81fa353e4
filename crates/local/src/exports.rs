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
use muster_kernel::ports::{ExportFile, StoreError};

use crate::disk::{Disk, DiskFile};
use crate::state_file::{FRESH, Kind, STATE, States};

/// At most 20,000 ids, and what is known of its parts.
const KIND: Kind = Kind { name: "export", one: "an export", bytes_max: 16 << 20 };
const PART: &str = ".part";
/// How often the free space is looked at while a part is written.
const ROOM_CHECK_BYTES: u64 = 16 << 20;

/// The exports of one environment.
pub struct ExportFiles(Arc<Shelf>);

struct Shelf {
    files: States,
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
        let files = States { kind: KIND, disk, directory: environment.join("exports"), free_reserve_bytes };
        let (mut state, mut notes) = (State::default(), Vec::new());
        let names = files.names()?;
        let named: Vec<(&String, Named)> =
            names.iter().filter_map(|name| Some((name, Named::of(name)?))).collect();
        for (name, what) in &named {
            state.last = state.last.max(what.export());
            let Named::State(number) = *what else { continue };
            match files.read(&files.path(name)) {
                Ok(export) => drop(state.exports.insert(number, export)),
                Err(what) => notes.push(format!("{}: {what}; it was removed", files.path(name).display())),
            }
        }
        for (name, what) in named {
            if !state.is_needed(what) {
                files.disk.remove(&files.path(name))?;
            }
        }
        Ok((ExportFiles(Arc::new(Shelf { files, state: Mutex::new(state) })), notes))
    }

    /// See the port.
    pub fn begin(&self, export: Export) -> Result<Export, StoreError> {
        let shelf = &self.0;
        let files = &shelf.files;
        let made = files
            .disk
            .create_directory(&files.directory)
            .and_then(|()| files.directory.parent().map_or(Ok(()), |above| files.disk.sync_directory(above)));
        made.map_err(|error| files.failed(error))?;
        files.check_room()?;
        let mut state = shelf.lock();
        state.last += 1;
        let export = Export { number: ExportNumber(state.last), ..export };
        shelf.write(&export)?;
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
        self.0.write(export)?;
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
        shelf.files.check_room()?;
        let state = shelf.lock();
        state.check_round(export)?;
        let path = shelf.part(export, part);
        let failed = |error| shelf.files.failed(error);
        let file = shelf.files.disk.open(&path, true).map_err(failed)?;
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
        let files = &self.0.files;
        let file = files.disk.open(&self.0.part(export, part), false);
        file.and_then(|file| file.read_at(buffer, offset)).map_err(|error| files.failed(error))
    }

    /// See the port.
    pub fn remove(&self, number: ExportNumber) -> Result<(), StoreError> {
        let shelf = &self.0;
        let mut state = shelf.lock();
        if !state.exports.contains_key(&number.0) {
            return Ok(());
        }
        // The state first: parts that no state names are removed at the next start.
        shelf.files.remove(&shelf.files.path(&format!("{number}{STATE}")))?;
        shelf.sync_if_there()?;
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
        self.files.path(&format!("{}.{}.{part}{PART}", export.number, export.round))
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        self.files.names().map_err(|error| self.files.failed(error))
    }

    fn write(&self, export: &Export) -> Result<(), StoreError> {
        self.files.write(export.number.0, export).map_err(|error| self.files.failed(error))
    }

    /// Makes a state without parts durable, then removes every part of the rounds before it.
    fn replace(&self, state: &mut State, next: Export) -> Result<(), StoreError> {
        self.write(&next)?;
        state.exports.insert(next.number.0, next);
        self.remove_parts(state)
    }

    /// Removes the parts that no state names. Not those of a round that goes on: one of them may be on its way.
    fn remove_parts(&self, state: &State) -> Result<(), StoreError> {
        for name in self.names()? {
            let Some(Named::Part(number, round, _)) = Named::of(&name) else { continue };
            if state.exports.get(&number).is_none_or(|export| export.round != round) {
                self.files.remove(&self.files.path(&name))?;
            }
        }
        self.sync_if_there()
    }

    fn sync_if_there(&self) -> Result<(), StoreError> {
        match self.files.disk.sync_directory(&self.files.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced.map_err(|error| self.files.failed(error)),
        }
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
            self.shelf.files.check_room()?;
            self.shelf.lock().check_round(&self.export)?;
            self.checked = self.bytes;
        }
        self.file.write_at(bytes, self.bytes).map_err(|error| self.shelf.files.failed(error))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn keep(mut self: Box<Self>) -> Result<(), StoreError> {
        let files = &self.shelf.files;
        self.file.sync().map_err(|error| files.failed(error))?;
        let state = self.shelf.lock();
        state.check_round(&self.export)?;
        files.disk.sync_directory(&files.directory).map_err(|error| files.failed(error))?;
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
        if let Err(error) = self.shelf.files.remove(&self.path) {
            tracing::warn!(%error, "what is left of an export is removed at the next start");
        }
    }
}

fn unknown(number: ExportNumber) -> StoreError {
    StoreError::Failed(format!("there is no export {number}"))
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
