//! A restore: a backup becomes a data directory again, and what was erased since it was made is erased there as well.
//!
//! Every file is compared with its checksum while it is copied, and only a directory that holds all of them becomes a
//! data directory. Environments get another incarnation: positions that were given after the backup was made mean
//! nothing any more, and must not be taken for others. The files keep the one that they were written with.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use muster_kernel::model::catalog::{CatalogState, Environment as EnvironmentEntry};
use muster_kernel::model::erasure::{Erasure, ErasureRequest};
use muster_kernel::model::id::{EnvironmentId, ErasureNumber};
use muster_kernel::ports::{Accepting, AppendError, Catalog, ProfileKind, Purged, StoreError};
use sha2::{Digest, Sha256};

use crate::backup::{
    BACKUP_FORMAT, BackupFile, BackupManifest, MANIFEST, STEP_BYTES, create, hexadecimal, sync_directories,
};
use crate::catalog::{self, CatalogFile};
use crate::directory::{Directory, OpenError};
use crate::disk::RealDisk;
use crate::engine::Engine;
use crate::erasure;
use crate::log::writer::Random;

/// Ids looked at in one go.
const STRIDE: usize = 1_000;
/// A manifest is not longer: two hundred bytes a file, for more files than a directory has.
const MANIFEST_BYTES_MAX: u64 = 256 << 20;

/// An erasure that a backup did not know of, done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reapplied {
    /// The name of the environment.
    pub environment: String,
    /// The erasure's id.
    pub id: String,
    /// How many of its ids the backup knew.
    pub ids: usize,
}

/// Makes a data directory from a backup.
///
/// # Errors
/// A sentence for the operator. A directory that was not finished is no data directory.
pub fn restore(backup: &Path, into: &Path, random: &Random) -> Result<BackupManifest, String> {
    if backup.is_file() {
        let shown = backup.display().to_string();
        let file = File::open(backup).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        return restore_from(&mut BufReader::with_capacity(STEP_BYTES, file), &shown, into, random);
    }
    let manifest = read_manifest(backup)?;
    made(into, random, || copy_all(backup, into, &manifest).map(|()| manifest))
}

/// Makes a data directory from the stream that [`Engine::back_up_to`] wrote; `shown` is how the operator knows it.
///
/// # Errors
/// A sentence for the operator. A directory that was not finished is no data directory.
pub fn restore_from(
    backup: &mut dyn Read,
    shown: &str,
    into: &Path,
    random: &Random,
) -> Result<BackupManifest, String> {
    made(into, random, || unpack(backup, shown, into))
}

/// Makes a data directory of what `copy` copies into it.
fn made(
    into: &Path,
    random: &Random,
    copy: impl FnOnce() -> Result<BackupManifest, String>,
) -> Result<BackupManifest, String> {
    let directory = Directory::open_empty(into).map_err(|error| error.to_string())?;
    let whole = copy().and_then(|manifest| settle(into, &manifest, random).map(|()| manifest));
    let manifest =
        whole.map_err(|error| format!("{error}. {} is no data directory yet; remove it", into.display()))?;
    directory.begin().map_err(|error| error.to_string())?;
    Ok(manifest)
}

