//! The runtimes, the app and the clock of the benchmarks.

use std::time::Duration;

use lifecycle::{Lifecycle, Running, Settings};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

/// The runtime of an app on a machine with two cores.
pub(crate) fn two_threads() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all();
    builder.build().expect("a runtime")
}

pub(crate) fn one_thread() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// An app without components.
pub(crate) async fn app() -> Running {
    let settings = Settings::default().drain_timeout(Duration::from_secs(20));
    let app = Lifecycle::builder().settings(settings).start().await;
    app.expect("an app without components starts")
}

/// The processor time that all threads of this process have used.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("it is not negative")
}
