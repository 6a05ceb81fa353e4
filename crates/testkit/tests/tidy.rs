//! The habits of this repository that only its text can show. CONTRIBUTING.md says why each of them is kept.
//!
//! Each rule is a test of its own, opens with what holds and what to do about a breach, and needs nothing that is not
//! there yet: a rule about a file holds until the file is written.

use std::fs;

use muster_testkit::tidy::{SourceFile, check, names, repository};

/// Files that may be longer than the rule says: path, lines, and the reason why no part of it would stand better alone.
const LONG_FILES: &[(&str, usize, &str)] = &[];

/// What each package may build on. The arrows point downwards only: server, local, kernel.
const ARROWS: [(&str, &[&str]); 4] = [
    ("kernel", &[]),
    ("local", &["muster-kernel"]),
    ("server", &["muster-kernel", "muster-local"]),
    // The faulty disk stands in for the one of the embedded engine.
    ("testkit", &["muster-kernel", "muster-local"]),
];

const ROUTER: [&str; 1] = ["crates/server/src/http/router.rs"];
const STATUS_CODES: [&str; 1] = ["crates/server/src/http/error.rs"];
const CONFIGURATION: [&str; 1] = ["crates/server/src/config/"];
const WIRING: [&str; 3] = [
    "crates/server/src/wiring.rs",
    "crates/server/src/wiring/copies.rs",
    "crates/server/src/wiring/parts.rs",
];
const LOG_RECORD: [&str; 1] = ["crates/local/src/log/record.rs"];