/// Removes what can be made anew from the log, so that the next start does: the profile store.
///
/// # Errors
/// See [`OpenError`].
pub fn forget_derived(root: &Path) -> Result<(), OpenError> {
    let directory = Directory::open_existing(root)?;
    let catalog = CatalogFile::open(Arc::new(RealDisk), root)
        .map_err(|what| OpenError::Catalog(root.join(catalog::FILE), what))?;
    for entry in &catalog.state().environments {
        let home = home_of(entry, &directory);
        for derived in ["profiles", "values"].map(|name| home.join(name)) {
            match fs::remove_dir_all(&derived) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(OpenError::Io(derived, error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn home_of(entry: &EnvironmentEntry, directory: &Directory) -> PathBuf {
    let own = entry.directory.as_ref().map(PathBuf::from);
    own.unwrap_or_else(|| directory.environment(entry.id.0))
}

fn read_manifest(backup: &Path) -> Result<BackupManifest, String> {
    let path = backup.join(MANIFEST);
    let shown = path.display();
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{shown} is missing: this is no backup, or one that was not finished; use another one")
        }
        _ => format!("{shown} cannot be read: {error}"),
    })?;
    manifest_of(&bytes, &shown.to_string())
}

fn manifest_of(bytes: &[u8], shown: &str) -> Result<BackupManifest, String> {
    let damaged = |error: serde_json::Error| format!("{shown} is damaged ({error}): use another backup");
    let format: Format = serde_json::from_slice(bytes).map_err(damaged)?;
    if format.format != BACKUP_FORMAT {
        let found = format.format;
        return Err(format!(
            "{shown} has format {found}, this program reads {BACKUP_FORMAT}: use the version that made it"
        ));
    }
    serde_json::from_slice(bytes).map_err(damaged)
}

/// What is read before anything else.
#[derive(serde::Deserialize)]
struct Format {
    format: u32,
}

fn copy_all(backup: &Path, into: &Path, manifest: &BackupManifest) -> Result<(), String> {
    for file in &manifest.files {
        copy(backup, into, file)
            .map_err(|error| format!("{}: {error}", backup.join(&file.path).display()))?;
    }
    Ok(())
}

/// Makes a data directory of files that are all there.
fn settle(into: &Path, manifest: &BackupManifest, random: &Random) -> Result<(), String> {
    renew_catalog(into, random)?;
    sync_directories(into, manifest.files.iter().map(|file| file.path.as_str()))
        .map_err(|error| format!("{}: {error}", into.display()))
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what}: use another backup"))
}

/// A path that leads to a place below where it begins.
fn inside(path: &Path) -> io::Result<()> {
    match path.components().all(|part| matches!(part, Component::Normal(_))) {
        true => Ok(()),
        false => Err(damaged("it names a file outside of the backup")),
    }
}

fn copy(backup: &Path, into: &Path, file: &BackupFile) -> io::Result<()> {
    let path = Path::new(&file.path);
    inside(path)?;
    let mut from = File::open(backup.join(path))?;
    check(file, &write_to(&into.join(path), &mut from)?)
}

/// Whether a file came out as it went in.
fn check(file: &BackupFile, (bytes, sha256): &(u64, String)) -> io::Result<()> {
    match *bytes == file.bytes && *sha256 == file.sha256 {
        true => Ok(()),
        false => Err(damaged("it is not what was backed up")),
    }
}

/// Writes a new file durably; answers its length and hash.
fn write_to(path: &Path, from: &mut dyn Read) -> io::Result<(u64, String)> {
    let mut to = create(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; STEP_BYTES];
    let mut bytes = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
        bytes += count as u64;
    }
    to.sync_all()?;
    Ok((bytes, hexadecimal(hash)))
}

/// Takes the files out of a tar file. Of two with the same name the later one counts; the manifest stands last and says
/// which ones the backup consists of.
fn unpack(backup: &mut dyn Read, shown: &str, into: &Path) -> Result<BackupManifest, String> {
    let (manifest, mut found) = unpacked(backup, into).map_err(|error| format!("{shown}: {error}"))?;
    let manifest = manifest.ok_or_else(|| {
        format!("{shown} ends before its manifest: this is no backup, or one that was not finished; use another one")
    })?;
    let manifest = manifest_of(&manifest, &format!("{MANIFEST} in {shown}"))?;
    for file in &manifest.files {
        let missing = || damaged("it is missing");
        let whole = found.remove(&file.path).ok_or_else(missing).and_then(|found| check(file, &found));
        whole.map_err(|error| format!("{} in {shown}: {error}", file.path))?;
    }
    for path in found.keys() {
        fs::remove_file(into.join(path))
            .map_err(|error| format!("{}: {error}", into.join(path).display()))?;
    }
    Ok(manifest)
}

/// The manifest, and length and hash of each other file.
type Unpacked = (Option<Vec<u8>>, BTreeMap<String, (u64, String)>);

fn unpacked(backup: &mut dyn Read, into: &Path) -> io::Result<Unpacked> {
    let mut archive = tar::Archive::new(backup);
    let (mut manifest, mut found) = (None, BTreeMap::new());
    for entry in archive.entries()? {
        let mut entry = entry.map_err(|error| damaged(&error.to_string()))?;
        let path = entry.path()?.into_owned();
        inside(&path)?;
        let name = path.to_str().ok_or_else(|| damaged("a name in it is no text"))?.to_owned();
        if name == MANIFEST {
            let mut bytes = Vec::new();
            entry.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes)?;
            manifest = Some(bytes);
        } else {
            if found.contains_key(&name) {
                fs::remove_file(into.join(&path))?;
            }
            let written = write_to(&into.join(&path), &mut entry)?;
            found.insert(name, written);
        }
    }
    Ok((manifest, found))
}

/// Draws other incarnations, and puts every environment below the data directory.
fn renew_catalog(into: &Path, random: &Random) -> Result<(), String> {
    let catalog = CatalogFile::open(Arc::new(RealDisk), into)?;
    let changed = catalog.change(&mut |state: &mut CatalogState| {
        for entry in &mut state.environments {
            let mut drawn = [0; 4];
            random(&mut drawn);
            entry.written_as = Some(entry.written_as());
            entry.incarnation = u32::from_le_bytes(drawn);
            entry.directory = None;
        }
        for sync in &mut state.syncs {
            // Into a folder of its own: days that were written since may stand in the old one, and are not here.
            let id = state.next_sync.max(1);
            (sync.id, state.next_sync) = (id, id + 1);
        }
        Ok(())
    });
    changed.map(|_| ()).map_err(|error| error.to_string())
}

