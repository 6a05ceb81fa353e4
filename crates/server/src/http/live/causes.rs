//! Why calls were refused, grouped by what is wrong, where, and on which route.
//!
//! Every refused call is counted, also one that is not recorded; a call with several problems counts under the first,
//! as in the ledger.

use muster_kernel::model::id::KeyId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::Timestamp;

use super::call::cut;

/// Causes that are told apart; beyond that, the one that was not seen for longest is forgotten.
const CAUSES_MAX: usize = 100;
/// Keys that are named with a cause.
const KEYS_MAX: usize = 8;
/// Bytes of a pointer by which causes are told apart.
const POINTER_BYTES_MAX: usize = 256;

/// Bytes of a sentence that are kept.
pub(super) const MESSAGE_BYTES_MAX: usize = 1024;

/// One cause.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub code: ProblemCode,
    pub pointer: String,
    pub route: String,
    /// The newest sentence.
    pub message: String,
    pub count: u64,
    /// The keys whose calls it refused, the first few.
    pub keys: Vec<KeyId>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The newest recorded call that it refused.
    pub sample: Option<u64>,
}

/// The causes of one shelf.
#[derive(Debug, Default)]
pub(super) struct Causes(Vec<Cause>);

impl Causes {
    /// Counts a refused call.
    pub(super) fn note(&mut self, problem: &Problem, route: &str, key: Option<KeyId>, at: Timestamp) {
        let cause = match self.find(problem, route) {
            Some(place) => &mut self.0[place],
            None => {
                self.make_room();
                self.0.push_mut(Cause {
                    code: problem.code,
                    pointer: pointer_of(problem).to_owned(),
                    route: route.to_owned(),
                    message: String::new(),
                    count: 0,
                    keys: Vec::new(),
                    first_seen: at,
                    last_seen: at,
                    sample: None,
                })
            }
        };
        cause.count += 1;
        cause.last_seen = cause.last_seen.max(at);
        cause.message.clone_from(&problem.message);
        cut(&mut cause.message, MESSAGE_BYTES_MAX);
        if let Some(key) = key
            && cause.keys.len() < KEYS_MAX
            && !cause.keys.contains(&key)
        {
            cause.keys.push(key);
        }
    }

    /// Names the newest recorded call of a cause.
    pub(super) fn sample(&mut self, problem: &Problem, route: &str, sequence: u64) {
        if let Some(place) = self.find(problem, route) {
            self.0[place].sample = Some(sequence);
        }
    }

    fn find(&self, problem: &Problem, route: &str) -> Option<usize> {
        let pointer = pointer_of(problem);
        self.0
            .iter()
            .position(|cause| cause.code == problem.code && cause.pointer == pointer && cause.route == route)
    }

    pub(super) fn all(&self) -> &[Cause] {
        &self.0
    }

    fn make_room(&mut self) {
        if self.0.len() < CAUSES_MAX {
            return;
        }
        let oldest = self.0.iter().enumerate().min_by_key(|(_, cause)| cause.last_seen);
        if let Some((place, _)) = oldest {
            self.0.swap_remove(place);
        }
    }
}

fn pointer_of(problem: &Problem) -> &str {
    &problem.pointer[..problem.pointer.floor_char_boundary(POINTER_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(pointer: &str) -> Problem {
        Problem::at(pointer, ProblemCode::IdType, "Send a string.")
    }

    #[test]
    fn calls_are_grouped_by_code_place_and_route() {
        let mut causes = Causes::default();
        causes.note(&problem("/user_id"), "/v1/identify", Some(KeyId(1)), Timestamp(1));
        causes.note(&problem("/user_id"), "/v1/identify", Some(KeyId(2)), Timestamp(2));
        causes.note(&problem("/user_id"), "/v1/identify", Some(KeyId(1)), Timestamp(3));
        causes.note(&problem("/user_id"), "/v1/track", Some(KeyId(1)), Timestamp(4));
        causes.note(&problem(""), "/v1/identify", None, Timestamp(5));
        causes.sample(&problem("/user_id"), "/v1/identify", 7);
        let seen: Vec<_> = causes
            .all()
            .iter()
            .map(|cause| (cause.count, cause.keys.len(), cause.last_seen.0, cause.sample))
            .collect();
        assert_eq!(seen, [(3, 2, 3, Some(7)), (1, 1, 4, None), (1, 0, 5, None)]);
    }

    #[test]
    fn the_cause_that_was_not_seen_for_longest_is_forgotten() {
        let mut causes = Causes::default();
        for number in 0..150 {
            let pointer = format!("/metadata/{number}");
            causes.note(&problem(&pointer), "/v1/identify", None, Timestamp(number));
            causes.note(&problem("/user_id"), "/v1/identify", None, Timestamp(number));
        }
        assert_eq!(causes.all().len(), CAUSES_MAX);
        let kept = causes.all().iter().find(|cause| cause.pointer == "/user_id").unwrap();
        assert_eq!(kept.count, 150);
    }
}
