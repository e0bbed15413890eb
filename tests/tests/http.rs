//! HTTP while the app stops: one client of each kind that could hold it up, or be let down.

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lifecycle_tests::canary::unless_late;
use lifecycle_tests::evidence::now;
use lifecycle_tests::program;
use lifecycle_tests::run::{Program, Run, Signal};
use lifecycle_tests::web::{Client, address};
use rustix::io::{FdFlags, fcntl_setfd};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::io::InspectWriter;

const SECOND: Duration = Duration::from_secs(1);

/// What the ask for a WebSocket is.
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The program, whose drain may take so long, and where it listens.
fn started(program: Program, drain: &str) -> (Run, std::net::SocketAddr) {
    let program = program.limits("10s", "500ms");
    let mut run = program
        .env("LIFECYCLE_DRAIN_TIMEOUT", drain)
        .env("LOG", "warn")
        .up();
    let address = address(&mut run);
    (run, address)
}

/// Tells it to stop and waits until it drains.
fn told(run: &mut Run) -> Duration {
    let at = run.terminate();
    run.until("told");
    at
}

#[test]
fn d1_a_head_that_never_ends_holds_the_drain_no_longer_than_its_time() {
    unless_late(|| {
        let (mut run, address) = started(program!("web"), "1s");
        let mut client = Client::new(address);
        client.send("GET / HTTP/1.1\r\nhost:");
        let at = told(&mut run);
        assert_eq!(client.rest(), "", "it is closed without an answer");
        // Nothing of it was ever admitted.
        run.end().expect_code(0).expect_gone(at, 2 * SECOND);
    });
}

#[test]
fn d1_a_head_that_takes_too_long_is_closed_while_idle_connections_stay() {
    let (mut run, address) = started(program!("web").env("WEB_HEADERS", "100"), "5s");
    let mut idle = Client::new(address);
    idle.get("/");
    let mut slow = Client::new(address);
    slow.get("/");
    slow.send("GET / HT");
    assert_eq!(slow.rest(), "");
    assert_eq!(idle.get("/").0.status, 200, "it was idle for as long");
    let at = told(&mut run);
    run.end().expect_code(0).expect_gone(at, 2 * SECOND);
}

#[test]
fn d1_an_answer_that_nobody_reads_is_cut_and_counted() {
    // One that is made as it is read, and one that is all there at once.
    for path in ["/endless", "/whole/50000000"] {
        unless_late(|| {
            let (mut run, address) = started(program!("web"), "1s");
            let mut client = Client::new(address);
            assert_eq!(client.ask(path).head().status, 200);
            let at = told(&mut run);
            let end = run.end();
            end.expect_code(3).expect_gone(at, 2 * SECOND);
            end.expect_line(&["1 in flight of `serve` had to be cut"]);
            end.expect_line(&["WARN", "requests were aborted", "requests=1"]);
        });
    }
}

#[test]
fn d1_server_sent_events_without_an_end_are_cut_and_counted() {
    unless_late(|| {
        let (mut run, address) = started(program!("web"), "1s");
        let mut client = Client::new(address);
        client.ask("/chunks/1000000/5").until("\n0\n");
        let at = told(&mut run);
        assert!(!client.rest().contains("end"));
        let end = run.end();
        end.expect_code(3).expect_gone(at, 2 * SECOND);
        end.expect_line(&["1 in flight of `serve` had to be cut"]);
    });
}

#[test]
fn d1_server_sent_events_that_are_interruptible_have_their_end_marker() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut client = Client::new(address);
    client.ask("/answer").until("data: token\n");
    let at = told(&mut run);
    let rest = client.rest();
    let end_marker = "event: end\ndata: shutdown\n\n\r\n0\r\n\r\n";
    assert!(rest.ends_with(end_marker), "{rest:?}");
    let end = run.end();
    end.expect_code(0).expect_gone(at, 2 * SECOND);
    end.expect_once("saved, Shutdown, some: true");
}

#[test]
fn d1_a_websocket_that_is_told_ends_by_itself() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut client = Client::new(address);
    client.send(format!(
        "GET /socket/ends HTTP/1.1\r\nhost: web\r\n{UPGRADE}"
    ));
    assert_eq!(client.head().status, 101);
    run.until("socket");
    let at = told(&mut run);
    // The frame that closes it.
    assert!(client.rest().starts_with('\u{fffd}'));
    run.end().expect_code(0).expect_gone(at, 2 * SECOND);
}

#[test]
fn d1_a_websocket_that_stays_is_cut_and_counted() {
    unless_late(|| {
        let (mut run, address) = started(program!("web"), "1s");
        let mut client = Client::new(address);
        client.send(format!(
            "GET /socket/stays HTTP/1.1\r\nhost: web\r\n{UPGRADE}"
        ));
        assert_eq!(client.head().status, 101);
        run.until("socket");
        let at = told(&mut run);
        assert_eq!(client.rest(), "");
        let end = run.end();
        end.expect_code(3)
            .expect_gone(at, 2 * SECOND)
            .expect_once("socket gone");
        end.expect_line(&["1 in flight of `serve` had to be cut"]);
    });
}

