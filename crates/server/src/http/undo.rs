//! Undoes the compression of a body that comes in pieces. What is held does not grow with the body: for gzip what a few
//! kilobytes grow to, for zstd its window and one block.

use std::io::Write;

use axum::body::Bytes;
use bytes::{Buf, BytesMut};
use flate2::write::MultiGzDecoder;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Compressed bytes that are undone at a time: what they grow to is held.
const UNDONE_BYTES: usize = 4 << 10;
/// Largest zstd window, as for the other bodies.
const WINDOW_BYTES_MAX: u64 = 8 << 20;
/// No zstd block is longer (RFC 8878, 3.1.1.2.4).
const BLOCK_BYTES_MAX: usize = 128 << 10;
const BLOCK_HEADER_BYTES: usize = 3;
const CHECKSUM_BYTES: usize = 4;
/// What each frame begins with, and a skippable one but for its last four bits.
const MAGIC: u32 = 0xfd2f_b528;
const MAGIC_SKIPPABLE: u32 = 0x184d_2a50;
const SKIPPABLE_HEADER_BYTES: usize = 8;

/// The bytes are not whole, or not in the compression that they are said to be in.
#[derive(Debug)]
pub(super) struct NotDecompressed;

/// A body on its way out of its compression.
pub(super) enum Undo {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd(Box<Zstd>),
}

impl Undo {
    pub(super) fn gzip() -> Self {
        Undo::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
    }

    pub(super) fn zstd() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES_MAX);
        let (held, in_frame, has_checksum) = (BytesMut::new(), false, false);
        Undo::Zstd(Box::new(Zstd { decoder, held, in_frame, has_checksum, skipped: 0 }))
    }

    /// The next decompressed bytes; takes from `input` what it needs, and nothing comes only when it needs more.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, NotDecompressed> {
        let decoder = match self {
            Undo::Zstd(zstd) => return zstd.next(input),
            Undo::Gzip(decoder) => decoder,
        };
        while !input.is_empty() {
            let some = input.split_to(input.len().min(UNDONE_BYTES));
            decoder.write_all(&some).map_err(|_| NotDecompressed)?;
            if !decoder.get_ref().is_empty() {
                return Ok(Some(std::mem::take(decoder.get_mut()).into()));
            }
        }
        Ok(None)
    }

    /// What is left once everything was taken.
    pub(super) fn finish(&mut self) -> Result<Bytes, NotDecompressed> {
        match self {
            Undo::Gzip(decoder) => {
                decoder.try_finish().map_err(|_| NotDecompressed)?;
                Ok(std::mem::take(decoder.get_mut()).into())
            }
            Undo::Zstd(zstd) if zstd.is_between_frames() => Ok(Bytes::new()),
            Undo::Zstd(_) => Err(NotDecompressed),
        }
    }
}

/// zstd frames, one behind the other. The decoder itself can only read on when a whole block is there, so that is waited
/// for.
pub(super) struct Zstd {
    decoder: FrameDecoder,
    held: BytesMut,
    in_frame: bool,
    has_checksum: bool,
    /// Bytes of a skippable frame that are still to come.
    skipped: usize,
}

impl Zstd {
    fn is_between_frames(&self) -> bool {
        !self.in_frame && self.held.is_empty() && self.skipped == 0
    }

    fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, NotDecompressed> {
        self.held.extend_from_slice(&std::mem::take(input));
        loop {
            let some = self.skipped.min(self.held.len());
            self.held.advance(some);
            self.skipped -= some;
            if !self.in_frame {
                if !self.begin_frame()? {
                    return Ok(None);
                }
                continue;
            }
            let Some(length) = self.block_bytes()? else { return Ok(None) };
            let block = self.held.split_to(length);
            let one = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder.decode_blocks(&mut &block[..], one).map_err(|_| NotDecompressed)?;
            let piece = self.decoder.collect().unwrap_or_default();
            if self.decoder.is_finished() {
                self.in_frame = false;
                let sent = self.decoder.get_checksum_from_data();
                if sent.is_some() && sent != self.decoder.get_calculated_checksum() {
                    return Err(NotDecompressed);
                }
            }
            if !piece.is_empty() {
                return Ok(Some(piece.into()));
            }
        }
    }

