//! HTTP while the app stops: clients of each kind that could delay the stop, or lose an answer.

mod http2;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::harness::{Program, Run, Signal};
use lifecycle_tests::program;
use lifecycle_tests::web::{Client, address};
use rustix::io::{FdFlags, fcntl_setfd};

const SECOND: Duration = Duration::from_secs(1);

/// The head of a request for a WebSocket.
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Starts the program with that drain timeout; returns its address.
fn started(program: Program, drain: &str) -> (Run, SocketAddr) {
    let program = program.limits("10s", "500ms");
    let mut run = program
        .env("LIFECYCLE_DRAIN_TIMEOUT", drain)
        .env("LOG", "warn")
        .up();
    let address = address(&mut run);
    (run, address)
}

/// Asks the program to stop, and waits until it drains.
fn begin_drain(run: &mut Run) -> Duration {
    let at = run.terminate();
    run.until("asked");
    at
}

#[test]
fn d1_an_endless_head_does_not_extend_the_drain() {
    unless_late(|| {
        let (mut run, address) = started(program!("web"), "1s");
        let mut client = Client::new(address);
        client.send("GET / HTTP/1.1\r\nhost:");
        let at = begin_drain(&mut run);
        assert_eq!(client.rest(), "", "it is closed without an answer");
        // Nothing of this connection was ever admitted.
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
    let at = begin_drain(&mut run);
    run.end().expect_code(0).expect_gone(at, 2 * SECOND);
}

#[test]
fn d1_an_unread_answer_is_cancelled_and_counted() {
    // A body that is produced as it is read, and one that exists in full at once.
    for path in ["/endless", "/whole/50000000"] {
        unless_late(|| {
            let (mut run, address) = started(program!("web"), "1s");
            let mut client = Client::new(address);
            assert_eq!(client.ask(path).head().status, 200);
            let at = begin_drain(&mut run);
            let end = run.end();
            end.expect_code(3).expect_gone(at, 2 * SECOND);
            end.expect_line(&["1 in flight of `serve` had to be aborted"]);
            end.expect_line(&["WARN", "requests were aborted", "requests=1"]);
        });
    }
}

#[test]
fn d1_endless_server_sent_events_are_cancelled_and_counted() {
    unless_late(|| {
        let (mut run, address) = started(program!("web"), "1s");
        let mut client = Client::new(address);
        client.ask("/chunks/1000000/5").until("\n0\n");
        let at = begin_drain(&mut run);
        assert!(!client.rest().contains("end"));
        let end = run.end();
        end.expect_code(3).expect_gone(at, 2 * SECOND);
        end.expect_line(&["1 in flight of `serve` had to be aborted"]);
    });
}

#[test]
fn d1_interruptible_server_sent_events_have_their_end_marker() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut client = Client::new(address);
    client.ask("/answer").until("data: token\n");
    let at = begin_drain(&mut run);
    let rest = client.rest();
    let end_marker = "event: end\ndata: shutdown\n\n\r\n0\r\n\r\n";
    assert!(rest.ends_with(end_marker), "{rest:?}");
    let end = run.end();
    end.expect_code(0).expect_gone(at, 2 * SECOND);
    end.expect_once("saved, Shutdown, some: true");
}

/// A client with an open WebSocket, which `ends` when the app stops, or `stays`.
fn web_socket(address: SocketAddr, kind: &str) -> Client {
    let mut client = Client::new(address);
    client.send(format!(
        "GET /socket/{kind} HTTP/1.1\r\nhost: web\r\n{UPGRADE}"
    ));
    assert_eq!(client.head().status, 101);
    client
}

#[test]
fn d1_a_websocket_that_observes_the_stop_ends_by_itself() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut client = web_socket(address, "ends");
    run.until("socket");
    let at = begin_drain(&mut run);
    // The close frame.
    assert!(client.rest().starts_with('\u{fffd}'));
    run.end().expect_code(0).expect_gone(at, 2 * SECOND);
}

#[test]
fn d1_a_websocket_that_stays_is_cancelled_and_counted() {
    unless_late(|| {
        let (mut run, address) = started(program!("web"), "1s");
        let mut client = web_socket(address, "stays");
        run.until("socket");
        let at = begin_drain(&mut run);
        assert_eq!(client.rest(), "");
        let end = run.end();
        end.expect_code(3)
            .expect_gone(at, 2 * SECOND)
            .expect_once("socket gone");
        end.expect_line(&["1 in flight of `serve` had to be aborted"]);
    });
}

#[test]
fn d1_a_disconnected_websocket_is_not_in_flight() {
    let (mut run, address) = started(program!("web"), "5s");
    let client = web_socket(address, "stays");
    drop(client);
    run.until("socket gone");
    let at = begin_drain(&mut run);
    run.end().expect_code(0).expect_gone(at, 2 * SECOND);
}

