//! A backup: what is primary, copied while the engine works (docs/FORMAT.md, "Backup"); `vessel.rs` is where it goes.
//!
//! What is copied later may speak of what was copied before, never the other way round. Of an environment: jobs and
//! history before the log, because they name positions that the log must hold; erasures behind it, because one whose
//! mark the log does not hold is none. The catalog comes last, so that every key that an event names is in it, and lists and the audit
//! trail behind the state of the catalog was taken, so that no act is missing. The log is copied up to one position, which is what the
//! copy is of. Profiles are not copied: they are folded from the log. No purge runs meanwhile; everything else goes on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::{EnvironmentId, Position};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::Catalog;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

mod vessel;

use self::vessel::{Tar, Vessel};
use crate::audit;
use crate::catalog;
use crate::disk::{Disk, DiskFile};
use crate::engine::Engine;
use crate::environment::Environment;
use crate::log::reader::FrameCursor;
use crate::log::record::FrameKind;
use crate::log::segment::{Segment, file_name};

/// What a backup consists of: written last, so that a copy that was cut short is none.
pub const MANIFEST: &str = "BACKUP.json";
/// Version of the manifest and of how the files lie.
pub const BACKUP_FORMAT: u32 = 1;
/// Bytes copied at a time.
pub(crate) const STEP_BYTES: usize = 1 << 20;
/// How often a job is looked at again whose files went while they were copied.
const TRIES: usize = 5;

/// What a backup consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// `BACKUP_FORMAT`.
    pub format: u32,
    /// When it was begun.
    pub made_at: Timestamp,
    /// Of which environments, and up to where.
    pub environments: Vec<BackedUp>,
    /// Its files, in the order in which they were copied.
    pub files: Vec<BackupFile>,
}

impl BackupManifest {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// An environment in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    /// Its number.
    pub id: EnvironmentId,
    /// Its name then.
    pub name: String,
    /// The last position that the backup holds.
    pub position: Position,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Its path below the backup, as below a data directory.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// How far a backup is, and whether it is still wanted.
#[derive(Debug, Default)]
pub struct BackupProgress {
    bytes: AtomicU64,
    stopped: AtomicBool,
}

impl BackupProgress {
    /// Bytes copied.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Ends the backup soon.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Counts what was copied.
    ///
    /// # Errors
    /// When it is not wanted any more.
    pub(crate) fn advance(&self, bytes: usize) -> io::Result<()> {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if self.stopped.load(Ordering::Relaxed) {
            // Not `Interrupted`, after which a copy would go on with what follows.
            return Err(io::Error::other("it was stopped"));
        }
        Ok(())
    }
}

impl Engine {
    /// Copies everything that is primary into a directory that is empty or not there yet, or into a tar file that is not
    /// there yet: one whose name ends in `.tar`.
    ///
    /// # Errors
    /// A sentence for the operator. What was copied by then into a directory is left there, and is no backup.
    pub fn back_up(&self, into: &Path, progress: &BackupProgress) -> Result<BackupManifest, String> {
        let copied = vessel::begin(into).and_then(|mut vessel| self.copy_all(vessel.as_mut(), progress));
        copied.map_err(|error| {
            let remedy = if into.is_dir() {
                "What is there is no backup; remove it, and back up again into an empty directory"
            } else {
                "No backup was made; mend the cause or choose another name"
            };
            format!("{}: {error}. {remedy}", into.display())
        })
    }

    /// Writes everything that is primary as a tar stream: a backup once it is kept as a whole.
    ///
    /// # Errors
    /// When reading or writing fails, or the backup was stopped.
    pub fn back_up_to(&self, out: &mut dyn Write, progress: &BackupProgress) -> io::Result<BackupManifest> {
        self.copy_all(&mut Tar::begin(out), progress)
    }

