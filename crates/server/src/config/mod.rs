//! What the operator decides: one struct a topic, defaults in `default.toml`, everything checked before the first
//! socket opens.
//!
//! Settings come, each over the one before, from the shipped defaults, a TOML file (`--config`, `MUSTER_CONFIG`, or
//! `muster.toml` in the data directory), environment variables and flags. The data directory itself is named by
//! `--data` or `MUSTER_DATA` only, because the file may lie in it. Nothing here is secret but the bootstrap key and
//! the key to a bucket, and those are never printed.

mod bootstrap;
mod client;
mod erasure;
mod exports;
mod history;
mod http;
mod jobs;
mod layers;
mod listen;
mod log;
mod rule;
mod s3;
mod storage;
mod sync;
mod variables;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Table;

use crate::erasures::ErasureSettings;
use crate::exports::ExportSettings;
use crate::http::HttpSettings;
use crate::jobs::JobSettings;
use crate::stores::S3Settings;
use crate::sync::SyncSettings;

pub use bootstrap::BootstrapApiKey;
pub use client::ServerAccess;
pub use history::HistorySettings;
pub use layers::{Layers, Origin};
pub use listen::ListenSettings;
pub use log::{LogFormat, LogLevel, LogSettings};
pub use storage::StorageSettings;
pub use variables::Variables;

/// The shipped defaults, as text: also the list of every setting and its documentation.
pub const DEFAULTS: &str = include_str!("default.toml");

/// Where data is kept when nobody says otherwise.
const DATA_DEFAULT: &str = "muster-data";

/// The name of the settings file that is read from the data directory when no other is named.
pub const FILE_IN_DATA: &str = "muster.toml";

/// A settings file has no reason to be larger.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The rules of every topic.
const ALL_RULES: [&[(&str, rule::Rule)]; 10] = [
    listen::RULES,
    http::RULES,
    storage::RULES,
    history::RULES,
    jobs::RULES,
    exports::RULES,
    erasure::RULES,
    sync::RULES,
    s3::RULES,
    log::RULES,
];

/// Every setting.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the server listens.
    pub listen: ListenSettings,
    /// How the HTTP edge treats connections.
    pub http: HttpSettings,
    /// How the engine uses memory and disk.
    pub storage: StorageSettings,
    /// How events are kept in columns.
    pub history: HistorySettings,
    /// How bulk uploads are taken.
    pub jobs: JobSettings,
    /// How exports are made and kept.
    pub exports: ExportSettings,
    /// When and how fast deletions are purged.
    pub erasure: ErasureSettings,
    /// Where synced days go.
    pub sync: SyncSettings,
    /// The service of buckets.
    pub s3: S3Settings,
    /// What is logged.
    pub log: LogSettings,
}

/// What the flags of a command say about settings.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The data directory.
    pub data: Option<PathBuf>,
    /// The settings file.
    pub file: Option<PathBuf>,
    /// Settings: the flag's name, the setting as `topic.name`, its value as text.
    pub settings: Vec<(&'static str, String, String)>,
}

/// A whole and checked configuration.
#[derive(Debug)]
pub struct Config {
    /// Where everything is kept.
    pub data: PathBuf,
    /// Who named the data directory.
    pub data_origin: Origin,
    /// The settings file that was read.
    pub file: Option<PathBuf>,
    /// Every setting.
    pub settings: Settings,
    /// The key for the very first start, when the operator chose one.
    pub bootstrap_api_key: Option<BootstrapApiKey>,
    layers: Layers,
}

/// A setting as it is in effect, to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The setting, as `topic.name`.
    pub key: String,
    /// Its value; `None` when it is optional and not set.
    pub value: Option<toml::Value>,
    /// Where it was given.
    pub origin: Origin,
}

/// Everything that is wrong with a configuration. Correct each and try again; nothing was started.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings are not valid:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Puts all layers together and checks them. Reads the settings file and nothing else.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(flags: &Flags, variables: &Variables) -> Result<Config, ConfigError> {
        let defaults = DEFAULTS.parse::<Table>().map_err(|error| ConfigError(vec![error.to_string()]))?;
        let mut layers = Layers::new(defaults);
        let (data, data_origin) = data_directory(flags, variables);
        let file = put_file(&mut layers, flags, variables, &data);
        variables.put_into(&mut layers);
        for (flag, key, value) in &flags.settings {
            layers.put_text(key, value, Origin::Flag((*flag).to_owned()));
        }
        for rules in ALL_RULES {
            layers.check(rules);
        }
        let bootstrap_api_key = bootstrap_api_key(&mut layers, variables);
        let credentials = s3::credentials(variables).unwrap_or_else(|what| {
            layers.complain(what);
            None
        });
        let settings = layers.effective().try_into::<Settings>();
        match settings {
            _ if !layers.problems().is_empty() => Err(ConfigError(layers.problems().to_vec())),
            Err(error) => Err(ConfigError(vec![error.to_string()])),
            // The edge has the last word on its own settings.
            Ok(mut settings) => match settings.http.validate() {
                Err(what) => Err(ConfigError(vec![format!("[http]: {what}")])),
                Ok(()) => {
                    settings.s3.credentials = credentials;
                    Ok(Config { data, data_origin, file, settings, bootstrap_api_key, layers })
                }
            },
        }
    }

    /// Every setting as it is in effect; no secrets.
    pub fn shown(&self) -> Vec<Shown> {
        let show = |key: String| Shown {
            value: self.layers.value(&key).filter(|value| value.as_str() != Some("")).cloned(),
            origin: self.layers.origin(&key),
            key,
        };
        self.layers.keys().into_iter().map(show).collect()
    }
}

fn data_directory(flags: &Flags, variables: &Variables) -> (PathBuf, Origin) {
    let by_flag = flags.data.clone().map(|path| (path, Origin::Flag("--data".to_owned())));
    let by_variable = || {
        variables.get(variables::DATA).map(|path| (path.into(), Origin::Variable(variables::DATA.to_owned())))
    };
    by_flag.or_else(by_variable).unwrap_or_else(|| (DATA_DEFAULT.into(), Origin::Default))
}

/// Lays the settings file down; a file that somebody named must be there, the one in the data directory need not.
fn put_file(layers: &mut Layers, flags: &Flags, variables: &Variables, data: &Path) -> Option<PathBuf> {
    let named = flags.file.clone().or_else(|| variables.get(variables::CONFIG).map(PathBuf::from));
    let must_exist = named.is_some();
    let path = named.unwrap_or_else(|| data.join(FILE_IN_DATA));
    match read_file(&path) {
        Ok(text) => {
            layers.put_file(&path, &text);
            Some(path)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => None,
        Err(error) => {
            layers.complain(format!("{}: the settings file cannot be read: {error}", path.display()));
            None
        }
    }
}

fn read_file(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(path)
}

fn bootstrap_api_key(layers: &mut Layers, variables: &Variables) -> Option<BootstrapApiKey> {
    let given = variables.get(variables::BOOTSTRAP_API_KEY)?;
    // What is not UTF-8 becomes a character that the rule refuses.
    match BootstrapApiKey::parse(&given.to_string_lossy()) {
        Ok(key) => Some(key),
        Err(what) => {
            layers.complain(format!("{} {what}", variables::BOOTSTRAP_API_KEY));
            None
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
