//! The fast reader: one pass of serde_json over the body, straight into the draft, with no tree, no allocation per
//! property and no messages. It takes what is valid and leaves nothing to remark; at anything else it gives up,
//! because the checker then reads the body again.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use crate::model::event::EventDraft;
use crate::model::id;
use crate::model::limits::{
    AHEAD_MICROS_MAX, CALL_PROPERTIES_MAX, EVENT_NAME_CHARS_MAX, PROPERTY_NAME_CHARS_MAX,
    PROPERTY_VALUE_CHARS_MAX, TRACK_METADATA_BYTES_MAX,
};
use crate::model::property::Properties;
use crate::model::time::Timestamp;
use crate::model::value::Value;

use super::findings::is_longer;
use super::{CREATED_AT, CREATED_AT_ALIAS, Call, Key};

/// Reads a body into the cleared `draft`. When it gives up it answers false and what the draft holds means nothing.
pub(super) fn read(call: Call, now: Timestamp, text: &str, draft: &mut EventDraft) -> bool {
    // Where metadata begins and ends is not known here; within a body that small it is small enough.
    if call == Call::Track && text.len() > TRACK_METADATA_BYTES_MAX {
        return false;
    }
    draft.kind = call.kind();
    let mut json = serde_json::Deserializer::from_str(text);
    let body = Body { call, latest: now.plus(AHEAD_MICROS_MAX), seen: 0, draft };
    json.deserialize_map(body).is_ok_and(|()| json.end().is_ok())
        && has_what_it_needs(call, draft)
        && is_within_bounds(&mut draft.properties)
        && is_within_bounds(&mut draft.company_properties)
}

fn has_what_it_needs(call: Call, draft: &EventDraft) -> bool {
    Key::required(call).iter().all(|key| match key {
        Key::UserId => !draft.user_id.is_empty(),
        Key::CompanyId => !draft.company_id.is_empty(),
        _ => !draft.event_name.is_empty(),
    })
}

/// Settles; a name that stood there twice needs a warning.
fn is_within_bounds(properties: &mut Properties) -> bool {
    properties.len() <= CALL_PROPERTIES_MAX && properties.settle() == 0
}

/// Gives up. Whoever made the error does not read it.
fn give_up<T, E: Error>() -> Result<T, E> {
    Err(E::custom(""))
}

/// What a visitor would have taken; it gives up at every JSON type whose visit it does not implement.
macro_rules! expecting {
    ($what:literal) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str($what)
        }
    };
}

pub(super) mod history;

struct Body<'d> {
    call: Call,
    latest: Timestamp,
    /// One bit for each [`Key`] that came: one that comes again, also under an alias, needs a closer look.
    seen: u32,
    draft: &'d mut EventDraft,
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = ();

    expecting!("an object");

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(KeySeed(self.call))? {
            if key == Key::Unknown {
                map.next_value_seed(Ignored)?;
                continue;
            }
            if self.seen & bit(key) != 0 {
                return give_up();
            }
            self.seen |= bit(key);
            let draft = &mut *self.draft;
            match key {
                Key::UserId => map.next_value_seed(Id(&mut draft.user_id))?,
                Key::CompanyId => map.next_value_seed(Id(&mut draft.company_id))?,
                Key::EventId => map.next_value_seed(Id(&mut draft.event_id))?,
                Key::EventName => map.next_value_seed(EventName(&mut draft.event_name))?,
                Key::OccurredAt => draft.occurred_at = map.next_value_seed(OccurredAt(self.latest))?,
                Key::Metadata => {
                    let is_profile = self.call != Call::Track;
                    map.next_value_seed(Object {
                        into: &mut draft.properties,
                        is_profile,
                        company_id: None,
                    })?;
                }
                Key::Company => map.next_value_seed(Object {
                    into: &mut draft.company_properties,
                    is_profile: true,
                    company_id: Some(&mut draft.company_id),
                })?,
                Key::Unknown => {}
            }
        }
        // Two places for the id of one company: which counts is for the checker to say.
        if self.seen & bit(Key::Company) != 0 && self.seen & bit(Key::CompanyId) != 0 {
            give_up()
        } else {
            Ok(())
        }
    }
}

