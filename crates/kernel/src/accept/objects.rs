//! `metadata` and `company` as the checker reads them (decisions.md, rows "metadata", "company in identify").

use std::ptr;

use crate::model::catalog::EmptyCompany;
use crate::model::event::EventDraft;
use crate::model::limits::{CALL_PROPERTIES_MAX, TRACK_METADATA_BYTES_MAX};
use crate::model::problem::{ProblemCode, WarningCode};
use crate::model::property::Properties;

use super::checker::{Checker, winner};
use super::findings::Place;
use super::members::{Kind, Member, Sent, members};
use super::{CREATED_AT, CREATED_AT_ALIAS, Call, ids, property};

/// An object with properties among its members.
struct Set<'m, 'b> {
    place: Place<'static>,
    members: &'m [Member<'b>],
    /// Whether `createdAt` in it means `created_at`: in a profile's properties, not in an event's own.
    is_profile: bool,
}

impl Set<'_, '_> {
    fn is_alias(&self, member: &Member<'_>) -> bool {
        self.is_profile && member.name.content == CREATED_AT_ALIAS
    }

    /// Whether the member is `createdAt` and `created_at` was sent as well.
    fn is_outdone(&self, member: &Member<'_>) -> bool {
        self.is_alias(member) && self.members.iter().any(|other| other.name.content == CREATED_AT)
    }

    /// How many properties come of those members that are one.
    fn count(&self, is_property: impl Fn(&Member<'_>) -> bool) -> usize {
        self.members
            .iter()
            .filter(|member| member.counts && is_property(member) && !self.is_outdone(member))
            .count()
    }
}

fn is_company_id(name: &str) -> bool {
    matches!(name, "id" | "company_id")
}

impl Checker<'_> {
    /// The properties of the call's subject, or of the event.
    pub fn metadata(&mut self, value: Sent<'_>, into: &mut Properties) {
        let place = Place::METADATA;
        let remedy = "send an object of names and values";
        let Some(members) = self.object(place, value, (ProblemCode::MetadataType, remedy)) else { return };
        let bytes = value.0.len();
        if self.call == Call::Track && bytes > TRACK_METADATA_BYTES_MAX {
            let message = format_args!(
                "`metadata` of an event has {bytes} bytes; send at most {TRACK_METADATA_BYTES_MAX}."
            );
            self.findings.problem(place, ProblemCode::MetadataTooLarge, message);
        }
        let set = Set { place, members: &members, is_profile: self.call != Call::Track };
        self.check_count(place, set.count(|_| true));
        for member in &members {
            self.property(&set, member, into);
        }
    }

    /// The company of the call's user: its id, and its properties.
    pub fn company(&mut self, value: Sent<'_>, draft: &mut EventDraft) {
        let place = Place::COMPANY;
        let remedy = "send an object with an `id` or a `company_id`";
        let Some(members) = self.object(place, value, (ProblemCode::CompanyType, remedy)) else { return };
        let id = winner(&members, is_company_id, "company_id").filter(|member| !member.value.is_null());
        if id.is_none() {
            if self.settings.empty_company == EmptyCompany::Ignore {
                return self.ignored_company(value);
            }
            let message = format_args!(
                "`company` has neither `id` nor `company_id`; send one of them, leave `company` out, or set \
                 `empty_company = \"ignore\"` for the environment."
            );
            self.findings.problem(place, ProblemCode::CompanyIdMissing, message);
        }
        let set = Set { place, members: &members, is_profile: true };
        self.check_count(place, set.count(|member| !is_company_id(&member.name.content)));
        for member in &members {
            if is_company_id(&member.name.content) {
                self.company_id(member, id, &mut draft.company_id);
            } else {
                self.property(&set, member, &mut draft.company_properties);
            }
        }
    }

    fn ignored_company(&mut self, value: Sent<'_>) {
        self.is_shallow(Place::COMPANY, value);
        let message = format_args!("`company` has neither `id` nor `company_id`; it was ignored.");
        self.findings.warning(Place::COMPANY, WarningCode::EmptyCompanyIgnored, message);
    }

    /// One of the two keys for the id inside `company`; `id` is the one that counts.
    fn company_id(&mut self, member: &Member<'_>, id: Option<&Member<'_>>, into: &mut String) {
        let place = Place::COMPANY.key(&member.name.content);
        if !self.is_shallow(place, member.value) || !member.counts {
            return;
        }
        self.warn_if_repeated(place, member);
        let Some(id) = id else { return };
        if ptr::eq(member, id) {
            self.id(place, member, into);
        } else if !member.value.is_null() && ids::read(member.value) != ids::read(id.value) {
            let message = format_args!("`id` and `company_id` differ; `company_id` was used.");
            self.findings.warning(place, WarningCode::CompanyIdsDiffer, message);
        }
    }

    /// The id that a track call has beside `company`: it counts when `company` does not name one.
    pub fn company_beside(&mut self, id: String, draft: &mut EventDraft) {
        if draft.company_id.is_empty() {
            draft.company_id = id;
        } else if draft.company_id != id {
            let message =
                format_args!("`company_id` and the id inside `company` differ; the one inside was used.");
            self.findings.warning(Place::BODY.key("company_id"), WarningCode::CompanyIdsDiffer, message);
        }
    }

    /// The members of what has to be an object; none when it is null or something else.
    fn object<'m>(
        &mut self,
        place: Place<'static>,
        value: Sent<'m>,
        (code, remedy): (ProblemCode, &str),
    ) -> Option<Vec<Member<'m>>> {
        match value.kind() {
            Kind::Object => members(value.0).map_err(|problem| self.findings.add(problem)).ok(),
            Kind::Null => None,
            kind => {
                if self.is_shallow(place, value) {
                    let key = place.object_name();
                    self.findings.problem(place, code, format_args!("`{key}` is {kind}; {remedy}."));
                }
                None
            }
        }
    }

    fn check_count(&mut self, place: Place<'_>, count: usize) {
        if count > CALL_PROPERTIES_MAX {
            let message =
                format_args!("This object has {count} properties; send at most {CALL_PROPERTIES_MAX}.");
            self.findings.problem(place, ProblemCode::TooManyProperties, message);
        }
    }

    fn property(&mut self, set: &Set<'_, '_>, member: &Member<'_>, into: &mut Properties) {
        let name = &*member.name.content;
        let place = set.place.key(name);
        let is_shallow = self.is_shallow(place, member.value);
        if !member.counts {
            return;
        }
        self.warn_if_repeated(place, member);
        property::check_name(&mut self.findings, place, &member.name);
        if set.is_outdone(member) {
            let message = format_args!("`createdAt` and `created_at` mean the same; `created_at` was used.");
            return self.findings.warning(place, WarningCode::CreatedAtTwice, message);
        }
        if is_shallow {
            let stored = if set.is_alias(member) { CREATED_AT } else { name };
            property::put(
                &mut self.findings,
                self.settings.nested_values,
                place,
                (stored, member.value),
                into,
            );
        }
    }
}
