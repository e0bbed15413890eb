//! Wakers of user code that panic or block: the driver calls none of them, and no other task misses its wake-up. Hooks
//! written by hand that panic or block while they are made: they are bounded by the times of their component.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use lifecycle::{
    Builder, CleanupLayer, Hook, HookKind, Lifecycle, Need, Record, RecordRef, Resource, Settings,
    Shutdown, StartContext, Stopped, resource,
};
use lifecycle_tests::flavors;
use lifecycle_tests::hostile::{Hostile, await_request};
use tokio::sync::oneshot;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn e1_wakers_that_panic_or_block_affect_no_component_of_a_program() {
    for flavor in flavors!("chain") {
        for wakers in ["panic", "block", "panic,foreign:block,foreign:panic"] {
            let end = flavor()
                .with(&format!("main=foreign:{wakers},asked"))
                .stop();
            end.expect_code(0)
                .expect_once("main asked")
                .expect_names("emergency", "")
                .expect_names("stop ok", "e d c b a");
        }
    }
}

/// An app with a worker that waits as a task of its own, and in each hostile way; all of the scope of this worker, and of
/// the app.
async fn e1_stops_by_its_deadline() {
    let (woken, is_woken) = oneshot::channel();
    let (app_woken, app_is_woken) = oneshot::channel();
    let (waits, is_waiting) = oneshot::channel();
    let running = Lifecycle::builder()
        .settings(Settings::default().shutdown_timeout(Duration::from_secs(20)))
        .background("worker", async move |shutdown: Shutdown| {
            for hostile in [Hostile::Panics, Hostile::Blocks, Hostile::Panics] {
                await_request(&shutdown, hostile, || ());
            }
            await_request(&shutdown, Hostile::Wakes, move || {
                let _ = woken.send(());
            });
            let _ = waits.send(());
            shutdown.requested().await;
        })
        .background("other", async |shutdown: Shutdown| {
            shutdown.requested().await
        })
        .start()
        .await
        .expect("it starts");
    is_waiting.await.expect("the worker waits");
    await_request(&running.shutdown(), Hostile::Blocks, || ());
    await_request(&running.shutdown(), Hostile::Panics, || ());
    await_request(&running.shutdown(), Hostile::Wakes, move || {
        let _ = app_woken.send(());
    });
    let stopped = tokio::time::timeout(LONG, running.stop()).await;
    let report = stopped.expect("`stop` returns");
    assert!(report.is_clean(), "{report}");
    is_woken.await.expect("the waiter behind them is woken");
    app_is_woken
        .await
        .expect("the waiter of the app is woken, too");
}

#[tokio::test]
async fn e1_the_builder_stops_by_its_deadline_on_one_thread() {
    e1_stops_by_its_deadline().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e1_the_builder_stops_by_its_deadline_on_several_threads() {
    e1_stops_by_its_deadline().await;
}

/// What happens while a hook is made.
const WELL: u8 = 0;
const PANICS: u8 = 1;
const BLOCKS: u8 = 2;

fn making(how: u8) {
    match how {
        PANICS => panic!("the making panics"),
        BLOCKS => loop {
            thread::park();
        },
        _ => {}
    }
}

/// Counts what happens to the resources of one app.
#[derive(Default)]
struct Counts {
    neighbour_stopped: AtomicUsize,
    emergencies: AtomicUsize,
}

struct Seen(Arc<Counts>);

#[resource]
impl Seen {
    fn start() -> Self {
        Self(Arc::default())
    }
}

/// A resource that is written by hand.
struct ByHand<const START: u8, const STOP: u8>(Arc<Seen>);

impl<const START: u8, const STOP: u8> Resource for ByHand<START, STOP> {
    const RECORD: RecordRef = RecordRef::to(
        const {
            &Record::resource::<Self>("by hand")
                .timeout(Duration::from_millis(100))
                .start_timeout(Duration::from_millis(100))
                .needs(const { &[Need::on::<Seen, _>()] })
                .hooks(&[HookKind::Stop, HookKind::Emergency])
        },
    );

    fn start(context: &mut StartContext) -> Hook<Self> {
        making(START);
        let seen = context.get::<Seen>();
        Hook::future(async move { Ok(Self(seen)) })
    }

    fn stop(self: Arc<Self>) -> Option<Hook<Stopped>> {
        making(STOP);
        Some(Hook::future(async { Ok(Stopped::Clean) }))
    }

    fn emergency(&self) {
        self.0.0.emergencies.fetch_add(1, SeqCst);
    }
}

struct Neighbour(Arc<Seen>);

#[resource]
impl Neighbour {
    fn start(seen: Arc<Seen>) -> Self {
        Self(seen)
    }

    async fn stop(&self) {
        self.0.0.neighbour_stopped.fetch_add(1, SeqCst);
    }
}

fn with_neighbour<T: Resource>(counts: &Arc<Counts>) -> Builder {
    Lifecycle::builder()
        .provide(Seen(Arc::clone(counts)))
        .resource::<T>()
        .resource::<Neighbour>()
}

/// Starts fail within their time, and what is up is stopped.
async fn e2_starts_that_cannot_be_made() {
    for (builder, expected) in [
        (
            with_neighbour::<ByHand<PANICS, WELL>> as fn(&Arc<Counts>) -> Builder,
            "the making panics",
        ),
        (with_neighbour::<ByHand<BLOCKS, WELL>>, "100ms"),
    ] {
        let counts = Arc::<Counts>::default();
        let started = tokio::time::timeout(LONG, builder(&counts).start()).await;
        let error = started.expect("`start` returns").unwrap_err().to_string();
        assert!(
            error.contains("`by hand`") && error.contains(expected),
            "{error}"
        );
        assert_eq!(counts.emergencies.load(SeqCst), 0);
    }
}

/// Stops fail within their time, with the emergency hook, and the neighbour is stopped.
async fn e2_stops_that_cannot_be_made() {
    for (builder, layer) in [
        (
            with_neighbour::<ByHand<WELL, PANICS>> as fn(&Arc<Counts>) -> Builder,
            CleanupLayer::Emergency,
        ),
        (
            with_neighbour::<ByHand<WELL, BLOCKS>>,
            CleanupLayer::Emergency,
        ),
        (with_neighbour::<ByHand<WELL, WELL>>, CleanupLayer::Safe),
    ] {
        let counts = Arc::<Counts>::default();
        let running = builder(&counts).start().await.expect("it starts");
        let stopped = tokio::time::timeout(LONG, running.stop()).await;
        let report = stopped.expect("`stop` returns");
        let of_it = report
            .components()
            .iter()
            .find(|of_it| of_it.name() == "by hand");
        assert_eq!(of_it.expect("it is reported").layer(), layer, "{report}");
        let emergencies = usize::from(layer == CleanupLayer::Emergency);
        assert_eq!(counts.emergencies.load(SeqCst), emergencies, "{report}");
        assert_eq!(counts.neighbour_stopped.load(SeqCst), 1, "{report}");
    }
}

#[tokio::test]
async fn e2_hooks_that_cannot_be_made_are_bounded_on_one_thread() {
    e2_starts_that_cannot_be_made().await;
    e2_stops_that_cannot_be_made().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2_hooks_that_cannot_be_made_are_bounded_on_several_threads() {
    e2_starts_that_cannot_be_made().await;
    e2_stops_that_cannot_be_made().await;
}
