//! `muster delete`: has a running server forget users or companies, and waits for the proof.
//!
//! Nothing is sent before every id was read and found to be one, and somebody said yes: at the terminal by typing how many
//! there are, in a script by `--yes`. Many ids become several calls; each is an erasure of its own.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use muster_kernel::model::id::{self, IdFault};
use muster_kernel::model::limits::{BODY_BYTES_MAX, ERASED_IDS_MAX, ID_BYTES_MAX};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{Client, ClientError};

use super::looks::{self, Then};
use super::progress::{Progress, count};
use super::remote::{DONE, Ended, FAILED, Outcome, Server, USAGE};
use super::{Output, show};

/// What a body may have besides its ids.
const BODY_BYTES_SPARE: usize = 1024;

/// Erase users or companies: hidden at once, then removed from every file of the server.
#[derive(Debug, Subcommand)]
pub enum DeleteCommand {
    /// Erase users.
    Users(Delete),
    /// Erase companies; their users stay and belong to none.
    Companies(Delete),
}

/// Whom to erase, and how.
#[derive(Debug, Args)]
pub struct Delete {
    /// Ids.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// A file with one more id on each line; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Refuse later writes about them as well.
    #[arg(long)]
    suppress: bool,
    /// Do not ask; needed where nobody can be asked.
    #[arg(long)]
    yes: bool,
    /// Wait until nothing is left of them, as is usual.
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// End as soon as they are hidden; the server removes them by itself.
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

/// An erasure: what is read here, and the whole answer for scripts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(from = "Value", into = "Value")]
struct Erasure {
    facts: Facts,
    whole: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Facts {
    id: String,
    status: String,
    ids: u64,
    due_at: String,
    is_late: bool,
    started_at: Option<String>,
    jobs: u64,
    certificate: Option<Certificate>,
}

#[derive(Clone, Debug, Deserialize)]
struct Certificate {
    issued_at: String,
}

#[derive(Deserialize)]
struct Accepted {
    job_id: String,
}

impl From<Value> for Erasure {
    fn from(whole: Value) -> Self {
        Erasure { facts: Facts::deserialize(&whole).unwrap_or_default(), whole }
    }
}

impl From<Erasure> for Value {
    fn from(erasure: Erasure) -> Self {
        erasure.whole
    }
}

impl DeleteCommand {
    /// Does so.
    pub fn run(self) -> Outcome {
        let (kind, delete) = match self {
            DeleteCommand::Users(delete) => ("users", delete),
            DeleteCommand::Companies(delete) => ("companies", delete),
        };
        let Delete { ids, file, suppress, yes, no_wait, server, output, .. } = delete;
        let client = server.client()?;
        let ids = named(ids, file.as_deref())?;
        if !yes {
            ask(kind, ids.len(), suppress)?;
        }
        let mut progress = Progress::new();
        let total = ids.len() as u64;
        let outcome = erase(&client, kind, &ids, suppress, &mut progress).and_then(|ids| {
            if no_wait {
                ids.iter().map(|id| read(&client, id)).collect()
            } else {
                wait(&client, &ids, total, &mut progress)
            }
        });
        progress.end();
        let erasures = outcome?;
        show(output, &erasures, || told(&client, kind, total, &erasures))
            .map_err(|error| Ended::new(FAILED, error))?;
        Ok(ExitCode::from(DONE))
    }
}

/// The ids of the command and of the file, each once.
fn named(ids: Vec<String>, file: Option<&Path>) -> Result<Vec<String>, Ended> {
    let mut known = HashSet::new();
    let mut all: Vec<String> = Vec::new();
    let mut take = |id: String, place: &str| -> Result<(), Ended> {
        if let Err(fault) = id::check(&id) {
            let sentence = format!("{place}: {} Nothing was deleted.", fault_words(fault));
            return Err(Ended::new(FAILED, sentence));
        }
        if known.insert(id.clone()) {
            all.push(id);
        }
        Ok(())
    };
    for (index, id) in ids.into_iter().enumerate() {
        take(id, &format!("id {}", index + 1))?;
    }
    if let Some(path) = file {
        let failed = |error: std::io::Error| {
            Ended::new(FAILED, format!("{} cannot be read: {error}. Nothing was deleted.", path.display()))
        };
        for (index, line) in open(path).map_err(failed)?.split(b'\n').enumerate() {
            let mut line = line.map_err(failed)?;
            line.pop_if(|last| *last == b'\r');
            if line.is_empty() {
                continue;
            }
            let place = format!("{}, line {}", path.display(), index + 1);
            let text = String::from_utf8(line).map_err(|_| {
                Ended::new(FAILED, format!("{place}: the id is not UTF-8. Nothing was deleted."))
            })?;
            take(text, &place)?;
        }
    }
    if all.is_empty() {
        return Err(Ended::new(USAGE, "no id is given; name some, or a file of them with --file."));
    }
    Ok(all)
}

fn open(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(File::open(path)?)))
}

