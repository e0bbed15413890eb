//! [`AdmittingService`]: the service of a connection, which admits its requests.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use tower_service::Service;

use super::connection::{ActiveRequest, Connection};
use super::guarded_body::GuardedBody;
use super::phase::Phase;
use super::refusal::refuse;
use crate::error::BoxError;
use crate::error::panic::caught;

/// The user's service on one connection. It admits each request, or refuses it, and keeps the unit until the response
/// is complete.
pub(super) struct AdmittingService<S, A> {
    pub(super) service: S,
    pub(super) peer: A,
    pub(super) connection: Arc<Connection>,
}

type GuardedResponse = Response<GuardedBody<Body, ActiveRequest>>;

impl<S, A, B> hyper::service::Service<Request<Incoming>> for AdmittingService<S, A>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    A: Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = GuardedResponse;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<GuardedResponse, BoxError>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        // Here and not in the future: hyper calls as soon as it has parsed the head, so that the connection counts as
        // busy, and the request as admitted or late, from then on.
        let connection = Arc::clone(&self.connection);
        let mut active = ActiveRequest::begin(&connection);
        let (version, connects) = (request.version(), request.method() == Method::CONNECT);
        let admitted = connection.server.shutdown.admit();
        let (service, peer) = (self.service.clone(), self.peer.clone());
        Box::pin(async move {
            let Ok(in_flight) = admitted else {
                if !request.is_end_stream() {
                    connection.linger();
                }
                return Ok(refuse(version, GuardedBody::new(None, Some(active))));
            };
            active.admitted(in_flight);
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let mut response = match guarded(service, request).await {
                Ok(response) => response?.map(Body::new),
                Err(panic) => {
                    connection.server.report_panic(panic);
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    response
                }
            };
            let status = response.status();
            if status == StatusCode::SWITCHING_PROTOCOLS || connects && status.is_success() {
                active.upgraded();
            } else if version < Version::HTTP_2 && connection.server.phase() != Phase::Serving {
                // The client sends its next request on another connection, which another instance may accept (RFC 9112,
                // 9.6).
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok(response.map(|body| GuardedBody::new(Some(body), Some(active))))
        })
    }
}

/// Calls the service, and yields its result or the message of its panic.
async fn guarded<S, R>(mut service: S, request: R) -> Result<Result<S::Response, BoxError>, String>
where
    S: Service<R>,
    S::Error: Into<BoxError>,
{
    let mut response = pin!(async move {
        poll_fn(|context| service.poll_ready(context)).await?;
        service.call(request).await
    });
    let response = poll_fn(|context| match caught(|| response.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    Ok(response.await?.map_err(Into::into))
}
