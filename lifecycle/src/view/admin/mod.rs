//! Probes, metrics and the live picture over HTTP, on the address that `LIFECYCLE_ADMIN` names: read-only, and off unless
//! it is set.
//! What each path says stands in the documentation of the crate.
//!
//! Invariants:
//!
//! 1. A thread and a runtime of its own answer, from before the first start until the process is gone. Nothing waits for
//!    them: a connection can hold up neither the start nor the end, but for the moment in which who looks on at the end
//!    gets the last picture.
//! 2. No user code runs here: a `health` runs on the app's runtime or on a thread of the framework's, and so does what
//!    hands metrics to a recorder of the user's.
//! 3. The driver tells by notices, under a lock that is held for a few assignments, never while user code runs.
//! 4. Connections are few: a new one pushes out one that has not asked for anything yet.

mod checks;
mod event_stream;
mod live_picture;
mod metrics;
mod probes;
mod readiness;
mod routes;
mod serve;
mod status;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime;
use tokio::sync::mpsc;

use crate::api::event::Observer;
use crate::life::Inside;
use crate::life::input::Input;
use crate::plan::Plan;
use crate::report::Report;
pub(crate) use crate::view::admin::live_picture::Farewell;
use crate::view::admin::status::Board;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 4096;

/// The thread that answers, where somebody may ask.
pub(crate) struct Admin(Option<Arc<Board>>);

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
            .map_err(|error| failed("its runtime could not be made", error))?;
        let listener = {
            let _entered = runtime.enter();
            listen(address).map_err(|error| failed("cannot listen there", error))?
        };
        if let Ok(address) = listener.local_addr() {
            tracing::info!(target: "lifecycle", %address, "probes and metrics are answered");
        }
        let board = Arc::new(Board::new(plan));
        let of_thread = Arc::clone(&board);
        thread::Builder::new()
            .name("lifecycle-admin".into())
            .spawn(move || {
                runtime.spawn(readiness::watch(Arc::clone(&of_thread)));
                let live_picture = Arc::clone(&of_thread.live_picture);
                runtime.spawn(live_picture::draw(live_picture, Arc::clone(&of_thread)));
                runtime.spawn(metrics::pass_on(Arc::clone(&of_thread)));
                runtime.block_on(serve::serve(listener, of_thread));
            })
            .map_err(|error| failed("its thread could not be made", error))?;
        Ok(Self(Some(board)))
    }

    /// The observer, and before it the admin: what a person can read is not ahead of the probes.
    pub(crate) fn beside(&self, mut observer: Observer) -> Observer {
        let Some(board) = self.0.clone() else {
            return observer;
        };
        Box::new(move |event| {
            board.hear(event.kind());
            observer(event);
        })
    }

    /// The life is made: from now on it can be asked.
    pub(crate) fn attach(&self, inside: &Inside, driver: &mpsc::UnboundedSender<Input>) {
        if let Some(board) = &self.0 {
            board.attach(inside.clone(), driver.clone());
        }
    }

    /// The life has ended so: who looks on is shown the last picture.
    pub(crate) fn finish(&self, report: &Report) -> Farewell {
        match &self.0 {
            Some(board) => board.live_picture.end(report),
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
    // The one before may have left connections behind that are not quite closed.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
