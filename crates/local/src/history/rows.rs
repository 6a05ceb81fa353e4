//! Events on their way into columns, and out of them again.

use muster_kernel::model::event::{Event, EventDraft};
use muster_kernel::model::history::time_of;
use muster_kernel::ports::Receipt;

use super::dictionary::{Dictionaries, event_key, property_key};

/// Where an event belongs: by user, then time, then position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The user's number; 0 for events about nobody.
    pub user: u32,
    /// When it happened, in microseconds.
    pub time: i64,
    /// Its position in the log.
    pub position: u64,
}

/// An event that waits to be encoded.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Where it belongs.
    pub place: Place,
    /// Its payload cannot be made anew from what it says, and is kept as it is.
    pub is_verbatim: bool,
    /// Where its payload stands.
    block: u32,
    start: u32,
    end: u32,
}

impl Head {
    /// How long its payload is.
    pub fn bytes(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// Payloads in blocks: nothing is moved when more come, and the memory serves the events after them.
#[derive(Debug, Default)]
struct Blocks {
    /// Those behind the present one are empty.
    blocks: Vec<Vec<u8>>,
    present: usize,
    bytes: usize,
}

/// A block is full once it has no room for a payload of this size, which few exceed.
const BLOCK_BYTES: usize = 1 << 20;
const ROOM_BYTES: usize = 16 << 10;

impl Blocks {
    /// Appends what `write` writes; answers where it stands.
    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> (u32, u32, u32) {
        if self.blocks.get(self.present).is_some_and(|block| block.len() + ROOM_BYTES > BLOCK_BYTES) {
            self.present += 1;
        }
        if self.blocks.len() == self.present {
            // The first one grows: most names have few events.
            let room = if self.present == 0 { 0 } else { BLOCK_BYTES };
            self.blocks.push(Vec::with_capacity(room));
        }
        let block = &mut self.blocks[self.present];
        let start = block.len();
        write(block);
        self.bytes += block.len() - start;
        let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        (place(self.present), place(start), place(block.len()))
    }

    fn get(&self, (block, start, end): (u32, u32, u32)) -> &[u8] {
        let block = self.blocks.get(block as usize);
        block.and_then(|block| block.get(start as usize..end as usize)).unwrap_or_default()
    }

    /// Forgets the payloads, keeps the memory.
    fn clear(&mut self) {
        self.blocks.iter_mut().for_each(Vec::clear);
        (self.present, self.bytes) = (0, 0);
    }
}

/// Events of one name.
#[derive(Debug, Default)]
pub struct Rows {
    payloads: Blocks,
    /// Names of the properties of the event that was taken last: most have the same.
    names: Vec<u8>,
    /// The events, in any order until [`Rows::sort`].
    pub heads: Vec<Head>,
}

impl Rows {
    /// Adds an event whose payload `write` appends.
    pub fn push(&mut self, place: Place, is_verbatim: bool, write: impl FnOnce(&mut Vec<u8>)) {
        let (block, start, end) = self.payloads.push(write);
        self.heads.push(Head { place, is_verbatim, block, start, end });
    }

    /// Puts the events in their order.
    pub fn sort(&mut self) {
        self.heads.sort_unstable_by_key(|head| head.place);
    }

    /// The payload of an event.
    pub fn payload(&self, head: &Head) -> &[u8] {
        self.payloads.get((head.block, head.start, head.end))
    }

    /// Memory of the payloads.
    pub fn bytes(&self) -> usize {
        self.payloads.bytes
    }

    /// Forgets the events, keeps the memory.
    pub fn clear(&mut self) {
        self.payloads.clear();
        self.heads.clear();
    }
}

/// Takes events out of the log: gives numbers to what they name, and sorts them by the number of their name.
#[derive(Default)]
pub struct Intake {
    /// Rows by the number of their events' name.
    pub by_name: std::collections::BTreeMap<u32, Rows>,
    draft: EventDraft,
    scratch: Vec<u8>,
}

impl Intake {
    /// Forgets the events. Keeps the memory, but after `few` of them: then nobody needs it soon.
    pub fn clear(&mut self, few: usize) {
        if self.by_name.values().map(|rows| rows.heads.len()).sum::<usize>() < few {
            *self = Intake::default();
        }
        self.by_name.values_mut().for_each(Rows::clear);
    }

    /// Adds an event; answers false when its payload is none.
    pub fn take(&mut self, dictionaries: &mut Dictionaries, receipt: Receipt, payload: &[u8]) -> bool {
        let Ok(event) = Event::decode(payload) else { return false };
        event_key(event.kind as u8, event.event_name, &mut self.scratch);
        let name = dictionaries.names.intern(&self.scratch);
        let user = event.user_id.map_or(0, |id| dictionaries.users.intern(id.as_bytes()));
        if let Some(company) = event.company_id {
            dictionaries.companies.intern(company.as_bytes());
        }
        let names = || event.properties.raw().chain(event.company_properties.raw()).map(|(name, _)| name);
        let rows = self.by_name.entry(name).or_default();
        self.scratch.clear();
        // No name has this byte: it is not in UTF-8.
        names().for_each(|name| {
            self.scratch.extend_from_slice(name);
            self.scratch.push(0xff);
        });
        if self.scratch != rows.names {
            rows.names.clone_from(&self.scratch);
            for name in names() {
                property_key(name, &mut self.scratch);
                dictionaries.names.intern(&self.scratch);
            }
        }
        let Receipt { position, received_at } = receipt;
        let place = Place { user, time: time_of(&event, received_at).0, position: position.0 };
        self.draft.copy(&event);
        self.scratch.clear();
        self.draft.encode(&mut self.scratch);
        let is_verbatim = self.scratch != payload
            || !ascend(event.properties.raw().map(|(name, _)| name))
            || !ascend(event.company_properties.raw().map(|(name, _)| name));
        rows.push(place, is_verbatim, |out| out.extend_from_slice(payload));
        true
    }
}

fn ascend<'n>(mut names: impl Iterator<Item = &'n [u8]>) -> bool {
    let mut last = None;
    names.all(|name| last.replace(name).is_none_or(|last| last < name))
}
