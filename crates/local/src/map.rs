//! Files that are read in place.
//!
//! The one place of this package with `unsafe` in it. A map shows the file itself, so its bytes would change under a
//! reader if somebody wrote to it, and reading behind a cut would end the process. Neither happens: only files that are
//! never changed after they got their name are mapped (history's segments), in a directory that this process holds the
//! lock of, and removing a name leaves the bytes of a map alone. Their checksums are compared before they are believed.

use std::fs::File;
use std::io;

/// Bytes of a file that is never changed.
pub type Mapped = Box<dyn AsRef<[u8]> + Send + Sync>;

/// Maps a file that is never changed again.
///
/// # Errors
/// When the system cannot.
pub(crate) fn map(file: &File) -> io::Result<Mapped> {
    // SAFETY: as the module says: no one writes to or cuts the file while the map lives.
    #[expect(unsafe_code, reason = "the argument is the module's")]
    let mapped = unsafe { memmap2::Mmap::map(file)? };
    Ok(Box::new(mapped))
}
