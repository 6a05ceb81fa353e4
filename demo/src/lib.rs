//! Fills an environment of a running server with a made-up product, through the HTTP API that everybody uses, so that
//! every page of the console has something to show.
//!
//! The story ([`Story`]) comes from a seed and a time and is the same, byte for byte, whenever both are. What is sent
//! is counted, every answer is held against the one that was expected, and the counts against the server's ledger:
//! [`fill`] succeeds only when all agree. Knows nothing of the server but its API, and must never read its data.

mod awkward;
mod calendar;
mod call;
mod chance;
mod clock;
mod company;
mod connection;
mod content;
mod crew;
mod exports;
mod forgotten;
mod imports;
mod ledger;
mod mishaps;
mod person;
mod saved;
mod story;
mod trickle;
mod visit;
mod vocabulary;

use std::net::SocketAddr;

use anyhow::{Result, bail};
use clap::Args;

pub use crate::calendar::Moment;
pub use crate::clock::wait;
pub use crate::crew::Counts;
pub use crate::story::Story;

use crate::connection::Connection;
use crate::crew::Crew;
use crate::ledger::Ledger;
use crate::trickle::Trickle;

/// Chapters between two lines of progress.
const CHAPTERS_A_LINE: usize = 10;
/// Calls of the trickle between two lines of progress.
const CALLS_A_LINE: u64 = 100;

/// Where the story goes, and which one it is.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Address of the server.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:6878")]
    pub address: SocketAddr,
    /// API key of the environment to fill, with the scopes `ingest` and `read`; with `admin` segments, reports and content are
    /// saved as well, and with `erase` somebody is forgotten.
    #[arg(long)]
    pub key: String,
    /// Chooses the story.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// People in it, 20 for each company.
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    pub users: u32,
    /// Days of events, up to now.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub days: u32,
    /// When the story ends, as in 2026-11-21T06:21:09Z; the machine's clock when absent.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub now: Option<Moment>,
    /// Connections that send at the same time.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub connections: u16,
}

/// A story that was told, and what became of its calls.
#[derive(Debug)]
pub struct Told {
    /// The story.
    pub story: Story,
    /// Its calls.
    pub counts: Counts,
    /// How long it took.
    pub milliseconds: i64,
}

/// Sends the whole story, confirms it by the ledger, saves questions about it and exports it; `say` is given lines of
/// progress.
pub fn fill(options: &Options, say: &mut dyn FnMut(&str)) -> Result<Told> {
    let began = clock::now();
    let mut crew = Crew::gather(options.address, &options.key, usize::from(options.connections))?;
    greet(crew.one())?;
    let users = usize::try_from(options.users)?;
    let story = Story::new(options.seed, options.now.unwrap_or(began), users, options.days);
    let (companies, people) = (thousands(story.companies.len() as u64), thousands(users as u64));
    say(&format!("{companies} companies, {people} users, {} days of events", options.days));
    let before = Ledger::read(crew.one(), began, began)?;
    let mut counts = forgotten::send(crew.one(), &story)?;
    for (number, chapter) in story.chapters().enumerate() {
        counts.add(crew.send(&chapter.calls)?);
        if number.is_multiple_of(CHAPTERS_A_LINE) {
            say(&format!("{}: {} calls so far", chapter.title, thousands(counts.all())));
        }
    }
    counts.add(imports::send(crew.one(), &story)?);
    let ended = clock::now();
    Ledger::read(crew.one(), began, ended)?.confirm(&before, &counts)?;
    say(&match saved::save(crew.one(), &story)? {
        Some(saved) => saved.sentence(),
        None => {
            "no segments, reports and content are saved: that needs a key with the scope `admin`".to_owned()
        }
    });
    if let Some(count) = exports::make(crew.one(), story.now())? {
        say(&format!("{count} exports are made"));
    }
    Ok(Told { story, counts, milliseconds: ended.0 - began.0 })
}

/// Goes on with what people do right now, until `wait`, which is given milliseconds, answers that it is enough.
pub fn trickle(
    options: &Options,
    story: &Story,
    wait: &mut dyn FnMut(u64) -> bool,
    say: &mut dyn FnMut(&str),
) -> Result<Counts> {
    let mut connection = Connection::open(options.address, &options.key)?;
    let mut trickle = Trickle::new(story, clock::now());
    let mut counts = Counts::default();
    let mut said = 0;
    while wait(trickle.pause()) {
        for call in trickle.next(clock::now()) {
            let answer = connection.send(&call)?;
            counts.take(&call, &answer)?;
        }
        if counts.all() >= said + CALLS_A_LINE {
            said = counts.all();
            say(&format!("live: {}", counts.sentence()));
        }
    }
    Ok(counts)
}

/// Fails with a sentence when this is no server of ours or it does not know the key.
fn greet(connection: &mut Connection) -> Result<()> {
    let answer = connection.get("/v1/validate")?;
    match answer.status {
        200 => Ok(()),
        401 => bail!("the server does not take this key: {}", answer.words()),
        _ => bail!("this is no Muster server, or it is in trouble: /v1/validate answered {}", answer.words()),
    }
}

/// A number with commas between its thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