fn bit(key: Key) -> u32 {
    1 << (key as u32)
}

struct KeySeed(Call);

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    expecting!("a key");

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        Ok(Key::of(self.0, name))
    }
}

/// Whatever stands under a key that means nothing, unless it nests: then its depth matters.
struct Ignored;

impl<'de> DeserializeSeed<'de> for Ignored {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Ignored {
    type Value = ();

    expecting!("a single value");

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// An id, into an empty text; null leaves it empty.
struct Id<'d>(&'d mut String);

impl<'de> DeserializeSeed<'de> for Id<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Id<'_> {
    type Value = ();

    expecting!("an id");

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        write!(self.0, "{number}").map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        write!(self.0, "{number}").map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if id::check(text).is_err() || id::is_junk(text) {
            return give_up();
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// The name of an event, into an empty text; one without characters leaves it empty, as if it were missing.
struct EventName<'d>(&'d mut String);

impl<'de> DeserializeSeed<'de> for EventName<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for EventName<'_> {
    type Value = ();

    expecting!("the name of an event");

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if is_longer(text, EVENT_NAME_CHARS_MAX) {
            return give_up();
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// A time up to this one, or null.
struct OccurredAt(Timestamp);

impl OccurredAt {
    fn within<E: Error>(&self, time: Option<Timestamp>) -> Result<Option<Timestamp>, E> {
        if time.is_some_and(|time| time <= self.0) { Ok(time) } else { give_up() }
    }
}

impl<'de> DeserializeSeed<'de> for OccurredAt {
    type Value = Option<Timestamp>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a number that large is no time, whatever its last digits are"
)]
impl Visitor<'_> for OccurredAt {
    type Value = Option<Timestamp>;

    expecting!("a time");

    fn visit_unit<E: Error>(self) -> Result<Option<Timestamp>, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<Timestamp>, E> {
        self.within(Timestamp::from_unix(number as f64))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<Timestamp>, E> {
        self.within(Timestamp::from_unix(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<Timestamp>, E> {
        self.within(Timestamp::from_unix(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<Timestamp>, E> {
        self.within(Timestamp::parse_lenient(text))
    }
}

/// `metadata`, or `company`, which has its id in it. Null is as if there were none.
struct Object<'d> {
    into: &'d mut Properties,
    is_profile: bool,
    company_id: Option<&'d mut String>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    expecting!("an object or null");

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            let mut name = &*name;
            if let Some(id) = &mut self.company_id
                && matches!(name, "company_id" | "id")
            {
                if !id.is_empty() {
                    return give_up();
                }
                map.next_value_seed(Id(id))?;
                if id.is_empty() {
                    return give_up();
                }
                continue;
            }
            if name.is_empty() || is_longer(name, PROPERTY_NAME_CHARS_MAX) {
                return give_up();
            }
            if self.is_profile && name == CREATED_AT_ALIAS {
                name = CREATED_AT;
            }
            map.next_value_seed(Property { name, into: self.into })?;
        }
        if self.company_id.is_some_and(|id| id.is_empty()) { give_up() } else { Ok(()) }
    }
}

/// A name: a piece of the body unless it has escapes in it.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    expecting!("a name");

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

struct Property<'n, 'd> {
    name: &'n str,
    into: &'d mut Properties,
}

impl Property<'_, '_> {
    fn put<E: Error>(self, value: Value<'_>) -> Result<(), E> {
        self.into.push(self.name, value);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Property<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Property<'_, '_> {
    type Value = ();

    expecting!("a string, a number, a boolean or null");

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.put(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.put(Value::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.put(i64::try_from(number).map_or(Value::UInt(number), Value::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.put(Value::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if is_longer(text, PROPERTY_VALUE_CHARS_MAX) {
            return give_up();
        }
        self.put(Value::Text(text))
    }
}
