//! Tests of an app: with a part replaced, on a paused clock, and including how the app ends.
//!
//! `cargo test -p examples --test testing`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifecycle::{App, Layer, Lifecycle, Settings, Shutdown, background, resource};

trait Mailer: Send + Sync {
    fn send(&self, to: &str);
}

struct Smtp;

#[resource(as = dyn Mailer)]
impl Smtp {
    async fn start() -> std::io::Result<Self> {
        Err(std::io::Error::other("no test may send mail"))
    }
}

impl Mailer for Smtp {
    fn send(&self, _to: &str) {}
}

struct Greeter {
    mailer: Arc<dyn Mailer>,
    greeted: AtomicU32,
}

#[resource(timeout = "1s")]
impl Greeter {
    async fn start(mailer: Arc<dyn Mailer>) -> Self {
        Self {
            mailer,
            greeted: AtomicU32::new(0),
        }
    }

    async fn stop(&self) {
        self.mailer.send("everyone: goodbye");
    }
}

#[background(every = "1h")]
async fn greet(greeter: &Greeter) {
    greeter.mailer.send("everyone: hello");
    greeter.greeted.fetch_add(1, Ordering::SeqCst);
}

#[derive(App)]
#[app(background = [greet])]
struct Greetings {
    greeter: Arc<Greeter>,
}

/// A replacement for the real mailer.
#[derive(Default)]
struct Counted(AtomicU32);

impl Mailer for Counted {
    fn send(&self, _to: &str) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The provided value replaces the resource that is bound `as` its trait, so that no `Smtp` is started. Four hours pass
/// at once, because the clock is paused. The test fails if the app does not end with a graceful stop.
#[lifecycle::test(provide = [Arc::new(Counted::default()) as Arc<dyn Mailer>], start_paused = true)]
async fn a_greeting_goes_out_every_hour(app: Greetings, shutdown: Shutdown) {
    let _ = shutdown.sleep(Duration::from_secs(4 * 3600 + 60)).await;
    assert_eq!(app.greeter.greeted.load(Ordering::SeqCst), 4);
}

/// The builder returns the report, also of an app that does not stop gracefully.
#[tokio::test]
async fn the_greeter_says_goodbye_when_it_stops() {
    let mailer = Arc::new(Counted::default());
    let running = Lifecycle::builder()
        .app::<Greetings>()
        .provide(Arc::clone(&mailer) as Arc<dyn Mailer>)
        .settings(Settings::default().shutdown_timeout(Duration::from_secs(10)))
        .start()
        .await
        .expect("it starts");
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    let greeter = report.component("Greeter").expect("it was up");
    assert_eq!(greeter.layer(), Layer::Safe);
    assert_eq!(mailer.0.load(Ordering::SeqCst), 1, "goodbye");
}
