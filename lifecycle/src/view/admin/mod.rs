//! Probes, metrics and the live picture over HTTP, on the address that `LIFECYCLE_ADMIN` names: read-only, and off
//! unless it is set. The guide describes what each path answers.
//!
//! Invariants:
//!
//! 1. A thread and a runtime of its own answer, from before the first start until the process is gone. Nothing waits
//!    for them: a connection can hold up neither the start nor the end, but for the moment in which viewers get the
//!    last picture.
//! 2. No user code runs here: a `health` runs on the app's runtime or on a thread of the framework's, and so does a
//!    recorder of the user's.
//! 3. The driver passes events in under a lock that is held for a few assignments, never while user code runs.
//! 4. Connections are few: a new one takes the place of one that has not sent a request yet.

mod checks;
mod endpoints;
mod event_stream;
mod live_picture;
mod metrics;
mod probes;
mod readiness;
mod routes;
mod serve;
mod state;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime;
use tokio::sync::mpsc;

use crate::api::event::{Event, Observer};
use crate::life::Inside;
use crate::life::input::Input;
use crate::plan::Plan;
use crate::report::Report;
use crate::view::admin::endpoints::Endpoints;
pub(crate) use crate::view::admin::live_picture::Farewell;

/// How many connections wait to be accepted at most.
const BACKLOG: u32 = 4096;

/// The thread that answers, where there is an address.
pub(crate) struct Admin(Option<Arc<Endpoints>>);

impl Admin {
    /// Listens, and answers from now on.
    pub(crate) fn start(address: Option<SocketAddr>, plan: &Plan) -> Result<Self, String> {
        let Some(address) = address else {
            return Ok(Self(None));
        };
        let failed = |what: &str, error: std::io::Error| {
            format!(
                "LIFECYCLE_ADMIN={address}: {what}: {error}; choose another address, or unset it"
            )
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed("its runtime could not be created", error))?;
        let listener = {
            let _entered = runtime.enter();
            listen(address).map_err(|error| failed("cannot listen there", error))?
        };
        if let Ok(address) = listener.local_addr() {
            tracing::info!(target: "lifecycle", %address, "serving probes and metrics");
        }
        let endpoints = Arc::new(Endpoints::new(plan));
        let of_thread = Arc::clone(&endpoints);
        thread::Builder::new()
            .name("lifecycle-admin".into())
            .spawn(move || {
                let state = || Arc::clone(&of_thread.state);
                let live_picture = Arc::clone(&of_thread.live_picture);
                runtime.spawn(readiness::watch(state()));
                runtime.spawn(live_picture::draw(live_picture, state()));
                runtime.spawn(metrics::pass_on(state()));
                runtime.block_on(serve::serve(listener, of_thread));
            })
            .map_err(|error| failed("its thread could not be created", error))?;
        Ok(Self(Some(endpoints)))
    }

    /// Returns an observer that passes each event to the admin and then to this one: what is written to the log is not
    /// ahead of the probes.
    pub(crate) fn beside(&self, mut observer: Observer) -> Observer {
        let Some(endpoints) = self.0.clone() else {
            return observer;
        };
        Box::new(move |event| {
            endpoints.apply(&event);
            observer(event);
        })
    }

    /// Passes on the life, once it is made: before the first start.
    pub(crate) fn attach(&self, inside: &Inside, driver: &mpsc::UnboundedSender<Input>) {
        if let Some(endpoints) = &self.0 {
            endpoints.attach(inside.clone(), driver.clone());
        }
    }

    /// Sends viewers the last picture, of how the life ended.
    pub(crate) fn finish(&self, report: &Report) -> Farewell {
        match &self.0 {
            Some(endpoints) => {
                endpoints.state.apply(&Event::ended(report.exit_code()));
                endpoints.live_picture.end(report)
            }
            None => Farewell::NONE,
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // Connections of the previous process may not be quite closed.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
