//! Reads the repository as text, for the habits that no compiler and no linter holds.
//!
//! [`check`] is the one entrance: it shows every text file of the repository to a rule and fails with all breaches at
//! once. A file counts from the moment it is written, not only once it is committed; what `.gitignore` names never
//! counts. Nothing here writes.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// Where to look when git cannot say which files belong to the repository, as in an unpacked release archive.
const ROOTS_WITHOUT_GIT: [&str; 5] = ["bench", "crates", "demo", "docs", "scripts"];

/// One text file of the repository.
#[derive(Debug)]
pub struct SourceFile {
    /// From the root of the repository, with `/` between the parts.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl SourceFile {
    /// Is this Rust?
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Is this Rust that ends in the `muster` binary? Tests, the testkit, the demo and the benchmarks do not.
    pub fn is_product(&self) -> bool {
        let mut parts = self.path.split('/');
        let in_product = parts.next() == Some("crates")
            && parts.next().is_some_and(|package| package != "testkit")
            && parts.next() == Some("src");
        in_product && self.is_rust() && !self.is_test()
    }

    /// Is the whole file a test?
    pub fn is_test(&self) -> bool {
        let mut directories = self.path.split('/').rev().skip(1);
        self.is_rust()
            && (directories.any(|part| part == "tests")
                || self.path.ends_with("/tests.rs")
                || self.path.ends_with("_tests.rs"))
    }

    /// Is this one of `places`? A place that ends in `/` means everything below it.
    pub fn stands_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| {
            if place.ends_with('/') { self.path.starts_with(place) } else { self.path == *place }
        })
    }

    /// The lines of code that name one of `words`, as `line 12: the line`. Comment lines and test modules within the
    /// file are left out.
    pub fn code_naming(&self, words: &[&str]) -> Vec<String> {
        let mut in_tests = false;
        let mut after_cfg_test = false;
        let mut found = Vec::new();
        for (number, line) in numbered(&self.text) {
            // rustfmt closes a module at the margin with a bare brace, and nothing within it.
            in_tests |= after_cfg_test && line.starts_with("mod ") && line.ends_with('{');
            after_cfg_test = line == "#[cfg(test)]";
            let is_comment = line.trim_start().starts_with("//");
            if !in_tests && !is_comment && words.iter().any(|word| names(line, word)) {
                found.push(format!("line {number}: {}", line.trim()));
            }
            in_tests &= line != "}";
        }
        found
    }

    /// All lines that name one of `words`, comments and tests too, as `line 12: the line`.
    pub fn lines_naming(&self, words: &[&str]) -> Vec<String> {
        numbered(&self.text)
            .filter(|(_, line)| words.iter().any(|word| names(line, word)))
            .map(|(number, line)| format!("line {number}: {}", line.trim()))
            .collect()
    }

    /// For a `Cargo.toml`: every dependency it declares.
    pub fn dependencies(&self) -> Vec<Dependency> {
        let mut section = "";
        let mut found = Vec::new();
        for line in self.text.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_matches(['[', ']']);
                // `[dependencies.name]`: one dependency with a section of its own.
                if let Some((table, name)) = section.rsplit_once('.')
                    && table.ends_with("dependencies")
                {
                    found.push(Dependency::new(table, name));
                }
            } else if section.ends_with("dependencies")
                && let Some((name, _)) = line.split_once(['.', '=', ' '])
                && !line.starts_with('#')
            {
                found.push(Dependency::new(section, name));
            }
        }
        found
    }
}

/// One dependency that a `Cargo.toml` declares.
#[derive(Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The crate, as the manifest calls it.
    pub name: String,
    /// Does only the test build see it?
    pub for_tests: bool,
}

impl Dependency {
    fn new(section: &str, name: &str) -> Self {
        Self { name: name.to_owned(), for_tests: section.ends_with("dev-dependencies") }
    }
}

/// Shows every text file of the repository to `breaches`, which answers what is wrong with it, and fails with all
/// that was answered.
///
/// `rule` says what holds and what to do about a breach; it heads the failure.
///
/// # Panics
///
/// When there is a breach, and when the repository cannot be read.
pub fn check(rule: &str, breaches: impl Fn(&SourceFile) -> Vec<String>) {
    let root = repository();
    let files = match read_all(&root) {
        Ok(files) => files,
        Err(cause) => panic!("cannot read the repository at {}: {cause}", root.display()),
    };
    // A rule that sees no file holds always; this file is the proof that there was something to see.
    assert!(files.iter().any(|file| file.path == "crates/testkit/src/tidy.rs"), "the repository looks empty");
    let all = breaches_of(&files, breaches);
    assert!(all.is_empty(), "{rule}\n{}\n", all.join("\n"));
}

/// The repository's root: the directory that holds `crates/`.
pub fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}

