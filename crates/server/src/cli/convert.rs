//! `muster convert`: another system's export becomes rows that `muster import` takes. Speaks to no server.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use flate2::bufread::MultiGzDecoder;
use jiff::tz::TimeZone;

use super::remote::{DONE, Ended, FAILED, Outcome, SOME_REJECTED, USAGE};
use crate::convert::{Converted, System, convert};

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What to convert.
#[derive(Debug, Args)]
pub struct ConvertCommand {
    /// Whose export it is.
    #[arg(long, value_name = "SYSTEM")]
    from: System,
    /// The file: JSON on each line, plain or gzip. `-` reads standard input.
    file: PathBuf,
    /// Where the rows go [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The zone of times that leave it open: that of a Mixpanel project from before 2023 [default: UTC].
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,
}

impl ConvertCommand {
    /// Does so. The exit code says whether every line became rows.
    pub fn run(self) -> Outcome {
        let ConvertCommand { from, file, output, zone } = self;
        let zone = zone.map_or(Ok(TimeZone::UTC), |name| {
            TimeZone::get(&name).map_err(|_| {
                Ended::new(USAGE, format!("{name} is no time zone; name one such as Europe/Paris."))
            })
        })?;
        let failed =
            |error: io::Error| Ended::new(FAILED, format!("{} cannot be read: {error}.", file.display()));
        let unwritten =
            |error: io::Error| Ended::new(FAILED, format!("the rows cannot be written: {error}."));
        let source = open(&file).map_err(failed)?;
        let sink: Box<dyn Write> = match &output {
            None => Box::new(io::stdout().lock()),
            Some(path) => Box::new(File::create(path).map_err(unwritten)?),
        };
        let done = convert(from, &zone, source, BufWriter::new(sink));
        let done = done.map_err(|error| {
            Ended::new(FAILED, format!("{} was not converted to its end: {error}.", file.display()))
        })?;
        // Nobody is left to tell when this fails.
        let _ = io::stderr().write_all(told(&done).as_bytes());
        Ok(ExitCode::from(if done.left_out.is_empty() { DONE } else { SOME_REJECTED }))
    }
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut file: Box<dyn BufRead> = match path == Path::new("-") {
        true => Box::new(BufReader::new(io::stdin())),
        false => Box::new(BufReader::new(File::open(path)?)),
    };
    if file.fill_buf()?.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(file))));
    }
    Ok(file)
}

fn told(done: &Converted) -> String {
    let lines = |count: u64| if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
    let mut words = format!("{} gave rows: {}.\n", lines(done.lines), done.rows);
    for (why, (count, first)) in &done.left_out {
        words += &format!("Left out {}, {} (the first is line {first}).\n", lines(*count), why.words());
    }
    words
}