    fn copy_all(&self, vessel: &mut dyn Vessel, progress: &BackupProgress) -> io::Result<BackupManifest> {
        let made_at = self.clock.now();
        let mut copy = Copying { disk: self.disk.as_ref(), into: &mut *vessel, progress, files: Vec::new() };
        let mut environments = Vec::new();
        for entry in &self.catalog.state().environments {
            let environment = self.environment(entry.id).map_err(io::Error::other)?;
            let prefix = format!("environments/{}", entry.id.0);
            let home = self.home_of(entry);
            let position = copy.environment(&environment, &home, &prefix)?;
            environments.push(BackedUp { id: entry.id, name: entry.name.clone(), position });
        }
        let mut state = CatalogState::clone(&self.catalog.state());
        for entry in &mut state.environments {
            // One that was made meanwhile has no data here.
            entry.begun &= environments.iter().any(|copied| copied.id == entry.id);
            copy.settled(&self.home_of(entry).join("lists"), &format!("environments/{}/lists", entry.id.0))?;
        }
        copy.whole(&self.directory.root().join(audit::FILE), audit::FILE)?;
        copy.put(catalog::FILE, &catalog::encode(&state)?)?;
        let manifest = BackupManifest { format: BACKUP_FORMAT, made_at, environments, files: copy.files };
        vessel.finish(&manifest)?;
        Ok(manifest)
    }
}

/// Makes a directory that is its owner's alone.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes durable the names of files below a directory, and of the directories between.
pub(crate) fn sync_directories<'a>(root: &Path, files: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut directories: Vec<PathBuf> = files
        .flat_map(|path| {
            Path::new(path).ancestors().skip(1).map(|above| root.join(above)).collect::<Vec<_>>()
        })
        .collect();
    directories.sort();
    directories.dedup();
    directories.iter().try_for_each(|directory| File::open(directory)?.sync_all())
}

/// A new file that only its owner reads.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    if let Some(above) = path.parent() {
        make_directory(above)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// SHA-256 in hexadecimal.
pub(crate) fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A backup under way.
struct Copying<'a> {
    disk: &'a dyn Disk,
    into: &'a mut dyn Vessel,
    progress: &'a BackupProgress,
    files: Vec<BackupFile>,
}

