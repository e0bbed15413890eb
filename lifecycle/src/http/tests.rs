use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use tower_layer::Layer as _;
use tower_service::Service;

use super::DrainLayer;
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
