//! The shipped defaults, and the order of the layers.

use std::collections::BTreeSet;

use super::*;

fn load(flags: &Flags, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    Config::load(flags, &Variables::of(variables)).map_err(|ConfigError(problems)| problems)
}

/// Flags that find no file in a data directory.
fn bare() -> Flags {
    Flags { data: Some("no-such-directory".into()), ..Flags::default() }
}

fn set(key: &str, value: &str) -> Vec<(&'static str, String, String)> {
    vec![("--set", key.to_owned(), value.to_owned())]
}

#[test]
fn the_shipped_file_is_what_the_code_defaults_to() {
    let loaded = load(&bare(), &[]).unwrap();
    assert_eq!(format!("{:#?}", loaded.settings), format!("{:#?}", Settings::default()));
    assert!(loaded.shown().iter().all(|shown| shown.origin == Origin::Default));
}

#[test]
fn the_shipped_file_names_every_setting_of_every_topic() {
    let shipped: Table = DEFAULTS.parse().unwrap();
    let topics: BTreeSet<String> = shipped.keys().cloned().collect();
    assert_eq!(topics, fields_of(""), "topics");
    for topic in topics {
        let names: BTreeSet<String> = shipped[&topic].as_table().unwrap().keys().cloned().collect();
        assert_eq!(names, fields_of(&format!("[{topic}]\n")), "{topic}");
    }
}

/// The fields that serde knows in a section: it lists them when it refuses another one.
fn fields_of(section: &str) -> BTreeSet<String> {
    let error = toml::from_str::<Settings>(&format!("{section}no_such_field = 1")).unwrap_err();
    error.message().split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect()
}

#[test]
fn the_shipped_file_comments_every_setting() {
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    for pair in lines.windows(2) {
        assert!(
            !pair[1].contains(" = ") || pair[1].starts_with('#') || pair[0].starts_with('#'),
            "{}",
            pair[1]
        );
    }
}

#[test]
fn every_setting_has_a_rule() {
    let ruled: BTreeSet<&str> = ALL_RULES.concat().into_iter().map(|(key, _)| key).collect();
    let shown = load(&bare(), &[]).unwrap().shown();
    assert_eq!(shown.iter().map(|shown| shown.key.as_str()).collect::<BTreeSet<_>>(), ruled);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(FILE_IN_DATA), "[http]\nread_wait_ms = 1\nconnections_max = 1\n")
        .unwrap();
    let mut flags = Flags { data: Some(directory.path().into()), ..Flags::default() };
    let variables =
        [("MUSTER_HTTP__READ_WAIT_MS", "2"), ("MUSTER_LOG", "debug"), ("MUSTER_DATA", "elsewhere")];
    let loaded = load(&flags, &variables).unwrap();
    assert_eq!(loaded.data, directory.path());
    assert_eq!(loaded.file, Some(directory.path().join(FILE_IN_DATA)));
    assert_eq!((loaded.settings.http.read_wait_ms, loaded.settings.http.connections_max), (2, 1));
    assert_eq!(loaded.settings.log.level, LogLevel::Debug);
    flags.settings = set("http.read_wait_ms", "3");
    assert_eq!(load(&flags, &variables).unwrap().settings.http.read_wait_ms, 3);
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let flags = Flags { file: Some("no-such-file.toml".into()), ..bare() };
    let problems = load(&flags, &[]).unwrap_err();
    assert!(problems[0].starts_with("no-such-file.toml: the settings file cannot be read: "), "{problems:?}");
    assert!(load(&bare(), &[("MUSTER_CONFIG", "no-such-file.toml")]).is_err());
}

#[test]
fn all_problems_are_named_at_once_with_their_places() {
    let mut flags = bare();
    flags.settings = set("storage.cache_byte", "1");
    let variables = [
        ("MUSTER_BOOTSTRAP_API_KEY", "short"),
        ("MUSTER_HTTP__CONECTIONS_MAX", "1"),
        ("MUSTER_LISTEN", "6878"),
        ("MUSTER_LISTN", "127.0.0.1:1"),
        ("MUSTER_LOG", "loud"),
        ("MUSTER_METRICS_LISTEN", ""),
        ("MUSTER_PORT_6878_TCP", "made up by an orchestrator"),
    ];
    assert_eq!(
        load(&flags, &variables).unwrap_err(),
        [
            "MUSTER_HTTP__CONECTIONS_MAX: there is no setting `http.conections_max`; the nearest one is \
             `http.connections_max`",
            "MUSTER_LISTN is no variable of this program; did you mean MUSTER_LISTEN?",
            "--set: there is no setting `storage.cache_byte`; the nearest one is `storage.cache_bytes`",
            "MUSTER_LISTEN: `listen.address` is `6878`; give HOST:PORT, as 127.0.0.1:6878, or 0.0.0.0:6878 for every \
             interface",
            "MUSTER_LOG: `log.level` is `loud`; give one of: off, error, warn, info, debug, trace",
            "MUSTER_BOOTSTRAP_API_KEY has 5 characters; give 16 to 255 visible ASCII characters, or unset it to have \
             one made",
        ]
    );
}

#[test]
fn one_setting_has_one_variable() {
    let variables = [("MUSTER_LISTEN", "127.0.0.1:1"), ("MUSTER_LISTEN__ADDRESS", "127.0.0.1:2")];
    assert_eq!(
        load(&bare(), &variables).unwrap_err(),
        ["MUSTER_LISTEN and MUSTER_LISTEN__ADDRESS give the same setting; keep one of them"]
    );
}

#[test]
fn an_empty_variable_is_not_set() {
    let loaded = load(&bare(), &[("MUSTER_BOOTSTRAP_API_KEY", ""), ("MUSTER_LISTEN", "")]).unwrap();
    assert_eq!(loaded.bootstrap_api_key, None);
    assert_eq!(loaded.settings.listen, ListenSettings::default());
}
