//! A file whose blocks a thread of its own writes while the caller fills the next.
//!
//! Guarantees: blocks reach the file in order; there are [`BLOCKS`] of them, which go round between the two threads, so that
//! nothing grows and no memory is made anew; once the file is finished or dropped nothing writes into it any more. An error of
//! the file is told at one of the rows behind it, or at the end.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use super::{Block, Cell, Encoder, RowFile};

/// One that is filled, one that is written, and one on its way, so that neither thread waits for every turn of the other.
const BLOCKS: usize = 3;

enum Task<B> {
    Write(B),
    Finish,
}

/// The caller's side of the file.
pub(super) struct Behind<B> {
    /// Gone once the thread is gone.
    block: Option<B>,
    /// Gone once the thread is to end.
    tasks: Option<SyncSender<Task<B>>>,
    /// Blocks that were written, to be filled again.
    empty: Receiver<B>,
    /// Gone once it was waited for.
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl<B: Block + Send + 'static> Behind<B> {
    /// Lets a thread write the blocks. It has the priority of the caller's.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn begin(encoder: impl Encoder<Block = B> + Send + 'static) -> io::Result<Self> {
        let (tasks, received) = mpsc::sync_channel(BLOCKS);
        let (give_back, empty) = mpsc::sync_channel(BLOCKS);
        for _ in 1..BLOCKS {
            // There is room for all of them.
            drop(give_back.send(encoder.block()));
        }
        let block = Some(encoder.block());
        let work = move || write_all(encoder, &received, &give_back);
        let thread = thread::Builder::new().name("muster-export-file".to_owned()).spawn(work)?;
        Ok(Behind { block, tasks: Some(tasks), empty, thread: Some(thread) })
    }

    /// Gives the block away that was filled.
    fn turn(&mut self) -> io::Result<()> {
        if let (Some(block), Some(tasks)) = (self.block.take(), &self.tasks) {
            // Whether the thread is still there shows below.
            drop(tasks.send(Task::Write(block)));
        }
        match self.empty.recv() {
            Ok(empty) => self.block = Some(empty),
            Err(_) => return self.ended_early(),
        }
        Ok(())
    }

    /// It ended before it was told to: its error says why.
    fn ended_early(&mut self) -> io::Result<()> {
        self.join().and(Err(io::Error::other("the thread of a file is gone")))
    }
}

impl<B> Behind<B> {
    fn join(&mut self) -> io::Result<()> {
        self.tasks = None;
        let ended = self.thread.take().map_or(Ok(Ok(())), JoinHandle::join);
        ended.unwrap_or_else(|_| Err(io::Error::other("the thread of a file panicked")))
    }
}

fn write_all<E: Encoder>(
    mut encoder: E,
    tasks: &Receiver<Task<E::Block>>,
    give_back: &SyncSender<E::Block>,
) -> io::Result<()> {
    for task in tasks {
        match task {
            Task::Write(mut block) => {
                encoder.write(&mut block)?;
                // Nobody takes it when the file is given up.
                drop(give_back.send(block));
            }
            Task::Finish => return encoder.finish(),
        }
    }
    Ok(())
}

impl<B: Block + Send + 'static> RowFile for Behind<B> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let Some(block) = &mut self.block else { return self.ended_early() };
        block.push(cells)?;
        if block.is_full() { self.turn() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.turn()?;
        if let Some(tasks) = &self.tasks {
            drop(tasks.send(Task::Finish));
        }
        self.join()
    }
}

impl<B> Drop for Behind<B> {
    fn drop(&mut self) {
        // Whoever drops a file that is not finished wants nothing of it, its errors neither.
        drop(self.join());
    }
}
