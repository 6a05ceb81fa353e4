//! What a value must be beyond its kind.

use std::net::SocketAddr;

use toml::Value;

use crate::stores::Destination;

/// A rule for one setting.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// A whole number from the first to the second, both allowed.
    Range(i64, i64),
    /// On or off: there is nothing to check beyond that.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A host and a port to listen on.
    Address,
    /// As `Address`, or the empty text.
    OptionalAddress,
    /// The start of an absolute URL, or the empty text.
    OptionalUrl,
    /// Where synced days go, or the empty text.
    OptionalDestination,
    /// Letters, digits and dashes.
    Word,
}

impl Rule {
    /// # Errors
    /// What is wrong, as the rest of a sentence that began with the setting's name, with the remedy.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Rule::Range(min, max), Value::Integer(number)) if !(*min..=*max).contains(number) => {
                Err(format!("is {number}; give a number from {min} to {max}"))
            }
            (Rule::OneOf(words), Value::String(word)) if !words.contains(&word.as_str()) => {
                Err(format!("is `{word}`; give one of: {}", words.join(", ")))
            }
            (Rule::OptionalAddress | Rule::OptionalUrl | Rule::OptionalDestination, Value::String(text))
                if text.is_empty() =>
            {
                Ok(())
            }
            (Rule::OptionalDestination, Value::String(text)) => Destination::parse(text).map(drop),
            (Rule::Word, Value::String(text)) if !is_word(text) => {
                Err(format!("is `{text}`; give letters, digits and dashes, as us-east-1"))
            }
            (Rule::Address | Rule::OptionalAddress, Value::String(text)) if !is_address(text) => {
                Err(format!(
                    "is `{text}`; give HOST:PORT, as 127.0.0.1:6878, or 0.0.0.0:6878 for every interface"
                ))
            }
            (Rule::OptionalUrl, Value::String(text)) if !is_url(text) => {
                Err(format!("is `{text}`; give a URL that starts with http:// or https:// and has no query"))
            }
            _ => Ok(()),
        }
    }
}

/// A name is looked up only when the socket opens; here it must only look like one.
fn is_address(text: &str) -> bool {
    let named = || {
        let (host, port) = text.rsplit_once(':')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        (!host.is_empty() && host.chars().all(plain) && port.parse::<u16>().is_ok()).then_some(())
    };
    text.parse::<SocketAddr>().is_ok() || named().is_some()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_graphic() && !"?#\"<>\\^`{|}".contains(c);
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(rule: Rule, value: impl Into<Value>) -> bool {
        rule.check(&value.into()).is_ok()
    }

    #[test]
    fn rules_hold_at_their_edges() {
        let range = Rule::Range(1, 10);
        assert_eq!([0, 1, 10, 11].map(|number| takes(range, number)), [false, true, true, false]);
        assert!(takes(Rule::OneOf(&["text", "json"]), "json") && !takes(Rule::OneOf(&["text", "json"]), ""));
        for address in ["127.0.0.1:0", "[::1]:6878", "localhost:6878", "muster.internal:80"] {
            assert!(takes(Rule::Address, address), "{address}");
        }
        for address in [
            "",
            "6878",
            ":6878",
            "127.0.0.1",
            "127.0.0.1:65536",
            "::1:6878",
            "http://localhost:6878",
            "a b:1",
        ] {
            assert!(!takes(Rule::Address, address), "{address}");
        }
        assert!(takes(Rule::OptionalAddress, "") && !takes(Rule::OptionalAddress, "6878"));
        for url in ["", "https://muster.example.com", "http://10.0.0.1:8080/base"] {
            assert!(takes(Rule::OptionalUrl, url), "{url}");
        }
        assert!(takes(Rule::OptionalDestination, "") && takes(Rule::OptionalDestination, "s3://bucket/x"));
        assert!(!takes(Rule::OptionalDestination, "relative"));
        assert!(takes(Rule::Word, "eu-central-1") && !takes(Rule::Word, "") && !takes(Rule::Word, "a b"));
        for url in
            ["muster.example.com", "https://", "ftp://x", "https:///x", "https://x/?a=1", "https://x y"]
        {
            assert!(!takes(Rule::OptionalUrl, url), "{url}");
        }
    }
}
