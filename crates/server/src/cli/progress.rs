//! How far a file or a job is, on standard error: a bar on a terminal, plain lines everywhere else.

use std::io::{IsTerminal, Read, Write};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

const BYTES: &str = "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
const BYTES_OF_UNKNOWN: &str = "{msg} {spinner} {bytes}, {bytes_per_sec}";
/// `{prefix}` is what is counted.
const COUNTED: &str = "{msg} {wide_bar} {human_pos} of {human_len} {prefix}, {per_sec}, {eta} left";
const WAITING: &str = "{msg} {spinner}";

/// Where progress is shown.
pub struct Progress {
    bar: Option<ProgressBar>,
    said: String,
}

impl Progress {
    /// A bar where somebody watches.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::no_length);
        Progress { bar, said: String::new() }
    }

    /// A file begins to be sent.
    pub fn sends(&mut self, name: &str, bytes: Option<u64>) {
        let size = bytes.map_or(String::new(), |bytes| format!(" ({})", HumanBytes(bytes)));
        self.line(&format!("Sending {name}{size}."));
        if let Some(bar) = &self.bar {
            bar.set_style(style(if bytes.is_some() { BYTES } else { BYTES_OF_UNKNOWN }));
            bar.set_message("Sending");
            bytes.inspect(|bytes| bar.set_length(*bytes));
            bar.reset();
        }
    }

    /// A file begins to arrive.
    pub fn receives(&mut self, name: &str, bytes: u64) {
        self.line(&format!("Receiving {name} ({}).", HumanBytes(bytes)));
        if let Some(bar) = &self.bar {
            bar.set_style(style(BYTES));
            bar.set_message(name.to_owned());
            bar.set_length(bytes);
            bar.reset();
        }
    }

    /// So much of it was there before.
    pub fn reached(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.reset_eta();
        }
    }

    /// What is written through it counts as received.
    pub fn count<'a>(&self, file: impl Write + 'a) -> Box<dyn Write + 'a> {
        match &self.bar {
            Some(bar) => Box::new(bar.wrap_write(file)),
            None => Box::new(file),
        }
    }

    /// What is read through it counts as sent.
    pub fn watch<'a>(&self, file: impl Read + 'a) -> Box<dyn Read + 'a> {
        match &self.bar {
            Some(bar) => Box::new(bar.wrap_read(file)),
            None => Box::new(file),
        }
    }

    /// A job does its rows, or whatever `what` says; nothing is known of them before they are counted.
    pub fn works(&mut self, doing: &str, what: &'static str, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        let begins = self.said != doing;
        if begins {
            bar.set_style(style(if total > 0 { COUNTED } else { WAITING }));
            bar.set_prefix(what);
            bar.set_message(doing.to_owned());
            bar.reset();
            doing.clone_into(&mut self.said);
        }
        bar.set_length(total);
        bar.set_position(done);
        bar.tick();
    }

    /// A line for who has no bar. The same line is not said twice in a row.
    pub fn line(&mut self, line: &str) {
        if self.bar.is_none() && self.said != line {
            line.clone_into(&mut self.said);
            // Nobody is left to tell when this fails.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Takes the bar away.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// A number with separators.
pub fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// Bytes with their unit.
pub fn bytes(number: u64) -> String {
    HumanBytes(number).to_string()
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours; one that is wrong shows as the default bar.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_well_formed() {
        for template in [BYTES, BYTES_OF_UNKNOWN, COUNTED, WAITING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
        assert_eq!((count(1_234_567), bytes(2_048)), ("1,234,567".to_owned(), "2.00 KiB".to_owned()));
    }
}