#[test]
fn d1_idle_connections_are_closed_at_once() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut clients: Vec<_> = (0..20).map(|_| Client::new(address)).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").1, "hello");
    }
    // By now no request can be on its way.
    let mut last = Client::new(address);
    last.ask("/slow/1000").head();
    let at = begin_drain(&mut run);
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
    // The server sees the signal and the requests at the same time.
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

#[test]
fn d2_a_lame_duck_serves_all_requests_and_closes_connections() {
    let program = program!("web").env("LIFECYCLE_LAME_DUCK", "3s");
    let (mut run, address) = started(program, "5s");
    let mut old = Client::new(address);
    let (head, _) = old.get("/");
    assert_eq!(head.header("connection"), None);
    let mut under_way = Client::new(address);
    under_way.ask("/slow/1000");
    run.until("slow");
    let at = run.terminate();
    // All of these are answered while the server is a lame duck.
    assert_eq!(under_way.head().header("connection"), Some("close"));
    for mut client in [old, Client::new(address)] {
        let (head, body) = client.get("/");
        assert_eq!((head.status, body.as_str()), (200, "hello"));
        assert_eq!(head.header("connection"), Some("close"));
        assert_eq!(client.rest(), "", "and closed");
    }
    let end = run.end();
    assert!(end.at("asked") - at >= 3 * SECOND, "{end}");
    end.expect_code(0);
}

#[test]
fn d2_after_closing_an_open_connection_is_answered_503_and_a_new_one_refused() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut under_way = Client::new(address);
    under_way.ask("/slow/3000");
    run.until("slow");
    let mut fresh = Client::new(address);
    begin_drain(&mut run);
    fresh.get("/").0.expect_refusal();
    assert_eq!(fresh.rest(), "", "and closed");
    // A client may have connected just before: the listener does not close at once.
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
fn d2_connections_in_the_backlog_are_answered() {
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
fn d2_a_unix_socket_answers_its_backlog_and_refuses_later_connections() {
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
    run.until("asked");
    // The server may not have handled the signal yet.
    while let Ok(socket) = UnixStream::connect(&path) {
        let head = Client::over(socket).ask("/").head();
        assert!([200, 503].contains(&head.status), "{head:?}");
    }
    assert_eq!(under_way.head().status, 200);
    run.end().expect_code(0);
}

#[test]
fn d2_a_large_late_request_is_answered() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut under_way = Client::new(address);
    under_way.ask("/slow/1000");
    run.until("slow");
    let mut client = Client::new(address);
    begin_drain(&mut run);
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
fn handlers_see_the_peer_and_panics_are_answered_and_reported() {
    let (mut run, address) = started(program!("web"), "5s");
    let mut client = Client::new(address);
    assert_eq!(client.get("/panic").0.status, 500);
    let (head, body) = client.get("/peer");
    assert_eq!(head.status, 200);
    assert!(body.starts_with("127.0.0.1:"), "{body}");
    let at = begin_drain(&mut run);
    let end = run.end();
    end.expect_code(0).expect_gone(at, 2 * SECOND);
    end.expect_line(&["a request", "no luck"]);
}

#[test]
fn without_descriptors_connections_wait() {
    let program = program!("web").through(r#"ulimit -n 30; exec "$@""#);
    let (mut run, address) = started(program, "5s");
    let mut clients: Vec<_> = (0..40).map(|_| Client::new(address)).collect();
    for client in &mut clients {
        client.ask("/");
    }
    run.until_stderr("no connection can be accepted");
    // Each connection that ends makes room for another.
    for mut client in clients {
        assert_eq!(client.head().status, 200);
    }
    let at = begin_drain(&mut run);
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

/// Passes on the listener as systemd does, to the process with that id: `$$` is the program itself.
fn handed(listener: &TcpListener, to: &str) -> Program {
    fcntl_setfd(listener, FdFlags::empty()).expect("it can be inherited");
    let fd = listener.as_fd().as_raw_fd();
    // Only bash can redirect descriptors with two digits.
    program!("web").through(&format!(
        r#"exec bash -c 'LISTEN_PID={to} LISTEN_FDS=1 LISTEN_FDNAMES=$NAMES exec "$@" 3<&{fd}' bash "$@""#
    ))
}

#[test]
fn an_inherited_socket_is_used_and_stays_open_for_the_next_process() {
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
        begin_drain(&mut run);
        assert_eq!(under_way.head().status, 200);
        let end = run.end();
        end.expect_code(0).expect_once("LISTEN_FDS None");
        // The connection waits in the socket, which was passed on unchanged, for the next program.
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
fn a_socket_for_another_process_is_not_used() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let program = handed(&listener, "1").env("NAMES", "web");
    let (mut run, other) = started(program, "5s");
    assert_ne!(other, listener.local_addr().expect("its address"));
    let at = begin_drain(&mut run);
    let end = run.end();
    end.expect_code(0).expect_gone(at, 2 * SECOND);
    end.expect_once("LISTEN_FDS None");
}
