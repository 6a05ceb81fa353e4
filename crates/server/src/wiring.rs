//! Puts the server together: the one place that names the engine, the real clock and the source of chance.
//!
//! A start goes engine, sockets, first key, control, HTTP; a stop goes the other way, so that nothing is asked of a
//! part that is gone. A second signal ends the process at once, which is as safe as a crash. The secret of a first
//! start goes to standard output and never into a log.

mod copies;
mod parts;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, SystemTime};

use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Catalog, Clock};
use muster_local::{Engine, OpenError, Options};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::admin::{self, Actor, AdminAnswer, AdminRequest, FirstStart, Office, OwnerLink};
use crate::backups::{BackupRequest, BackupStatus, Backups};
use crate::config::{
    Config, FILE_IN_DATA, HistorySettings, LogFormat, LogLevel, LogSettings, StorageSettings,
};
use crate::control::{self, Control};
use crate::dropping::Dropper;
use crate::erasures::Eraser;
use crate::exports::Exporter;
use crate::http::Random;
use crate::jobs::Runner;
use crate::sync::Syncer;
use crate::{VERSION, http, logging};

use parts::{dropper_parts, eraser_parts, export_parts, job_parts, parts, sync_parts};

pub use copies::{Restored, back_up, rebuild, restore};

/// How often the times at which keys were last used are kept.
const LAST_USE_EVERY: Duration = Duration::from_secs(60);

/// What a check of the data directory found.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// What is wrong; empty when nothing is.
    pub problems: Vec<String>,
    /// What was looked at, in a sentence.
    pub summary: String,
}

/// The clock of this machine.
struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 is refused by the log, which remembers later times.
        let micros = since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        Timestamp(micros)
    }
}

/// Serves until a signal says stop.
///
/// # Errors
/// A sentence with the remedy: why the server could not start.
pub fn serve(config: &Config, skip_damaged: bool) -> Result<(), String> {
    logging::start(config.settings.log);
    make_data_directory(&config.data)?;
    let engine = open_engine(config, skip_damaged).map_err(|error| sentence(&error))?;
    let outcome = serve_on(&engine, config);
    tracing::info!("closing the data directory");
    engine.close();
    outcome
}

/// Carries out an administrative request: by the running server when there is one, else on the engine itself.
///
/// # Errors
/// A sentence with the remedy.
pub fn administer(config: &Config, request: AdminRequest) -> Result<AdminAnswer, String> {
    if let Some(outcome) = control::ask(&config.data, &request)? {
        return outcome.map_err(|error| error.to_string());
    }
    let shown = config.data.display();
    if is_unused(&config.data) {
        return Err(format!(
            "{shown} holds no data yet: start a server on it once (`muster serve`), or name the data directory with \
             --data."
        ));
    }
    logging::start(LogSettings { format: LogFormat::Text, level: LogLevel::Warn });
    let engine = open_engine(config, false).map_err(|error| refusal(&config.data, &error))?;
    let base = base_of(config, &config.settings.listen.address);
    let outcome = admin::execute(request, &Actor::CommandLine, office(&engine, random().as_ref(), &base));
    engine.close();
    outcome.map_err(|error| error.to_string())
}

/// Checks every file of a data directory.
///
/// # Errors
/// A sentence with the remedy: why it could not be looked at.
pub fn verify(data: &Path) -> Result<Verified, String> {
    let report = muster_local::verify(data).map_err(|error| sentence(&error))?;
    Ok(Verified { problems: report.problems, summary: report.summary })
}

fn open_engine(config: &Config, skip_damaged: bool) -> Result<Arc<Engine>, OpenError> {
    let options = engine_options(&config.settings.storage, &config.settings.history, skip_damaged);
    let engine = Engine::open(&config.data, options, Arc::new(WallClock), random())?;
    for note in engine.recovery_notes() {
        tracing::warn!("{note}");
    }
    Ok(Arc::new(engine))
}

