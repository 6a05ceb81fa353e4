//! Instants as RFC 3339 text, for answers that people and scripts read.

use muster_kernel::model::time::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de};

/// A time to the second, which is enough for a person.
pub fn to_the_second(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse(&text).ok_or_else(|| de::Error::custom("not a time"))
}

/// The same, where there may be none.
pub mod optional {
    use super::{Deserialize, Deserializer, Serializer, Timestamp, de};

    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.collect_str(time),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| Timestamp::parse(&text).ok_or_else(|| de::Error::custom("not a time"))).transpose()
    }
}
