//! HTTP under load while the app stops: 64 persistent connections of both protocols, most of them in the middle of a
//! body; SIGTERM at a random instant.
//!
//! `RUNS=200 cargo test -p lifecycle-tests --test load -- --nocapture http_load::`

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONNECTION, HOST, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::program;
use lifecycle_tests::random::{rng, runs};
use lifecycle_tests::web::address;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::MACHINE;

/// Connections: HTTP/1 with short answers, HTTP/1 with slow bodies, and HTTP/2 with two slow streams each.
const SHORT: usize = 16;
const LONG: usize = 24;
const STREAMS: usize = 24;

/// The number of bodies under way at each signal, at least.
const UNDER_WAY: usize = 32;

const LONG_PATH: &str = "/chunks/20/5";
const LONG_END: &str = "\nend\n";

/// The outcomes of the requests of one run, or of all runs.
#[derive(Debug, Default)]
struct Tally {
    answered: AtomicUsize,
    /// Answered with 503.
    turned_away: AtomicUsize,
    /// Refused by a closed port.
    refused: AtomicUsize,
    /// An HTTP/1 connection was closed while its next request was on its way (RFC 9112, 9.3.1).
    raced: AtomicUsize,
    /// An HTTP/2 server reported that it did not process the request, so that it can be sent elsewhere (RFC 9113, 6.8).
    /// hyper's client reports the same for a request that it does not send because of that.
    unprocessed: AtomicUsize,
    /// The connection was known to be closing before the request was sent.
    unsent: AtomicUsize,
}

impl Tally {
    fn fields(&self) -> [&AtomicUsize; 6] {
        [
            &self.answered,
            &self.turned_away,
            &self.refused,
            &self.raced,
            &self.unprocessed,
            &self.unsent,
        ]
    }

    fn add(&self, other: &Self) {
        for (own, other) in self.fields().into_iter().zip(other.fields()) {
            own.fetch_add(other.load(Ordering::SeqCst), Ordering::SeqCst);
        }
    }
}

/// State that the clients of a run share.
struct World {
    address: SocketAddr,
    /// Whether clients that receive `Connection: close`, or GOAWAY, go elsewhere from then on.
    looks_away: bool,
    bodies: watch::Sender<usize>,
    tally: Tally,
}

/// How a request ended.
#[derive(PartialEq)]
enum Met {
    Answer,
    LastAnswer,
    TurnedAway,
    Gone,
}

impl World {
    fn request(&self, path: &str) -> Request<Empty<Bytes>> {
        Request::get(format!("http://{}{path}", self.address))
            .header(HOST, "web")
            .body(Empty::new())
            .expect("it is one")
    }

    /// `None` once the port is closed.
    async fn connect(&self) -> Option<TokioIo<TcpStream>> {
        match TcpStream::connect(self.address).await {
            Ok(socket) => Some(TokioIo::new(socket)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.tally.refused.fetch_add(1, Ordering::SeqCst);
                None
            }
            Err(error) => panic!("neither connected nor refused: {error}"),
        }
    }

