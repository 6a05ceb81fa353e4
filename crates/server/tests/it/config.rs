//! Settings as an operator meets them: `check-config`, and what a server refuses to start with.

use std::fs;

use crate::process::{muster, on, run};

#[test]
fn the_settings_in_effect_are_shown_with_their_places_and_without_secrets() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("muster.toml");
    fs::write(&file, "[http]\nconnections_max = 5\n").unwrap();
    let mut command = muster(&["check-config", "--set", "log.level=warn", "--data"]);
    command
        .arg(data.path())
        .env("MUSTER_LISTEN", "127.0.0.1:1")
        .env("MUSTER_BOOTSTRAP_API_KEY", "sixteen-chars-ok");
    let shown = run(&mut command).worked();
    let line = |setting: &str| {
        let found =
            shown.lines().find_map(|line| line.strip_prefix(setting)).unwrap_or_else(|| panic!("{shown}"));
        found.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(line("data directory "), [data.path().to_str().unwrap(), "--data"]);
    assert_eq!(line("settings file "), [file.to_str().unwrap()]);
    assert_eq!(line("bootstrap API key "), ["set (not shown)"]);
    assert_eq!(line("http.connections_max "), ["5", &format!("{}, line 2", file.display())]);
    assert_eq!(line("listen.address "), ["127.0.0.1:1", "MUSTER_LISTEN"]);
    assert_eq!(line("listen.metrics_address "), ["not set", "default"]);
    assert_eq!(line("log.level "), ["warn", "--set"]);
    assert!(shown.ends_with("\nThe settings are valid.\n"), "{shown}");
    let json = run(command.arg("--json")).json();
    assert_eq!(json["bootstrap_api_key_is_set"], true);
    let settings = json["settings"].as_array().unwrap();
    let connections = settings.iter().find(|shown| shown["setting"] == "http.connections_max").unwrap();
    assert_eq!(connections["value"], 5);
    assert!(!format!("{shown}{json}").contains("sixteen-chars-ok"));
}

#[test]
fn nothing_is_made_while_settings_are_checked() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("absent");
    on(&data, &["check-config"]).worked();
    assert!(!data.exists());
}

#[test]
fn a_server_with_a_wrong_setting_names_it_and_touches_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (data, file) = (root.path().join("data"), root.path().join("my.toml"));
    fs::write(&file, "[http]\n\nconnection_max = 5\n").unwrap();
    let err = on(&data, &["serve", "--config", file.to_str().unwrap()]).failed(1);
    let expected = format!(
        "muster: the settings are not valid:\n  {}, line 3: there is no setting `http.connection_max`; the nearest \
         one is `http.connections_max`\n",
        file.display()
    );
    assert_eq!(err, expected);
    assert!(!data.exists());
}

#[test]
fn every_setting_can_be_given_by_the_environment() {
    let root = tempfile::tempdir().unwrap();
    let settings = on(root.path(), &["check-config", "--json"]).json()["settings"].clone();
    let settings = settings.as_array().unwrap();
    assert!(settings.len() > 10);
    let mut command = muster(&["check-config", "--json", "--data"]);
    command.arg(root.path());
    for shown in settings {
        let name = shown["setting"].as_str().unwrap().replace('.', "__").to_uppercase();
        let value = shown["value"].as_str().map_or_else(|| shown["value"].to_string(), str::to_owned);
        command.env(format!("MUSTER_{name}"), if value == "null" { "" } else { &value });
    }
    let given = run(&mut command).json()["settings"].clone();
    for (shown, given) in settings.iter().zip(given.as_array().unwrap()) {
        assert_eq!(shown["value"], given["value"]);
        let by_variable = given["from"].as_str().unwrap().starts_with("MUSTER_");
        assert!(by_variable || given["value"].is_null(), "{given}");
    }
}

#[test]
fn the_bootstrap_key_is_checked_before_anything_is_made() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    for key in ["k".repeat(15), "k".repeat(256), "sixteen chars ok".to_owned(), "sixteen-chärs-ok".to_owned()]
    {
        let mut command = muster(&["serve", "--listen", "127.0.0.1:0", "--data"]);
        let err = run(command.arg(&data).env("MUSTER_BOOTSTRAP_API_KEY", &key)).failed(1);
        assert!(err.contains("\n  MUSTER_BOOTSTRAP_API_KEY has "), "{err}");
        assert!(err.contains("give 16 to 255 visible ASCII characters") && !err.contains(&key), "{err}");
        assert!(!data.exists());
    }
}

#[test]
fn the_operations_page_lists_every_setting_with_its_default() {
    let root = tempfile::tempdir().unwrap();
    let page = include_str!("../../../../docs/OPERATIONS.md");
    let shown = on(root.path(), &["check-config", "--json"]).json();
    let expected: Vec<String> = shown["settings"].as_array().unwrap().iter().map(row).collect();
    for row in &expected {
        assert!(page.contains(row.as_str()), "docs/OPERATIONS.md lacks the row {row}");
    }
    let topics = [
        "`erasure.",
        "`exports.",
        "`history.",
        "`http.",
        "`jobs.",
        "`listen.",
        "`log.",
        "`s3.",
        "`storage.",
        "`sync.",
    ];
    let listed =
        page.lines().filter(|line| topics.iter().any(|topic| line.starts_with(&format!("| {topic}"))));
    assert_eq!(listed.count(), expected.len(), "docs/OPERATIONS.md lists a setting that does not exist");
}

fn row(shown: &serde_json::Value) -> String {
    let default = match &shown["value"] {
        serde_json::Value::Null => "not set".to_owned(),
        serde_json::Value::String(text) => format!("`{text}`"),
        value => format!("`{value}`"),
    };
    format!("| `{}` | {default} |", shown["setting"].as_str().unwrap())
}
