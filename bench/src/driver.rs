//! Drives the connections: one epoll loop a thread, edge-triggered, one read and one write a request.
//!
//! The server under test shares the machine's cores with this loop, so whatever it spends is taken from the server.
#![expect(clippy::disallowed_methods, reason = "measuring latency is what this file is for")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::connection::Connection;
use crate::plan::{Next, Plan};
use crate::request::RequestTemplate;
use crate::tally::Tally;

/// With nothing answered for this long and nothing left to send, what is still in flight is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the loop looks at the clock while it waits for answers only.
const TICK: Duration = Duration::from_millis(100);
const EVENTS_AT_ONCE: usize = 512;
const READ_BYTES: usize = 64 * 1024;

/// The time of a run: first `warmup`, which is not measured, then `measured`, or without it until all is sent.
#[derive(Clone, Copy)]
pub struct Window {
    /// When the first request may be sent.
    pub start: Instant,
    /// How long answers are not counted.
    pub warmup: Duration,
    /// How long they are counted then.
    pub measured: Option<Duration>,
}

impl Window {
    /// When counting starts.
    pub fn measured_from(&self) -> Instant {
        self.start + self.warmup
    }

    /// When sending ends, if a time is set.
    pub fn until(&self) -> Option<Instant> {
        self.measured.map(|measured| self.measured_from() + measured)
    }
}

/// Runs one plan a thread over `connections` connections in total and adds up what the threads measured.
///
/// The connections are open before the window starts; `plan_for` makes the plan of the thread with this number.
pub fn drive(
    address: SocketAddr,
    connections: usize,
    threads: usize,
    template: &RequestTemplate,
    warmup: Duration,
    measured: Option<Duration>,
    plan_for: impl Fn(usize, &Window) -> Plan,
) -> Result<Tally> {
    let mut fleets: Vec<Vec<Connection>> = (0..threads).map(|_| Vec::new()).collect();
    for number in 0..connections {
        let connection = Connection::open(address).with_context(|| format!("cannot connect to {address}"))?;
        fleets[number % threads].push(connection);
    }
    let window = Window { start: Instant::now(), warmup, measured };
    let mut drivers = Vec::new();
    for (thread, fleet) in fleets.into_iter().enumerate() {
        drivers.push(Driver::new(fleet, template.clone(), plan_for(thread, &window), window)?);
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = drivers.into_iter().map(|driver| scope.spawn(move || driver.run())).collect();
        let mut total = Tally::new()?;
        for thread in running {
            total.merge(thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??)?;
        }
        Ok(total)
    })
}

/// Why nothing can be sent right now.
enum Pause {
    /// No connection is idle.
    UntilAnswer,
    /// Nothing is due before this time.
    Until(Instant),
    /// Everything has been sent.
    ForGood,
}

struct Driver {
    epoll: OwnedFd,
    /// By the number that epoll events carry; `None` once broken.
    connections: Vec<Option<Connection>>,
    /// Oldest first, so that an open loop uses all connections and not only a few hot ones.
    idle: VecDeque<usize>,
    busy: usize,
    template: RequestTemplate,
    plan: Plan,
    window: Window,
    last_answer: Instant,
    tally: Tally,
    buffer: Vec<u8>,
}

