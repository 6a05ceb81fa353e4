//! What the checker found, in the order of the body, and where. Bounded: what an answer would not list is counted
//! but never written out, so that a body of a million faults costs a number.

use std::fmt;

use crate::model::limits::{PROBLEMS_LISTED_MAX, PROPERTY_NAME_CHARS_MAX};
use crate::model::problem::{Problem, ProblemCode, Warning, WarningCode};

/// A place in a body: the body, one of its keys, or a key of one of its objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    object: &'static str,
    name: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// The body as a whole, and what is not in it.
    pub const BODY: Place<'static> = Place { object: "", name: None };
    /// `metadata`.
    pub const METADATA: Place<'static> = Place { object: "/metadata", name: None };
    /// `company`.
    pub const COMPANY: Place<'static> = Place { object: "/company", name: None };

    /// A key of the object at this place.
    pub fn key(self, name: &'a str) -> Place<'a> {
        Place { object: self.object, name: Some(name) }
    }

    /// The key of the body that the object at this place stands under.
    pub fn object_name(self) -> &'static str {
        self.object.trim_start_matches('/')
    }

    /// The levels of nesting that a value at this place stands in.
    pub fn level(self) -> usize {
        usize::from(!self.object.is_empty()) + usize::from(self.name.is_some())
    }

    /// As JSON Pointer. A key too long to be a name is pointed to by its object: an answer does not grow with it.
    fn pointer(self) -> String {
        let mut pointer = self.object.to_owned();
        let shown = self.name.filter(|name| !is_longer(name, PROPERTY_NAME_CHARS_MAX));
        if let Some(name) = shown {
            pointer.push('/');
            for character in name.chars() {
                match character {
                    '~' => pointer.push_str("~0"),
                    '/' => pointer.push_str("~1"),
                    _ => pointer.push(character),
                }
            }
        }
        pointer
    }
}

/// Whether a text has more than `chars_max` characters; counts them only when its bytes do not tell.
#[inline]
pub(super) fn is_longer(text: &str, chars_max: usize) -> bool {
    text.len() > chars_max && text.chars().nth(chars_max).is_some()
}

/// Problems and warnings as they are found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    problems_unlisted: usize,
    warnings: Vec<Warning>,
    warnings_unlisted: usize,
}

impl Findings {
    /// Something that keeps the call from being taken.
    pub fn problem(&mut self, place: Place<'_>, code: ProblemCode, message: fmt::Arguments<'_>) {
        if self.problems.len() < PROBLEMS_LISTED_MAX {
            self.problems.push(Problem::at(place.pointer(), code, message.to_string()));
        } else {
            self.problems_unlisted += 1;
        }
    }

    /// A problem found elsewhere.
    pub fn add(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_LISTED_MAX {
            self.problems.push(problem);
        } else {
            self.problems_unlisted += 1;
        }
    }

    /// Something odd about a call that can be taken.
    pub fn warning(&mut self, place: Place<'_>, code: WarningCode, message: fmt::Arguments<'_>) {
        if self.warnings.len() < PROBLEMS_LISTED_MAX {
            self.warnings.push(Warning { pointer: place.pointer(), code, message: message.to_string() });
        } else {
            self.warnings_unlisted += 1;
        }
    }

    /// Something odd that was put in words elsewhere.
    pub fn remark(&mut self, warning: Warning) {
        if self.warnings.len() < PROBLEMS_LISTED_MAX {
            self.warnings.push(warning);
        } else {
            self.warnings_unlisted += 1;
        }
    }

    /// What the call is answered with. Warnings of a call that is not taken are left out.
    pub fn outcome(mut self) -> Result<Vec<Warning>, Vec<Problem>> {
        if self.problems_unlisted > 0 {
            self.problems.push(Problem::of_more(self.problems_unlisted));
        }
        if self.warnings_unlisted > 0 {
            self.warnings.push(Warning {
                pointer: String::new(),
                code: WarningCode::MoreWarnings,
                message: format!("There are {} more warnings than are listed here.", self.warnings_unlisted),
            });
        }
        if self.problems.is_empty() { Ok(self.warnings) } else { Err(self.problems) }
    }
}
