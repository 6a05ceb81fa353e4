//! How profiles read: written value by value into the answer, never as a tree in between.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use muster_kernel::model::history::AsOf;
use muster_kernel::model::profile::{Profile, Property};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;

use super::answer::Instant;
use super::masking::{MASK, Masking};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserBody<'a> {
    /// The id as it was sent.
    #[schema(example = "user_789456")]
    user_id: &'a str,
    /// The company that the user belongs to.
    #[schema(required = true)]
    company_id: Option<&'a str>,
    /// In lists: the company's property `name`, when it is a text that the caller may see.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Northwind Trading")]
    company_name: Option<&'a str>,
    /// Name and value of each property, with the JSON type that it was sent with; with `detail=true` a
    /// `PropertyDetail` for each.
    #[schema(value_type = Object)]
    properties: PropertyMap<'a>,
    /// The property `created_at`, or else `signed_up_at`, when it reads as a date; else when the user was first seen.
    #[schema(value_type = Option<Instant>, required = true)]
    created_at: Option<Instant>,
    /// When the user was first seen.
    #[schema(value_type = Option<Instant>, required = true)]
    first_seen_at: Option<Instant>,
    /// When the user was last seen.
    #[schema(value_type = Option<Instant>, required = true)]
    last_seen_at: Option<Instant>,
    /// The time that was asked for: what happened later is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Instant>)]
    as_of: Option<Instant>,
    /// The time that was asked for: what was received later is not in it either.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Instant>)]
    known_at: Option<Instant>,
    /// Names of the properties whose values the caller may not see; absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    masked: Masked<'a>,
}

/// A company.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Company)]
pub(super) struct CompanyBody<'a> {
    /// The id as it was sent.
    #[schema(example = "comp_techstartup_2024")]
    company_id: &'a str,
    /// How many users belong to it.
    user_count: u64,
    /// As of a user.
    #[schema(value_type = Object)]
    properties: PropertyMap<'a>,
    /// As of a user.
    #[schema(value_type = Option<Instant>, required = true)]
    created_at: Option<Instant>,
    /// When the company was first seen.
    #[schema(value_type = Option<Instant>, required = true)]
    first_seen_at: Option<Instant>,
    /// When the company was last seen.
    #[schema(value_type = Option<Instant>, required = true)]
    last_seen_at: Option<Instant>,
    /// As of a user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    masked: Masked<'a>,
}

/// How the caller sees profiles.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Whether each property comes with what is known of it.
    pub is_detailed: bool,
    /// What the caller may not see.
    pub masking: Masking,
}

impl View {
    fn masked<'a>(&self, profile: &'a Profile) -> Masked<'a> {
        if self.masking.names().is_empty() {
            return Masked::new();
        }
        profile.properties().map(|property| property.name).filter(|name| self.masking.hides(name)).collect()
    }
}

/// Names of hidden properties that are there.
type Masked<'a> = Vec<&'a str>;

impl<'a> UserBody<'a> {
    pub(super) fn new(id: &'a str, profile: &'a Profile, view: &'a View) -> Self {
        UserBody {
            user_id: id,
            company_id: profile.company_id(),
            company_name: None,
            properties: PropertyMap { profile, view },
            created_at: created_at(profile, &view.masking).map(Instant),
            first_seen_at: profile.first_seen_at().map(Instant),
            last_seen_at: profile.last_seen_at().map(Instant),
            as_of: None,
            known_at: None,
            masked: view.masked(profile),
        }
    }

    /// The same, of a profile as of a time.
    pub(super) fn at(self, at: AsOf) -> Self {
        let known_at = Some(at.known_at).filter(|known_at| *known_at < Timestamp(i64::MAX));
        UserBody { as_of: Some(Instant(at.time)), known_at: known_at.map(Instant), ..self }
    }
}

impl<'a> UserBody<'a> {
    /// The same user with the name of the company.
    pub(super) fn of_company(self, name: Option<&'a str>) -> Self {
        UserBody { company_name: name, ..self }
    }
}

impl<'a> CompanyBody<'a> {
    pub(super) fn new(id: &'a str, user_count: u64, profile: &'a Profile, view: &'a View) -> Self {
        CompanyBody {
            company_id: id,
            user_count,
            properties: PropertyMap { profile, view },
            created_at: created_at(profile, &view.masking).map(Instant),
            first_seen_at: profile.first_seen_at().map(Instant),
            last_seen_at: profile.last_seen_at().map(Instant),
            masked: view.masked(profile),
        }
    }
}

/// `signed_up_at` is an alias of `created_at` when reading (decisions.md, "createdAt").
fn created_at(profile: &Profile, masking: &Masking) -> Option<Timestamp> {
    let shown = |name: &&str| !masking.hides(name);
    let dated = |name| Some(name).filter(shown).and_then(|name| profile.property(name)).and_then(as_date);
    dated("created_at").or_else(|| dated("signed_up_at")).or_else(|| profile.first_seen_at())
}

/// A value as a date: text in any accepted form, or a unix number.
fn as_date(value: Value<'_>) -> Option<Timestamp> {
    match value {
        Value::Text(text) => Timestamp::parse_lenient(text),
        #[expect(clippy::cast_precision_loss, reason = "numbers beyond 2^53 are no dates")]
        Value::Int(number) => Timestamp::from_unix(number as f64),
        Value::Float(number) => Timestamp::from_unix(number),
        Value::Null | Value::Bool(_) | Value::UInt(_) | Value::Json(_) => None,
    }
}

/// The properties of a profile as one JSON object.
#[derive(Debug)]
struct PropertyMap<'a> {
    profile: &'a Profile,
    view: &'a View,
}

impl Serialize for PropertyMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let View { is_detailed, masking } = self.view;
        for mut property in self.profile.properties() {
            if masking.hides(property.name) {
                property.value = Value::Text(MASK);
            }
            if *is_detailed {
                map.serialize_entry(property.name, &PropertyDetail::of(&property))?;
            } else {
                map.serialize_entry(property.name, &property.value)?;
            }
        }
        map.end()
    }
}

/// A property with what is known of it; only with `detail=true`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PropertyDetail<'a> {
    /// The value, with the JSON type that it was sent with.
    #[schema(value_type = Value)]
    value: Value<'a>,
    /// How the value reads: `String`, `Numeric` or `Date`.
    #[schema(example = "Date")]
    r#type: &'static str,
    /// When the property took the value.
    #[schema(value_type = Instant)]
    occurred_at: Instant,
    /// Present and true when another value was sent for the same time, so that only the order of values decided.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    tied: bool,
}

/// Whether a flag is left out of an answer.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

impl<'a> PropertyDetail<'a> {
    fn of(property: &Property<'a>) -> Self {
        PropertyDetail {
            value: property.value,
            r#type: reads_as(property.value),
            occurred_at: Instant(property.occurred_at),
            tied: property.tied,
        }
    }
}

/// The product's type that a value reads as.
fn reads_as(value: Value<'_>) -> &'static str {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "Numeric",
        Value::Text(text) if Timestamp::parse(text).is_some() => "Date",
        Value::Text(_) | Value::Json(_) | Value::Bool(_) | Value::Null => "String",
    }
}
