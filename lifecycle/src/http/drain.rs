//! [`DrainLayer`]: admission of requests in any tower stack.

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

/// A tower layer that counts requests as work in flight and refuses late ones.
///
/// A request is in flight until the body of its response has ended or been dropped. Once admission has closed, requests
/// get `503 Service Unavailable` with `Retry-After: 1`, and in HTTP/1 `Connection: close`. gRPC clients [map] that
/// response to the status `UNAVAILABLE`.
///
/// [`serve`](super::serve()) includes this. The layer is for other servers: `axum::serve`, tonic, or one in which the
/// app only supplies routes. It fits any service of HTTP requests, whatever their bodies are.
///
/// The layer does not see how long an upgraded connection lives: the unit ends with the response `101 Switching
/// Protocols`. Under [`serve`](super::serve()) it ends with the connection. Elsewhere, [admit](Shutdown::admit) another
/// unit in the task that owns the connection.
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
/// [map]: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
#[derive(Debug, Clone)]
pub struct DrainLayer {
    shutdown: Shutdown,
}

impl DrainLayer {
    /// Creates a layer that counts requests as work of the scope of `shutdown`.
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

/// The service that [`DrainLayer`] makes: it admits each request before it calls the inner service.
///
/// A late request does not reach the inner service.
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
        let state = match self.shutdown.admit() {
            Ok(in_flight) => State::Admitted {
                response: self.service.call(request),
                in_flight: Some(in_flight),
            },
            Err(_) => State::Refused {
                version: request.version(),
            },
        };
        DrainFuture { state }
    }
}

pin_project! {
    /// The response future of [`Drain`].
    ///
    /// Dropping it releases the request's unit.
    #[must_use = "futures do nothing unless polled"]
    pub struct DrainFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjected]
    enum State<F> {
        Admitted {
            #[pin]
            response: F,
            in_flight: Option<InFlight>,
        },
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
        Poll::Ready(match self.project().state.project() {
            StateProjected::Admitted {
                response,
                in_flight,
            } => {
                let response = ready!(response.poll(context));
                let in_flight = in_flight.take();
                response.map(|response| response.map(|body| DrainBody::new(Some(body), in_flight)))
            }
            StateProjected::Refused { version } => Ok(refuse(*version, DrainBody::new(None, None))),
        })
    }
}

impl<F> fmt::Debug for DrainFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrainFuture").finish_non_exhaustive()
    }
}

pin_project! {
    /// The response body of [`Drain`]: that of the inner service, or an empty one for a late request.
    ///
    /// It passes on frames, trailers and the size hint unchanged. Its end, or its drop, releases the request's unit.
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
    /// The drop of a unit ends it; the layer does not distinguish a completed body from a dropped one.
    fn completed(self) {}
}
