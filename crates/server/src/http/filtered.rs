//! Users and companies for whom a rule holds: `segment`, `filter` and `sort` of their lists.

use std::sync::Arc;

use axum::response::Response;

use muster_kernel::model::history::AsOf;
use muster_kernel::model::id::{CompanyId, EnvironmentId, UserId};
use muster_kernel::model::segment::question::{Member, MemberOrder};
use muster_kernel::model::segment::{CompanyTest, Condition, Level, Rule};
use muster_kernel::ports::{Inquiry, ProfileKind};

use super::answer;
use super::asking;
use super::caller::Read;
use super::edge::Edge;
use super::error::Refused;
use super::masking::Masking;
use super::page::PageWriter;
use super::read::{Query, Reading, invalid};
use super::reader::Reader;
use super::render::{CompanyBody, UserBody, View};
use super::rules;
use super::segment_past::{AS_OF, When};
use super::users::{CompanyNames, view_of};

/// Which members of a list are meant.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Filtered` reads")]
pub(super) struct FilteredParameters {
    /// Only those who belong to the saved segment with this number.
    segment: Option<u32>,
    /// Only those for whom this rule holds, in the text form (docs/SEGMENTS.md).
    #[param(example = "plan is \"pro\"")]
    filter: Option<String>,
    /// `id`, or `last_seen`: those seen last come first.
    sort: Option<String>,
}

/// A list for whose items a rule holds.
pub(super) struct Filtered {
    level: Level,
    rule: Rule,
    order: MemberOrder,
}

impl Filtered {
    /// What the parameters ask for; `None` when none of them is there.
    ///
    /// # Errors
    /// When one of them is not what it should be, or asks for what the caller may not see.
    pub(super) fn asked(
        edge: &Edge,
        environment: EnvironmentId,
        level: Level,
        query: &Query,
        masking: &Masking,
    ) -> Result<Option<Filtered>, Refused> {
        let (segment, filter) = (query.get("segment"), query.get("filter"));
        if query.get("known_at").is_some() {
            let message = "Lists know no `known_at`; ask for a single user, or leave it out.";
            return Err(invalid(message.to_owned()).into());
        }
        if [&segment, &filter, &query.get("sort"), &query.get(AS_OF)].iter().all(|given| given.is_none()) {
            return Ok(None);
        }
        if query.search().is_some() {
            let message =
                "`q` goes with none of `segment`, `filter`, `sort` and `as_of`; write it into `filter`.";
            return Err(invalid(message.to_owned()).into());
        }
        if level == Level::Company && query.get(AS_OF).is_some() {
            let message =
                "Companies are not listed `as_of` a time; ask for the members of a segment of companies.";
            return Err(invalid(message.to_owned()).into());
        }
        let mut all = Vec::new();
        if let Some(id) = segment {
            let segment = rules::saved(edge, environment, id.parse().ok())?;
            if segment.level != level {
                let message = format!("Segment {} is of level {}.", segment.id, segment.level.as_str());
                return Err(invalid(message).into());
            }
            all.push(Rule::When(Condition::Segment(segment.id)));
        }
        if let Some(text) = filter {
            let rule = rules::of_text(level, &text, "")?;
            rules::check_shown(&rule, masking)?;
            rules::check_references(edge, environment, level, &rule)?;
            all.push(rule);
        }
        Ok(Some(Filtered { level, rule: Rule::All(all).plain(), order: rules::order(query)? }))
    }

    /// The same, only of the users of a company.
    pub(super) fn within(self, company: Option<&CompanyId>) -> Self {
        let Some(company) = company else { return self };
        let belongs = Condition::Company(CompanyTest::Is(company.as_str().to_owned()));
        Filtered { rule: Rule::All(vec![Rule::When(belongs), self.rule]), ..self }
    }

    /// The page that `reading` asks for.
    ///
    /// # Errors
    /// When the engine cannot answer, or the cursor is none of this list.
    pub(super) async fn page(
        self,
        edge: &Arc<Edge>,
        reader: &Reader<Read>,
        reading: Reading,
    ) -> Result<Response, Refused> {
        let asked = reading.query.page()?;
        let (environment, when) = (reader.environment(), When::of(&reading.query, reader.now())?);
        let view = view_of(reader, &reading.query)?;
        let Filtered { level, rule, order } = self;
        let bytes = asking::ask(edge, move |edge, inquiry| {
            let question = when.question(edge, environment, level, rule)?;
            let mut writer = PageWriter::new(asked).in_large_steps();
            let names = CompanyNames::new(&view);
            let mut items = Items { edge, environment, inquiry, as_of: when.as_of(), view: &view, names };
            while let Some((after, count)) = writer.wants() {
                let page =
                    edge.parts.segments.members(environment, &question, order, after, count, inquiry)?;
                for member in &page.items {
                    items.write(level, member, &mut writer)?;
                }
                writer.turn(page.items.len(), page.next);
            }
            Ok(writer.finish())
        })
        .await?;
        Ok(answer::found(reading.position, bytes))
    }
}

/// Members as the lists show them.
struct Items<'a> {
    edge: &'a Edge,
    environment: EnvironmentId,
    inquiry: &'a Inquiry,
    /// When users are looked at; companies are shown as they are now.
    as_of: Option<AsOf>,
    view: &'a View,
    names: CompanyNames,
}

impl Items<'_> {
    /// Writes a member; one that was erased meanwhile is left out.
    fn write(&mut self, level: Level, member: &Member, writer: &mut PageWriter) -> Result<(), Refused> {
        let Items { edge, environment, inquiry, as_of, view, names } = self;
        let profiles = &edge.parts.profiles;
        match level {
            Level::User => {
                let Ok(id) = UserId::parse(&member.id) else { return Ok(()) };
                if let Some(at) = *as_of {
                    let subject = (ProfileKind::User, id.as_str());
                    let profile = edge.parts.history.as_of(*environment, subject, at, inquiry)?;
                    let Some(profile) = profile else { return Ok(()) };
                    return writer.push(&UserBody::new(id.as_str(), &profile, view).at(at));
                }
                let Some(profile) = profiles.user(*environment, &id)? else { return Ok(()) };
                let name = names.of(edge, *environment, profile.company_id())?;
                writer.push(&UserBody::new(id.as_str(), &profile, view).of_company(name))
            }
            Level::Company => {
                let Ok(id) = CompanyId::parse(&member.id) else { return Ok(()) };
                let Some(profile) = profiles.company(*environment, &id)? else { return Ok(()) };
                let user_count = profiles.company_user_count(*environment, &id)?;
                writer.push(&CompanyBody::new(id.as_str(), user_count, &profile, view))
            }
        }
    }
}
