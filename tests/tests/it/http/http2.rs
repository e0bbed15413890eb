//! HTTP/2 while the app stops.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::io::InspectWriter;

use super::*;

type Http2 = http2::SendRequest<Empty<Bytes>>;

/// Opens an HTTP/2 connection; returns its sender, and the task that drives it.
async fn over_http2(address: SocketAddr) -> (Http2, tokio::task::JoinHandle<()>) {
    let (sender, ended, _) = watched_over_http2(address).await;
    (sender, ended)
}

/// The same, with the number of requests that its socket has taken.
async fn watched_over_http2(
    address: SocketAddr,
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

/// Counts the HEADERS frames (RFC 9113, sections 3.4, 4.1 and 6.2).
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
async fn d1_http2_streams_end_or_are_cancelled_and_idle_connections_close() {
    let case = || Handle::current().block_on(streams_end_or_are_cancelled());
    tokio::task::block_in_place(|| unless_late(case));
}

async fn streams_end_or_are_cancelled() {
    let (mut run, address) = tokio::task::block_in_place(|| started(program!("web"), "1s"));
    let (mut idle, is_closed) = over_http2(address).await;
    let answer = idle.send_request(request("/")).await.expect("an answer");
    answer.into_body().collect().await.expect("a body");
    let (mut sender, is_cancelled) = over_http2(address).await;
    let ends = sender.send_request(request("/chunks/30/10")).await;
    let ends = ends.expect("an answer").into_body();
    // A stream that is still written, and one that is not read.
    let mut bodies = Vec::new();
    for path in ["/chunks/1000000/5", "/endless"] {
        let answer = sender.send_request(request(path)).await;
        bodies.push(answer.expect("an answer").into_body());
    }
    let at = tokio::task::block_in_place(|| begin_drain(&mut run));
    is_closed.await.expect("its connection ends");
    let body = ends.collect().await.expect("the stream ends").to_bytes();
    assert!(body.ends_with(b"end\n"), "{body:?}");
    is_cancelled.await.expect("its connection ends");
    for body in bodies {
        body.collect().await.expect_err("the stream is cancelled");
    }
    let end = tokio::task::block_in_place(|| run.end());
    end.expect_code(3).expect_gone(at, 2 * SECOND);
    end.expect_line(&["2 in flight of `serve` had to be aborted"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d2_a_late_http2_request_is_refused_with_goaway() {
    let (mut run, address) = started(program!("web"), "5s");
    let (mut sender, closed, mut taken) = watched_over_http2(address).await;
    let under_way = tokio::spawn(sender.send_request(request("/slow/500")));
    tokio::task::block_in_place(|| run.until("slow"));
    // The request is on its way when the server stops.
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
async fn d2_an_http2_lame_duck_serves_all_requests_and_closes_connections() {
    let program = program!("web").env("LIFECYCLE_LAME_DUCK", "3s");
    let (mut run, address) = started(program, "5s");
    let (mut sender, closed) = over_http2(address).await;
    let under_way = tokio::spawn(sender.send_request(request("/slow/1000")));
    tokio::task::block_in_place(|| run.until("slow"));
    run.terminate();
    let under_way = under_way.await.expect("no panic").expect("an answer");
    assert_eq!(under_way.status(), 200);
    closed.await.expect("its connection ends");
    // A new connection is served once.
    let (mut sender, closed) = over_http2(address).await;
    let answer = sender.send_request(request("/")).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    closed.await.expect("its connection ends");
    let end = tokio::task::block_in_place(|| run.end());
    end.expect_code(0);
}
