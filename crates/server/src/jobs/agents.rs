//! Browser and operating system out of a `user_agent` (spec 2.9, rule 4).

use std::collections::HashMap;

use muster_kernel::model::property::Properties;
use muster_kernel::model::value::Value;
use woothee::parser::Parser;
use woothee::woothee::VALUE_UNKNOWN;

/// How many are remembered: a file has few different ones, each many times.
const REMEMBERED_MAX: usize = 4_096;
/// Characters that are looked at; no browser has more.
const LOOKED_AT_MAX: usize = 1_024;

/// What a `user_agent` says; empty where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Agent {
    /// Such as `Firefox`.
    browser: String,
    /// Such as `Windows 10`.
    operating_system: String,
}

/// Reads them, and remembers what it read.
#[derive(Default)]
pub struct Agents(HashMap<String, Agent>);

impl Agents {
    /// Adds what a `user_agent` says to the context of an event.
    pub fn put(&mut self, text: &str, context: &mut Properties) {
        if !self.0.contains_key(text) {
            if self.0.len() >= REMEMBERED_MAX {
                self.0.clear();
            }
            self.0.insert(text.to_owned(), read(text));
        }
        let Some(agent) = self.0.get(text) else { return };
        for (name, word) in [("browser", &agent.browser), ("operating_system", &agent.operating_system)] {
            if !word.is_empty() {
                context.push(name, Value::Text(word));
            }
        }
        context.settle();
    }
}

fn read(text: &str) -> Agent {
    let begins: String = text.chars().take(LOOKED_AT_MAX).collect();
    let Some(found) = Parser::new().parse(&begins) else { return Agent::default() };
    let known = |word: &str| if word == VALUE_UNKNOWN { String::new() } else { word.to_owned() };
    Agent { browser: known(found.name), operating_system: known(found.os) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_by_name_and_system() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
        let edge = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0";
        for (text, browser, operating_system) in [
            (firefox, "Firefox", "Linux"),
            (chrome, "Chrome", "Windows 10"),
            (safari, "Safari", "iPhone"),
            (edge, "Edge", "Mac OSX"),
            ("", "", ""),
            ("not an agent", "", ""),
            (&"é(;/".repeat(5_000), "", ""),
        ] {
            let agent = Agent { browser: browser.into(), operating_system: operating_system.into() };
            assert_eq!(read(text), agent, "{text}");
        }
    }
}