    /// Reads an answer to its end.
    async fn read(&self, response: Response<Incoming>, end: &str) -> Met {
        let (status, headers) = (response.status(), response.headers().clone());
        let closes = headers
            .get(CONNECTION)
            .is_some_and(|value| value == "close");
        let is_http1 = response.version() < hyper::Version::HTTP_2;
        self.bodies.send_modify(|bodies| *bodies += 1);
        let body = response.into_body().collect().await;
        self.bodies.send_modify(|bodies| *bodies -= 1);
        let body = body.unwrap_or_else(|error| panic!("a body is incomplete: {error:?}"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            assert!(
                headers.contains_key(RETRY_AFTER) && (closes || !is_http1),
                "{headers:?}"
            );
            self.tally.turned_away.fetch_add(1, Ordering::SeqCst);
            return Met::TurnedAway;
        }
        assert_eq!(status, StatusCode::OK);
        let body = body.to_bytes();
        assert!(
            body.ends_with(end.as_bytes()),
            "a body has no end: {body:?}"
        );
        self.tally.answered.fetch_add(1, Ordering::SeqCst);
        if closes { Met::LastAnswer } else { Met::Answer }
    }

    async fn over_http1(self: Arc<Self>, path: &str, end: &str) {
        while let Some(io) = self.connect().await {
            let (mut sender, connection) = http1::handshake(io).await.expect("it begins");
            tokio::spawn(connection);
            let mut first = true;
            loop {
                if sender.ready().await.is_err() {
                    // Closed while it was idle.
                    break;
                }
                let met = match sender.try_send_request(self.request(path)).await {
                    Ok(response) => self.read(response, end).await,
                    Err(mut error) => {
                        // A returned request was never sent.
                        if error.take_message().is_some() {
                            self.tally.unsent.fetch_add(1, Ordering::SeqCst);
                        } else {
                            let error = error.into_error();
                            assert!(
                                !first,
                                "a new connection was closed without an answer: {error:?}"
                            );
                            self.tally.raced.fetch_add(1, Ordering::SeqCst);
                        }
                        Met::Gone
                    }
                };
                first = false;
                if met != Met::Answer {
                    if self.looks_away && met == Met::LastAnswer {
                        return;
                    }
                    break;
                }
            }
        }
    }

    async fn over_http2(self: Arc<Self>) {
        while let Some(io) = self.connect().await {
            let handshake = http2::handshake(TokioExecutor::new(), io).await;
            let (sender, connection) = handshake.expect("it begins");
            let connection = tokio::spawn(connection);
            let streams = [sender.clone(), sender].map(|sender| {
                let world = Arc::clone(&self);
                async move { world.stream(sender).await }
            });
            let [first, second] = streams;
            tokio::join!(first, second);
            let _ = connection.await;
            if self.looks_away {
                return;
            }
        }
    }

    async fn stream(&self, mut sender: http2::SendRequest<Empty<Bytes>>) {
        while sender.ready().await.is_ok() {
            match sender.try_send_request(self.request(LONG_PATH)).await {
                Ok(response) => {
                    self.read(response, LONG_END).await;
                }
                Err(mut error) => {
                    if error.take_message().is_some() {
                        self.tally.unsent.fetch_add(1, Ordering::SeqCst);
                        continue;
                    }
                    let error = error.into_error();
                    // A GOAWAY, or the reset of a refused stream.
                    let text = format!("{error:?}");
                    let says_so = ["GoAway", "REFUSED_STREAM"]
                        .iter()
                        .any(|what| text.contains(what));
                    assert!(says_so, "a request was lost: {error:?}");
                    self.tally.unprocessed.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }
}

/// One run under load, from its start to its end.
async fn stopped_under_load(lame_duck: &str, random: &mut Rng, tally: &Tally) {
    let mut run = program!("web")
        .limits("60s", "1s")
        .env("LIFECYCLE_LAME_DUCK", lame_duck)
        .env("LOG", "lifecycle=debug")
        .up();
    let world = Arc::new(World {
        address: address(&mut run),
        looks_away: lame_duck != "0",
        bodies: watch::Sender::new(0),
        tally: Tally::default(),
    });
    let mut clients = JoinSet::new();
    for _ in 0..SHORT {
        clients.spawn(Arc::clone(&world).over_http1("/", "hello"));
    }
    for _ in 0..LONG {
        clients.spawn(Arc::clone(&world).over_http1(LONG_PATH, LONG_END));
    }
    for _ in 0..STREAMS {
        clients.spawn(Arc::clone(&world).over_http2());
    }
    let mut bodies = world.bodies.subscribe();
    let enough = |bodies: &usize| *bodies >= UNDER_WAY;
    bodies.wait_for(enough).await.expect("they are there");
    // A random instant.
    tokio::time::sleep(Duration::from_millis(random.u64(..300))).await;
    bodies.wait_for(enough).await.expect("they are there");
    let at = run.terminate();
    while let Some(client) = clients.join_next().await {
        if let Err(error) = client {
            panic!("{error}: {:?}", world.tally);
        }
    }
    let clients_took = now() - at;
    let end = tokio::task::spawn_blocking(move || run.end())
        .await
        .expect("it ends");
    end.expect_code(0);
    let took = end.at - at;
    assert!(
        took < Duration::from_secs(20),
        "{took:?}, the clients {clients_took:?}\n{end}"
    );
    tally.add(&world.tally);
}

#[tokio::test]
async fn d2_under_load_no_request_is_lost() {
    let _machine = MACHINE.lock().await;
    let (mut random, tally, runs) = (rng(), Tally::default(), runs(5));
    for _ in 0..runs {
        stopped_under_load("0", &mut random, &tally).await;
    }
    eprintln!("{runs} runs: {tally:?}");
    // Each client ends at a closed port.
    let refused = tally.refused.load(Ordering::SeqCst);
    assert_eq!(refused, runs * (SHORT + LONG + STREAMS));
}

/// An answer that began before the lame duck cannot announce that it is the last one. Therefore the lame duck is longer
/// than any answer, also on a busy machine.
#[tokio::test]
async fn d2_under_load_with_a_lame_duck_no_request_fails_for_clients_that_reconnect() {
    let _machine = MACHINE.lock().await;
    let (mut random, tally, runs) = (rng(), Tally::default(), runs(5));
    for _ in 0..runs {
        stopped_under_load("3s", &mut random, &tally).await;
    }
    eprintln!("{runs} runs: {tally:?}");
    for failed in [&tally.turned_away, &tally.refused, &tally.raced] {
        assert_eq!(failed.load(Ordering::SeqCst), 0, "{tally:?}");
    }
}