/// Joined here from halves, so that this file keeps the rules it checks.
const LEFT_OPEN: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
const MACHINE_PATHS: [&str; 4] =
    [concat!("/wo", "rk"), concat!("/ro", "ot"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

#[test]
fn every_rust_file_opens_with_what_it_is_for() {
    check("Open the file with `//!`: what it is for, what it guarantees, what it must never do.", |file| {
        breach_if(file.is_rust() && !file.text.starts_with("//!"), "does not open with `//!`")
    });
}

#[test]
fn files_are_short_enough_to_be_read_at_once() {
    check(
        "At most 500 lines, 1000 in a test: move a part with a name of its own into a file of its own.",
        |file| {
            let usual = if file.is_test() { 1000 } else { 500 };
            let lines = file.text.lines().count();
            match LONG_FILES.iter().find(|(path, ..)| *path == file.path) {
                Some(_) if lines <= usual => vec![format!("has {lines} lines: take it from LONG_FILES")],
                Some((_, allowed, reason)) => breach_if(
                    lines > *allowed,
                    &format!("has {lines} lines, {allowed} allowed because {reason}"),
                ),
                None => breach_if(file.is_rust() && lines > usual, &format!("has {lines} lines")),
            }
        },
    );
}

#[test]
fn names_say_something() {
    let empty = ["util", "utils", "common", "helper", "helpers", "misc", "manager", "managers"];
    check("A name must say what is inside: name the file or module after what it does.", |file| {
        let mut breaches = Vec::new();
        for part in file.path.split('/') {
            let stem = part.split('.').next().unwrap_or(part);
            breaches.extend(breach_if(empty.contains(&stem), &format!("`{part}` says nothing")));
        }
        if file.is_rust() {
            breaches.extend(
                file.code_naming(&empty.map(|name| format!("mod {name}")).each_ref().map(String::as_str)),
            );
        }
        breaches
    });
}

#[test]
fn status_codes_are_chosen_in_one_file() {
    check("Answer with a problem code or a typed answer; http/error.rs maps it to its status.", |file| {
        product_naming(file, &["StatusCode::"], &STATUS_CODES)
    });
}

#[test]
fn routes_are_registered_in_the_router() {
    check("The router is the table of contents of the API: register the route there.", |file| {
        product_naming(file, &[".route(", ".route_service(", "routes!("], &ROUTER)
    });
}

#[test]
fn the_environment_is_read_by_the_configuration() {
    check("Read the variable in config/, where it is validated, and pass the value on.", |file| {
        product_naming(file, &["env::var", "env::var_os", "env::vars", "env::vars_os"], &CONFIGURATION)
    });
}

#[test]
fn engines_are_named_by_the_wiring() {
    check("Speak to the engine through the kernel's ports; only wiring chooses one.", |file| {
        breaches_unless(file.path.starts_with("crates/local/"), || {
            product_naming(file, &["muster_local"], &WIRING)
        })
    });
}

#[test]
fn packages_build_on_lower_ones() {
    // The demo is a client: the tests of the server run it, and it builds on nothing of ours.
    let for_tests_only = ["muster-testkit", "muster-demo"];
    check(
        "Arrows point downwards (server, local, kernel), and testkit and demo are for tests only.",
        |file| {
            let Some(package) = package_of_manifest(file) else { return Vec::new() };
            let Some((_, below)) = ARROWS.iter().find(|(name, _)| *name == package) else {
                return vec!["say in ARROWS what this package may build on".to_owned()];
            };
            let is_allowed = |name: &str, for_tests: bool| {
                below.contains(&name) || (for_tests && for_tests_only.contains(&name))
            };
            file.dependencies()
                .into_iter()
                .filter(|found| {
                    found.name.starts_with("muster-") && !is_allowed(&found.name, found.for_tests)
                })
                .map(|found| format!("may not depend on {}", found.name))
                .collect()
        },
    );
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    check("Add `[lints]` with `workspace = true` to the manifest: without it no lint holds there.", |file| {
        let is_package = file.path.ends_with("/Cargo.toml");
        breach_if(
            is_package && !file.text.contains("[lints]\nworkspace = true"),
            "does not inherit the lints",
        )
    });
}

#[test]
fn the_kernel_does_no_io_and_has_no_clock() {
    let doors =
        ["tokio", "std::fs", "fs::", "std::net", "net::", "std::env", "SystemTime", "Instant", "thread::"];
    let crates =
        ["tokio", "mio", "async-io", "axum", "hyper", "fjall", "rustix", "libc", "rand", "getrandom"];
    check("The kernel computes: take the value as an argument, or go through a port.", |file| {
        let in_kernel = file.path.starts_with("crates/kernel/");
        let mut breaches = breaches_unless(!in_kernel, || product_naming(file, &doors, &[]));
        if in_kernel && package_of_manifest(file).is_some() {
            let found = file.dependencies().into_iter().filter(|found| crates.contains(&found.name.as_str()));
            breaches.extend(found.map(|found| format!("may not depend on {}", found.name)));
        }
        breaches
    });
}

#[test]
fn nothing_is_left_open() {
    check("Do it now, or say in a sentence what is missing and why that is right.", |file| {
        breaches_unless(is_generated(file), || file.lines_naming(&LEFT_OPEN))
    });
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    // Inside a longer path (`/api/home/`), after a variable or in a longer name it is not a directory of the machine.
    let goes_on_before = |text: &str| text.ends_with(|c: char| c.is_alphanumeric() || "_.-*})".contains(c));
    let goes_on_after = |text: &str| text.starts_with(|c: char| c.is_alphanumeric() || "_-".contains(c));
    let is_named = |line: &str, path: &str| {
        line.match_indices(path).any(|(at, _)| {
            let ends = path.ends_with('/') || !goes_on_after(&line[at + path.len()..]);
            ends && !goes_on_before(&line[..at])
        })
    };
    check("The repository is cloned anywhere: use a path relative to its root, or a setting.", |file| {
        let lines = file.text.lines().enumerate();
        let found = lines.filter(|(_, line)| MACHINE_PATHS.iter().any(|path| is_named(line, path)));
        found.map(|(index, line)| format!("line {}: {}", index + 1, line.trim())).collect()
    });
}

#[test]
fn the_log_record_is_described_in_the_format() {
    check("docs/FORMAT.md describes what the log writes, and names its version as record.rs does.", |file| {
        breaches_unless(!file.stands_in(&LOG_RECORD), || {
            let format = fs::read_to_string(repository().join("docs/FORMAT.md")).unwrap_or_default();
            let versions: Vec<_> = file.text.lines().filter_map(version_constant).collect();
            let described = |(name, value): &(&str, &str)| {
                format.lines().any(|line| names(line, name) && (!is_number(value) || names(line, value)))
            };
            let mut breaches = breach_if(versions.is_empty(), "has no constant with VERSION in its name");
            breaches.extend(versions.iter().filter(|version| !described(version)).map(|(name, value)| {
                format!("no line of docs/FORMAT.md names {name} together with its value, {value}")
            }));
            breaches
        })
    });
}

#[test]
fn only_long_tests_are_ignored_and_they_are_found_by_name() {
    let rule =
        "`make soak` runs the tests that end in `_soak` and are marked `#[ignore = \"soak\"]`: mark them so.";
    check(rule, |file| {
        let mut breaches = Vec::new();
        let mut lines = file.text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            if !file.is_rust() || !line.trim_start().starts_with("#[ignore") {
                continue;
            }
            let function = lines.find(|(_, line)| line.contains("fn ")).map_or("", |(_, line)| line);
            let is_long_test = line.trim() == "#[ignore = \"soak\"]" && function.contains("_soak(");
            breaches.extend(breach_if(!is_long_test, &format!("line {}: {}", index + 1, function.trim())));
        }
        breaches
    });
}

fn breach_if(breached: bool, what: &str) -> Vec<String> {
    if breached { vec![what.to_owned()] } else { Vec::new() }
}

fn breaches_unless(exempt: bool, find: impl FnOnce() -> Vec<String>) -> Vec<String> {
    if exempt { Vec::new() } else { find() }
}

/// The lines of `file` that name one of `words`, if it is product code that stands in none of `places`.
fn product_naming(file: &SourceFile, words: &[&str], places: &[&str]) -> Vec<String> {
    breaches_unless(!file.is_product() || file.stands_in(places), || file.code_naming(words))
}

/// `kernel` for `crates/kernel/Cargo.toml`.
fn package_of_manifest(file: &SourceFile) -> Option<&str> {
    file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")
}

/// Lock files hold hashes, in which any letters may meet.
fn is_generated(file: &SourceFile) -> bool {
    file.path.ends_with(".lock") || file.path.ends_with("package-lock.json")
}

/// Name and value of `const …VERSION…: type = value;`.
fn version_constant(line: &str) -> Option<(&str, &str)> {
    let (_, declared) = line.split_once("const ")?;
    let (name, rest) = declared.split_once(':')?;
    let (_, value) = rest.split_once('=')?;
    name.contains("VERSION").then(|| (name, value.trim().trim_end_matches(';')))
}

fn is_number(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit())
}
