//! The bytes of the log: segment header and frames (docs/FORMAT.md, "Log").
//!
//! A frame is a fixed header and a payload under one checksum. The checksum starts from the segment's salt, so that
//! neither an older file's bytes nor bytes smuggled into a property can pass for a record. A zeroed frame is never
//! valid: kind 0 does not exist.

use muster_kernel::model::event::Event;
use muster_kernel::model::id::Position;
use muster_kernel::model::time::Timestamp;

/// Version of everything in this file; a reader refuses newer ones.
pub const LOG_FORMAT: u32 = 1;

/// Bytes in front of the first batch: two copies of the segment header.
pub const SEGMENT_HEADER_BYTES: u64 = 2 * HEADER_COPY_BYTES as u64;
const HEADER_COPY_BYTES: usize = 64;
const MAGIC: [u8; 8] = *b"MUSTRLOG";

/// Bytes in front of a frame's payload.
pub const FRAME_HEADER_BYTES: usize = 28;
/// Bytes of a whole batch frame.
pub const BATCH_FRAME_BYTES: usize = FRAME_HEADER_BYTES + BATCH_PAYLOAD_BYTES;
const BATCH_PAYLOAD_BYTES: usize = 8;
/// A frame larger than this is damage: no body, and so no event, comes near it.
pub const FRAME_BYTES_MAX: usize = 4 << 20;

const VERSION: u8 = 1;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// An event (kernel encoding).
    Event = 1,
    /// The head of a batch. Its position is the last one that was durable when the batch was written.
    Batch = 2,
    /// Refused calls to be added to the ledger.
    LedgerNote = 3,
    /// From here on an erasure holds: its number.
    Erasure = 4,
    /// Where an erased event stood: zeros.
    Hole = 5,
    /// What is left of an event of which a part was erased: an event, and zeros up to the old length.
    Reduced = 6,
}

/// Every kind, for readers.
const KINDS: [FrameKind; 6] = [
    FrameKind::Event,
    FrameKind::Batch,
    FrameKind::LedgerNote,
    FrameKind::Erasure,
    FrameKind::Hole,
    FrameKind::Reduced,
];

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The environment that it belongs to.
    pub environment: u32,
    /// The life of the environment's data.
    pub incarnation: u32,
    /// Where every checksum of this segment starts.
    pub salt: u32,
    /// The position that its first record was to get.
    pub first: Position,
}

/// A segment header that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// Neither copy has a right checksum.
    Damaged,
    /// Written by a newer program.
    Newer(u32),
}

impl SegmentHeader {
    /// Both copies, as they stand at the start of a segment.
    pub fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(HEADER_COPY_BYTES);
        copy.extend_from_slice(&MAGIC);
        for word in [LOG_FORMAT, self.environment, self.incarnation, self.salt] {
            copy.extend_from_slice(&word.to_le_bytes());
        }
        copy.extend_from_slice(&self.first.0.to_le_bytes());
        copy.resize(HEADER_COPY_BYTES - 4, 0);
        let checksum = crc32fast::hash(&copy);
        copy.extend_from_slice(&checksum.to_le_bytes());
        copy.repeat(2)
    }

    /// Reads the first whole copy.
    ///
    /// # Errors
    /// When there is none, or it is of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        bytes
            .chunks_exact(HEADER_COPY_BYTES)
            .take(2)
            .find_map(|copy| {
                let (content, checksum) = copy.split_last_chunk::<4>()?;
                let whole =
                    crc32fast::hash(content) == u32::from_le_bytes(*checksum) && content.starts_with(&MAGIC);
                whole.then(|| Self::read(content))
            })
            .unwrap_or(Err(HeaderFault::Damaged))
    }

    fn read(content: &[u8]) -> Result<Self, HeaderFault> {
        let word = |at: usize| u32_at(content, at);
        match word(8) {
            LOG_FORMAT => Ok(SegmentHeader {
                environment: word(12),
                incarnation: word(16),
                salt: word(20),
                first: Position(u64_at(content, 24)),
            }),
            newer => Err(HeaderFault::Newer(newer)),
        }
    }
}

