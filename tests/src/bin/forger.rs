//! A resource, a worker and tasks whose names, errors and panics all contain [`forged::TEXT`].

use std::sync::Arc;

use lifecycle::{
    App, BoxError, Hook, HookKind, Need, Record, RecordRef, Resource, Setup, Shutdown,
    StartContext, Stopped, Tasks, background,
};
use lifecycle_tests::act::{self, steps};
use lifecycle_tests::forged;
use lifecycle_tests::harness::evidence::note;

struct Forger;

impl Resource for Forger {
    const RECORD: RecordRef = RecordRef::to(
        const {
            &Record::resource::<Self>(forged::TEXT)
                .retries(1, std::time::Duration::from_millis(1))
                .needs(&[Need::TASKS])
                .hooks(&[HookKind::Stop, HookKind::Emergency])
        },
    );

    fn start(context: &mut StartContext) -> Hook<Self> {
        let tasks = context.tasks();
        Hook::future(async move {
            forge("start")?;
            spawn(&tasks);
            Ok(Self)
        })
    }

    fn stop(self: Arc<Self>) -> Option<Hook<Stopped>> {
        Some(Hook::future(async {
            forge("stop").map(|()| Stopped::Clean)
        }))
    }

    fn emergency(&self) {
        let _ = forge("emergency");
    }
}

/// Runs the step of the hook in the arguments: `error` or `panic`.
fn forge(hook: &str) -> Result<(), BoxError> {
    for step in steps(hook) {
        match step.as_str() {
            "error" => return Err(Box::new(std::io::Error::other(forged::TEXT))),
            "panic" => panic!("{}", forged::TEXT),
            _ => {}
        }
    }
    Ok(())
}

fn spawn(tasks: &Tasks) {
    for step in steps("task") {
        tasks.spawn(forged::TEXT, async move {
            match step.as_str() {
                "panic" => {
                    note("task");
                    panic!("{}", forged::TEXT);
                }
                _ => loop {
                    std::hint::spin_loop();
                },
            }
        });
    }
}

#[background(restart = "on_failure", max_restarts = 1, backoff = "1ms")]
async fn worker(shutdown: Shutdown) -> Result<(), BoxError> {
    forge("worker")?;
    shutdown.requested().await;
    Ok(())
}

#[derive(App)]
#[app(
    shutdown_timeout = "5s",
    drain_timeout = "500ms",
    emergency_timeout = "500ms",
    background = [worker]
)]
struct Forgery {
    _forger: Arc<Forger>,
}

fn init(setup: &mut Setup) -> Result<(), BoxError> {
    // The standard hook prints the message of a panic unescaped.
    std::panic::set_hook(Box::new(|_| {}));
    act::init(setup)?;
    forge("set-up")
}

#[lifecycle::main(init = init)]
async fn main(_app: Forgery, shutdown: Shutdown) -> Result<(), BoxError> {
    note("main");
    forge("main")?;
    if steps("main").is_empty() {
        shutdown.requested().await;
    }
    Ok(())
}
