//! A file that a thread of its own writes while the caller makes the next rows.
//!
//! Guarantees: rows reach the file in order; what waits is [`WAITING`] batches at most, whatever their number; once it is
//! finished or dropped nothing writes into the file any more. An error of the file is told at one of the rows behind it, or at
//! the end.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use super::{Cell, RowFile, Table};
use muster_kernel::model::time::Timestamp;

/// Cells of a batch, about: half a megabyte.
const BATCH_CELLS: usize = 1 << 15;
/// Bytes of its texts, about.
const BATCH_BYTES: usize = 1 << 19;
/// Batches that may wait for the thread: with fewer rows than a block of Parquet has ([`super::BLOCK_ROWS_MAX`]) whoever makes
/// them would stand still while one is encoded.
const WAITING: usize = 48;

/// What a cell is, without the text that it borrows.
enum Kept {
    Nothing,
    Text(usize),
    Json(usize),
    Number(i64),
    Time(Timestamp),
}

/// Rows, one behind the other. A text ends where its cell says, and begins where the one before it ends.
#[derive(Default)]
struct Batch {
    cells: Vec<Kept>,
    texts: String,
}

impl Batch {
    fn push(&mut self, cells: &[Cell<'_>]) {
        for cell in cells {
            let kept = match *cell {
                Cell::Nothing => Kept::Nothing,
                Cell::Text(text) => Kept::Text(self.keep(text)),
                Cell::Json(text) => Kept::Json(self.keep(text)),
                Cell::Number(number) => Kept::Number(number),
                Cell::Time(time) => Kept::Time(time),
            };
            self.cells.push(kept);
        }
    }

    fn keep(&mut self, text: &str) -> usize {
        self.texts.push_str(text);
        self.texts.len()
    }

    fn is_full(&self) -> bool {
        self.cells.len() >= BATCH_CELLS || self.texts.len() >= BATCH_BYTES
    }

    /// Writes every row, and is empty then.
    fn write(&mut self, columns: usize, file: &mut dyn RowFile) -> io::Result<()> {
        let mut row = Vec::with_capacity(columns);
        let mut start = 0;
        for cells in self.cells.chunks(columns) {
            row.clear();
            for kept in cells {
                let mut text = |end: usize| &self.texts[std::mem::replace(&mut start, end)..end];
                row.push(match *kept {
                    Kept::Nothing => Cell::Nothing,
                    Kept::Text(end) => Cell::Text(text(end)),
                    Kept::Json(end) => Cell::Json(text(end)),
                    Kept::Number(number) => Cell::Number(number),
                    Kept::Time(time) => Cell::Time(time),
                });
            }
            file.row(&row)?;
        }
        self.cells.clear();
        self.texts.clear();
        Ok(())
    }
}

enum Task {
    Rows(Batch),
    Finish,
}

/// A file, and the thread that writes it.
pub struct Behind {
    batch: Batch,
    /// Gone once the thread is to end.
    tasks: Option<SyncSender<Task>>,
    /// Batches that were written, to be filled again.
    written: Receiver<Batch>,
    /// Gone once it was waited for.
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Behind {
    /// Lets a thread write a file of these columns. The thread has the priority of the caller's.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn begin(table: &'static Table, file: Box<dyn RowFile + Send>) -> io::Result<Self> {
        let (tasks, received) = mpsc::sync_channel(WAITING);
        let (give_back, written) = mpsc::sync_channel(WAITING);
        let columns = table.columns().len();
        let work = move || write_all(file, columns, &received, |batch| drop(give_back.try_send(batch)));
        let thread = thread::Builder::new().name("muster-export-file".to_owned()).spawn(work)?;
        Ok(Behind { batch: Batch::default(), tasks: Some(tasks), written, thread: Some(thread) })
    }

    fn give(&mut self, task: Task) -> io::Result<()> {
        match &self.tasks {
            Some(tasks) if tasks.send(task).is_ok() => Ok(()),
            // It ended before it was told to: its error says why.
            _ => self.join().and(Err(io::Error::other("the thread of a file is gone"))),
        }
    }

    fn join(&mut self) -> io::Result<()> {
        self.tasks = None;
        let ended = self.thread.take().map_or(Ok(Ok(())), JoinHandle::join);
        ended.unwrap_or_else(|_| Err(io::Error::other("the thread of a file panicked")))
    }
}

fn write_all(
    mut file: Box<dyn RowFile + Send>,
    columns: usize,
    tasks: &Receiver<Task>,
    give_back: impl Fn(Batch),
) -> io::Result<()> {
    for task in tasks {
        match task {
            Task::Rows(mut batch) => {
                batch.write(columns, &mut *file)?;
                give_back(batch);
            }
            Task::Finish => return file.finish(),
        }
    }
    Ok(())
}

impl RowFile for Behind {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        self.batch.push(cells);
        if !self.batch.is_full() {
            return Ok(());
        }
        let empty = self.written.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.batch, empty);
        self.give(Task::Rows(full))
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let last = std::mem::take(&mut self.batch);
        self.give(Task::Rows(last))?;
        self.give(Task::Finish)?;
        self.join()
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        // Whoever drops a file that is not finished wants nothing of it, its errors neither.
        drop(self.join());
    }
}