/// A frame read in place.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What it holds.
    pub kind: FrameKind,
    /// Its place in the log (for a batch: the last durable place before it).
    pub position: Position,
    /// When the log took it.
    pub received_at: Timestamp,
    /// What it holds, encoded.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the frame at the start of `bytes`, if a whole and undamaged one is there.
    pub fn read(bytes: &'a [u8], salt: u32) -> Option<Frame<'a>> {
        let header = bytes.get(..FRAME_HEADER_BYTES)?;
        let length = u32_at(header, 0) as usize;
        let kind = frame_kind(header)?;
        if length > FRAME_BYTES_MAX {
            return None;
        }
        let end = FRAME_HEADER_BYTES + length;
        let covered = bytes.get(8..end)?;
        (checksum(covered, salt) == u32_at(header, 4)).then(|| Frame {
            kind,
            position: Position(u64_at(header, 12)),
            received_at: Timestamp(u64_at(header, 20).cast_signed()),
            payload: &covered[FRAME_HEADER_BYTES - 8..],
        })
    }

    /// Reads the frame at the start of bytes that were sealed in this process and never left memory: the checksum is
    /// not computed again.
    pub fn sealed(bytes: &'a [u8]) -> Option<Frame<'a>> {
        let header = bytes.get(..FRAME_HEADER_BYTES)?;
        let end = FRAME_HEADER_BYTES + u32_at(header, 0) as usize;
        Some(Frame {
            kind: frame_kind(header)?,
            position: Position(u64_at(header, 12)),
            received_at: Timestamp(u64_at(header, 20).cast_signed()),
            payload: bytes.get(FRAME_HEADER_BYTES..end)?,
        })
    }

    /// The bytes of the whole frame.
    pub fn length(&self) -> usize {
        FRAME_HEADER_BYTES + self.payload.len()
    }

    /// The encoded event in it, where it holds one.
    pub fn event(&self) -> Option<&'a [u8]> {
        match self.kind {
            FrameKind::Event => Some(self.payload),
            FrameKind::Reduced => {
                let (_, length) = Event::decode_padded(self.payload).ok()?;
                self.payload.get(..length)
            }
            FrameKind::Batch | FrameKind::LedgerNote | FrameKind::Erasure | FrameKind::Hole => None,
        }
    }

    /// The number of the erasure that begins to hold here, where one does.
    pub fn erasure(&self) -> Option<u32> {
        let whole = self.kind == FrameKind::Erasure && self.payload.len() == 4;
        whole.then(|| u32_at(self.payload, 0))
    }

    /// A frame of the same length, position and time that holds `content` instead, and zeros behind it.
    pub fn replaced(&self, kind: FrameKind, content: &[u8], salt: u32) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.length());
        begin_frame(&mut bytes, kind, |out| out.extend_from_slice(content));
        if content.len() > self.payload.len() {
            return None;
        }
        bytes.resize(self.length(), 0);
        bytes[..4].copy_from_slice(&u32::try_from(self.payload.len()).ok()?.to_le_bytes());
        seal(&mut bytes, salt, self.position, self.received_at);
        Some(bytes)
    }

    /// For a batch frame: how many records and how many bytes of frames follow.
    pub fn batch_extent(&self) -> Option<(u32, u32)> {
        let whole = self.kind == FrameKind::Batch && self.payload.len() == BATCH_PAYLOAD_BYTES;
        whole.then(|| (u32_at(self.payload, 0), u32_at(self.payload, 4)))
    }
}

fn frame_kind(header: &[u8]) -> Option<FrameKind> {
    let &[kind, VERSION, 0, 0] = &header[8..12] else { return None };
    KINDS.into_iter().find(|known| *known as u8 == kind)
}

/// Whether the fifth to eighth byte of a frame can be those of one: rules out almost every place before a checksum is
/// computed.
pub fn may_be_frame(bytes: &[u8]) -> bool {
    matches!(bytes, [1..=6, VERSION, 0, 0])
}

