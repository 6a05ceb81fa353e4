//! Chance that is the same everywhere for the same seed: events and rules at random.

use muster_kernel::model::event::{EventDraft, EventKind};
use muster_kernel::model::id::JobNumber;
use muster_kernel::model::segment::{Level, Rule};
use muster_kernel::model::time::MINUTE;
use muster_kernel::model::value::Value;

use crate::builders::KEY;
use crate::clock::DAY_ONE;

const DAY: i64 = 24 * 60 * MINUTE;

/// A row of numbers.
pub struct Chance(pub u64);

impl Chance {
    /// A number below a limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }

    /// One of some.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap_or_default()]
    }

    fn value(&mut self) -> Value<'static> {
        self.one(&[
            Value::Null,
            Value::Bool(true),
            Value::Int(-1),
            Value::Int(2),
            Value::Int(3),
            Value::Float(2.5),
            Value::Float(3.0),
            Value::UInt(u64::MAX),
            Value::Text(""),
            Value::Text("a"),
            Value::Text("A"),
            Value::Text("ab"),
            Value::Text("3"),
            Value::Text("2026-01-05"),
            Value::Text("2026-01-06T23:30:00Z"),
            Value::Int(1_767_600_000),
            Value::Json("[1]"),
        ])
    }

    /// An event about one of forty users, or a company of four.
    pub fn event(&mut self) -> EventDraft {
        let kinds = [
            EventKind::IdentifyUser,
            EventKind::IdentifyUser,
            EventKind::IdentifyCompany,
            EventKind::Track,
            EventKind::Track,
            EventKind::Track,
            EventKind::PageView,
            EventKind::SessionStart,
        ];
        let mut draft = EventDraft { kind: self.one(&kinds), key: KEY, ..EventDraft::default() };
        let of_company = draft.kind == EventKind::IdentifyCompany;
        if !of_company {
            draft.user_id = format!("person {}", self.below(40));
        }
        if of_company || self.below(4) == 0 {
            draft.company_id = format!("firm {}", self.below(4));
        } else {
            draft.leaves_company = self.below(12) == 0;
        }
        if draft.kind == EventKind::Track {
            draft.event_name = self.one(&["x", "y"]).to_owned();
        }
        // Coarse, so that some happen at the same time.
        let hours = i64::try_from(self.below(60 * 8)).unwrap_or_default() * 3 - 30 * 24;
        if self.below(8) > 0 {
            draft.occurred_at = Some(DAY_ONE.plus(hours * 60 * MINUTE));
        }
        if self.below(6) == 0 {
            draft.job = Some(JobNumber(3));
            draft.ordinal = u32::try_from(self.below(3)).unwrap_or_default();
        }
        self.properties(&mut draft);
        draft
    }

    fn properties(&mut self, draft: &mut EventDraft) {
        for name in ["p0", "p1", "p2"] {
            if self.below(2) == 0 {
                let value = self.value();
                draft.properties.push(name, value);
            }
        }
        if draft.kind == EventKind::PageView {
            let (name, value) = self.one(&[
                ("pathname", "/docs/a"),
                ("path", "/docs/b"),
                ("url", "https://app.example.com/docs/a?tab=1"),
                ("hostname", "app.example.com"),
            ]);
            draft.properties.push(name, Value::Text(value));
            if self.below(2) == 0 {
                draft.properties.push("pathname", Value::Text("/pricing"));
            }
        }
        draft.properties.settle();
        if !draft.company_id.is_empty() && draft.kind != EventKind::IdentifyCompany && self.below(2) == 0 {
            let value = self.value();
            draft.company_properties.push("p0", value);
            draft.company_properties.settle();
        }
    }

    /// A day around the first.
    fn day(&mut self) -> String {
        let days = i64::try_from(self.below(60)).unwrap_or_default() - 30;
        DAY_ONE.plus(days * DAY).to_string().chars().take(10).collect()
    }

    fn two_days(&mut self) -> String {
        let (a, b) = (self.day(), self.day());
        let (first, last) = if a <= b { (a, b) } else { (b, a) };
        format!("between {first} and {last}")
    }

    fn text_test(&mut self) -> String {
        let text = self.one(&["a", "A", "ab", "3", "true", "2026-01-05", "", "b"]);
        let operator =
            self.one(&["is", "is not", "contains", "does not contain", "starts with", "ends with"]);
        let case = self.one(&["", " ignoring case"]);
        match self.below(4) {
            0 => format!("is one of (\"{text}\", \"3\", \"[1]\"){case}"),
            1 => format!("is not one of (\"{text}\", \"2.5\"){case}"),
            _ => format!("{operator} \"{text}\"{case}"),
        }
    }

    fn date_test(&mut self) -> String {
        let days = self.below(40);
        match self.below(7) {
            0 => format!("on {}", self.day()),
            1 => format!("before {}", self.day()),
            2 => format!("after {}", self.day()),
            3 => self.two_days(),
            4 => format!("in the last {days} days"),
            5 => format!("in the next {days} days"),
            _ => format!("more than {days} days ago"),
        }
    }

    fn test(&mut self) -> String {
        match self.below(8) {
            0 => self.one(&["exists", "does not exist"]).to_owned(),
            1..=3 => self.text_test(),
            4 | 5 => {
                let number = self.one(&["-1", "0", "2", "2.5", "3", "1e19"]);
                match self.below(7) {
                    0 => format!("between {number} and 1e20"),
                    index => {
                        let signs = ["=", "!=", "<", "<=", ">", ">="];
                        format!("{} {number}", signs[usize::try_from(index - 1).unwrap_or_default()])
                    }
                }
            }
            _ => self.date_test(),
        }
    }

    fn often(&mut self) -> String {
        let times = self.below(4);
        let times = match self.below(4) {
            0 => format!(" at least {times} times"),
            1 => format!(" at most {times} times"),
            2 => format!(" exactly {times} times"),
            _ => String::new(),
        };
        let window = match self.below(3) {
            0 => format!(" in the last {} days", self.below(40)),
            1 => format!(" {}", self.two_days()),
            _ => String::new(),
        };
        times + &window
    }

    /// A condition on what happened, as text.
    pub fn happened(&mut self) -> String {
        let often = self.often();
        if self.below(4) == 0 {
            let parts = [
                "path starts with \"/docs\"",
                "url contains \"app.\"",
                "path is \"/pricing\"",
                "path is not \"/docs/a\"",
            ];
            return format!("viewed page {}{often}", self.one(&parts));
        }
        let what = self.one(&["\"x\"", "\"x\"", "\"y\"", "\"never\"", "session_start", "identify_user"]);
        let property = self.one(&["p0", "p1", "p2", "never"]);
        let filters = match self.below(3) {
            0 => format!(" where ({property} {})", self.test()),
            1 => format!(" where (p0 {} and {property} {})", self.test(), self.test()),
            _ => String::new(),
        };
        format!("did {what}{often}{filters}")
    }

    fn condition(&mut self) -> String {
        let property = self.one(&["p0", "p1", "p2", "never"]);
        let owner = self.one(&["", "", "company."]);
        match self.below(12) {
            0 => format!("{owner}$id is one of (\"person 3\", \"person 17\", \"firm 1\")"),
            1 => format!("{owner}{} {}", self.one(&["$first_seen", "$last_seen"]), self.date_test()),
            2 => self
                .one(&["company exists", "company is \"firm 1\"", "company is one of (\"firm 2\", \"x\")"])
                .to_owned(),
            3..=6 => self.happened(),
            7 => format!("in segment {}", self.below(6)),
            _ => format!("{owner}{property} {}", self.test()),
        }
    }

    fn tree(&mut self, depth: u64) -> String {
        if depth == 0 || self.below(3) == 0 {
            return self.condition();
        }
        match self.below(5) {
            0 => format!("not ({})", self.tree(depth - 1)),
            index => {
                let with = if index < 3 { " and " } else { " or " };
                let members = 2 + self.below(2);
                let members: Vec<String> =
                    (0..members).map(|_| format!("({})", self.tree(depth - 1))).collect();
                members.join(with)
            }
        }
    }

    /// A rule for segments of a level, about what [`Chance::event`] makes, and its text.
    ///
    /// # Panics
    /// When it makes a text that is no rule.
    pub fn rule(&mut self, level: Level) -> Rule {
        loop {
            let text = self.tree(3);
            let rule = Rule::parse(&text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            if rule.problems(level).is_empty() {
                return rule;
            }
        }
    }
}
