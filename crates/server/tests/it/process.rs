//! Runs the built binary: commands that end, and servers that are stopped.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// A `muster` command that sees no setting of the machine it runs on.
pub fn muster(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MUSTER_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What a command that ended said.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// What it printed, when it worked.
    #[track_caller]
    pub fn worked(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// As JSON.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.worked()).unwrap()
    }

    /// What it complained of, when it failed with `code` and printed nothing.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        self.err
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// Runs a command on a data directory.
pub fn on(data: &Path, arguments: &[&str]) -> Said {
    run(muster(arguments).arg("--data").arg(data))
}

/// A server that is running; killed when it is dropped.
pub struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    log: Log,
    /// What it printed until it listened.
    pub banner: String,
}

impl Server {
    /// Starts a server on a free port of loopback, with more flags and variables, and waits until it listens.
    pub fn start(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Server {
        let mut command = muster(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).arg("--data").arg(data).envs(variables.iter().copied());
        Server::spawn(command)
    }

    /// Starts a server on an address of its own.
    pub fn start_on(data: &Path, address: &str, variables: &[(&str, &str)]) -> Server {
        let mut command = muster(&["serve", "--listen", address, "--data"]);
        command.arg(data).envs(variables.iter().copied());
        Server::spawn(command)
    }

    fn spawn(mut command: Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let log = Log::read(child.stderr.take().unwrap());
        let mut server = Server { child, out, log, banner: String::new() };
        while !server.banner.contains(" is listening on ") {
            if server.out.read_line(&mut server.banner).unwrap() == 0 {
                panic!("the server ended: {:?}", server.wait());
            }
        }
        server
    }

    /// The line of the banner that begins with `word`, without it.
    pub fn said(&self, word: &str) -> Option<&str> {
        self.banner.lines().find_map(|line| line.trim().strip_prefix(word)).map(str::trim)
    }

    /// Waits until the log holds `words`.
    pub fn logged(&self, words: &str) {
        self.log.wait_for(words);
    }

    /// Asks the server to stop and gives back all that it said.
    pub fn stop(self) -> Said {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for the end and gives back all that the server said; its log is `err`.
    pub fn wait(mut self) -> Said {
        let code = self.ended().code();
        let mut out = std::mem::take(&mut self.banner);
        self.out.read_to_string(&mut out).unwrap();
        Said { code, out, err: self.log.whole() }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Standard error of a server, read all the time so that the server never waits for us.
struct Log {
    lines: Arc<(Mutex<(String, bool)>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Log {
    fn read(err: ChildStderr) -> Log {
        let lines = Arc::<(Mutex<(String, bool)>, Condvar)>::default();
        let written = lines.clone();
        let reader = std::thread::spawn(move || {
            let (log, changed) = &*written;
            for line in BufReader::new(err).lines() {
                log.lock().unwrap().0 += &(line.unwrap() + "\n");
                changed.notify_all();
            }
            log.lock().unwrap().1 = true;
            changed.notify_all();
        });
        Log { lines, reader: Some(reader) }
    }

    fn wait_for(&self, words: &str) {
        let (log, changed) = &*self.lines;
        let mut log = log.lock().unwrap();
        while !log.0.contains(words) {
            assert!(!log.1, "the log ended without {words:?}: {}", log.0);
            log = changed.wait(log).unwrap();
        }
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.lines.0.lock().unwrap().0.clone()
    }
}
