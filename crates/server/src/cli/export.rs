//! `muster export`: rows out of a running server, followed while they are written, and downloaded file by file. A download
//! that breaks off goes on where it was, also when the command is run again.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::client::{Client, ClientError};

use super::looks::{self, Then};
use super::progress::{Progress, bytes, count};
use super::remote::{DONE, Ended, FAILED, Outcome, Server, UNREACHABLE};
use super::{Output, show};

/// Where exports are asked for.
const PATH: &str = "/api/v1/analytics/exports";
/// What a file is called until it is whole.
const PARTIAL: &str = "partial";
/// How often a download may break off without a byte more before the command gives up.
const TRIES: u32 = 5;

/// What to export, and where to.
#[derive(Debug, Args)]
pub struct ExportCommand {
    /// The directory for the files; made when it is not there.
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// What the rows are: events, users or companies.
    #[arg(long, value_name = "WORD", default_value = "events")]
    r#type: String,
    /// How they are written: ndjson, csv, parquet or avro.
    #[arg(long, value_name = "WORD", default_value = "ndjson")]
    format: String,
    /// Events from this date or time on.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Events up to the end of this date, or before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Events of this kind only, such as `track`; may be repeated.
    #[arg(long, value_name = "WORD")]
    event_type: Vec<String>,
    /// This user only, or events about it; may be repeated.
    #[arg(long, value_name = "ID")]
    user: Vec<String>,
    /// This company only, its users, or events that name it; may be repeated.
    #[arg(long, value_name = "ID")]
    company: Vec<String>,
    /// Members of this saved segment only, by its number.
    #[arg(long, value_name = "NUMBER")]
    segment: Option<u32>,
    /// Download the files of this export, which was started before, instead of starting one.
    #[arg(long, value_name = "ID", conflicts_with_all = ["type", "format", "from", "to", "event_type", "user", "company", "segment"])]
    job: Option<String>,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    show: Output,
}

#[derive(Clone, Debug, Deserialize)]
struct Taken {
    job_id: String,
}

/// An export as the API shows it.
#[derive(Clone, Debug, Deserialize)]
struct Export {
    status: String,
    progress: String,
    rows: u64,
    presigned_urls: Vec<Part>,
    reason: Option<Reason>,
}

#[derive(Clone, Debug, Deserialize)]
struct Part {
    filename: String,
    url: String,
    bytes: u64,
    rows: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Reason {
    code: String,
    message: String,
}

impl ExportCommand {
    /// Does so.
    pub fn run(self) -> Outcome {
        let asked = self.asked();
        let ExportCommand { output, job, server, show: output_form, .. } = self;
        let client = server.client()?;
        made(&output)?;
        let mut progress = Progress::new();
        // What is there may be of another export, unless it is this one that is gone on with.
        let goes_on = job.is_some();
        let id = match job {
            Some(id) => id,
            None => {
                let taken: Taken = client.post(PATH, &asked)?;
                progress.line(&format!("The server exports: job {}.", taken.job_id));
                taken.job_id
            }
        };
        let done = follow(&client, &id, &mut progress)
            .and_then(|export| download_all(&client, (&id, goes_on), export, &output, &mut progress));
        progress.end();
        let export = done?;
        let summary = Value::from_iter([
            ("job_id", Value::from(id)),
            ("rows", export.presigned_urls.iter().map(|part| part.rows).sum::<u64>().into()),
            ("bytes", export.presigned_urls.iter().map(|part| part.bytes).sum::<u64>().into()),
            ("files", files(&output, &export).into()),
        ]);
        let told = || told(&output, &export);
        show(output_form, &summary, told).map_err(|error| Ended::new(FAILED, error))?;
        Ok(ExitCode::from(DONE))
    }

