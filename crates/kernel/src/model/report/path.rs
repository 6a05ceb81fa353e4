//! Paths: what people did after something, or before it, step by step.
//!
//! A user has one path. It begins with an event that the anchor means and whose time lies in the span: the first of them
//! when paths lead away from it, the last when they lead to it. What stands behind it (before it) in the user's order are
//! their active events, as long as they are no further away than the window; exactly the window is near enough. Events of
//! one name that follow one another are one step, also those that follow the anchor with its name. The anchor is the
//! first level, the next step the second, and so on, backwards in time when paths lead to the anchor.
//!
//! On each level the names with the most users have a branch of their own, among equals in the order of names; all others
//! are one branch without a name. On the first level all names of anchors are ranked so.

use super::super::calendar::Span;
use super::super::history::EventName;
use super::super::limits::{FUNNEL_WINDOW_MICROS_MAX, PATH_BRANCHES_MAX, PATH_LEVELS_MAX};
use super::{About, Level, Pattern, Then, Unaskable, Who, refuse_if, then_of};

/// Which way paths lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Away from the anchor: what was done after it.
    From,
    /// To the anchor: what was done before it.
    To,
}

/// What did people do next?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathQuestion {
    /// Whose paths.
    pub level: Level,
    /// Where paths begin.
    pub anchor: Pattern,
    /// Which way they lead.
    pub direction: Direction,
    /// When anchors happened.
    pub span: Span,
    /// How far from its anchor an event may be, in microseconds.
    pub window: i64,
    /// Levels, that of the anchor among them.
    pub levels: usize,
    /// Branches of a level at most, beside that of all others.
    pub branches_max: usize,
    /// Who takes part.
    pub who: Who,
}

impl PathQuestion {
    /// Whom it is about.
    pub fn about(&self) -> About<'_> {
        About { level: self.level, who: &self.who, breakdown: None }
    }

    /// What it asks of users as they were.
    pub fn then(&self) -> Then<'_> {
        then_of(None, std::iter::once(&self.anchor), self.span.from)
    }

    /// # Errors
    /// When a limit is broken.
    pub fn check(&self) -> Result<(), Unaskable> {
        let is_wrong = !(2..=PATH_LEVELS_MAX).contains(&self.levels)
            || !(1..=PATH_BRANCHES_MAX).contains(&self.branches_max)
            || !(1..=FUNNEL_WINDOW_MICROS_MAX).contains(&self.window);
        refuse_if(is_wrong, Unaskable::Levels)?;
        self.anchor.check()?;
        self.about().check()
    }
}

/// A branch of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathBranch {
    /// What was done; `None` is everything without a branch of its own.
    pub event: Option<EventName>,
    /// Whose path comes through it: users, or companies.
    pub users: u64,
    /// Whose path ends here, because nothing follows: never on the last level, where nobody looks further.
    pub ended: u64,
    /// For each branch of the next level, how many go on to it; on the last level nothing.
    pub next: Vec<u64>,
}

/// What people did next. Levels that nobody reached are not there; of any branch but those of the last level,
/// `users` is `ended` and all of `next` together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathAnswer {
    /// By level: its branches, the one of all others last, if it is there.
    pub levels: Vec<Vec<PathBranch>>,
}

