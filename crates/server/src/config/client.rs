//! How a command reaches a running server: its address and a key, from flags or variables.

use super::ConfigError;
use super::variables::{self, Variables};

/// Where `muster serve` listens when nobody says otherwise.
const URL_DEFAULT: &str = "http://127.0.0.1:6878";

/// A server and the key to it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerAccess {
    /// Its address, without a final slash.
    pub url: String,
    /// The API key.
    pub key: String,
}

impl ServerAccess {
    /// Flags win over variables.
    ///
    /// # Errors
    /// Everything that is missing or cannot be used.
    pub fn load(
        url: Option<String>,
        key: Option<String>,
        variables: &Variables,
    ) -> Result<ServerAccess, ConfigError> {
        let mut problems = Vec::new();
        let mut of = |flag: Option<String>, name: &str| {
            let by_variable = variables.get(name).map(|value| value.to_str().map(str::to_owned));
            match (flag, by_variable) {
                (Some(value), _) | (None, Some(Some(value))) => Some(value),
                (None, Some(None)) => {
                    problems.push(format!("{name}: the value is not UTF-8"));
                    None
                }
                (None, None) => None,
            }
        };
        let url = of(url, variables::URL).unwrap_or_else(|| URL_DEFAULT.to_owned());
        let key = of(key, variables::API_KEY);
        let authority = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if authority.is_none_or(|rest| rest.is_empty() || !is_plain(rest) || rest.contains(['?', '#'])) {
            problems.push(format!(
                "the server's address is `{url}`; give the start of a URL, as https://muster.example.com"
            ));
        }
        match key {
            _ if !problems.is_empty() => {}
            Some(key) if is_plain(&key) && !key.is_empty() => {
                return Ok(ServerAccess { url: url.trim_end_matches('/').to_owned(), key });
            }
            Some(_) => problems.push("the API key has characters that no key has".to_owned()),
            None => problems.push(format!("no API key is given; set {} or use --key", variables::API_KEY)),
        }
        Err(ConfigError(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(url: Option<&str>, key: Option<&str>, pairs: &[(&str, &str)]) -> Result<(String, String), usize> {
        let access =
            ServerAccess::load(url.map(str::to_owned), key.map(str::to_owned), &Variables::of(pairs));
        access.map(|access| (access.url, access.key)).map_err(|error| error.0.len())
    }

    #[test]
    fn flags_win_over_variables_and_variables_over_the_default() {
        let both = [("MUSTER_URL", "https://a.example/"), ("MUSTER_API_KEY", "k-1")];
        let of = |url: &str, key: &str| Ok((url.to_owned(), key.to_owned()));
        assert_eq!(load(None, None, &both), of("https://a.example", "k-1"));
        assert_eq!(load(Some("http://b:1/muster/"), Some("k-2"), &both), of("http://b:1/muster", "k-2"));
        assert_eq!(load(None, Some("k"), &[]), of(URL_DEFAULT, "k"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert_eq!(load(None, None, &[]), Err(1));
        for url in ["muster.example", "ftp://a", "http://", "http://a b", "http://a?x=1"] {
            assert_eq!(load(Some(url), Some("k"), &[]), Err(1), "{url}");
        }
        assert_eq!(load(None, Some("two words"), &[]), Err(1));
    }
}