impl Copying<'_> {
    /// Copies an environment; answers the position that the copy is of.
    fn environment(&mut self, environment: &Environment, home: &Path, prefix: &str) -> io::Result<Position> {
        // Nothing is taken out of the files while they are copied, and no event is dropped.
        let _no_purge = environment.state.erasures.purging();
        let jobs = home.join("jobs");
        for name in self.names(&jobs)? {
            if let Some(number) = name.strip_suffix(".json").filter(|number| is_number(number)) {
                self.job(&jobs, &format!("{prefix}/jobs"), number)?;
            }
        }
        self.settled(environment.bases.directory(), &format!("{prefix}/base"))?;
        self.history(environment, &format!("{prefix}/history"))?;
        let until = environment.state.visible();
        self.log(environment, &format!("{prefix}/log"), until)?;
        self.settled(&home.join("erasures"), &format!("{prefix}/erasures"))?;
        Ok(until)
    }

    /// The files of a directory that are replaced as a whole, without those on their way.
    fn settled(&mut self, directory: &Path, prefix: &str) -> io::Result<()> {
        for name in
            self.names(directory)?.iter().filter(|name| !name.ends_with(".new") && !name.ends_with(".run"))
        {
            self.whole(&directory.join(name), &format!("{prefix}/{name}"))?;
        }
        Ok(())
    }

    /// A job's state first: what it says of the other files only grows. A job that ends meanwhile is looked at again.
    fn job(&mut self, jobs: &Path, prefix: &str, number: &str) -> io::Result<()> {
        for _ in 0..TRIES {
            let known = self.files.len();
            let name =
                |ending: &str| (jobs.join(format!("{number}{ending}")), format!("{prefix}/{number}{ending}"));
            let (state, to) = name(".json");
            let before = read(self.disk, &state)?.unwrap_or_default();
            self.put(&to, &before)?;
            for ending in [".upload", ".rejects.ndjson"] {
                let (from, to) = name(ending);
                self.whole(&from, &to)?;
            }
            if read(self.disk, &state)?.unwrap_or_default() == before || !self.lacks_files(known, number) {
                return Ok(());
            }
            for file in self.files.split_off(known) {
                self.into.withdraw(&file.path)?;
            }
        }
        Err(io::Error::other(format!("job {number} changed again and again while it was copied")))
    }

    /// Whether of a job not every file was there.
    fn lacks_files(&self, known: usize, number: &str) -> bool {
        let endings = [format!("{number}.upload"), format!("{number}.rejects.ndjson")];
        let has =
            |ending: &String| self.files[known..].iter().any(|file| file.path.ends_with(ending.as_str()));
        !endings.iter().all(has)
    }

    /// What the manifest names, opened while its lock is held: then no file of history comes or goes. They are copied without it,
    /// however long that takes: one that is merged away meanwhile can be read until its end, and dictionaries only grow.
    fn history(&mut self, environment: &Environment, prefix: &str) -> io::Result<()> {
        let files = {
            let (_held, directory, names) = environment.history.hold_files();
            let open = |name: String| match self.disk.open(&directory.join(&name), false) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
                Ok(file) => file.length().map(|length| Some((name, file, length))),
            };
            names.into_iter().filter_map(|name| open(name).transpose()).collect::<io::Result<Vec<_>>>()?
        };
        for (name, file, length) in files {
            self.copy(file.as_ref(), &format!("{prefix}/{name}"), length)?;
        }
        Ok(())
    }

    /// The log up to a position that is visible, so that all of it is durable and never changes.
    fn log(&mut self, environment: &Environment, prefix: &str, until: Position) -> io::Result<()> {
        let segments = environment.log.segments.all();
        for (index, segment) in segments.iter().enumerate() {
            let is_ended = segments.get(index + 1).is_some_and(|next| next.first.0 <= until.0 + 1);
            let length = if is_ended { segment.file.length()? } else { end_of(segment, until)? };
            self.copy(segment.file.as_ref(), &format!("{prefix}/{}", file_name(segment.first)), length)?;
            if !is_ended {
                break;
            }
        }
        Ok(())
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        match self.disk.list(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => {
                let mut names = names?;
                names.sort();
                Ok(names)
            }
        }
    }

    /// Copies a file as long as it is now; one that is not there is left out.
    fn whole(&mut self, from: &Path, to: &str) -> io::Result<()> {
        match self.disk.open(from, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(file) => {
                let length = file.length()?;
                self.copy(file.as_ref(), to, length)
            }
        }
    }

    fn copy(&mut self, from: &dyn DiskFile, to: &str, length: u64) -> io::Result<()> {
        let mut offset = 0;
        self.add(to, length, &mut |buffer| {
            let count = from.read_at(buffer, offset)?;
            offset += count as u64;
            Ok(count)
        })
    }

    fn put(&mut self, to: &str, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        self.add(to, bytes.len() as u64, &mut |buffer| rest.read(buffer))
    }

    fn add(
        &mut self,
        to: &str,
        bytes: u64,
        read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let mut source = Source { read, left: bytes, hash: Sha256::new(), progress: self.progress };
        self.into.add(to, bytes, &mut source).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), format!("{to} became shorter meanwhile"))
            }
            _ => error,
        })?;
        let sha256 = hexadecimal(source.hash);
        self.files.push(BackupFile { path: to.to_owned(), bytes, sha256 });
        Ok(())
    }
}

/// A file on its way into a backup: of a length that is known before, hashed and counted.
struct Source<'a> {
    read: &'a mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    left: u64,
    hash: Sha256,
    progress: &'a BackupProgress,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let count = (self.read)(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.hash.update(&buffer[..count]);
        self.left -= count as u64;
        self.progress.advance(count)?;
        Ok(count)
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path, false) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = vec![0; usize::try_from(file.length()?).map_err(io::Error::other)?];
    let filled = file.read_at(&mut bytes, 0)?;
    bytes.truncate(filled);
    Ok(Some(bytes))
}

/// Where the record of a position ends in the segment that holds it, or would hold the next one.
fn end_of(segment: &Segment, until: Position) -> io::Result<u64> {
    let mut cursor = FrameCursor::at_start(segment.clone());
    let mut end = cursor.offset();
    while let Some(frame) = cursor.next_frame()? {
        // A batch's own position is another's.
        let is_record = frame.kind != FrameKind::Batch;
        if is_record && frame.position > until {
            break;
        }
        if is_record {
            end = cursor.offset();
        }
    }
    Ok(end)
}
