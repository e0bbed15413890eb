//! An AI-agent backend: documents, streamed answers, summaries and durable jobs, over HTTP or on the terminal.
//!
//! Each part is a resource or a worker of [`lifecycle`], in its own file. No part starts or stops another one by
//! hand: the parameters of a part start before it and stop after it.
#![allow(
    unreachable_pub,
    reason = "no other crate can use a binary, so `pub` means the same as `pub(crate)`"
)]

mod answers;
mod api;
mod args;
mod cache;
mod config;
mod database;
mod embedding;
mod error;
mod exchanges;
mod grace;
mod http_client;
mod http_listener;
mod identity;
mod jobs;
mod library;
mod migrations;
mod model;
mod openai;
mod page;
mod server;
mod sessions;
mod store;
mod terminal;
mod vector_index;
mod vectors;
mod worker;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::sync::Arc;

use clap::Parser;
use lifecycle::{App, Setup, Shutdown};
use tracing_subscriber::EnvFilter;

use crate::args::{Args, Mode};
use crate::cache::Cache;
use crate::config::Config;
use crate::embedding::Embedder;
use crate::http_listener::HttpListener;
use crate::model::LanguageModel;
use crate::server::serve;
use crate::sessions::expire_sessions;
use crate::store::Store;
use crate::terminal::console;
use crate::vector_index::VectorIndex;
use crate::worker::work_jobs;

/// The components that `main` uses; the rest of the graph follows from the parameters of the workers.
#[derive(App, Clone)]
#[app(background = [serve, work_jobs, expire_sessions, console])]
struct Agent {
    args: Arc<Args>,
    config: Arc<Config>,
    cache: Arc<Cache>,
    listener: Arc<HttpListener>,
    index: Arc<VectorIndex>,
    embedder: Arc<Embedder>,
    model: Arc<dyn LanguageModel>,
}

#[lifecycle::main(init = setup)]
async fn main(agent: Agent, shutdown: Shutdown) -> Result<(), Box<dyn Error + Send + Sync>> {
    // In console mode the worker has a prompt of its own.
    if agent.args.mode == Mode::Web {
        agent.say_hello();
    }
    shutdown.requested().await;
    Ok(())
}

/// Runs before any component starts: `--help`, `--version` and wrong arguments end the process here.
fn setup(setup: &mut Setup) -> Result<(), Box<dyn Error + Send + Sync>> {
    let args = Args::parse();
    // The framework draws a live view on a terminal; elsewhere, its log events are written to standard error.
    if !std::io::stderr().is_terminal() || std::env::var_os("RUST_LOG").is_some() {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt()
            .with_ansi(std::io::stderr().is_terminal())
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
    }
    match args.mode {
        Mode::Web => setup.disable("console"),
        // Jobs are processed by the web server, which may be running on the same data.
        Mode::Console => ["serve", "work_jobs"]
            .into_iter()
            .for_each(|worker| setup.disable(worker)),
    }
    setup.provide(args);
    Ok(())
}

impl Agent {
    fn say_hello(&self) {
        let Some(address) = self.listener.address() else {
            return;
        };
        let (data, model) = (self.config.data.display(), self.model.describe());
        let (store, cache) = (Store::of(&self.config), &self.cache);
        let vectors = self.index.describe();
        let embedder = self.embedder.describe();
        let hello = format!(
            "agent on http://{address}  (AGENT_ADDR)
  data       {data}  (AGENT_DATA)
  rows       {store}  (DATABASE_URL)
  cache      {cache}  (REDIS_URL)
  vectors    {vectors}  (AGENT_DATA, DATABASE_URL)
  embedding  {embedder}  (AGENT_EMBEDDING_MODEL)
  model      {model}  (AGENT_LLM_URL, AGENT_LLM_MODEL, AGENT_LLM_KEY)
try:
  curl -N http://{address}/ask -H 'content-type: application/json' -d '{{\"question\": \"What is a drain?\"}}'
"
        );
        // A closed standard output is no reason to stop.
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(hello.as_bytes()).and_then(|()| out.flush());
    }
}
