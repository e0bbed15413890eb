//! [`DrainLayer`]: admission for any tower stack.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::guarded_body::{Guard, GuardedBody};
use super::refusal::refuse;
use crate::api::shutdown::Shutdown;
use crate::scope::admission::InFlight;

/// A tower layer that counts each request as work in flight until the body of its response has ended or been dropped, and
/// refuses requests once the app drains: `503 Service Unavailable` with `Retry-After`, and for HTTP/1 `Connection: close`.
/// A gRPC client reads that answer as `UNAVAILABLE`.
///
/// [`serve`](super::serve()) does this by itself; the layer is for servers of your own, for tonic, and for routes on a
/// server that somebody else runs. It fits any service of HTTP requests, whatever their bodies are.
///
/// ```
/// use axum::{Router, routing::get};
/// use lifecycle::{Shutdown, background, http::DrainLayer};
///
/// #[background]
/// async fn serve(shutdown: Shutdown) -> std::io::Result<()> {
///     let router = Router::new()
///         .route("/", get(async || "hello"))
///         .layer(DrainLayer::new(&shutdown));
///     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
///     axum::serve(listener, router)
///         .with_graceful_shutdown(shutdown.requested())
///         .await
/// }
/// ```
///
/// What it cannot see is how long an upgraded connection lives: its unit ends with the answer `101`. Under
/// [`serve`](super::serve()) it ends with the connection; elsewhere let the task that has the connection
/// [admit](Shutdown::admit) a unit of its own.
#[derive(Debug, Clone)]
pub struct DrainLayer {
    shutdown: Shutdown,
}

impl DrainLayer {
    /// Requests are counted as work of this scope.
    #[must_use]
    pub fn new(shutdown: &Shutdown) -> Self {
        Self {
            shutdown: shutdown.clone(),
        }
    }
}

impl<S> Layer<S> for DrainLayer {
    type Service = Drain<S>;

    fn layer(&self, service: S) -> Drain<S> {
        Drain {
            service,
            shutdown: self.shutdown.clone(),
        }
    }
}

/// The service of [`DrainLayer`].
#[derive(Debug, Clone)]
pub struct Drain<S> {
    service: S,
    shutdown: Shutdown,
}

impl<S, B, R> Service<Request<B>> for Drain<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<DrainBody<R>>;
    type Error = S::Error;
    type Future = DrainFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> DrainFuture<S::Future> {
        match self.shutdown.admit() {
            Ok(in_flight) => DrainFuture::Admitted {
                response: self.service.call(request),
                in_flight: Some(in_flight),
            },
            Err(_) => DrainFuture::Refused {
                version: request.version(),
            },
        }
    }
}

pin_project! {
    /// The future of [`Drain`].
    #[project = DrainFutureProjected]
    #[must_use = "futures do nothing unless polled"]
    pub enum DrainFuture<F> {
        /// The request is in flight.
        #[doc(hidden)]
        Admitted {
            #[pin]
            response: F,
            in_flight: Option<InFlight>,
        },
        /// The app drains.
        #[doc(hidden)]
        Refused { version: http::Version },
    }
}

impl<F, R, E> Future for DrainFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<DrainBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project() {
            DrainFutureProjected::Admitted {
                response,
                in_flight,
            } => {
                let response = ready!(response.poll(context));
                let in_flight = in_flight.take();
                response.map(|response| response.map(|body| DrainBody::new(Some(body), in_flight)))
            }
            DrainFutureProjected::Refused { version } => {
                Ok(refuse(*version, DrainBody::new(None, None)))
            }
        })
    }
}

impl<F> fmt::Debug for DrainFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DrainFuture")
    }
}

pin_project! {
    /// The body of a response behind [`DrainLayer`]: the one of the service, or an empty one. Its frames, trailers and size
    /// are passed on as they are.
    #[derive(Debug)]
    pub struct DrainBody<B> {
        #[pin]
        body: GuardedBody<B, InFlight>,
    }
}

impl<B: Body> DrainBody<B> {
    fn new(body: Option<B>, in_flight: Option<InFlight>) -> Self {
        Self {
            body: GuardedBody::new(body, in_flight),
        }
    }
}

impl<B: Body> Body for DrainBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Guard for InFlight {
    /// Ended or dropped is the same to the drain.
    fn completed(self) {}
}