    /// The body that asks for it.
    fn asked(&self) -> Value {
        let mut body = Map::new();
        let lists =
            [("event_type", &self.event_type), ("user_id", &self.user), ("company_id", &self.company)];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            body.insert(name.to_owned(), list.as_slice().into());
        }
        let segment = self.segment.map(|segment| segment.to_string());
        let texts = [
            ("type", Some(&self.r#type)),
            ("format", Some(&self.format)),
            ("from", self.from.as_ref()),
            ("to", self.to.as_ref()),
            ("segment_id", segment.as_ref()),
        ];
        for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
            body.insert(name.to_owned(), text.as_str().into());
        }
        Value::Object(body)
    }
}

fn made(directory: &Path) -> Result<(), Ended> {
    let made = std::fs::create_dir_all(directory);
    made.map_err(|error| Ended::new(FAILED, format!("{} cannot be made: {error}.", directory.display())))
}

/// Looks at an export until it is completed.
fn follow(client: &Client, id: &str, progress: &mut Progress) -> Result<Export, Ended> {
    let path = path_of(id);
    let first: Export = client.get(&path)?;
    let followed = looks::follow(client, &path, first, |export, tells| {
        if matches!(export.status.as_str(), "completed" | "failed") {
            return Then::Ends;
        }
        if tells {
            let rows = count(export.rows);
            progress.line(&format!("{}: {} percent, {rows} rows.", export.status, export.progress));
        }
        progress.works("Exporting", "percent", export.progress.parse().unwrap_or_default(), 100);
        Then::GoesOn
    });
    let export = followed.map_err(|(_, error)| {
        let ended = Ended::from(error);
        if ended.code() != ExitCode::from(UNREACHABLE) {
            return ended;
        }
        ended.and(&format!("The export goes on; fetch its files with `muster export --job {id}`."))
    })?;
    match export.reason.as_ref().filter(|_| export.status == "failed") {
        None => Ok(export),
        Some(Reason { code, message }) => {
            Err(Ended::new(FAILED, format!("the export failed ({code}): {message}")))
        }
    }
}

fn path_of(id: &str) -> String {
    let plain = percent_encoding::NON_ALPHANUMERIC;
    format!("{PATH}/jobs/{}", percent_encoding::utf8_percent_encode(id, plain))
}

/// Downloads every file; of an export that is gone on with, those that are not there yet.
fn download_all(
    client: &Client,
    (id, goes_on): (&str, bool),
    mut export: Export,
    directory: &Path,
    progress: &mut Progress,
) -> Result<Export, Ended> {
    for index in 0..export.presigned_urls.len() {
        let mut tries = 0;
        while let Some(part) = export.presigned_urls.get(index) {
            let path = directory.join(&part.filename);
            if goes_on && length_of(&path) == Some(part.bytes) {
                progress.line(&format!("{} is there.", part.filename));
                break;
            }
            let partial = directory.join(format!("{}.{id}.{PARTIAL}", part.filename));
            let before = length_of(&partial).unwrap_or_default();
            progress.receives(&part.filename, part.bytes);
            match download(client, part, &partial, &path, progress) {
                Ok(()) => break,
                Err(ClientError::Unreachable(why)) => {
                    tries = if length_of(&partial).unwrap_or_default() > before { 0 } else { tries + 1 };
                    if tries >= TRIES {
                        let sentence = format!(
                            "the download of {} broke off: {why}. Go on with `muster export --job {id}`.",
                            part.filename
                        );
                        return Err(Ended::new(UNREACHABLE, sentence));
                    }
                }
                // The link may have come to its end meanwhile; a look at the export has a new one.
                Err(ClientError::Refused { code, .. }) if code == "download_expired" && tries == 0 => {
                    tries += 1;
                    export = follow(client, id, progress)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(export)
}

/// Brings what is missing of a file, and gives it its name once its length is right.
fn download(
    client: &Client,
    part: &Part,
    partial: &Path,
    path: &Path,
    progress: &Progress,
) -> Result<(), ClientError> {
    let local = |error: std::io::Error| ClientError::Local(format!("{}: {error}", partial.display()));
    let mut options = OpenOptions::new();
    let mut file: File = options.create(true).truncate(false).write(true).open(partial).map_err(local)?;
    let mut there = file.metadata().map_err(local)?.len();
    if there > part.bytes {
        // It is of something else.
        file.set_len(0).map_err(local)?;
        there = 0;
    }
    if there < part.bytes {
        file.seek(SeekFrom::Start(there)).map_err(local)?;
        progress.reached(there);
        client.fetch(&part.url, there, &mut progress.count(&mut file))?;
    }
    let length = file.metadata().map_err(local)?.len();
    if length != part.bytes {
        let why = format!("{length} of {} bytes came", part.bytes);
        return Err(ClientError::Unreachable(why));
    }
    file.sync_all().map_err(local)?;
    std::fs::rename(partial, path).map_err(local)
}

fn length_of(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|about| about.len())
}

fn files(directory: &Path, export: &Export) -> Vec<String> {
    let path = |part: &Part| directory.join(&part.filename).display().to_string();
    export.presigned_urls.iter().map(path).collect()
}

/// What came, in sentences.
fn told(directory: &Path, export: &Export) -> String {
    let mut out = String::new();
    for (part, file) in export.presigned_urls.iter().zip(files(directory, export)) {
        out += &format!("{file} ({}, {} rows)\n", bytes(part.bytes), count(part.rows));
    }
    let rows = export.presigned_urls.iter().map(|part| part.rows).sum();
    out += &format!("{} rows in {} files.\n", count(rows), export.presigned_urls.len());
    out
}
