//! Settings laid over each other: the shipped defaults, then a file, then the environment, then flags.
//!
//! The shipped `default.toml` is the list of what exists: a name that is not in it is refused with the nearest one
//! that is, and a value must be of the kind that stands there. Every value remembers where it came from, so that a
//! complaint about it can name the file and line, the variable or the flag. Problems are collected, not thrown: an
//! operator sees all of them at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::rule::Rule;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the shipped default.
    Default,
    /// In a file.
    File {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: usize,
    },
    /// In an environment variable of this name.
    Variable(String),
    /// In a flag of this name.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Origin::Variable(name) | Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// The layers put down so far.
#[derive(Debug)]
pub struct Layers {
    defaults: Table,
    values: Table,
    origins: BTreeMap<String, Origin>,
    problems: Vec<String>,
}

impl Layers {
    /// The bottom: a table of topics, each a table of settings.
    pub fn new(defaults: Table) -> Self {
        Layers { values: defaults.clone(), defaults, origins: BTreeMap::new(), problems: Vec::new() }
    }

    /// Every setting, as `topic.name`.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for (topic, settings) in &self.defaults {
            let names = settings.as_table().into_iter().flat_map(Table::keys);
            keys.extend(names.map(|name| format!("{topic}.{name}")));
        }
        keys
    }

    /// Notes something wrong that is not about one setting.
    pub fn complain(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Lays the settings of a TOML file over what is there.
    pub fn put_file(&mut self, path: &Path, text: &str) {
        let (spans, values) = match (DeTable::parse(text), text.parse::<Table>()) {
            (Ok(spans), Ok(values)) => (spans, values),
            (Err(error), _) | (_, Err(error)) => {
                let line = error.span().map_or(1, |span| line_at(text, span.start));
                let what = error.message().trim();
                self.complain(format!("{}, line {line}: this is not TOML: {what}", path.display()));
                return;
            }
        };
        for (line, topic, name) in entries(spans.get_ref(), text) {
            let origin = Origin::File { path: path.into(), line };
            if let Some(value) = values.get(topic).and_then(|settings| settings.get(name?)) {
                self.put(&format!("{topic}.{}", name.unwrap_or_default()), value.clone(), origin);
            } else {
                self.check_topic(topic, values.get(topic).is_some_and(Value::is_table), &origin);
            }
        }
    }

    /// Lays one setting, given as text, over what is there.
    pub fn put_text(&mut self, key: &str, text: &str, origin: Origin) {
        let Some(default) = self.default_of(key) else { return self.unknown(key, &origin) };
        let value = match default {
            // Written as in the file: 1_000_000 is a number too.
            Value::Integer(_) => text.replace('_', "").parse().map(Value::Integer).ok(),
            Value::Boolean(_) => text.parse().map(Value::Boolean).ok(),
            _ => None,
        };
        self.put(key, value.unwrap_or_else(|| Value::String(text.to_owned())), origin);
    }

    /// Where the value of a setting was given.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The value of a setting; an optional one that is not set is the empty text.
    pub fn value(&self, key: &str) -> Option<&Value> {
        let (topic, name) = key.split_once('.')?;
        self.values.get(topic)?.get(name)
    }

    /// Holds every value against its rule; problems name the place where the value was given.
    pub fn check(&mut self, rules: &[(&str, Rule)]) {
        for (key, rule) in rules {
            let Some(value) = self.value(key) else { continue };
            if let Err(what) = rule.check(value) {
                let problem = format!("{}: `{key}` {what}", self.origin(key));
                self.complain(problem);
            }
        }
    }

    /// The effective table, for serde: optional settings that are not set are absent.
    pub fn effective(&self) -> Table {
        let mut table = self.values.clone();
        for settings in table.iter_mut().filter_map(|(_, settings)| settings.as_table_mut()) {
            settings.retain(|_, value| value.as_str() != Some(""));
        }
        table
    }

    /// Everything found wrong so far.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    fn put(&mut self, key: &str, value: Value, origin: Origin) {
        let Some(default) = self.default_of(key) else { return self.unknown(key, &origin) };
        if !value.same_type(default) {
            let (wanted, given) = (kind(default), kind(&value));
            self.complain(format!("{origin}: `{key}` must be {wanted}, not {given}"));
            return;
        }
        let slot = key.split_once('.').and_then(|(topic, name)| self.values.get_mut(topic)?.get_mut(name));
        if let Some(slot) = slot {
            *slot = value;
            self.origins.insert(key.to_owned(), origin);
        }
    }

    fn default_of(&self, key: &str) -> Option<&Value> {
        let (topic, name) = key.split_once('.')?;
        self.defaults.get(topic)?.as_table()?.get(name)
    }

    /// Something at the top of a file: only a section that exists may stand there.
    fn check_topic(&mut self, topic: &str, is_section: bool, origin: &Origin) {
        if !self.defaults.contains_key(topic) {
            self.unknown(topic, origin);
        } else if !is_section {
            self.complain(format!(
                "{origin}: `{topic}` is a section; write [{topic}] and its settings below it"
            ));
        }
    }

    fn unknown(&mut self, key: &str, origin: &Origin) {
        let nearest = nearest(key, &self.keys()).unwrap_or_default();
        self.complain(format!("{origin}: there is no setting `{key}`; the nearest one is `{nearest}`"));
    }
}

