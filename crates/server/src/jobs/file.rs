//! The bytes of an upload, decompressed while they are read: gzip and zstd are known by how they begin, whatever the
//! file is called. Memory does not grow with the file.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use muster_kernel::model::id::{EnvironmentId, JobNumber};
use muster_kernel::model::limits::DECOMPRESSION_RATIO_MAX;
use muster_kernel::ports::{Jobs, StoreError};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Bytes read from the disk, and decompressed, at a time.
const BUFFER_BYTES: usize = 256 << 10;
/// Largest zstd window; what `zstd` itself takes without being asked for more.
const ZSTD_WINDOW_BYTES_MAX: u64 = 128 << 20;
/// Up to here a file may grow as much as it likes: the ratio of a few bytes says nothing.
const RATIO_FREE_BYTES: u64 = 8 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why a file could not be read further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not whole, or not in the compression that it begins with.
    Broken,
    /// It grows more than any honest file.
    Ratio,
    /// The disk, not the file.
    Store(StoreError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// What an error of reading means; what a decompressor complains of is the file's fault.
    pub fn of(error: &io::Error) -> Fault {
        let known = error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>());
        known.cloned().unwrap_or(Fault::Broken)
    }
}

/// Reads the upload of a job from its start.
pub fn open(
    jobs: &Arc<dyn Jobs>,
    environment: EnvironmentId,
    job: JobNumber,
) -> io::Result<Box<dyn BufRead + Send>> {
    let taken = Arc::new(AtomicU64::new(0));
    let stored = Stored { jobs: Arc::clone(jobs), environment, job, offset: Arc::clone(&taken) };
    let mut stored = BufReader::with_capacity(BUFFER_BYTES, stored);
    let begins = stored.fill_buf()?;
    if begins.starts_with(&GZIP) {
        return Ok(watched(MultiGzDecoder::new(stored), taken));
    }
    if begins.starts_with(&ZSTD) {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_BYTES_MAX);
        return Ok(watched(Zstd { source: stored, decoder, in_frame: false }, taken));
    }
    Ok(Box::new(stored))
}

fn watched(decoder: impl Read + Send + 'static, taken: Arc<AtomicU64>) -> Box<dyn BufRead + Send> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, Watched { decoder, taken, given: 0 }))
}

/// An upload as the engine keeps it.
struct Stored {
    jobs: Arc<dyn Jobs>,
    environment: EnvironmentId,
    job: JobNumber,
    offset: Arc<AtomicU64>,
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let offset = self.offset.load(Ordering::Relaxed);
        let read = self.jobs.read_upload(self.environment, self.job, offset, buffer);
        let count = read.map_err(|error| io::Error::other(Fault::Store(error)))?;
        self.offset.store(offset + count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// A decompressor that stops when it gives too much for what it takes.
struct Watched<R> {
    decoder: R,
    taken: Arc<AtomicU64>,
    given: u64,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(buffer)?;
        self.given += count as u64;
        let honest = self.taken.load(Ordering::Relaxed).saturating_mul(DECOMPRESSION_RATIO_MAX as u64);
        if self.given > RATIO_FREE_BYTES.max(honest) {
            return Err(io::Error::other(Fault::Ratio));
        }
        Ok(count)
    }
}

/// Every frame of a zstd file, one behind the other; skippable ones are skipped.
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> Zstd<R> {
    /// Goes to the next frame; false at the end of the file.
    fn next_frame(&mut self) -> io::Result<bool> {
        if self.source.fill_buf()?.is_empty() {
            return Ok(false);
        }
        match self.decoder.reset(&mut self.source) {
            Ok(()) => self.in_frame = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                io::copy(&mut self.source.by_ref().take(u64::from(length)), &mut io::sink())?;
            }
            Err(_) => return Err(io::Error::other(Fault::Broken)),
        }
        Ok(true)
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.in_frame = false;
        let sent = self.decoder.get_checksum_from_data();
        if sent.is_some() && sent != self.decoder.get_calculated_checksum() {
            return Err(io::Error::other(Fault::Broken));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.in_frame {
                if self.decoder.can_collect() > 0 {
                    return self.decoder.read(buffer);
                }
                if self.decoder.is_finished() {
                    self.end_frame()?;
                    continue;
                }
                let some = BlockDecodingStrategy::UptoBytes(BUFFER_BYTES);
                let decoded = self.decoder.decode_blocks(&mut self.source, some);
                decoded.map_err(|_| io::Error::other(Fault::Broken))?;
            } else if !self.next_frame()? {
                return Ok(0);
            }
        }
    }
}
