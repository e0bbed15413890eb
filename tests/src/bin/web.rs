//! A web server with handlers of each kind that can delay its end. It prints the address at which it listens.
//!
//! `WEB_ADDRESS` is the address (by default a free port), `WEB_SOCKET` the path of a Unix socket to use instead,
//! `WEB_HEADERS` the limit for the head of a request in milliseconds.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Path, State};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use futures_util::{Stream, StreamExt as _, stream};
use lifecycle::{InterruptibleStream as _, Shutdown, background, http, resource};
use lifecycle_tests::act::init;
use lifecycle_tests::harness::evidence::note;
use tokio::net::{TcpListener, UnixListener};
use tokio::time::sleep;

struct Listeners {
    tcp: Mutex<Option<TcpListener>>,
    unix: Mutex<Option<UnixListener>>,
}

#[resource(name = "listeners")]
impl Listeners {
    async fn start() -> io::Result<Self> {
        note(format!("LISTEN_FDS {:?}", std::env::var_os("LISTEN_FDS")));
        let (mut tcp, mut unix) = (None, None);
        if let Some(path) = std::env::var_os("WEB_SOCKET") {
            unix = Some(UnixListener::bind(path)?);
            println!("on a socket");
        } else if let Some(named) = http::tcp_by_name("web")? {
            println!("by name at {}", named.local_addr()?);
            tcp = Some(named);
        } else {
            let address = std::env::var("WEB_ADDRESS").unwrap_or_else(|_| "127.0.0.1:0".into());
            let address: SocketAddr = address.parse().map_err(io::Error::other)?;
            let bound = http::bind(address).await?;
            println!("at {}", bound.local_addr()?);
            tcp = Some(bound);
        }
        Ok(Self {
            tcp: tcp.into(),
            unix: unix.into(),
        })
    }
}

#[background(name = "serve")]
async fn serve(listeners: &Listeners, shutdown: Shutdown) -> io::Result<()> {
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route(
            "/peer",
            get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()),
        )
        .route("/chunks/{count}/{millis}", get(chunks))
        .route("/slow/{millis}", get(slow))
        .route(
            "/whole/{bytes}",
            get(async |Path(bytes): Path<usize>| vec![b'.'; bytes]),
        )
        .route("/endless", get(endless))
        .route("/answer", get(answer))
        .route("/panic", get(panic))
        .route("/upload", post(async |body: Bytes| body.len().to_string()))
        .route("/socket/{how}", any(socket))
        .with_state(shutdown.clone());
    let millis = std::env::var("WEB_HEADERS").ok();
    let millis = millis
        .and_then(|millis| millis.parse().ok())
        .unwrap_or(30_000);
    let headers = Duration::from_millis(millis);
    let (tcp, unix) = (take(&listeners.tcp), take(&listeners.unix));
    if let Some(unix) = unix {
        return http::serve(unix, router, shutdown).await;
    }
    let Some(tcp) = tcp else {
        return Ok(());
    };
    http::serve(tcp, router, shutdown)
        .header_timeout(headers)
        .await
}

fn take<T>(listener: &Mutex<Option<T>>) -> Option<T> {
    listener.lock().expect("no panic under the lock").take()
}

/// A number of chunks with a pause before each, and a last one.
async fn chunks(Path((count, millis)): Path<(u32, u64)>) -> Body {
    note("a body began");
    Body::from_stream(stream::unfold(0, move |done| async move {
        sleep(Duration::from_millis(millis)).await;
        let text = match done {
            _ if done < count => format!("{done}\n"),
            _ if done == count => "end\n".to_owned(),
            _ => return None,
        };
        Some((Ok::<_, Infallible>(text), done + 1))
    }))
}

async fn slow(Path(millis): Path<u64>) -> &'static str {
    note("slow");
    sleep(Duration::from_millis(millis)).await;
    "slow"
}

/// A body that is produced as fast as it is read.
async fn endless() -> Body {
    note("endless");
    let chunk = Bytes::from(vec![b'.'; 64 * 1024]);
    Body::from_stream(stream::repeat_with(move || {
        Ok::<_, Infallible>(chunk.clone())
    }))
}

fn tokens() -> impl Stream<Item = Event> + Send {
    stream::unfold((), async |()| {
        sleep(Duration::from_millis(5)).await;
        Some((Event::default().data("token"), ()))
    })
}

/// A body without an end, which is collected and saved when it is interrupted.
async fn answer(
    State(shutdown): State<Shutdown>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = tokens()
        .interruptible(&shutdown)
        .collecting(0, |count, _| *count += 1)
        .on_interrupt(async |count, why| {
            note(format!("saved, {why:?}, some: {}", count > 0));
            Some(Event::default().event("end").data("shutdown"))
        });
    Sse::new(events.map(Ok))
}

async fn panic() -> &'static str {
    panic!("no luck")
}

async fn socket(
    Path(how): Path<String>,
    State(shutdown): State<Shutdown>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let stays = how == "stays";
    upgrade
        .on_upgrade(async move |mut socket| {
            note("socket");
            loop {
                tokio::select! {
                    message = socket.recv() => match message {
                        Some(Ok(Message::Text(text))) => drop(socket.send(Message::Text(text)).await),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => break note("socket gone"),
                    },
                    () = shutdown.requested(), if !stays => break drop(socket.send(Message::Close(None)).await),
                }
            }
        })
        .into_response()
}

#[lifecycle::main(init = init)]
async fn main(shutdown: Shutdown) {
    note("main");
    shutdown.requested().await;
    note("asked");
}