/// What a file sets, in the order of its lines: line, topic, name. A section without settings, and a setting outside
/// of every section, come without a name.
fn entries<'a>(file: &'a DeTable<'_>, text: &str) -> Vec<(usize, &'a str, Option<&'a str>)> {
    let mut entries = Vec::new();
    let line = |key: &Spanned<_>| line_at(text, key.span().start);
    for (topic, settings) in file {
        let word = topic.get_ref().as_ref();
        match settings.get_ref() {
            DeValue::Table(settings) if !settings.is_empty() => {
                entries.extend(settings.keys().map(|name| (line(name), word, Some(name.get_ref().as_ref()))));
            }
            _ => entries.push((line(topic), word, None)),
        }
    }
    entries.sort_unstable();
    entries
}

/// The most alike of `known`; a right name under a wrong topic counts as nearly right.
fn nearest(key: &str, known: &[String]) -> Option<String> {
    let name = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |candidate: &String| {
        let topic = candidate.split('.').next().unwrap_or_default();
        let by_name = 1 + strsim::osa_distance(&name(key), &name(candidate));
        let by_topic = 1 + strsim::osa_distance(key, topic);
        by_name.min(by_topic).min(strsim::osa_distance(key, candidate))
    };
    known.iter().min_by_key(|candidate| distance(candidate)).cloned()
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> Layers {
        Layers::new("[http]\nwait_ms = 5\nurl = \"\"\n[log]\njson = false".parse().unwrap())
    }

    fn complaints(file: &str) -> Vec<String> {
        let mut layers = layers();
        layers.put_file(Path::new("m.toml"), file);
        layers.problems().to_vec()
    }

    #[test]
    fn a_later_layer_wins_and_is_remembered() {
        let mut layers = layers();
        assert_eq!(layers.origin("http.wait_ms"), Origin::Default);
        layers.put_file(Path::new("m.toml"), "# why\n[http]\nwait_ms = 6\nurl = \"http://x\"\n");
        assert_eq!(layers.origin("http.wait_ms").to_string(), "m.toml, line 3");
        layers.put_text("http.wait_ms", "1_000", Origin::Variable("MUSTER_HTTP__WAIT_MS".into()));
        layers.put_text("log.json", "true", Origin::Flag("--set".into()));
        assert_eq!(layers.value("http.wait_ms"), Some(&Value::Integer(1000)));
        assert_eq!(layers.origin("http.wait_ms").to_string(), "MUSTER_HTTP__WAIT_MS");
        let expected: Table =
            "[http]\nwait_ms = 1000\nurl = \"http://x\"\n[log]\njson = true".parse().unwrap();
        assert_eq!((layers.effective(), layers.problems()), (expected, &[][..]));
    }

    #[test]
    fn an_optional_setting_that_is_empty_is_absent() {
        let expected: Table = "[http]\nwait_ms = 5\n[log]\njson = false".parse().unwrap();
        assert_eq!(layers().effective(), expected);
    }

    #[test]
    fn what_is_unknown_is_named_with_its_line_and_its_nearest_neighbour() {
        let unknown = |line, key, nearest| {
            vec![format!("m.toml, line {line}: there is no setting `{key}`; the nearest one is `{nearest}`")]
        };
        assert_eq!(complaints("[http]\n\nwait_sm = 6"), unknown(3, "http.wait_sm", "http.wait_ms"));
        assert_eq!(complaints("[htpp]\nwait_ms = 6"), unknown(2, "htpp.wait_ms", "http.wait_ms"));
        assert_eq!(complaints("[log]\nwait_ms = 6"), unknown(2, "log.wait_ms", "http.wait_ms"));
        assert_eq!(complaints("url = \"\""), unknown(1, "url", "http.url"));
        assert_eq!(complaints("[http]"), [""; 0]);
        let section = "m.toml, line 1: `http` is a section; write [http] and its settings below it";
        assert_eq!(complaints("http = 5"), [section]);
        assert_eq!(complaints("\n[logg]"), unknown(2, "logg", "log.json"));
    }

    #[test]
    fn a_value_of_another_kind_is_refused() {
        let file = "[http]\nwait_ms = \"6\"\nurl = 1\n[log]\njson = 0\n";
        assert_eq!(
            complaints(file),
            [
                "m.toml, line 2: `http.wait_ms` must be a whole number, not a text",
                "m.toml, line 3: `http.url` must be a text, not a whole number",
                "m.toml, line 5: `log.json` must be true or false, not a whole number",
            ]
        );
        let mut layers = layers();
        layers.put_text("http.wait_ms", "6s", Origin::Variable("V".into()));
        assert_eq!(layers.problems(), ["V: `http.wait_ms` must be a whole number, not a text"]);
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_with_its_line() {
        let found = complaints("[http]\nwait_ms = = 6\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("m.toml, line 2: this is not TOML: "), "{found:?}");
    }
}
