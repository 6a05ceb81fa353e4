//! From a rule to the sets of those for whom it holds, and for whom a conflict leaves it open.
//!
//! Each clause is asked about those only whom it can still decide about, the cheap ones first: what columns say, then
//! what companies are, then events.

use muster_kernel::model::id::SegmentId;
use muster_kernel::model::segment::meaning::{Found, Truth};
use muster_kernel::model::segment::question::SegmentQuestion;
use muster_kernel::model::segment::test::Ready;
use muster_kernel::model::segment::{
    CompanyTest, Condition, Field, Level, Members, PropertyCondition, Rule, Times,
};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::StoreError;

use super::columns::{NEVER_FIRST, NEVER_LAST, Prepared};
use super::happened::{self, Counted};
use super::set::Set;
use crate::history::dictionary::{Dictionary, read};
use crate::history::scan::Scan;

/// For whom a clause holds, and for whom it is a conflict. Nobody is in both.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// It holds.
    pub yes: Set,
    /// It neither holds nor does not.
    pub open: Set,
}

impl Verdict {
    fn add(&mut self, number: u32, truth: Truth) {
        match truth {
            Truth::Yes => self.yes.insert(number),
            Truth::Conflict => self.open.insert(number),
            Truth::No => {}
        }
    }
}

/// A question being asked.
pub struct Asking<'a> {
    scan: &'a Scan<'a>,
    prepared: &'a Prepared,
    question: &'a SegmentQuestion,
    /// The segments whose rules are being asked.
    within: Vec<SegmentId>,
}

/// What a clause costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    Columns,
    Companies,
    Events,
}

impl<'a> Asking<'a> {
    /// A question about columns of one snapshot, which the scan is of.
    pub fn new(scan: &'a Scan<'a>, prepared: &'a Prepared, question: &'a SegmentQuestion) -> Self {
        Asking { scan, prepared, question, within: Vec::new() }
    }

    /// For whom the rule holds.
    ///
    /// # Errors
    /// When history cannot be read, or the question was stopped.
    pub fn verdict(&mut self) -> Result<Verdict, StoreError> {
        let question = self.question;
        let all = &self.prepared.standing.of(question.level).known;
        self.rule(&question.rule, all)
    }

    fn rule(&mut self, rule: &'a Rule, among: &Set) -> Result<Verdict, StoreError> {
        self.scan.check()?;
        match rule {
            Rule::All(rules) => self.all(rules, among),
            Rule::Any(rules) => self.any(rules, among),
            Rule::Not(rule) => {
                let Verdict { yes, open } = self.rule(rule, among)?;
                Ok(Verdict { yes: among.clone().without(&yes).without(&open), open })
            }
            Rule::When(condition) => self.condition(condition, among),
        }
    }

    fn all(&mut self, rules: &'a [Rule], among: &Set) -> Result<Verdict, StoreError> {
        let (mut yes, mut open) = (among.clone(), Set::default());
        for rule in self.cheapest_first(rules) {
            let left = yes.clone().or(&open);
            if left.is_empty() {
                break;
            }
            let found = self.rule(rule, &left)?;
            let both = yes.clone().and(&found.yes);
            open = left.and(&found.yes.or(&found.open)).without(&both);
            yes = both;
        }
        Ok(Verdict { yes, open })
    }

    fn any(&mut self, rules: &'a [Rule], among: &Set) -> Result<Verdict, StoreError> {
        let mut verdict = Verdict::default();
        for rule in self.cheapest_first(rules) {
            let left = among.clone().without(&verdict.yes);
            if left.is_empty() {
                break;
            }
            let found = self.rule(rule, &left)?;
            verdict.yes = verdict.yes.or(&found.yes);
            verdict.open = verdict.open.or(&found.open).without(&verdict.yes);
        }
        Ok(verdict)
    }

    fn cheapest_first(&self, rules: &'a [Rule]) -> Vec<&'a Rule> {
        let mut ordered: Vec<&Rule> = rules.iter().collect();
        ordered.sort_by_key(|rule| self.cost(rule, &mut self.within.clone()));
        ordered
    }

    fn cost(&self, rule: &Rule, within: &mut Vec<SegmentId>) -> Cost {
        let mut most = Cost::Columns;
        let mut inner: Vec<SegmentId> = Vec::new();
        rule.each_condition(&mut |condition| {
            most = most.max(match condition {
                Condition::Property(property) if property.of == self.question.level => Cost::Columns,
                Condition::Property(_) | Condition::Company(_) => Cost::Companies,
                Condition::Event(_) | Condition::Page(_) => Cost::Events,
                Condition::Segment(id) => {
                    inner.push(*id);
                    Cost::Columns
                }
            });
        });
        for id in inner {
            if within.contains(&id) {
                continue;
            }
            if let Some(Members::Rule(rule)) = self.question.segments.get(&id).map(|segment| &segment.members)
            {
                within.push(id);
                most = most.max(self.cost(rule, within));
                within.pop();
            }
        }
        most
    }

    fn condition(&mut self, condition: &'a Condition, among: &Set) -> Result<Verdict, StoreError> {
        let counted = |counted: Counted<'_>| -> Result<Verdict, StoreError> {
            Ok(Verdict { yes: counted.holding(among)?, open: Set::default() })
        };
        match condition {
            Condition::Property(property) => Ok(self.property(property, among)),
            Condition::Company(test) => Ok(self.company(test, among)),
            Condition::Segment(id) => self.segment(*id, among),
            Condition::Event(event) => {
                let filters = event.ready(&self.question.moment);
                let what = happened::What::Event(event, &filters);
                counted(self.counted(what, event.times, self.question.moment.counted(event.window)))
            }
            Condition::Page(page) => {
                let what = happened::What::Page(page);
                counted(self.counted(what, page.times, self.question.moment.counted(page.window)))
            }
        }
    }