/// Appends a frame whose position, time and checksum [`seal`] fills in; `payload` appends the content.
pub fn begin_frame(out: &mut Vec<u8>, kind: FrameKind, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.resize(start + FRAME_HEADER_BYTES, 0);
    out[start + 8] = kind as u8;
    out[start + 9] = VERSION;
    payload(out);
    let length = out.len() - start - FRAME_HEADER_BYTES;
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Appends an empty batch frame; [`seal_batch`] fills it in.
pub fn begin_batch(out: &mut Vec<u8>) {
    begin_frame(out, FrameKind::Batch, |out| out.extend_from_slice(&[0; BATCH_PAYLOAD_BYTES]));
}

/// Stamps a batch begun with [`begin_batch`]: the n-th record gets the n-th position after `before` and a time one
/// microsecond after its predecessor's, from `received_at` on. Answers how many records there are.
pub fn seal_batch(
    batch: &mut [u8],
    salt: u32,
    before: Position,
    durable: Position,
    received_at: Timestamp,
) -> u32 {
    let (head, mut rest) = batch.split_at_mut(BATCH_FRAME_BYTES);
    let bytes = u32::try_from(rest.len()).unwrap_or(u32::MAX);
    let mut count = 0u32;
    while !rest.is_empty() {
        let length = FRAME_HEADER_BYTES + u32_at(rest, 0) as usize;
        let (frame, after) = rest.split_at_mut(length);
        let position = Position(before.0 + u64::from(count) + 1);
        seal(frame, salt, position, received_at.plus(i64::from(count)));
        count += 1;
        rest = after;
    }
    head[FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + 4].copy_from_slice(&count.to_le_bytes());
    head[FRAME_HEADER_BYTES + 4..].copy_from_slice(&bytes.to_le_bytes());
    seal(head, salt, durable, received_at);
    count
}

fn seal(frame: &mut [u8], salt: u32, position: Position, received_at: Timestamp) {
    frame[12..20].copy_from_slice(&position.0.to_le_bytes());
    frame[20..28].copy_from_slice(&received_at.0.to_le_bytes());
    let checksum = checksum(&frame[8..], salt);
    frame[4..8].copy_from_slice(&checksum.to_le_bytes());
}

fn checksum(covered: &[u8], salt: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(covered);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|word| word.try_into().ok()).map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Vec<u8> {
        let mut bytes = Vec::new();
        begin_batch(&mut bytes);
        begin_frame(&mut bytes, FrameKind::Event, |out| out.extend_from_slice(b"first"));
        begin_frame(&mut bytes, FrameKind::LedgerNote, |_| {});
        assert_eq!(seal_batch(&mut bytes, 77, Position(9), Position(9), Timestamp(1000)), 2);
        bytes
    }

    #[test]
    fn frames_read_back_with_their_stamps() {
        let bytes = batch();
        let head = Frame::read(&bytes, 77).unwrap();
        let follow = u32::try_from(bytes.len() - BATCH_FRAME_BYTES).unwrap();
        assert_eq!((head.position, head.batch_extent()), (Position(9), Some((2, follow))));
        let first = Frame::read(&bytes[head.length()..], 77).unwrap();
        assert_eq!(
            (first.kind, first.position, first.payload),
            (FrameKind::Event, Position(10), &b"first"[..])
        );
        let note = Frame::read(&bytes[head.length() + first.length()..], 77).unwrap();
        assert_eq!((note.kind, note.position), (FrameKind::LedgerNote, Position(11)));
        assert_eq!(note.received_at, Timestamp(1001));
    }

    #[test]
    fn a_flipped_bit_a_cut_or_another_salt_is_no_frame() {
        let bytes = batch();
        let length = Frame::read(&bytes, 77).unwrap().length();
        assert!(Frame::read(&bytes, 78).is_none());
        assert!(Frame::read(&[0; 64], 0).is_none(), "zeros are never valid");
        for end in 0..length {
            assert!(Frame::read(&bytes[..end], 77).is_none(), "cut at {end}");
        }
        for bit in 0..length * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::read(&flipped, 77).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_replaced_frame_keeps_place_time_and_length() {
        let bytes = batch();
        let first = Frame::read(&bytes[BATCH_FRAME_BYTES..], 77).unwrap();
        let hole = first.replaced(FrameKind::Hole, b"", 77).unwrap();
        let read = Frame::read(&hole, 77).unwrap();
        assert_eq!(
            (read.kind, read.position, read.received_at),
            (FrameKind::Hole, first.position, first.received_at)
        );
        assert_eq!((read.length(), read.payload), (first.length(), &[0; 5][..]));
        assert!(first.replaced(FrameKind::Reduced, b"longer", 77).is_none());
    }

    #[test]
    fn one_whole_copy_of_the_segment_header_is_enough() {
        let header = SegmentHeader { environment: 1, incarnation: 2, salt: 3, first: Position(4) };
        let bytes = header.encode();
        assert_eq!(bytes.len() as u64, SEGMENT_HEADER_BYTES);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&flipped), Ok(header), "bit {bit}");
        }
        assert_eq!(SegmentHeader::decode(&[0; 128]), Err(HeaderFault::Damaged));
        let mut newer = bytes[..60].to_vec();
        newer[8] = 2;
        newer.extend_from_slice(&crc32fast::hash(&newer.clone()).to_le_bytes());
        assert_eq!(SegmentHeader::decode(&newer), Err(HeaderFault::Newer(2)));
    }
}
