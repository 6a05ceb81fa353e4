//! The environment variables of the process: the one place that reads them.
//!
//! `MUSTER_<TOPIC>__<NAME>` is the setting `topic.name`. The few that every installation needs have short names too.
//! An empty variable is a variable that is not set, as compose files write it. A double underscore is ours alone, so
//! an unknown name with one is refused; of other names that begin with `MUSTER_` (orchestrators make some up) only
//! those that look like a misspelt one are.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::layers::{Layers, Origin};

const PREFIX: &str = "MUSTER_";

/// Names a data directory.
pub const DATA: &str = "MUSTER_DATA";
/// Names a settings file.
pub const CONFIG: &str = "MUSTER_CONFIG";
/// The API key of the first environment.
pub const BOOTSTRAP_API_KEY: &str = "MUSTER_BOOTSTRAP_API_KEY";

/// The id of the key to a bucket.
pub const S3_ACCESS_KEY_ID: &str = "MUSTER_S3_ACCESS_KEY_ID";
/// The secret of that key.
pub const S3_SECRET_ACCESS_KEY: &str = "MUSTER_S3_SECRET_ACCESS_KEY";
/// The token of such a key that ends.
pub const S3_SESSION_TOKEN: &str = "MUSTER_S3_SESSION_TOKEN";

/// The address of the server that a command speaks to.
pub const URL: &str = "MUSTER_URL";
/// The key that it speaks with.
pub const API_KEY: &str = "MUSTER_API_KEY";

/// Short names of settings.
const SHORT: [(&str, &str); 3] = [
    ("MUSTER_LISTEN", "listen.address"),
    ("MUSTER_METRICS_LISTEN", "listen.metrics_address"),
    ("MUSTER_LOG", "log.level"),
];

/// How many letters a name may be off to count as misspelt.
const MISSPELT_MAX: usize = 2;

/// The variables that begin with `MUSTER_` and are not empty.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, OsString>);

impl Variables {
    /// Those of this process.
    pub fn of_process() -> Self {
        let named = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Variables(named.filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty()).collect())
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(name)
    }

    /// Lays every setting that a variable gives over what is there.
    pub fn put_into(&self, layers: &mut Layers) {
        for (name, value) in &self.0 {
            let short = SHORT.iter().find(|(short, _)| short == name).map(|(_, key)| (*key).to_owned());
            let Some(key) = short.or_else(|| key_named_by(name)) else {
                complain_if_misspelt(name, layers);
                continue;
            };
            let Some(text) = value.to_str() else {
                layers.complain(format!("{name}: the value is not UTF-8"));
                continue;
            };
            if let Origin::Variable(other) = layers.origin(&key) {
                layers.complain(format!("{other} and {name} give the same setting; keep one of them"));
                continue;
            }
            layers.put_text(&key, text, Origin::Variable(name.clone()));
        }
    }

    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        let set = pairs.iter().filter(|(_, value)| !value.is_empty());
        Variables(set.map(|(name, value)| ((*name).to_owned(), value.into())).collect())
    }
}

/// `http.read_wait_ms` for `MUSTER_HTTP__READ_WAIT_MS`.
fn key_named_by(variable: &str) -> Option<String> {
    let (topic, name) = variable.strip_prefix(PREFIX)?.split_once("__")?;
    Some(format!("{}.{}", topic.to_ascii_lowercase(), name.to_ascii_lowercase()))
}

fn complain_if_misspelt(name: &str, layers: &mut Layers) {
    let keys = [BOOTSTRAP_API_KEY, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, S3_SESSION_TOKEN, API_KEY];
    let known = [DATA, CONFIG, URL].into_iter().chain(keys).chain(SHORT.map(|(short, _)| short));
    let nearest = known.map(|known| (strsim::osa_distance(name, known), known)).min();
    if let Some((1..=MISSPELT_MAX, known)) = nearest {
        layers.complain(format!("{name} is no variable of this program; did you mean {known}?"));
    }
}
