//! Guards: what makes a repetition recognisable. They stand in the record of the event that they guard (docs/FORMAT.md,
//! "Event").

/// What makes two calls the same call (law 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GuardKind {
    /// An `Idempotency-Key`, within its method and path.
    Request = 1,
    /// An event id given by the caller, within the environment.
    EventId = 2,
    /// What a row of history without an id says, and which of its equals in one file it is, within the environment.
    Row = 3,
}

impl GuardKind {
    fn from_byte(byte: u8) -> Option<Self> {
        [GuardKind::Request, GuardKind::EventId, GuardKind::Row].into_iter().find(|&kind| kind as u8 == byte)
    }
}

/// A promise to take a call once: kept inside the record that it guards, for the life of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Which rule of sameness.
    pub kind: GuardKind,
    /// First 128 bits of the SHA-256 of the scope and the key: what is looked up.
    pub key: [u8; 16],
    /// First 128 bits of the SHA-256 of the decompressed body: same key with another body is a conflict.
    pub body: [u8; 16],
}

impl Guard {
    /// How many bytes a guard takes in a record.
    pub const BYTES: usize = 33;

    /// Appends the guard as it stands in a record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.kind as u8);
        out.extend_from_slice(&self.key);
        out.extend_from_slice(&self.body);
    }

    /// The guards that bytes are, one behind the other; those that are none are left out.
    pub fn read_all(bytes: &[u8]) -> impl Iterator<Item = Guard> {
        bytes.chunks_exact(Self::BYTES).filter_map(|bytes| {
            let (&kind, hashes) = bytes.split_first()?;
            let (key, body) = hashes.split_at_checked(16)?;
            let kind = GuardKind::from_byte(kind)?;
            Some(Guard { kind, key: key.try_into().ok()?, body: body.try_into().ok()? })
        })
    }
}