/// Does `line` hold `word`, and not as the end or the beginning of a longer word?
pub fn names(line: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let opens_word = word.starts_with(in_word);
    let closes_word = word.ends_with(in_word);
    line.match_indices(word).any(|(at, _)| {
        let joined_before = opens_word && line[..at].ends_with(in_word);
        let joined_after = closes_word && line[at + word.len()..].starts_with(in_word);
        !joined_before && !joined_after
    })
}

fn breaches_of(files: &[SourceFile], breaches: impl Fn(&SourceFile) -> Vec<String>) -> Vec<String> {
    files
        .iter()
        .flat_map(|file| breaches(file).into_iter().map(|breach| format!("  {}: {breach}", file.path)))
        .collect()
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

fn read_all(root: &Path) -> io::Result<Vec<SourceFile>> {
    let paths = match known_to_git(root) {
        Some(paths) => paths,
        None => below(root)?,
    };
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        match fs::read(root.join(&path)) {
            // What is not text (an image, a fixture of a storage format) follows other rules.
            Ok(bytes) => files.extend(String::from_utf8(bytes).ok().map(|text| SourceFile { path, text })),
            // Deleted, and git does not know yet; or a link to a directory.
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {}
            Err(cause) => return Err(io::Error::new(cause.kind(), format!("{path}: {cause}"))),
        }
    }
    Ok(files)
}

/// The tracked files and those about to be; `None` without git or outside a clone.
fn known_to_git(root: &Path) -> Option<Vec<String>> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()?;
    let paths = String::from_utf8(listing.stdout).ok()?;
    listing.status.success().then(|| paths.split_terminator('\0').map(str::to_owned).collect())
}

fn below(root: &Path) -> io::Result<Vec<String>> {
    let mut waiting: Vec<PathBuf> = ROOTS_WITHOUT_GIT.iter().map(|name| root.join(name)).collect();
    waiting.retain(|directory| directory.is_dir());
    let mut found = Vec::new();
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_built = name == "target" || name == "node_modules" || name == "results";
            if entry.file_type()?.is_dir() {
                if !is_built {
                    waiting.push(entry.path());
                }
            } else if let Some(path) = entry.path().strip_prefix(root).ok().and_then(Path::to_str) {
                found.push(path.replace('\\', "/"));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_breach_names_its_file() {
        let files =
            [file("crates/local/src/a.rs", "fine\nbad thing\n"), file("crates/local/src/b.rs", "fine\n")];
        let found = breaches_of(&files, |file| file.code_naming(&["bad"]));
        assert_eq!(found, ["  crates/local/src/a.rs: line 2: bad thing"]);
    }

    #[test]
    fn code_leaves_out_comments_and_test_modules_but_not_what_follows_them() {
        let text = "\
// bad\nbad();\n#[cfg(test)]\nmod tests {\n    fn f() {\n        bad();\n    }\n}\nbad!();\n#[cfg(test)]\nmod more;\nbad;\n";
        let file = file("crates/local/src/a.rs", text);
        assert_eq!(file.code_naming(&["bad"]), ["line 2: bad();", "line 9: bad!();", "line 12: bad;"]);
        assert_eq!(file.lines_naming(&["bad"]).len(), 5);
    }

    #[test]
    fn a_word_is_not_found_inside_another() {
        assert!(names("use std::fs;", "std::fs"));
        assert!(names("let x = fs::read(p);", "fs::"));
        assert!(!names("let x = refs::read(p);", "fs::"));
        assert!(!names("NX-0ABC1", "ABC"));
        assert!(names("router.route(\"/\")", ".route("));
    }

    #[test]
    fn product_is_what_the_binary_is_built_from() {
        let product = |path| file(path, "").is_product();
        assert!(product("crates/kernel/src/model/id.rs"));
        assert!(!product("crates/kernel/src/model/tests.rs"));
        assert!(!product("crates/server/tests/it/main.rs"));
        assert!(!product("crates/testkit/src/tidy.rs"));
        assert!(!product("bench/src/main.rs"));
        assert!(!product("crates/kernel/Cargo.toml"));
    }

    #[test]
    fn dependencies_are_read_in_every_way_of_writing_them() {
        let manifest = "\
[package]\nname = \"x\"\n[dependencies]\n# why\na = \"1\"\nb.workspace = true\n[dependencies.c]\nversion = \"1\"\n\
[target.'cfg(unix)'.dependencies]\nd = { version = \"1\" }\n[dev-dependencies]\ne = \"1\"\n[lints]\nworkspace = true\n";
        let found: Vec<_> = file("crates/x/Cargo.toml", manifest)
            .dependencies()
            .into_iter()
            .map(|found| (found.name, found.for_tests))
            .collect();
        let expected = [("a", false), ("b", false), ("c", false), ("d", false), ("e", true)];
        assert_eq!(found, expected.map(|(name, for_tests)| (name.to_owned(), for_tests)));
    }

    #[test]
    fn without_git_the_files_are_walked() {
        let paths = below(&repository()).unwrap();
        assert!(paths.iter().any(|path| path == "crates/testkit/src/tidy.rs"));
        assert!(paths.iter().all(|path| !path.contains("node_modules")));
    }
}