fn fault_words(fault: IdFault) -> String {
    match fault {
        IdFault::Empty => "the id is empty.".to_owned(),
        IdFault::TooLong => format!("the id is longer than {ID_BYTES_MAX} bytes."),
        IdFault::ControlCharacter => "the id has a control character.".to_owned(),
    }
}

/// Asks whoever sits at the terminal.
fn ask(kind: &str, number: usize, suppress: bool) -> Result<(), Ended> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        let sentence = "deleting cannot be taken back, and there is no terminal to ask at; say --yes.";
        return Err(Ended::new(USAGE, sentence));
    }
    let later = if suppress { " Later writes about them are refused." } else { "" };
    let question = format!(
        "This erases {} for good, with everything that was received about them.{later}\nType {number} to go on: ",
        of(kind, number as u64)
    );
    // A question that cannot be shown is not answered either.
    let _ = write!(std::io::stderr(), "{question}");
    let mut typed = String::new();
    let read = std::io::stdin().lock().read_line(&mut typed);
    if read.is_ok() && typed.trim() == number.to_string() {
        return Ok(());
    }
    Err(Ended::new(FAILED, "that is another number; nothing was deleted."))
}

/// Has the ids erased, as many in a call as one may name. Answers the erasures' ids.
fn erase(
    client: &Client,
    kind: &str,
    ids: &[String],
    suppress: bool,
    progress: &mut Progress,
) -> Result<Vec<String>, Ended> {
    let (mut accepted, mut hidden, total) = (Vec::new(), 0, ids.len() as u64);
    for part in calls_of(ids) {
        progress.works("Hiding", "ids", hidden, total);
        let body = json!({ kind: part, "suppress": suppress });
        let outcome = looks::persist(|| client.delete_named::<Accepted>(&format!("/v1/{kind}"), &body));
        let Accepted { job_id } =
            outcome.map_err(|error| cut_short(error, kind, &accepted, hidden, total))?;
        hidden += part.len() as u64;
        progress.line(&format!("{} hidden: erasure {job_id}.", of(kind, part.len() as u64)));
        accepted.push(job_id);
    }
    Ok(accepted)
}

/// The ids in parts that one call each may name: by number, and by the bytes of the body.
fn calls_of(ids: &[String]) -> Vec<&[String]> {
    let (mut parts, mut rest) = (Vec::new(), ids);
    while !rest.is_empty() {
        let mut bytes = BODY_BYTES_SPARE;
        let fits = rest.iter().take(ERASED_IDS_MAX).take_while(|id| {
            // Quotes, a comma, and what must be escaped: two bytes for one at most, as control characters are no ids.
            bytes += 2 * id.len() + 3;
            bytes <= BODY_BYTES_MAX
        });
        let (part, left) = rest.split_at(fits.count().max(1));
        parts.push(part);
        rest = left;
    }
    parts
}

/// Says how far it came when a call did not work.
fn cut_short(error: ClientError, kind: &str, accepted: &[String], hidden: u64, total: u64) -> Ended {
    let ended = Ended::from(error);
    if accepted.is_empty() {
        return ended;
    }
    ended.and(&format!(
        "{} of {} are hidden by then, in the erasures {}. Say the command again: erasing twice does no harm.",
        count(hidden),
        of(kind, total),
        accepted.join(", ")
    ))
}

fn path_of(id: &str) -> String {
    let plain = percent_encoding::NON_ALPHANUMERIC;
    format!("/v1/erasures/{}", percent_encoding::utf8_percent_encode(id, plain))
}

fn read(client: &Client, id: &str) -> Result<Erasure, Ended> {
    looks::persist(|| client.get(&path_of(id))).map_err(|error| lost(id, error))
}