fn engine_options(settings: &StorageSettings, history: &HistorySettings, skip_damaged: bool) -> Options {
    let StorageSettings {
        log_segment_bytes,
        overlay_bytes_max,
        overlay_age_ms_max,
        queue_bytes_max,
        cache_bytes,
        free_disk_reserve_bytes,
    } = *settings;
    Options {
        log_segment_bytes,
        overlay_bytes_max,
        overlay_age_ms_max,
        queue_bytes_max,
        cache_bytes,
        free_disk_reserve_bytes,
        history_seal_events: history.seal_events,
        history_seal_age_s_max: history.seal_age_s_max,
        history_threads: history.question_threads,
        history_question_bytes_max: history.question_bytes_max,
        skip_damaged,
        ..Options::default()
    }
}

/// A command gets here only when no server answered, so a lock that is held needs another word.
fn refusal(data: &Path, error: &OpenError) -> String {
    match error {
        OpenError::Locked(_) => format!(
            "{} is in use by another muster process, but no server answers at {}: it is starting or stopping (try again \
             in a moment), or another command has the directory to itself.",
            data.display(),
            data.join(control::SOCKET).display()
        ),
        other => sentence(other),
    }
}

fn sentence(error: &OpenError) -> String {
    format!("{error}.")
}

/// Profiles and keys are nobody else's business, so a directory that is made here is its owner's alone.
fn make_data_directory(data: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    if data.exists() {
        return Ok(());
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.map_err(|error| format!("the data directory {} cannot be made: {error}.", data.display()))
}

/// Whether no engine ever was in this directory. The engine itself decides what it may begin in.
fn is_unused(data: &Path) -> bool {
    let Ok(mut entries) = std::fs::read_dir(data) else { return !data.exists() };
    entries.all(|entry| {
        entry.is_ok_and(|entry| [FILE_IN_DATA, "lost+found"].iter().any(|name| entry.file_name() == *name))
    })
}

#[expect(clippy::disallowed_methods, reason = "this is the chance that everybody else is given")]
/// The source of chance.
pub(crate) fn random() -> Random {
    Arc::new(|bytes: &mut [u8]| {
        if let Err(error) = getrandom::fill(bytes) {
            // Secrets that are no secrets would be worse than no server.
            panic!("the system gives no random numbers: {error}");
        }
    })
}

/// The sockets of a server, open, and where they are.
struct Sockets {
    api: TcpListener,
    metrics: Option<TcpListener>,
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
}

impl Sockets {
    fn open(config: &Config) -> Result<Self, String> {
        let listen = &config.settings.listen;
        let api = bind(&listen.address, "listen.address")?;
        let metrics =
            listen.metrics_address.as_deref().map(|address| bind(address, "listen.metrics_address"));
        let metrics = metrics.transpose()?;
        let address_of = |listener: &TcpListener| listener.local_addr().map_err(|error| error.to_string());
        Ok(Sockets {
            address: address_of(&api)?,
            metrics_address: metrics.as_ref().map(address_of).transpose()?,
            api,
            metrics,
        })
    }
}

fn bind(address: &str, setting: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| {
        format!("{address} cannot be listened on ({error}): stop what listens there, or change `{setting}`.")
    })
}

