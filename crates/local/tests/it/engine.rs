//! One engine on one directory: what is appended is there, once, after any stop.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use muster_kernel::model::catalog::Environment;
use muster_kernel::model::event::EventDraft;
use muster_kernel::model::id::{EnvironmentId, UserId};
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{Appended, Catalog, Clock, EventLog, Profiles, Receipt};
use muster_local::{Engine, Options};

struct WallClock;
impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the clock of a test against the real disk")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp(i64::try_from(since.as_micros()).unwrap())
    }
}

struct Unpark(Thread);
impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

fn open(path: &std::path::Path) -> Engine {
    let random = Arc::new(|bytes: &mut [u8]| bytes.fill(7));
    let engine = Engine::open(path, Options::default(), Arc::new(WallClock), random).unwrap();
    if engine.state().environments.is_empty() {
        engine.change(&mut |state| {
            state.environments.push(Environment {
                id: EnvironmentId(1), name: "Production".into(), app_token: "NX-1".into(), region: "local".into(),
                directory: None, incarnation: 1, created_at: Timestamp(0), settings: Default::default(),
            });
            Ok(())
        }).unwrap().unwrap();
    }
    engine
}

fn stored(answer: Appended) -> Receipt {
    match answer {
        Appended::Stored(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn smoke() {
    let dir = tempfile::tempdir().unwrap();
    let env = EnvironmentId(1);
    {
        let engine = open(dir.path());
        let mut draft = EventDraft { user_id: "u".into(), ..Default::default() };
        draft.properties.push("a", Value::Int(1));
        let r = stored(block_on(engine.append(env, &draft)).unwrap());
        assert_eq!(r.position.0, 1);
        let u = engine.user(env, &UserId::parse("u").unwrap()).unwrap().unwrap();
        assert_eq!(u.property("a"), Some(Value::Int(1)));
        engine.close();
    }
    let engine = open(dir.path());
    let u = engine.user(env, &UserId::parse("u").unwrap()).unwrap().unwrap();
    assert_eq!(u.property("a"), Some(Value::Int(1)));
}

#[test]
#[ignore]
fn perf() {
    let dir = tempfile::tempdir_in("/work").unwrap();
    let env = EnvironmentId(1);
    let engine = open(dir.path());
    let t = std::time::Instant::now();
    let n = 300_000u64; let mut i = 0u64;
    let mut draft = EventDraft::default();
    while i < n {
        let mut waits = Vec::new();
        for _ in 0..200 {
            draft.clear();
            draft.user_id.push_str(&format!("user_{:09}", (i * 7919) % 1_000_000));
            for k in 0..13 { draft.properties.push(&format!("property_{k:02}"), Value::Text("some value here")); }
            draft.company_id.push_str("comp_techstartup_2024");
            for k in 0..13 { draft.company_properties.push(&format!("company_prop_{k:02}"), Value::Text("some value here")); }
            draft.properties.settle(); draft.company_properties.settle();
            waits.push(engine.append(env, &draft)); i += 1;
        }
        for w in waits { stored(block_on(w).unwrap()); }
    }
    let e = t.elapsed().as_secs_f64();
    println!("{n} in {e:.2}s = {:.0}/s", n as f64 / e);
    engine.close();
}