#[test]
fn d1_a_websocket_whose_client_went_away_is_no_longer_in_flight() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut client = Client::new(address);
    client.send(format!(
        "GET /socket/stays HTTP/1.1\r\nhost: web\r\n{UPGRADE}"
    ));
    assert_eq!(client.head().status, 101);
    drop(client);
    run.until("socket gone");
    let at = told(&mut run);
    run.end().expect_code(0).expect_gone(at, 2 * SECOND);
}

#[test]
fn d1_idle_connections_are_closed_at_once() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut clients: Vec<_> = (0..20).map(|_| Client::new(address)).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").1, "hello");
    }
    // Later than a request could be on its way.
    let mut last = Client::new(address);
    last.ask("/slow/1000").head();
    let at = told(&mut run);
    for client in &mut clients {
        assert_eq!(client.rest(), "");
    }
    let closed = now();
    last.rest();
    run.end()
        .expect_code(0)
        .expect_took("the last one was closed", at, closed, 0..800)
        .expect_gone(at, 2 * SECOND);
}

#[test]
fn d1_an_idle_connection_with_a_request_on_it_is_answered() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut clients: Vec<_> = (0..20).map(|_| Client::new(address)).collect();
    for client in &mut clients {
        client.get("/");
    }
    Client::new(address).get("/slow/300");
    // It hears of the signal and of the requests at once.
    run.signal(Signal::STOP);
    run.terminate();
    for client in &mut clients {
        client.ask("/");
    }
    run.signal(Signal::CONT);
    for client in &mut clients {
        let head = client.head();
        assert!([200, 503].contains(&head.status), "{head:?}");
    }
    run.end().expect_code(0);
}

type Http2 = http2::SendRequest<Empty<Bytes>>;

/// A connection of HTTP/2, and the task that ends with it.
async fn over_http2(address: std::net::SocketAddr) -> (Http2, tokio::task::JoinHandle<()>) {
    let (sender, ended, _) = watched_over_http2(address).await;
    (sender, ended)
}

/// The same, and how many requests its socket has taken.
async fn watched_over_http2(
    address: std::net::SocketAddr,
) -> (Http2, tokio::task::JoinHandle<()>, watch::Receiver<usize>) {
    let socket = tokio::net::TcpStream::connect(address).await;
    let (count, taken) = watch::channel(0);
    let io = InspectWriter::new(socket.expect("it is listening"), move |written: &[u8]| {
        count.send_modify(|count| *count += heads(written));
    });
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await;
    let (sender, connection) = handshake.expect("it begins");
    let ended = async move { drop(connection.await) };
    (sender, tokio::spawn(ended), taken)
}

/// How many of these frames are HEADERS (RFC 9113, sections 3.4, 4.1 and 6.2).
fn heads(written: &[u8]) -> usize {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut frames = written.strip_prefix(preface).unwrap_or(written);
    let mut heads = 0;
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = frames {
        heads += usize::from(*kind == 1);
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        frames = rest.get(length..).unwrap_or_default();
    }
    heads
}