/// Looks at each erasure until it is complete.
fn wait(client: &Client, ids: &[String], total: u64, progress: &mut Progress) -> Result<Vec<Erasure>, Ended> {
    let (mut complete, mut done) = (Vec::new(), 0);
    for id in ids {
        let mut status = String::new();
        let followed = looks::follow(client, &path_of(id), read(client, id)?, |erasure, tells| {
            if erasure.facts.certificate.is_some() {
                return Then::Ends;
            }
            if tells || erasure.facts.status != status {
                progress.line(&so_far(erasure));
                erasure.facts.status.clone_into(&mut status);
            }
            progress.works(doing(erasure), "ids", done, total);
            Then::GoesOn
        });
        let erasure = followed.map_err(|(_, error)| lost(id, error))?;
        done += erasure.facts.ids;
        complete.push(erasure);
    }
    Ok(complete)
}

/// Nobody answered for so long that waiting ends.
fn lost(id: &str, error: ClientError) -> Ended {
    Ended::from(error).and(&format!("The erasure goes on; ask for it with `muster certificate {id}` there."))
}

fn doing(erasure: &Erasure) -> &'static str {
    match erasure.facts.status.as_str() {
        "processing" => "Removing",
        "pending_refresh" => "Looking again",
        _ => "Waiting",
    }
}

fn so_far(erasure: &Erasure) -> String {
    let Facts { id, status, due_at, is_late, started_at, jobs, .. } = &erasure.facts;
    let mut out = format!("{status}: {id}.");
    if started_at.is_none() {
        let _ = write!(out, " It is removed from {due_at} on");
        let _ = match jobs {
            0 => write!(out, "."),
            jobs => write!(out, ", after the end of {} that came before.", of("jobs", *jobs)),
        };
    }
    if *is_late {
        out.push_str(" It is late; the server's log says why.");
    }
    out
}

/// Erasures in sentences.
fn told(client: &Client, kind: &str, total: u64, erasures: &[Erasure]) -> String {
    let is_complete = erasures.iter().all(|erasure| erasure.facts.certificate.is_some());
    let what =
        if is_complete { "erased; nothing is left" } else { "hidden; the server removes what is left" };
    let mut out = format!("{}: {what}.\n", of(kind, total));
    for Erasure { facts, .. } in erasures {
        let issued = match &facts.certificate {
            Some(Certificate { issued_at }) => format!("certificate of {issued_at}"),
            None => "no certificate yet".to_owned(),
        };
        let _ = writeln!(out, "{}: {}, {}, {issued}", facts.id, of(kind, facts.ids), facts.status);
        let _ = writeln!(out, "  {}", client.address(&path_of(&facts.id)));
    }
    out.push_str("On the server's machine `muster certificate ID` shows a certificate as well.\n");
    out
}

fn of(kind: &str, number: u64) -> String {
    let noun = match (kind, number) {
        ("users", 1) => "user",
        ("companies", 1) => "company",
        ("jobs", 1) => "job",
        (plural, _) => plural,
    };
    format!("{} {noun}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(ids: &[String]) -> Vec<usize> {
        calls_of(ids).iter().map(|part| part.len()).collect()
    }

    #[test]
    fn no_call_names_more_ids_or_bytes_than_it_may() {
        let short: Vec<String> = (0..25_000).map(|number| format!("u{number}")).collect();
        assert_eq!(lengths(&short), [10_000, 10_000, 5_000]);
        let long: Vec<String> = (0..5_000).map(|number| format!("{number:\"<250}")).collect();
        let parts = calls_of(&long);
        assert!(parts.len() > 1);
        assert_eq!(parts.concat(), long);
        for part in parts {
            let body = json!({ "companies": part, "suppress": true }).to_string();
            assert!(body.len() <= BODY_BYTES_MAX, "{}", body.len());
        }
    }

    #[test]
    fn every_id_counts_once_and_a_bad_one_is_named() {
        let ids = |ids: &[&str]| named(ids.iter().map(|id| (*id).to_owned()).collect(), None);
        assert_eq!(ids(&["b", "a", "b"]).unwrap(), ["b", "a"]);
        let said = ids(&["a", " "]).unwrap_err().to_string();
        assert_eq!(said, "id 2: the id is empty. Nothing was deleted.");
        assert!(ids(&[]).is_err());
    }
}
