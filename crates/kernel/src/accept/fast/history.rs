//! Rows of history as the fast reader takes them: one pass, straight into the draft.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use crate::accept::CREATED_AT_ALIAS;
use crate::accept::history::{Field, REMARKED_BEFORE};
use crate::accept::page::Page;
use crate::model::event::{EventDraft, EventKind, Source};
use crate::model::limits::{AHEAD_MICROS_MAX, TRACK_METADATA_BYTES_MAX};
use crate::model::time::Timestamp;

use super::{EventName, Id, Ignored, Object, OccurredAt, give_up, is_within_bounds};

/// Whether the time of a row that was taken names its zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::accept) enum Zone {
    #[default]
    Named,
    Open,
}

/// Reads a row into the cleared `draft`. When it gives up it answers nothing and what the draft holds means nothing.
pub(in crate::accept) fn read(now: Timestamp, text: &str, draft: &mut EventDraft) -> Option<Zone> {
    // Where metadata begins and ends is not known here, nor is `createdAt` seen to be a name or a value.
    if text.len() > TRACK_METADATA_BYTES_MAX || text.contains(CREATED_AT_ALIAS) {
        return None;
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let mut zone = Zone::Named;
    let row = Row {
        latest: now.plus(AHEAD_MICROS_MAX),
        zone: &mut zone,
        seen: 0,
        kind: None,
        source: None,
        page: Page::default(),
        draft,
    };
    let is_read = json.deserialize_map(row).is_ok_and(|()| json.end().is_ok());
    (is_read && is_within_bounds(&mut draft.properties)).then_some(zone)
}

struct Row<'d, 'de> {
    latest: Timestamp,
    zone: &'d mut Zone,
    seen: u32,
    kind: Option<EventKind>,
    source: Option<Source>,
    page: Page<'de>,
    draft: &'d mut EventDraft,
}

impl<'de> Visitor<'de> for Row<'_, 'de> {
    type Value = ();

    expecting!("an object");

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(FieldSeed)? {
            let Some(field) = field else {
                map.next_value_seed(Ignored)?;
                continue;
            };
            if self.seen & field.bit() != 0 {
                return give_up();
            }
            self.seen |= field.bit();
            self.field(field, &mut map)?;
        }
        self.finish()
    }
}

impl<'de> Row<'_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, field: Field, map: &mut A) -> Result<(), A::Error> {
        let draft = &mut *self.draft;
        match field {
            Field::UserId => map.next_value_seed(Id(&mut draft.user_id)),
            Field::CompanyId => map.next_value_seed(Id(&mut draft.company_id)),
            Field::EventId => map.next_value_seed(Id(&mut draft.event_id)),
            Field::EventName => map.next_value_seed(EventName(&mut draft.event_name)),
            Field::Time => {
                let (time, zone) = map.next_value_seed(Time(self.latest))?;
                (draft.occurred_at, *self.zone) = (time, zone);
                Ok(())
            }
            Field::Metadata => map.next_value_seed(Object {
                into: &mut draft.properties,
                is_profile: false,
                company_id: None,
            }),
            Field::EventType => {
                self.kind = EventKind::of_row(&map.next_value_seed(Text)?);
                if self.kind.is_none() { give_up() } else { Ok(()) }
            }
            Field::Source => {
                self.source = Source::parse(&map.next_value_seed(Text)?);
                if self.source.is_none() { give_up() } else { Ok(()) }
            }
            Field::ScreenWidth => {
                self.page.screen_width = map.next_value_seed(Size)?;
                Ok(())
            }
            Field::ScreenHeight => {
                self.page.screen_height = map.next_value_seed(Size)?;
                Ok(())
            }
            Field::Page(at) => {
                self.page.set(at, map.next_value_seed(Text)?);
                Ok(())
            }
        }
    }

    fn finish<E: Error>(self) -> Result<(), E> {
        let Row { kind: Some(kind), source: Some(source), page, draft, .. } = self else { return give_up() };
        (draft.kind, draft.source) = (kind, source);
        let has_name = !draft.event_name.is_empty();
        let is_whole = draft.occurred_at.is_some()
            && match kind {
                EventKind::IdentifyCompany => {
                    !draft.company_id.is_empty() && draft.user_id.is_empty() && !has_name
                }
                EventKind::Track => !draft.user_id.is_empty() && has_name,
                _ => !draft.user_id.is_empty() && !has_name,
            };
        if !is_whole {
            return give_up();
        }
        if kind != EventKind::IdentifyCompany && page.put(kind, source, &mut draft.context).is_err() {
            return give_up();
        }
        Ok(())
    }
}

struct FieldSeed;

impl<'de> DeserializeSeed<'de> for FieldSeed {
    type Value = Option<Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Field>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldSeed {
    type Value = Option<Field>;

    expecting!("a key");

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<Field>, E> {
        match Field::of(name) {
            // Which of a field's names counts is for the checker to say.
            Some(field) if field.name() != name => give_up(),
            field => Ok(field),
        }
    }
}

/// A time that needs no remark but for its zone.
struct Time(Timestamp);

impl<'de> DeserializeSeed<'de> for Time {
    type Value = (Option<Timestamp>, Zone);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Time {
    type Value = (Option<Timestamp>, Zone);

    expecting!("a time as a string");

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let time = OccurredAt(self.0).visit_str(text)?;
        let zone = if Timestamp::is_without_zone(text) { Zone::Open } else { Zone::Named };
        if time.is_some_and(|time| time >= REMARKED_BEFORE) { Ok((time, zone)) } else { give_up() }
    }
}

/// A string: a piece of the row unless it has escapes in it.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    expecting!("a string");

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// A whole number of pixels.
struct Size;

impl<'de> DeserializeSeed<'de> for Size {
    type Value = Option<i64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<i64>, D::Error> {
        deserializer.deserialize_u64(self)
    }
}

impl Visitor<'_> for Size {
    type Value = Option<i64>;

    expecting!("a size");

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<i64>, E> {
        i64::try_from(number).map_or_else(|_| give_up(), |number| Ok(Some(number)))
    }
}