impl Driver {
    fn new(fleet: Vec<Connection>, template: RequestTemplate, plan: Plan, window: Window) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, connection) in fleet.iter().enumerate() {
            let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            epoll::add(&epoll, connection, epoll::EventData::new_u64(number as u64), flags)?;
        }
        Ok(Self {
            epoll,
            idle: (0..fleet.len()).collect(),
            connections: fleet.into_iter().map(Some).collect(),
            busy: 0,
            template,
            plan,
            window,
            last_answer: window.start,
            tally: Tally::new()?,
            buffer: vec![0; READ_BYTES],
        })
    }

    fn run(mut self) -> Result<Tally> {
        let mut events = Vec::with_capacity(EVENTS_AT_ONCE);
        loop {
            let now = Instant::now();
            let wait = match self.send_due(now) {
                Pause::ForGood if self.busy == 0 => break,
                Pause::Until(due) => due.saturating_duration_since(now),
                Pause::ForGood | Pause::UntilAnswer => TICK,
            };
            let all_broken = self.busy == 0 && self.idle.is_empty();
            if all_broken || self.is_past_patience(now) {
                break;
            }
            self.wait(wait.min(TICK), &mut events)?;
            for event in &events {
                self.advance(usize::try_from(event.data.u64())?);
            }
        }
        Ok(self.close())
    }

    /// Waits for events to the nanosecond: rounding up to milliseconds or sleeping between looks saves some processor
    /// time, but then an open loop sends in bursts, and the server's tail latency is that of the bursts.
    fn wait(&self, longest: Duration, events: &mut Vec<epoll::Event>) -> Result<()> {
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&Timespec::try_from(longest)?)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends on idle connections what is due, and says why it stopped.
    fn send_due(&mut self, now: Instant) -> Pause {
        while let Some(&number) = self.idle.front() {
            match self.plan.next(now) {
                Next::Send(user, intended) => {
                    self.idle.pop_front();
                    self.send(number, user, intended);
                }
                Next::NotBefore(due) => return Pause::Until(due),
                Next::Done => return Pause::ForGood,
            }
        }
        Pause::UntilAnswer
    }

    fn send(&mut self, number: usize, user: u32, intended: Instant) {
        let Some(connection) = &mut self.connections[number] else { return };
        self.busy += 1;
        if let Err(error) = connection.send(self.template.for_user(user), intended) {
            self.break_connection(number, &error);
        }
    }

    fn advance(&mut self, number: usize) {
        let Some(connection) = &mut self.connections[number] else { return };
        match connection.advance(&mut self.buffer) {
            Ok(None) => {}
            Ok(Some(answer)) => {
                let now = Instant::now();
                self.busy -= 1;
                self.count(answer.status, answer.intended, now);
                self.idle.push_back(number);
                self.send_due(now);
            }
            Err(error) => self.break_connection(number, &error),
        }
    }

    /// Counts by when a request of the open loop was due, so that the slowest are not lost at the end of the window,
    /// and by when an answer of the closed loop came, so that the rate is that of the window.
    fn count(&mut self, status: u16, intended: Instant, now: Instant) {
        self.last_answer = now;
        if !(200..300).contains(&status) {
            self.tally.refuse(status);
        }
        let counts_by = if self.plan.is_open() { intended } else { now };
        let in_window = counts_by >= self.window.measured_from()
            && self.window.until().is_none_or(|until| counts_by <= until);
        if in_window {
            self.tally.record(now.saturating_duration_since(intended));
        }
    }

    fn break_connection(&mut self, number: usize, error: &std::io::Error) {
        // Closing the socket takes it out of the epoll set.
        let Some(connection) = self.connections[number].take() else { return };
        if connection.is_busy() {
            self.busy -= 1;
        } else {
            self.idle.retain(|&idle| idle != number);
        }
        self.tally.break_connection(error);
    }

    fn is_past_patience(&self, now: Instant) -> bool {
        let waits_since = self.window.until().map_or(self.last_answer, |until| until.max(self.last_answer));
        now.saturating_duration_since(waits_since) > PATIENCE
    }

    fn close(mut self) -> Tally {
        let now = Instant::now();
        let until = self.window.until();
        // A server that fell behind the timetable is given the time it took to catch up, not the time of the table.
        let measured_until = match until {
            Some(until) if self.plan.is_open() => until.max(self.last_answer),
            Some(until) => until,
            None => self.last_answer,
        };
        let measured = measured_until.saturating_duration_since(self.window.measured_from());
        let unsent = self.plan.left_unsent(until.map_or(now, |until| until.max(now)));
        self.tally.close(measured, self.busy as u64, unsent);
        self.tally
    }
}