    /// Reads the header of a frame; false when not all of it is there.
    fn begin_frame(&mut self) -> Result<bool, NotDecompressed> {
        let Some(magic) = self.held.first_chunk::<4>() else { return Ok(false) };
        let magic = u32::from_le_bytes(*magic);
        if magic & !0xf == MAGIC_SKIPPABLE {
            let Some(header) = self.held.first_chunk::<SKIPPABLE_HEADER_BYTES>() else { return Ok(false) };
            let [_, _, _, _, length @ ..] = *header;
            self.skipped = usize::try_from(u32::from_le_bytes(length)).map_err(|_| NotDecompressed)?;
            self.held.advance(SKIPPABLE_HEADER_BYTES);
            return Ok(true);
        }
        if magic != MAGIC {
            return Err(NotDecompressed);
        }
        let Some(descriptor) = self.held.get(4).copied() else { return Ok(false) };
        let length = header_bytes(descriptor);
        if self.held.len() < length {
            return Ok(false);
        }
        let header = self.held.split_to(length);
        self.decoder.reset(&mut &header[..]).map_err(|_| NotDecompressed)?;
        (self.in_frame, self.has_checksum) = (true, descriptor & 0b100 != 0);
        Ok(true)
    }

    /// How many bytes the next block has, with its header and what ends the frame; nothing while it is not whole.
    fn block_bytes(&self) -> Result<Option<usize>, NotDecompressed> {
        let Some(&[first, second, third]) = self.held.first_chunk::<BLOCK_HEADER_BYTES>() else {
            return Ok(None);
        };
        let header = u32::from_le_bytes([first, second, third, 0]);
        let size = usize::try_from(header >> 3).map_err(|_| NotDecompressed)?;
        if size > BLOCK_BYTES_MAX {
            return Err(NotDecompressed);
        }
        // A block of one repeated byte holds that byte alone.
        let content = if header >> 1 & 0b11 == 1 { 1 } else { size };
        let checksum = if header & 1 == 1 && self.has_checksum { CHECKSUM_BYTES } else { 0 };
        let length = BLOCK_HEADER_BYTES + content + checksum;
        Ok((self.held.len() >= length).then_some(length))
    }
}

/// How long a frame's header is (RFC 8878, 3.1.1.1), its magic number included.
fn header_bytes(descriptor: u8) -> usize {
    let is_single_segment = descriptor >> 5 & 1 == 1;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 0b11)];
    let content_size = match descriptor >> 6 {
        0 => usize::from(is_single_segment),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    4 + 1 + usize::from(!is_single_segment) + dictionary + content_size
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    /// Undoes a body that comes in pieces of `size` bytes.
    fn undone(mut undo: Undo, body: &[u8], size: usize) -> Result<Vec<u8>, NotDecompressed> {
        let mut out = Vec::new();
        for piece in body.chunks(size) {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(some) = undo.next(&mut input)? {
                out.extend_from_slice(&some);
            }
        }
        out.extend_from_slice(&undo.finish()?);
        Ok(out)
    }

    fn text() -> Vec<u8> {
        (0..40_000).flat_map(|number| format!("row {number}\n").into_bytes()).collect()
    }

    #[test]
    fn a_body_in_pieces_of_any_size_comes_out_whole() {
        let text = text();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        let one = compress_to_vec(&text[..], CompressionLevel::Fastest);
        let skippable = [&MAGIC_SKIPPABLE.to_le_bytes()[..], &3u32.to_le_bytes(), b"abc"].concat();
        let three = [&one[..], &skippable, &one].concat();
        for size in [1, 7, 4_096, 1 << 20] {
            assert_eq!(undone(Undo::gzip(), &gzip, size).unwrap(), text, "gzip, {size}");
            assert_eq!(undone(Undo::zstd(), &one, size).unwrap(), text, "zstd, {size}");
            assert_eq!(undone(Undo::zstd(), &three, size).unwrap(), [&text[..], &text].concat(), "{size}");
        }
        assert_eq!(undone(Undo::zstd(), b"", 1).unwrap(), b"");
    }

    #[test]
    fn what_is_cut_or_something_else_is_refused() {
        let zstd = compress_to_vec(&text()[..], CompressionLevel::Fastest);
        for cut in [1, 4, 5, 8, 20, zstd.len() / 2, zstd.len() - 1] {
            assert!(undone(Undo::zstd(), &zstd[..cut], 100).is_err(), "{cut}");
        }
        assert!(undone(Undo::zstd(), b"not zstd at all", 100).is_err());
        assert!(undone(Undo::gzip(), b"not gzip at all", 100).is_err());
        let mut flipped = zstd.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(undone(Undo::zstd(), &flipped, 100).is_err(), "the checksum");
    }
}