impl PathAnswer {
    /// The answer that steps from name to name add up to: of each level but the last, how many users went from which
    /// name to which, or ended there.
    pub fn of<N: Copy + Ord>(
        steps: &[Vec<(N, Option<N>, u64)>],
        branches_max: usize,
        name: impl Fn(N) -> EventName,
    ) -> PathAnswer {
        let mut names: Vec<Vec<(N, u64)>> = Vec::new();
        for (level, steps) in steps.iter().enumerate() {
            let from = steps.iter().map(|(from, _, users)| (*from, *users));
            if level == 0 {
                names.push(added(from.collect()));
            }
            names.push(added(steps.iter().filter_map(|(_, to, users)| Some(((*to)?, *users))).collect()));
        }
        names.truncate(names.iter().position(Vec::is_empty).unwrap_or(names.len()));
        let places: Vec<Vec<N>> = names.into_iter().map(|names| ranked(names, &name)).collect();
        let place = |level: usize, wanted: N| {
            let own = places.get(level).map(Vec::as_slice).unwrap_or_default();
            let own = own.get(..branches_max.min(own.len())).unwrap_or_default();
            own.iter().position(|known| *known == wanted).unwrap_or(own.len())
        };
        let count = |level: usize| places.get(level).map_or(0, |names| names.len().min(branches_max + 1));
        let mut levels: Vec<Vec<PathBranch>> = Vec::new();
        for (level, names) in places.iter().enumerate() {
            let branch = |index: usize| PathBranch {
                event: names.get(index).filter(|_| index < branches_max).map(|known| name(*known)),
                users: 0,
                ended: 0,
                next: vec![0; count(level + 1)],
            };
            let mut branches: Vec<PathBranch> = (0..count(level)).map(branch).collect();
            match steps.get(level) {
                Some(steps) => {
                    for (from, to, users) in steps {
                        let Some(branch) = branches.get_mut(place(level, *from)) else { continue };
                        branch.users += users;
                        match to.map(|to| place(level + 1, to)) {
                            Some(to) => {
                                branch.next.iter_mut().skip(to).take(1).for_each(|next| *next += users);
                            }
                            None => branch.ended += users,
                        }
                    }
                }
                None => {
                    let before = steps.get(level.saturating_sub(1)).map(Vec::as_slice).unwrap_or_default();
                    for (_, to, users) in before {
                        let Some(to) = to else { continue };
                        branches
                            .iter_mut()
                            .skip(place(level, *to))
                            .take(1)
                            .for_each(|own| own.users += users);
                    }
                }
            }
            levels.push(branches);
        }
        PathAnswer { levels }
    }
}

/// Which number of a path report: everybody whose path comes through a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathNumber {
    /// The level, counted from 0.
    pub level: usize,
    /// The branch, in the order of the answer, counted from 0.
    pub branch: usize,
}

impl PathNumber {
    /// # Errors
    /// When no answer to the question has such a level or branch.
    pub fn check(&self, question: &PathQuestion) -> Result<(), Unaskable> {
        refuse_if(self.level >= question.levels || self.branch > question.branches_max, Unaskable::Number)
    }
}

/// The users of each name.
fn added<N: Copy + Ord>(mut all: Vec<(N, u64)>) -> Vec<(N, u64)> {
    all.sort_unstable();
    let sum = |same: &[(N, u64)]| Some((same.first()?.0, same.iter().map(|(_, users)| users).sum()));
    all.chunk_by(|a, b| a.0 == b.0).filter_map(sum).collect()
}

fn ranked<N: Copy>(names: Vec<(N, u64)>, name: &impl Fn(N) -> EventName) -> Vec<N> {
    let mut ranked: Vec<(N, u64, EventName)> =
        names.into_iter().map(|(known, users)| (known, users, name(known))).collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.2.cmp(&b.2)));
    ranked.into_iter().map(|(known, _, _)| known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_add_up_to_branches_with_the_rest_in_one() {
        let name = |letter: char| EventName::track(&letter.to_string());
        let first = vec![('s', Some('a'), 3), ('s', Some('b'), 3), ('s', Some('c'), 1), ('s', None, 2)];
        let second = vec![('a', Some('z'), 2), ('a', None, 1), ('b', Some('z'), 3), ('c', Some('y'), 1)];
        let answer = PathAnswer::of(&[first, second], 1, name);
        let branch = |event: Option<char>, users, ended, next: &[u64]| PathBranch {
            event: event.map(name),
            users,
            ended,
            next: next.to_vec(),
        };
        let expected = vec![
            vec![branch(Some('s'), 9, 2, &[3, 4])],
            vec![branch(Some('a'), 3, 1, &[2, 0]), branch(None, 4, 0, &[3, 1])],
            vec![branch(Some('z'), 5, 0, &[]), branch(None, 1, 0, &[])],
        ];
        assert_eq!(answer.levels, expected);
        let nobody: [Vec<(char, Option<char>, u64)>; 2] = [Vec::new(), Vec::new()];
        assert_eq!(PathAnswer::of(&nobody, 1, name), PathAnswer::default());
        let all_end = PathAnswer::of(&[vec![('s', None, 4)], Vec::new()], 5, name);
        assert_eq!(all_end.levels, [vec![branch(Some('s'), 4, 4, &[])]]);
    }
}