fn serve_on(engine: &Arc<Engine>, config: &Config) -> Result<(), String> {
    let stop = watch_signals()?;
    let sockets = Sockets::open(config)?;
    let given = config.bootstrap_api_key.as_ref().map(|key| key.secret());
    let base = base_of(config, &sockets.address.to_string());
    let random = random();
    let office = office(engine, random.as_ref(), &base);
    let first = admin::first_start(given, office).map_err(|error| error.to_string())?;
    let owner_link = admin::owner_link(office).map_err(|error| error.to_string())?;
    announce_first_start(first.as_ref());
    announce_owner_link(owner_link.as_ref());
    say_of_bootstrap_key(given, first.is_some(), engine.as_ref(), sockets.address);
    let backups = Arc::new(copies::backups(engine, &base, &config.settings.s3));
    let control = start_control(engine, &backups, &config.data, &base);
    let (address, metrics_address) = (sockets.address, sockets.metrics_address);
    let runner = Arc::new(Runner::new(job_parts(engine), config.settings.jobs.clone()));
    let eraser = Arc::new(Eraser::new(eraser_parts(engine), config.settings.erasure.clone()));
    let exporter = Arc::new(Exporter::new(export_parts(engine), config.settings.exports.clone()));
    let dropper = Dropper::new(dropper_parts(engine));
    let syncer = Arc::new(Syncer::new(sync_parts(engine), &config.settings.sync, config.settings.s3.clone()));
    let parts = parts(engine, (&runner, &eraser, &exporter, &syncer), config.settings.history.questions_max);
    let started = http::serve(sockets.api, sockets.metrics, parts, config.settings.http.clone());
    let outcome = match started {
        Err(error) => Err(format!("the HTTP edge could not start: {error}.")),
        Ok(server) => {
            if let Err(error) = runner.go_on() {
                tracing::error!(%error, "jobs cannot go on; restart the server");
            }
            if let Err(error) = dropper.start() {
                tracing::error!(%error, "raw events cannot be dropped; restart the server");
            }
            if let Err(error) = eraser.start() {
                tracing::error!(%error, "deletions are hidden, but cannot be purged; restart the server");
            }
            if let Err(error) = exporter.go_on() {
                tracing::error!(%error, "exports cannot go on; restart the server");
            }
            if let Err(error) = syncer.start() {
                tracing::error!(%error, "nothing can be synced; restart the server");
            }
            announce(address, metrics_address, &config.data);
            wait_for_stop(&stop, &server.handle(), engine.as_ref(), &runner, &exporter);
            tracing::info!("stopping: calls in flight are answered");
            server.stop().map_err(|error| format!("the HTTP edge did not run to its end: {error}."))
        }
    };
    backups.stop();
    dropper.stop();
    syncer.stop();
    eraser.stop();
    exporter.stop();
    runner.stop();
    if let Some(control) = control {
        control.stop();
    }
    outcome
}

/// What administration works with.
fn office<'a>(engine: &'a Engine, random: admin::Random<'a>, base: &'a str) -> Office<'a> {
    Office {
        catalog: engine,
        trail: engine,
        erasures: engine,
        lists: engine,
        clock: &WallClock,
        random,
        base,
    }
}

/// Where links to this server lead. Who listens everywhere is reached here as localhost.
fn base_of(config: &Config, address: &str) -> String {
    match &config.settings.http.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let address = address.replace("0.0.0.0:", "localhost:").replace("[::]:", "localhost:");
            format!("http://{address}")
        }
    }
}

/// What comes over the control socket.
#[derive(Deserialize)]
#[serde(untagged)]
enum Asked {
    Backup(BackupRequest),
    Admin(AdminRequest),
}

/// What is answered there.
#[derive(Serialize)]
#[serde(untagged)]
enum Answered {
    Backup(BackupStatus),
    Admin(Box<AdminAnswer>),
}

/// A server without a control socket serves all the same: some file systems hold no sockets.
fn start_control(engine: &Arc<Engine>, backups: &Arc<Backups>, data: &Path, base: &str) -> Option<Control> {
    let (engine, backups, random, base) = (engine.clone(), backups.clone(), random(), base.to_owned());
    let execute = move |asked| match asked {
        Asked::Backup(request) => backups.answer(request).map(Answered::Backup),
        Asked::Admin(request) => {
            let office = office(&engine, random.as_ref(), &base);
            admin::execute(request, &Actor::CommandLine, office)
                .map(|answer| Answered::Admin(Box::new(answer)))
        }
    };
    match Control::start(data, execute) {
        Ok(control) => Some(control),
        Err(error) => {
            tracing::error!(%error, "no control socket: keys and environments can only be changed while the server is stopped");
            None
        }
    }
}

