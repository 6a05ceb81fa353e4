//! The files of an export while they are written: the next one is begun when one is full.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use muster_kernel::model::export::{Export, ExportPart};
use muster_kernel::model::id::EnvironmentId;
use muster_kernel::ports::{ExportFile, Exports, StoreError};

use crate::formats::{self, Cell, RowFile, Table};

/// Bytes of a file after which the next one is begun. It may go beyond them by a block of its format and by the rows that
/// wait for its thread.
pub(super) const PART_BYTES_MAX: u64 = 256 << 20;

/// Why rows cannot be written on.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The engine did not take them.
    Store(StoreError),
    /// The format did not; a defect.
    Format(io::Error),
}

impl From<StoreError> for Unwritten {
    fn from(error: StoreError) -> Self {
        Unwritten::Store(error)
    }
}

/// A file of the engine as a format sees it.
struct Target {
    shared: Arc<Shared>,
}

/// What is known of the file below a format, whatever the format makes of an error.
struct Shared {
    /// Gone once the file is kept.
    file: Mutex<Option<Box<dyn ExportFile>>>,
    bytes: AtomicU64,
    error: Mutex<Option<StoreError>>,
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.shared.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match &mut *file {
            Some(file) => file.write(bytes),
            None => Err(StoreError::Failed("a file was ended before its rows".to_owned())),
        };
        if let Err(error) = written {
            *self.shared.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            return Err(io::Error::other("the file of an export cannot be written"));
        }
        self.shared.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Open {
    rows: u64,
    file: Box<dyn RowFile>,
    shared: Arc<Shared>,
}

/// The files of one round.
pub(super) struct Parts<'a> {
    exports: &'a dyn Exports,
    environment: EnvironmentId,
    export: &'a Export,
    table: &'static Table,
    rows_max: u64,
    bytes_max: u64,
    done: Vec<ExportPart>,
    open: Option<Open>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(
        exports: &'a dyn Exports,
        environment: EnvironmentId,
        export: &'a Export,
        table: &'static Table,
        rows_max: u64,
    ) -> Self {
        let (done, bytes_max) = (Vec::new(), PART_BYTES_MAX);
        Parts { exports, environment, export, table, rows_max, bytes_max, done, open: None }
    }

    /// Writes a row.
    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Unwritten> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        open.file.row(cells).map_err(|error| open.shared.why(error))?;
        open.rows += 1;
        self.open = Some(open);
        Ok(())
    }

    /// Ends the file if it is full. Answers the parts that are whole now, when there is one more.
    pub(super) fn turn(&mut self) -> Result<Option<&[ExportPart]>, Unwritten> {
        let (rows_max, bytes_max) = (self.rows_max, self.bytes_max);
        let is_full =
            |open: &Open| open.rows >= rows_max || open.shared.bytes.load(Ordering::Relaxed) >= bytes_max;
        if !self.open.as_ref().is_some_and(is_full) {
            return Ok(None);
        }
        self.end()?;
        Ok(Some(&self.done))
    }

    /// Ends the last file; one without rows when there was no row at all, so that whoever reads it learns the columns.
    pub(super) fn finish(mut self) -> Result<Vec<ExportPart>, Unwritten> {
        if self.open.is_none() && self.done.is_empty() {
            self.open = Some(self.begin()?);
        }
        self.end()?;
        Ok(self.done)
    }

    fn begin(&self) -> Result<Open, Unwritten> {
        let file = self.exports.begin_part(self.environment, self.export, self.done.len())?;
        let shared = Arc::new(Shared {
            file: Mutex::new(Some(file)),
            bytes: AtomicU64::default(),
            error: Mutex::default(),
        });
        let target = Target { shared: Arc::clone(&shared) };
        let file = formats::begin_behind(self.export.format, self.table, target)
            .map_err(|error| shared.why(error))?;
        Ok(Open { rows: 0, file, shared })
    }

    fn end(&mut self) -> Result<(), Unwritten> {
        let Some(Open { rows, file, shared }) = self.open.take() else { return Ok(()) };
        file.finish().map_err(|error| shared.why(error))?;
        let below = shared.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(below) = below {
            below.keep()?;
        }
        self.done.push(ExportPart { rows, bytes: shared.bytes.load(Ordering::Relaxed) });
        Ok(())
    }
}

impl Shared {
    /// What really happened when a format says that it cannot write.
    fn why(&self, error: io::Error) -> Unwritten {
        let below = self.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        below.map_or(Unwritten::Format(error), Unwritten::Store)
    }
}

#[cfg(test)]
mod tests {
    use muster_testkit::builders::PRODUCTION;
    use muster_testkit::contract::export;
    use muster_testkit::model_exports::ModelExports;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::formats::{Column, Type};

    static TABLE: Table = Table::new("thing", &[Column { name: "id", r#type: Type::Text, is_shared: true }]);

    #[test]
    fn a_file_is_ended_once_it_has_its_bytes() {
        let exports = ModelExports::default();
        let asked = exports.begin_export(PRODUCTION, export("one")).unwrap();
        let mut parts = Parts::new(&exports, PRODUCTION, &asked, &TABLE, u64::MAX);
        assert_eq!(parts.bytes_max, 256 << 20);
        parts.bytes_max = 1_000_000;
        let mut ended = 0;
        for number in 0..1_000_000u32 {
            // What cannot be compressed much.
            let text: String =
                Sha256::digest(number.to_le_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            parts.row(&[Cell::Text(&text)]).unwrap();
            ended = parts.turn().unwrap().map_or(ended, <[ExportPart]>::len);
        }
        let all = parts.finish().unwrap();
        assert!(ended >= 2 && all.len() == ended + 1, "{all:?}");
        assert_eq!(all.iter().map(|part| part.rows).sum::<u64>(), 1_000_000);
        // Beyond the limit by what waits for the thread and what the compressor holds at most.
        assert!(all[..ended].iter().all(|part| (1_000_000..18_000_000).contains(&part.bytes)), "{all:?}");
    }
}
