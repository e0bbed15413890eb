use std::convert::Infallible;
use std::future::{IntoFuture as _, Ready, poll_fn, ready};
use std::panic::panic_any;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower_layer::Layer as _;
use tower_service::Service;

use super::{DrainLayer, serve};
use crate::{Lifecycle, Running};

/// A body like those of gRPC: data that is not `Bytes`, then trailers.
struct Trailing(u8);

impl Body for Trailing {
    type Data = &'static [u8];
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<&'static [u8]>, Infallible>>> {
        self.0 += 1;
        Poll::Ready(match self.0 {
            1 => Some(Ok(Frame::data(b"data"))),
            2 => Some(Ok(Frame::trailers(HeaderMap::new()))),
            _ => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0 > 1
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(4)
    }
}

/// A service whose requests have no body.
#[derive(Clone)]
struct Grpc;

impl Service<Request<()>> for Grpc {
    type Response = Response<Trailing>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Trailing>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Trailing(0))))
    }
}

/// A panic's payload that panics again when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("the payload panics");
    }
}

/// A body that panics when it is polled.
struct Exploding;

impl Body for Exploding {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic_any(Grenade)
    }
}

/// A service that panics, at `/handler` in the handler and elsewhere in the body of the response.
#[derive(Clone)]
struct Panicking;

impl Service<Request<axum::body::Body>> for Panicking {
    type Response = Response<Exploding>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Exploding>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<axum::body::Body>) -> Self::Future {
        if request.uri().path() == "/handler" {
            panic_any(Grenade);
        }
        ready(Ok(Response::new(Exploding)))
    }
}

async fn started() -> Running {
    Lifecycle::builder().start().await.expect("it starts")
}

fn in_flight(running: &Running) -> u64 {
    running.shutdown().scope.app.admission.in_flight()
}

async fn frame<B: Body + Unpin>(body: &mut B) -> Option<Frame<B::Data>> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
    frame.map(|frame| frame.unwrap_or_else(|_| panic!("it does not fail")))
}

#[tokio::test]
async fn a_request_is_in_flight_until_the_trailers_of_its_response() {
    let running = started().await;
    let mut service = DrainLayer::new(&running.shutdown()).layer(Grpc);
    let response = service.call(Request::new(())).await.expect("a response");
    let mut body = Box::pin(response.into_body());
    assert_eq!(body.size_hint().exact(), Some(4));
    assert_eq!(in_flight(&running), 1);
    assert!(frame(&mut body).await.expect("data").is_data());
    assert!(!body.is_end_stream());
    assert_eq!(in_flight(&running), 1);
    assert!(frame(&mut body).await.expect("trailers").is_trailers());
    assert!(body.is_end_stream());
    assert_eq!(in_flight(&running), 0);
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn a_request_whose_response_is_dropped_is_no_longer_in_flight() {
    let running = started().await;
    let mut service = DrainLayer::new(&running.shutdown()).layer(Grpc);
    let waiting = service.call(Request::new(()));
    assert_eq!(in_flight(&running), 1);
    drop(waiting);
    assert_eq!(in_flight(&running), 0);
    let response = service.call(Request::new(())).await.expect("a response");
    assert_eq!(in_flight(&running), 1);
    drop(response);
    assert_eq!(in_flight(&running), 0);
    drop(running.stop().await);
}

#[tokio::test]
async fn late_requests_get_503_and_http2_has_no_connection_header() {
    let running = started().await;
    let mut service = DrainLayer::new(&running.shutdown()).layer(Grpc);
    assert!(running.stop().await.is_clean());
    for (version, connection) in [(Version::HTTP_11, Some("close")), (Version::HTTP_2, None)] {
        let mut request = Request::new(());
        *request.version_mut() = version;
        let response = service.call(request).await.expect("a response");
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        let header = response.headers().get("connection");
        assert_eq!(
            header.map(|value| value.to_str().expect("text")),
            connection
        );
        assert!(response.body().is_end_stream());
        assert_eq!(response.body().size_hint().exact(), Some(0));
    }
}

#[tokio::test]
async fn a_panic_whose_payload_panics_ends_neither_the_server_nor_other_requests() {
    let running = started().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let server = serve(listener, Panicking, running.shutdown());
    let server = tokio::spawn(server.into_future());
    for (path, status) in [
        ("/handler", "HTTP/1.1 500"),
        // The head has been sent, or not, when the body panics and the connection is closed.
        ("/body", ""),
        ("/handler", "HTTP/1.1 500"),
    ] {
        let mut client = TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).await.expect("written");
        let mut response = String::new();
        let _ = client.read_to_string(&mut response).await;
        assert!(response.starts_with(status), "{path}: {response:?}");
    }
    drop(running.stop().await);
    server.await.expect("no panic").expect("no error");
}