/// The first SIGTERM or SIGINT is handed on; a second one ends the process as it would have without us.
fn watch_signals() -> Result<Receiver<()>, String> {
    let (told, stop) = sync_channel(1);
    let mut signals =
        Signals::new([SIGTERM, SIGINT]).map_err(|error| format!("signals cannot be watched: {error}."))?;
    let watch = move || {
        let mut told = Some(told);
        for signal in signals.forever() {
            match told.take() {
                Some(first) => drop(first.try_send(())),
                None => drop(signal_hook::low_level::emulate_default_handler(signal)),
            }
        }
    };
    let spawned = std::thread::Builder::new().name("signals".to_owned()).spawn(watch);
    spawned.map_err(|error| format!("signals cannot be watched: {error}."))?;
    Ok(stop)
}

fn wait_for_stop(
    stop: &Receiver<()>,
    server: &http::Handle,
    catalog: &dyn Catalog,
    jobs: &Runner,
    exports: &Exporter,
) {
    loop {
        if let Err(error) = exports.remove_old() {
            tracing::warn!(%error, "the files of old exports could not be removed; tried again in a minute");
        }
        if let Err(error) = jobs.remove_old() {
            tracing::warn!(%error, "the files of old jobs could not be removed; tried again in a minute");
        }
        let told = stop.recv_timeout(LAST_USE_EVERY);
        if let Err(error) = admin::record_last_use(catalog, &server.last_used()) {
            tracing::warn!(%error, "when keys and sessions were last used could not be kept; tried again in a minute");
        }
        if told != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn announce_first_start(first: Option<&FirstStart>) {
    let Some(FirstStart { environment, app_token, drawn_secret }) = first else { return };
    let key = match drawn_secret {
        Some(secret) => format!("{secret}\n             keep it now: it is not shown again"),
        None => "the one in MUSTER_BOOTSTRAP_API_KEY".to_owned(),
    };
    let lines = format!(
        "First start: made the environment {environment}.\n  API key    {key}\n  app token  {app_token}\n"
    );
    if print(&lines).is_err() {
        tracing::warn!("the first key could not be printed; make another one with `muster keys create`");
    }
}

fn announce_owner_link(link: Option<&OwnerLink>) {
    let Some(OwnerLink { link, expires_at }) = link else { return };
    let until = admin::to_the_second(*expires_at);
    let lines = format!(
        "There is no owner yet. Open this link to become the owner. It works once, until {until} or the next start, \
         whichever comes first:\n  owner link {link}\n"
    );
    if print(&lines).is_err() {
        tracing::warn!("the owner's link could not be printed; make another one with `muster owner reset`");
    }
}

fn announce(address: SocketAddr, metrics_address: Option<SocketAddr>, data: &Path) {
    let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    let metrics = metrics_address.map(|address| format!("  metrics    http://{address}/metrics\n"));
    let metrics = metrics.unwrap_or_default();
    // The log says it too, for whoever has only that.
    tracing::info!(version = VERSION, %address, data = %data.display(), "listening");
    let _ = print(&format!(
        "muster {VERSION} is listening on http://{address}\n  data       {}\n{metrics}",
        data.display()
    ));
}

fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn say_of_bootstrap_key(given: Option<&str>, first_start: bool, catalog: &dyn Catalog, address: SocketAddr) {
    let Some(secret) = given else { return };
    if !first_start {
        tracing::info!("MUSTER_BOOTSTRAP_API_KEY is ignored: it counts at the very first start only");
    }
    if !address.ip().is_loopback() && admin::is_live_secret(&catalog.state(), secret, WallClock.now()) {
        tracing::warn!(
            %address,
            "the key in MUSTER_BOOTSTRAP_API_KEY opens this server, which others can reach: whoever reads how the \
             server is started has the key. Make another with `muster keys create` and revoke this one"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_defaults_are_the_engines_own() {
        let ours = engine_options(&StorageSettings::default(), &HistorySettings::default(), false);
        assert_eq!(format!("{ours:?}"), format!("{:?}", Options::default()));
    }

    #[test]
    fn chance_and_time_pass() {
        let (mut one, mut other) = ([0; 16], [0; 16]);
        random()(&mut one);
        random()(&mut other);
        assert_ne!(one, other);
        assert!(WallClock.now() > Timestamp::parse("2026-01-01").unwrap());
    }
}