    fn counted<'w>(
        &'w self,
        what: happened::What<'w>,
        times: Times,
        (from, until): (Timestamp, Timestamp),
    ) -> Counted<'w> {
        let (level, standing) = (self.question.level, &self.prepared.standing);
        let until = until.0.min(self.question.until().0.saturating_add(1));
        Counted { scan: self.scan, standing, level, what, times, from: from.0, until }
    }

    fn segment(&mut self, id: SegmentId, among: &Set) -> Result<Verdict, StoreError> {
        let nobody = Verdict::default();
        if self.within.contains(&id) {
            return Ok(nobody);
        }
        let Some(definition) = self.question.segments.get(&id) else { return Ok(nobody) };
        let yes = match &definition.members {
            Members::Rule(rule) => {
                self.within.push(id);
                let found = self.rule(rule, among);
                self.within.pop();
                found?.yes
            }
            Members::Listed(ids) => {
                let known = read(self.scan.known);
                let dictionary: &Dictionary = match self.question.level {
                    Level::User => &known.users,
                    Level::Company => &known.companies,
                };
                let mut listed = Set::default();
                ids.iter()
                    .filter_map(|id| dictionary.get(id.as_bytes()))
                    .for_each(|number| listed.insert(number));
                listed.and(among)
            }
        };
        Ok(Verdict { yes, open: Set::default() })
    }

    fn company(&self, test: &CompanyTest, among: &Set) -> Verdict {
        let known = read(self.scan.known);
        let numbers: Vec<u32> = match test {
            CompanyTest::Exists => Vec::new(),
            CompanyTest::Is(id) => known.companies.get(id.as_bytes()).into_iter().collect(),
            CompanyTest::OneOf(ids) => {
                ids.iter().filter_map(|id| known.companies.get(id.as_bytes())).collect()
            }
        };
        let mut wanted = Set::default();
        numbers.into_iter().for_each(|number| wanted.insert(number));
        let passes = |number: u32| number != 0 && (*test == CompanyTest::Exists || wanted.contains(number));
        let mut verdict = Verdict::default();
        for number in among.iter() {
            let company = match self.question.level {
                Level::User => self.prepared.standing.company_of(number),
                Level::Company => number,
            };
            verdict.add(number, Truth::of(passes(company)));
        }
        verdict
    }

    fn property(&self, condition: &PropertyCondition, among: &Set) -> Verdict {
        if condition.of == self.question.level {
            return self.own_property(condition, among);
        }
        // Of a user's company: companies are fewer than users, and are asked first.
        let standing = &self.prepared.standing;
        let without = condition.test.at(&self.question.moment).holds(None);
        let of_companies = self.own_property(condition, &standing.companies.known);
        let mut verdict = Verdict::default();
        for user in among.iter() {
            let company = standing.company_of(user);
            let truth = if company == 0 || !standing.companies.known.contains(company) {
                without
            } else if of_companies.yes.contains(company) {
                Truth::Yes
            } else if of_companies.open.contains(company) {
                Truth::Conflict
            } else {
                Truth::No
            };
            verdict.add(user, truth);
        }
        verdict
    }

    /// A property of those whom the condition is about.
    fn own_property(&self, condition: &PropertyCondition, among: &Set) -> Verdict {
        let mut verdict = Verdict::default();
        let ready = condition.test.at(&self.question.moment);
        let seen = self.prepared.standing.of(condition.of);
        match &condition.field {
            Field::Named(name) => {
                let Some(column) = self.prepared.column(condition.of, name) else {
                    let truth = ready.holds(None);
                    among.iter().for_each(|number| verdict.add(number, truth));
                    return verdict;
                };
                let truth = |value: u32| bits_of(ready.holds(column.meaning(value).map(Found::Value)));
                let (yes, open) = if u64::from(column.value_count()) <= among.count() {
                    // Each value is looked at once.
                    let truths: Vec<u8> = (0..column.value_count().max(1)).map(truth).collect();
                    among.split_by(column.values(), &truths)
                } else {
                    among.split(|number| truth(column.value(number)))
                };
                return Verdict { yes, open };
            }
            Field::FirstSeen => seen_at(&mut verdict, &ready, &seen.first, NEVER_FIRST, among),
            Field::LastSeen => seen_at(&mut verdict, &ready, &seen.last, NEVER_LAST, among),
            Field::Id => {
                let known = read(self.scan.known);
                let dictionary = if condition.of == Level::User { &known.users } else { &known.companies };
                for number in among.iter() {
                    let id = dictionary.text(number).and_then(|id| std::str::from_utf8(id).ok());
                    verdict.add(number, ready.holds(id.map(|id| Found::Value(Value::Text(id)))));
                }
            }
        }
        verdict
    }
}

/// The sets of a verdict that a truth puts somebody into, as [`Set::split`] wants it.
fn bits_of(truth: Truth) -> u8 {
    match truth {
        Truth::No => 0,
        Truth::Yes => 1,
        Truth::Conflict => 2,
    }
}

fn seen_at(verdict: &mut Verdict, ready: &Ready<'_>, times: &[i64], never: i64, among: &Set) {
    for number in among.iter() {
        let time = times.get(number as usize).copied().filter(|time| *time != never);
        verdict.add(number, ready.holds(time.map(|time| Found::At(Timestamp(time)))));
    }
}