impl Engine {
    /// Erases anew what was erased in another data directory of the same environments since this one's backup was made.
    /// Of what is complete there only keyed hashes are left: each id here is compared with them.
    ///
    /// # Errors
    /// A sentence for the operator. What was done by then is done, and doing it again does no harm.
    pub fn erase_as_in(&self, other: &Path) -> Result<Vec<Reapplied>, String> {
        let directory = Directory::open_existing(other).map_err(|error| error.to_string())?;
        let catalog = CatalogFile::open(Arc::new(RealDisk), other)?;
        let mut all = Vec::new();
        for theirs in &catalog.state().environments {
            let state = self.catalog.state();
            let Some(ours) =
                state.environment(theirs.id).filter(|ours| ours.written_as() == theirs.written_as())
            else {
                continue;
            };
            let done = self.erase_one(ours, &home_of(theirs, &directory));
            all.extend(done.map_err(|error| format!("environment {}: {error}", ours.name))?);
        }
        Ok(all)
    }

    fn erase_one(&self, entry: &EnvironmentEntry, theirs: &Path) -> Result<Vec<Reapplied>, StoreError> {
        let environment = self.environment(entry.id)?;
        let registry = &environment.state.erasures;
        let known: HashSet<String> = registry.all().into_iter().map(|erasure| erasure.id).collect();
        let (key, all) = erasure::of_directory(theirs).map_err(failed)?;
        let later: Vec<Erasure> = all
            .into_iter()
            .filter(|erasure| erasure.position.is_some() && !known.contains(&erasure.id))
            .collect();
        let Some(key) = key.filter(|_| !later.is_empty()) else { return Ok(Vec::new()) };
        registry.take_key(&key).map_err(failed)?;
        let ids = self.ids_by_hash(entry.id, &key, &later)?;
        let (mut numbers, mut done) = (Vec::new(), Vec::new());
        for erasure in &later {
            let wanted = ProfileKind::from(erasure.kind);
            let found = erasure.hashes.iter().filter_map(|hash| ids.get(&(wanted, hash.clone())));
            let ids: Vec<String> = found.cloned().collect();
            done.push(Reapplied { environment: entry.name.clone(), id: erasure.id.clone(), ids: ids.len() });
            let accepted = wait(erasure::accept(&environment, request_of(erasure, ids))?)
                .map_err(|error| StoreError::Failed(format!("an erasure was not accepted: {error:?}")))?;
            numbers.push((accepted.number, erasure.hashes.clone()));
        }
        let plain: Vec<ErasureNumber> = numbers.iter().map(|(number, _)| *number).collect();
        match erasure::purge(&environment, &plain, &|| self.clock.now(), &|| false)? {
            Purged::Completed => {}
            other => {
                return Err(StoreError::Failed(format!("the erasures could not be purged now: {other:?}")));
            }
        }
        for (number, hashes) in numbers {
            registry.take_hashes(number, hashes).map_err(failed)?;
        }
        Ok(done)
    }

    /// The ids here that these erasures name, by what is kept of them.
    fn ids_by_hash(
        &self,
        environment: EnvironmentId,
        key: &[u8; 32],
        erasures: &[Erasure],
    ) -> Result<BTreeMap<(ProfileKind, String), String>, StoreError> {
        let mut found = BTreeMap::new();
        let environment = self.environment(environment)?;
        for kind in [ProfileKind::User, ProfileKind::Company] {
            let of_kind = erasures.iter().filter(|erasure| ProfileKind::from(erasure.kind) == kind);
            let wanted: HashSet<&String> = of_kind.flat_map(|erasure| &erasure.hashes).collect();
            let mut after = None;
            while !wanted.is_empty() {
                let page = environment.state.view().by_id(kind, "", after.as_ref(), STRIDE)?;
                for (id, _) in page.items {
                    let hash = erasure::hash_of(key, kind, &id);
                    if wanted.contains(&hash) {
                        found.insert((kind, hash), id.into());
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}

fn request_of(erasure: &Erasure, ids: Vec<String>) -> ErasureRequest {
    ErasureRequest {
        id: erasure.id.clone(),
        kind: erasure.kind,
        ids,
        suppress: erasure.suppress,
        key: erasure.key,
        by: erasure.by.clone(),
        accepted_at: erasure.accepted_at,
        due_at: erasure.due_at,
        promised_at: erasure.promised_at,
    }
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}

/// Waits for an acceptance on this thread.
fn wait(mut accepting: Accepting) -> Result<Erasure, AppendError> {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match accepting.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => std::thread::park(),
        }
    }
}