fn request(path: &str) -> Request<Empty<Bytes>> {
    let request = Request::get(format!("http://web{path}")).body(Empty::new());
    request.expect("it is one")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_http2_streams_end_idle_connections_are_closed_and_the_rest_is_cut_and_counted() {
    let case = || Handle::current().block_on(streams_end_or_are_cut());
    tokio::task::block_in_place(|| unless_late(case));
}

async fn streams_end_or_are_cut() {
    let (mut run, address) = tokio::task::block_in_place(|| started(program!("web"), "1s"));
    let (mut idle, is_closed) = over_http2(address).await;
    let answer = idle.send_request(request("/")).await.expect("an answer");
    answer.into_body().collect().await.expect("a body");
    let (mut sender, cut) = over_http2(address).await;
    let ends = sender.send_request(request("/chunks/30/10")).await;
    let ends = ends.expect("an answer").into_body();
    // One that is made as it goes, and one that nobody reads.
    let mut bodies = Vec::new();
    for path in ["/chunks/1000000/5", "/endless"] {
        let answer = sender.send_request(request(path)).await;
        bodies.push(answer.expect("an answer").into_body());
    }
    let at = tokio::task::block_in_place(|| told(&mut run));
    is_closed.await.expect("its connection ends");
    let body = ends.collect().await.expect("it is not cut").to_bytes();
    assert!(body.ends_with(b"end\n"), "{body:?}");
    cut.await.expect("its connection ends");
    for body in bodies {
        body.collect().await.expect_err("it is cut");
    }
    let end = tokio::task::block_in_place(|| run.end());
    end.expect_code(3).expect_gone(at, 2 * SECOND);
    end.expect_line(&["2 in flight of `serve` had to be cut"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d2_over_http2_who_comes_too_late_is_turned_away_and_told_to_go() {
    let (mut run, address) = started(program!("web"), "5s");
    let (mut sender, closed, mut taken) = watched_over_http2(address).await;
    let under_way = tokio::spawn(sender.send_request(request("/slow/500")));
    tokio::task::block_in_place(|| run.until("slow"));
    // On its way when it stops.
    run.signal(Signal::STOP);
    run.terminate();
    let late = tokio::spawn(sender.send_request(request("/")));
    taken
        .wait_for(|taken| *taken == 2)
        .await
        .expect("it is sent");
    run.signal(Signal::CONT);
    let late = late.await.expect("no panic").expect("an answer");
    assert!([200, 503].contains(&late.status().as_u16()), "{late:?}");
    let under_way = under_way.await.expect("no panic").expect("an answer");
    assert_eq!(under_way.status(), 200);
    closed.await.expect("its connection ends");
    sender.ready().await.expect_err("it is closed");
    tokio::task::block_in_place(|| run.end()).expect_code(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d2_over_http2_a_lame_duck_serves_everyone_and_sends_them_elsewhere() {
    let program = program!("web").env("LIFECYCLE_LAME_DUCK", "3s");
    let (mut run, address) = started(program, "5s");
    let (mut sender, closed) = over_http2(address).await;
    let under_way = tokio::spawn(sender.send_request(request("/slow/1000")));
    tokio::task::block_in_place(|| run.until("slow"));
    run.terminate();
    let under_way = under_way.await.expect("no panic").expect("an answer");
    assert_eq!(under_way.status(), 200);
    closed.await.expect("its connection ends");
    // One that is made now is served once.
    let (mut sender, closed) = over_http2(address).await;
    let answer = sender.send_request(request("/")).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    closed.await.expect("its connection ends");
    let end = tokio::task::block_in_place(|| run.end());
    end.expect_code(0);
}

#[test]
fn d2_a_lame_duck_serves_everyone_and_sends_them_elsewhere() {
    let program = program!("web").env("LIFECYCLE_LAME_DUCK", "3s");
    let (mut run, address) = started(program, "5s");
    let mut old = Client::new(address);
    let (head, _) = old.get("/");
    assert_eq!(head.header("connection"), None);
    let mut under_way = Client::new(address);
    under_way.ask("/slow/1000");
    run.until("slow");
    let at = run.terminate();
    // Answered while it is a lame duck, as is all of this.
    assert_eq!(under_way.head().header("connection"), Some("close"));
    for mut client in [old, Client::new(address)] {
        let (head, body) = client.get("/");
        assert_eq!((head.status, body.as_str()), (200, "hello"));
        assert_eq!(head.header("connection"), Some("close"));
        assert_eq!(client.rest(), "", "and closed");
    }
    let end = run.end();
    assert!(end.at("told") - at >= 3 * SECOND, "{end}");
    end.expect_code(0);
}

#[test]
fn d2_after_closing_an_open_connection_is_answered_503_and_a_new_one_refused() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut under_way = Client::new(address);
    under_way.ask("/slow/3000");
    run.until("slow");
    let mut fresh = Client::new(address);
    told(&mut run);
    fresh.get("/").0.expect_refusal();
    assert_eq!(fresh.rest(), "", "and closed");
    // Somebody connected just before: that it closes is not at once.
    let refused = loop {
        match TcpStream::connect(address) {
            Ok(socket) => {
                let mut client = Client::over(socket);
                client.get("/").0.expect_refusal();
            }
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let head = under_way.head();
    assert_eq!(
        (head.status, head.header("connection")),
        (200, Some("close"))
    );
    run.end().expect_code(0);
}

#[test]
fn d2_who_waits_in_the_backlog_is_answered() {
    let (mut run, address) = started(program!("web"), "5s");
    run.signal(Signal::STOP);
    let mut clients: Vec<_> = (0..50).map(|_| Client::new(address)).collect();
    for client in &mut clients {
        client.ask("/");
    }
    run.terminate();
    run.signal(Signal::CONT);
    for client in &mut clients {
        let head = client.head();
        assert!([200, 503].contains(&head.status), "{head:?}");
    }
    run.end().expect_code(0);
}

#[test]
fn d2_a_unix_socket_answers_who_waits_and_refuses_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("web");
    let mut run = program!("web").env("WEB_SOCKET", &path).up();
    run.until_stdout("on a socket");
    let mut under_way = Client::over(UnixStream::connect(&path).expect("it listens"));
    under_way.ask("/slow/1000");
    run.until("slow");
    run.signal(Signal::STOP);
    let connect = |_| Client::over(UnixStream::connect(&path).expect("it listens"));
    let mut clients: Vec<_> = (0..20).map(connect).collect();
    for client in &mut clients {
        client.ask("/");
    }
    run.terminate();
    run.signal(Signal::CONT);
    for client in &mut clients {
        let head = client.head();
        assert!([200, 503].contains(&head.status), "{head:?}");
    }
    run.until("told");
    // It may just be about to hear of it.
    while let Ok(socket) = UnixStream::connect(&path) {
        let head = Client::over(socket).ask("/").head();
        assert!([200, 503].contains(&head.status), "{head:?}");
    }
    assert_eq!(under_way.head().status, 200);
    run.end().expect_code(0);
}

#[test]
fn d2_a_large_request_that_comes_too_late_gets_its_answer() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut under_way = Client::new(address);
    under_way.ask("/slow/1000");
    run.until("slow");
    let mut client = Client::new(address);
    told(&mut run);
    let body = vec![b'.'; 1_000_000];
    client.send(format!(
        "POST /upload HTTP/1.1\r\nhost: web\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ));
    client.send(body);
    client.head().expect_refusal();
    run.end().expect_code(0);
}

#[test]
fn handlers_are_told_who_asks_and_a_panic_is_answered_and_reported() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut client = Client::new(address);
    assert_eq!(client.get("/panic").0.status, 500);
    let (head, body) = client.get("/peer");
    assert_eq!(head.status, 200);
    assert!(body.starts_with("127.0.0.1:"), "{body}");
    let at = told(&mut run);
    let end = run.end();
    end.expect_code(0).expect_gone(at, 2 * SECOND);
    end.expect_line(&["a request", "no luck"]);
}

#[test]
fn where_there_are_no_descriptors_connections_wait_for_some() {
    let program = program!("web").through(r#"ulimit -n 30; exec "$@""#);
    let (mut run, address) = started(program, "5s");
    let mut clients: Vec<_> = (0..40).map(|_| Client::new(address)).collect();
    for client in &mut clients {
        client.ask("/");
    }
    run.until_stderr("no connection can be accepted");
    // Each that goes makes room for another.
    for mut client in clients {
        assert_eq!(client.head().status, 200);
    }
    let at = told(&mut run);
    run.end().expect_code(0).expect_gone(at, 2 * SECOND);
}

#[test]
fn a_port_in_use_fails_the_startup() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let end = program!("web").env("WEB_ADDRESS", &address).run();
    end.expect_code(1)
        .expect_line(&["listeners", &address, "in use"]);
}

/// Hands over the listener as systemd does, to the process that is named: `$$` is the program itself.
fn handed(listener: &TcpListener, to: &str) -> Program {
    fcntl_setfd(listener, FdFlags::empty()).expect("it can be inherited");
    let fd = listener.as_fd().as_raw_fd();
    // Only bash can redirect descriptors of two digits.
    program!("web").through(&format!(
        r#"exec bash -c 'LISTEN_PID={to} LISTEN_FDS=1 LISTEN_FDNAMES=$NAMES exec "$@" 3<&{fd}' bash "$@""#
    ))
}

#[test]
fn a_socket_that_was_handed_over_is_taken_and_left_to_the_next_one() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    for (names, says) in [("web", "by name at "), ("other", "at ")] {
        let program = handed(&listener, "$$")
            .env("NAMES", names)
            .env("WEB_ADDRESS", address.to_string());
        let mut run = program.up();
        let line = run.until_stdout("at ");
        assert_eq!(line, format!("{says}{address}"));
        let mut client = Client::new(address);
        assert_eq!(client.get("/").1, "hello");
        let mut under_way = Client::new(address);
        under_way.ask("/slow/500");
        run.until("slow");
        told(&mut run);
        assert_eq!(under_way.head().status, 200);
        let end = run.end();
        end.expect_code(0).expect_once("LISTEN_FDS None");
        // It waits for the next program, in a socket that was left as it was.
        let mut waits = Client::new(address);
        waits.ask("/");
        let next = handed(&listener, "$$")
            .env("NAMES", names)
            .env("WEB_ADDRESS", address.to_string())
            .up();
        assert_eq!(waits.head().status, 200);
        Client::new(address).get("/");
        drop(next);
    }
}

#[test]
fn what_was_handed_to_another_process_is_not_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let program = handed(&listener, "1").env("NAMES", "web");
    let (mut run, other) = started(program, "5s");
    assert_ne!(other, listener.local_addr().expect("its address"));
    let at = told(&mut run);
    let end = run.end();
    end.expect_code(0).expect_gone(at, 2 * SECOND);
    end.expect_once("LISTEN_FDS None");
}
