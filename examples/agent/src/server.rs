//! `serve`: the HTTP server.

use std::io;
use std::sync::Arc;

use lifecycle::{Shutdown, background};

use crate::answers::Answers;
use crate::api::{Api, router};
use crate::http_listener::HttpListener;
use crate::jobs::Jobs;
use crate::library::Library;
use crate::model::LanguageModel;
use crate::sessions::Sessions;

/// Told to stop, it closes the listener and the idle connections, and ends with the last answer under way.
#[background(timeout = "10s")]
pub async fn serve(
    listener: &HttpListener,
    library: Arc<Library>,
    sessions: Arc<Sessions>,
    answers: Arc<Answers>,
    jobs: Arc<Jobs>,
    model: Arc<dyn LanguageModel>,
    shutdown: Shutdown,
) -> io::Result<()> {
    let Some(socket) = listener.take() else {
        return Ok(());
    };
    let told = shutdown.requested();
    let api = Api {
        library,
        sessions,
        answers,
        jobs,
        model,
        shutdown,
    };
    axum::serve(socket, router(api))
        .with_graceful_shutdown(told)
        .await
}
