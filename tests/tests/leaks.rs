//! What a resource has lent out: looked at before and after its stop.

use std::sync::atomic::{AtomicUsize, Ordering};

use lifecycle::{Lifecycle, resource};

/// Three are out when its stop begins; one of them never comes back.
struct Pool {
    out: AtomicUsize,
}

#[resource]
impl Pool {
    fn start() -> Self {
        let out = AtomicUsize::new(3);
        Self { out }
    }

    async fn stop(&self) {
        self.out.store(1, Ordering::SeqCst);
    }

    fn in_use(&self) -> usize {
        self.out.load(Ordering::SeqCst)
    }
}

/// Whatever was out comes back while it stops.
struct Tidy(AtomicUsize);

#[resource]
impl Tidy {
    fn start() -> Self {
        Self(AtomicUsize::new(2))
    }

    fn stop(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    fn in_use(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_leak_is_reported_by_name_and_alone_changes_nothing() {
    let app = Lifecycle::builder().resource::<Pool>().resource::<Tidy>();
    let report = app.start().await.expect("it starts").stop().await;
    assert!(report.is_clean(), "{report}");
    let leaked = |name| {
        report
            .component(name)
            .map(lifecycle::ComponentReport::leaked)
    };
    assert_eq!(leaked("Pool"), Some(1));
    assert_eq!(leaked("Tidy"), Some(0));
    let table = report.to_string();
    let told: Vec<_> = table
        .lines()
        .filter(|line| line.contains("in use"))
        .collect();
    assert_eq!(told.len(), 1, "{table}");
    assert!(
        told[0].contains("Pool") && told[0].contains("1 still in use (3 when its stop began)"),
        "{table}"
    );
}
