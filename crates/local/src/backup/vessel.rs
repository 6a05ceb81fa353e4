//! Where a backup goes: a directory of files, or one tar file or stream with the same in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{BackupManifest, MANIFEST, STEP_BYTES, create, make_directory, sync_directories};

/// The end of the name of a backup that is one file.
const SUFFIX: &str = "tar";

/// Takes the files of a backup.
pub(super) trait Vessel {
    /// Adds a file of exactly this length.
    fn add(&mut self, path: &str, bytes: u64, from: &mut dyn Read) -> io::Result<()>;

    /// A file that was added comes again, or not at all.
    fn withdraw(&mut self, path: &str) -> io::Result<()>;

    /// Makes everything durable, and the manifest last of all.
    fn finish(&mut self, manifest: &BackupManifest) -> io::Result<()>;
}

/// Begins a backup: in one file when the name ends in `.tar`, in a directory otherwise.
///
/// # Errors
/// When there is something already, or it cannot be made.
pub(super) fn begin(into: &Path) -> io::Result<Box<dyn Vessel>> {
    let is_file = into.extension().is_some_and(|suffix| suffix == SUFFIX) && !into.is_dir();
    Ok(if is_file { Box::new(Archive::begin(into)?) } else { Box::new(Files::begin(into)?) })
}

fn taken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, what)
}

/// A directory.
struct Files {
    root: PathBuf,
}

impl Files {
    fn begin(root: &Path) -> io::Result<Files> {
        make_directory(root)?;
        match fs::read_dir(root)?.next() {
            None => Ok(Files { root: root.into() }),
            Some(_) => Err(taken("the directory is not empty")),
        }
    }
}

impl Vessel for Files {
    fn add(&mut self, path: &str, bytes: u64, from: &mut dyn Read) -> io::Result<()> {
        let mut file = create(&self.root.join(path))?;
        let mut buffer = vec![0; usize::try_from(bytes).unwrap_or(STEP_BYTES).min(STEP_BYTES)];
        let mut left = bytes;
        while left > 0 {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            file.write_all(&buffer[..count])?;
            left = left.saturating_sub(count as u64);
        }
        file.sync_all()
    }

    fn withdraw(&mut self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn finish(&mut self, manifest: &BackupManifest) -> io::Result<()> {
        sync_directories(&self.root, manifest.files.iter().map(|file| file.path.as_str()))?;
        let fresh = self.root.join("BACKUP.json.new");
        let mut file = create(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(manifest)?)?;
        file.sync_all()?;
        fs::rename(&fresh, self.root.join(MANIFEST))?;
        File::open(&self.root)?.sync_all()
    }
}

/// A tar stream.
pub(super) struct Tar<W: Write> {
    tar: tar::Builder<W>,
}

impl<W: Write> Tar<W> {
    pub(super) fn begin(to: W) -> Tar<W> {
        Tar { tar: tar::Builder::new(to) }
    }
}

impl<W: Write> Vessel for Tar<W> {
    fn add(&mut self, path: &str, bytes: u64, from: &mut dyn Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o600);
        header.set_size(bytes);
        // In one piece at a time, not in those of a few kilobytes that the library asks for.
        self.tar.append_data(&mut header, path, io::BufReader::with_capacity(STEP_BYTES, from))
    }

    /// It stays where it is. A file of the same name behind it takes its place, and one that the manifest does not name
    /// is left out by a restore.
    fn withdraw(&mut self, _path: &str) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, manifest: &BackupManifest) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(manifest)?;
        self.add(MANIFEST, text.len() as u64, &mut text.as_slice())?;
        self.tar.finish()?;
        self.tar.get_mut().flush()
    }
}

/// A tar file. It has its name once it is whole.
struct Archive {
    path: PathBuf,
    partial: PathBuf,
    tar: Tar<BufWriter<File>>,
}

impl Archive {
    fn begin(path: &Path) -> io::Result<Archive> {
        if path.exists() {
            return Err(taken("the file is there already"));
        }
        if let Some(above) = path.parent() {
            make_directory(above)?;
        }
        let partial = path.with_extension("tar.new");
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        let tar = Tar::begin(BufWriter::with_capacity(STEP_BYTES, file));
        Ok(Archive { path: path.into(), partial, tar })
    }
}

impl Vessel for Archive {
    fn add(&mut self, path: &str, bytes: u64, from: &mut dyn Read) -> io::Result<()> {
        self.tar.add(path, bytes, from)
    }

    fn withdraw(&mut self, path: &str) -> io::Result<()> {
        self.tar.withdraw(path)
    }

    fn finish(&mut self, manifest: &BackupManifest) -> io::Result<()> {
        self.tar.finish(manifest)?;
        self.tar.tar.get_ref().get_ref().sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        let above = self.path.parent().filter(|above| !above.as_os_str().is_empty());
        File::open(above.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        // Nothing that was cut short takes room. Once it is whole it has another name.
        let _ = fs::remove_file(&self.partial);
    }
}
