//! Lists what `console/dist` holds, so that the server carries it inside itself.
//!
//! Writes one Rust file for `http/console.rs` to include. Without a built console the list is empty, so that a bare
//! `cargo build` needs nothing but Rust. It never builds the console: `make build` does, before cargo runs.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console/dist");
    // The directory itself is in the repository, so cargo can watch it before anything was built into it.
    println!("cargo::rerun-if-changed={}", dist.display());
    let index = dist.join("index.html");
    println!("cargo::rustc-env=MUSTER_CONSOLE={}", if index.is_file() { "built" } else { "missing" });

    let mut out = String::new();
    writeln!(out, "/// The page itself, when the console was built.")?;
    writeln!(out, "pub(super) const INDEX: Option<&[u8]> = {};", included_if_there(&index))?;
    writeln!(out, "/// Everything that the page asks for, by name.")?;
    writeln!(out, "pub(super) const ASSETS: &[Asset] = &[")?;
    for path in assets(&dist.join("assets"))? {
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a name that is not UTF-8")?;
        let beside = |ending: &str| PathBuf::from(format!("{}.{ending}", path.display()));
        writeln!(
            out,
            "    Asset {{ name: {name:?}, plain: {}, brotli: {}, gzip: {} }},",
            included(&path),
            included_if_there(&beside("br")),
            included_if_there(&beside("gz")),
        )?;
    }
    writeln!(out, "];")?;
    let target = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?).join("console.rs");
    fs::write(target, out)?;
    Ok(())
}

/// The files of a directory without their compressed copies, in order; none when it is not there.
fn assets(directory: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if !matches!(path.extension().and_then(|ending| ending.to_str()), Some("br" | "gz")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The expression that includes a file.
fn included(path: &Path) -> String {
    format!("include_bytes!({:?})", path.display().to_string())
}

fn included_if_there(path: &Path) -> String {
    if path.is_file() { format!("Some({})", included(path)) } else { "None".to_owned() }
}
