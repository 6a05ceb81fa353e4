//! A fact: one property of a profile, or one removal, with the time it became true. The fact with the empty name, which
//! no property can have, is the company of a user.
//!
//! Of a property the largest (occurred_at, ordinal, value) is kept, and a mark when another value was sent for the same
//! moment. Of the company *all* values of that moment are kept, the largest first: once the winner is erased the next one
//! counts, and no event may be left by then that says which that is. Both are joins of a semilattice, a maximum and a
//! union, so the order of merging cannot matter.

use std::cmp::Ordering;

use super::super::event::Membership;
use super::super::value::Value;
use super::super::varint::{self, Reader};

const TIED: u8 = 1;
const HAS_ORDINAL: u8 = 1 << 1;

/// The name of the fact that holds a user's company.
pub(super) const MEMBERSHIP: &[u8] = b"";

/// One property of a profile, or one removal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact<'a> {
    pub(super) name: &'a [u8],
    pub(super) occurred_at: i64,
    pub(super) ordinal: u32,
    pub(super) tied: bool,
    pub(super) value: &'a [u8],
    /// Of the company: what else was said for the same moment, largest first.
    pub(super) lost: &'a [u8],
}

impl<'a> Fact<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let name = reader.bytes()?;
        let flags = reader.byte()?;
        let occurred_at = reader.int64()?;
        let ordinal = if flags & HAS_ORDINAL != 0 { u32::try_from(reader.varint()?).ok()? } else { 0 };
        let tied = flags & TIED != 0;
        let value = Value::skip(reader)?;
        let lost = if tied && name == MEMBERSHIP { reader.bytes()? } else { &[] };
        Some(Fact { name, occurred_at, ordinal, tied, value, lost })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        varint::put_bytes(out, self.name);
        let tied = if self.tied { TIED } else { 0 };
        let numbered = if self.ordinal == 0 { 0 } else { HAS_ORDINAL };
        out.push(tied | numbered);
        out.extend_from_slice(&self.occurred_at.to_le_bytes());
        if self.ordinal != 0 {
            varint::put(out, u64::from(self.ordinal));
        }
        out.extend_from_slice(self.value);
        if self.tied && self.name == MEMBERSHIP {
            varint::put_bytes(out, self.lost);
        }
    }

    /// Writes the company with these values, in any order and some of them perhaps twice, in the place of its own.
    pub(super) fn write_with(&self, mut values: Vec<&[u8]>, out: &mut Vec<u8>) {
        values.sort_unstable_by(|a, b| decoded(b).cmp(&decoded(a)));
        values.dedup();
        let Some((value, lost)) = values.split_first() else { return self.write(out) };
        Fact { tied: !lost.is_empty(), value, lost: &lost.concat(), ..*self }.write(out);
    }

    pub(super) fn decoded(&self) -> Value<'a> {
        decoded(self.value)
    }

    /// All that was said for its moment, as far as it is kept.
    pub(super) fn values(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut lost = Reader::new(self.lost);
        std::iter::once(self.value).chain(std::iter::from_fn(move || Value::skip(&mut lost)))
    }

    /// Writes what two facts of the same name come to.
    pub(super) fn write_joined(self, other: Self, out: &mut Vec<u8>) {
        let is_one_moment = (self.occurred_at, self.ordinal) == (other.occurred_at, other.ordinal);
        if self.name == MEMBERSHIP && is_one_moment {
            return self.write_with(self.values().chain(other.values()).collect(), out);
        }
        self.max(other).write(out);
    }

    /// The larger of two facts of the same name. A fact is tied when it won over another value by the value alone.
    fn max(self, other: Self) -> Self {
        match (self.occurred_at, self.ordinal).cmp(&(other.occurred_at, other.ordinal)) {
            Ordering::Greater => self,
            Ordering::Less => other,
            Ordering::Equal if self.value == other.value => Fact { tied: self.tied | other.tied, ..self },
            Ordering::Equal => {
                let winner = if self.decoded() > other.decoded() { self } else { other };
                Fact { tied: true, ..winner }
            }
        }
    }
}

/// The value of the fact of a company, encoded.
pub(super) fn membership_value(membership: Membership<'_>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match membership {
        Membership::Unchanged => return None,
        Membership::Removed => Value::Null.encode(&mut bytes),
        Membership::Of(company) => Value::Text(company).encode(&mut bytes),
    }
    Some(bytes)
}

/// A value that was encoded here.
pub(super) fn decoded(value: &[u8]) -> Value<'_> {
    Value::decode(&mut Reader::new(value)).unwrap_or(Value::Null)
}
