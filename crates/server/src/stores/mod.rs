//! Places for files outside of the data directory: a directory of this machine, or a bucket. A file is there as a whole once it
//! is finished, and under its name never in parts. Data sync and backups write to them.

mod bucket;
mod settings;
mod web;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

pub use settings::{Destination, S3Credentials, S3Settings};

use bucket::Bucket;

/// Where files go. Paths are relative, with slashes.
pub(crate) trait Store {
    /// Begins a file, in place of one that has its name.
    ///
    /// # Errors
    /// When it cannot be begun.
    fn begin<'s>(&'s self, path: &str) -> io::Result<Box<dyn StoreFile + 's>>;

    /// A file, from its beginning on; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read<'s>(&'s self, path: &str) -> io::Result<Option<Box<dyn Read + 's>>>;

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, path: &str) -> io::Result<()>;
}

/// A file on its way. Dropped before its end, it leaves nothing that has its name.
pub(crate) trait StoreFile: Write + Send {
    /// Gives the file its name: durable when it returns.
    ///
    /// # Errors
    /// When it cannot; the file is then not there, or as it was before.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// The store that settings name.
///
/// # Errors
/// When nothing can be opened there.
pub(crate) fn open(destination: &Destination, settings: &S3Settings) -> io::Result<Box<dyn Store>> {
    Ok(match destination {
        Destination::Directory(root) => Box::new(Directory { root: root.clone() }),
        Destination::Bucket { bucket, prefix } => Box::new(Bucket::open(bucket, prefix, settings)?),
    })
}

struct Directory {
    root: PathBuf,
}

struct DirectoryFile {
    file: File,
    /// What the file is called while it is written.
    draft: PathBuf,
    path: PathBuf,
    is_finished: bool,
}

impl Store for Directory {
    fn begin<'s>(&'s self, path: &str) -> io::Result<Box<dyn StoreFile + 's>> {
        let path = self.root.join(path);
        let directory = path.parent().unwrap_or(&self.root);
        make_directories(directory)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Whoever looks for files by their endings does not find one that is being written.
        let draft = directory.join(format!(".{name}.part"));
        let file = File::create(&draft)?;
        Ok(Box::new(DirectoryFile { file, draft, path, is_finished: false }))
    }

    fn read<'s>(&'s self, path: &str) -> io::Result<Option<Box<dyn Read + 's>>> {
        match File::open(self.root.join(path)) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.root.join(path);
        match fs::remove_file(&path) {
            Ok(()) => sync_directory(path.parent().unwrap_or(&self.root)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Write for DirectoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl StoreFile for DirectoryFile {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.draft, &self.path)?;
        self.is_finished = true;
        sync_directory(self.path.parent().unwrap_or(&self.path))
    }
}

impl Drop for DirectoryFile {
    fn drop(&mut self) {
        if !self.is_finished
            && let Err(error) = fs::remove_file(&self.draft)
        {
            tracing::warn!(%error, "a half-written file is left; the next try writes over it");
        }
    }
}

/// Makes a directory and those above it, their names durable.
fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = directory.parent().unwrap_or(directory);
    make_directories(above)?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_directory(above)
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_as_a_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let store = Directory { root: root.path().join("not/yet") };
        let read = |path: &str| {
            store.read(path).unwrap().map(|mut file| {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                text
            })
        };
        assert_eq!(read("a/x.ndjson.gz"), None);
        store.remove("a/x.ndjson.gz").unwrap();
        let write = |text: &str| {
            let mut file = store.begin("a/x.ndjson.gz").unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        };
        let file = write("one");
        assert_eq!(read("a/x.ndjson.gz"), None, "not before its end");
        file.finish().unwrap();
        drop(write("half"));
        assert_eq!(read("a/x.ndjson.gz").as_deref(), Some("one"));
        write("another").finish().unwrap();
        assert_eq!(read("a/x.ndjson.gz").as_deref(), Some("another"));
        assert_eq!(names(&root.path().join("not/yet/a")), ["x.ndjson.gz"]);
        store.remove("a/x.ndjson.gz").unwrap();
        assert_eq!(names(&root.path().join("not/yet/a")), [""; 0]);
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("taken"), "a file").unwrap();
        let store = Directory { root: root.path().join("taken") };
        assert!(store.begin("a/x").is_err());
    }
}
