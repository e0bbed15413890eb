//! The agent's own HTTP endpoints.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::StreamExt;
use lifecycle::Shutdown;
use serde::Deserialize;
use serde_json::json;

use crate::answers::{Answers, Piece, Question};
use crate::embedding::EmbeddingError;
use crate::error::{Error, ModelError};
use crate::grace::finish;
use crate::jobs::Jobs;
use crate::library::Library;
use crate::model::{LanguageModel, Prompt};
use crate::openai;
use crate::page;
use crate::sessions::Sessions;
use crate::store::{is_away, is_full};

#[derive(Clone)]
pub struct Api {
    pub library: Arc<Library>,
    pub sessions: Arc<Sessions>,
    pub answers: Arc<Answers>,
    pub jobs: Arc<Jobs>,
    pub model: Arc<dyn LanguageModel>,
    /// The scope of the `serve` worker.
    pub shutdown: Shutdown,
}

pub const ENDPOINTS: &str = "\
An AI agent. Bodies are JSON.

POST /documents               {title, text}                      adds a document
POST /documents/{id}/summary                                     summarises a document
POST /ask                     {question, session?, max_tokens?}  the answer as server-sent events:
                                                                 session, token.., end {reason}
GET  /sessions/{id}                                              the questions and answers of a session
POST /jobs                    {goal}                             queues a job
GET  /jobs/{id}                                                  the state and progress of a job
GET  /                                                           the web page; this text for `accept: text/plain`

Compatible with OpenAI's API:

GET  /v1/models
POST /v1/chat/completions     {messages, stream?, max_tokens?}   the answer; as events chunk.., [DONE]
POST /v1/embeddings           {input, encoding_format?}          vectors
";

pub fn router(api: Api) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/documents", post(add_document))
        .route("/documents/{id}/summary", post(summarise))
        .route("/ask", post(ask))
        .route("/sessions/{id}", get(session))
        .route("/jobs", post(submit_job))
        .route("/jobs/{id}", get(job))
        .nest("/v1", openai::router())
        .fallback(async || {
            failure(
                StatusCode::NOT_FOUND,
                "not found; `GET /` lists the endpoints",
            )
        })
        .method_not_allowed_fallback(async || {
            failure(
                StatusCode::METHOD_NOT_ALLOWED,
                "method not allowed; `GET /` lists the endpoints with their methods",
            )
        })
        .with_state(api)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDocument {
    title: String,
    text: String,
}

async fn add_document(
    State(api): State<Api>,
    Body(new): Body<NewDocument>,
) -> Result<Response, Error> {
    let library = Arc::clone(&api.library);
    // In a separate task: a client that disconnects must not interrupt it after the document is only partly added.
    let add = async move { library.add(&new.title, &new.text).await };
    let added = api.shutdown.tasks().spawn("add document", add).await;
    let (id, passages) = added.map_err(|_| Error::Stopping)??;
    Ok((
        StatusCode::CREATED,
        Json(json!({"id": id, "passages": passages})),
    )
        .into_response())
}

async fn summarise(State(api): State<Api>, Id(id): Id<i64>) -> Result<Response, Error> {
    let prompt = Prompt {
        passages: api.library.gist(id, 6).await?,
        question: "Summarise these passages in a few sentences.".into(),
        max_tokens: 80,
        ..Prompt::default()
    };
    let summary = finish(
        &api.shutdown,
        Duration::from_secs(1),
        api.model.text(prompt, &api.shutdown),
    )
    .await;
    let summary = summary.ok_or(Error::Stopping)??;
    Ok(Json(json!({"id": id, "summary": summary})).into_response())
}

async fn ask(State(api): State<Api>, Body(question): Body<Question>) -> Result<Response, Error> {
    let pieces = api.answers.ask(question, &api.shutdown).await?;
    let events = pieces.map(|piece| Ok::<_, Infallible>(event(piece)));
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

fn event(piece: Piece) -> Event {
    let (name, data) = match piece {
        Piece::Session(id) => ("session", json!({"session": id})),
        Piece::Token(text) => ("token", json!({"text": text})),
        Piece::End { end, message: None } => ("end", json!({"reason": end.as_str()})),
        Piece::End { end, message } => ("end", json!({"reason": end.as_str(), "message": message})),
    };
    Event::default().event(name).data(data.to_string())
}

async fn session(State(api): State<Api>, Id(id): Id<String>) -> Result<Response, Error> {
    let answers = api.sessions.history(&id, 1000).await?;
    Ok(Json(json!({"session": id, "answers": answers})).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewJob {
    goal: String,
}

async fn submit_job(State(api): State<Api>, Body(new): Body<NewJob>) -> Result<Response, Error> {
    let status = api.jobs.submit(&new.goal).await?;
    let place = [(header::LOCATION, format!("/jobs/{}", status.id))];
    Ok((StatusCode::ACCEPTED, place, Json(status)).into_response())
}

async fn job(State(api): State<Api>, Id(id): Id<i64>) -> Result<Response, Error> {
    Ok(Json(api.jobs.status(id).await?).into_response())
}

/// An extractor of a JSON body, whose rejections are JSON as well.
struct Body<T>(T);

impl<T, S> FromRequest<S> for Body<T>
where
    Json<T>: FromRequest<S, Rejection = JsonRejection>,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Response> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(failure(rejection.status(), &rejection.body_text())),
        }
    }
}

/// An extractor of the id in the path, whose rejections are JSON as well.
struct Id<T>(T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    axum::extract::Path<T>: FromRequestParts<S, Rejection = PathRejection>,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &S,
    ) -> Result<Self, Response> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(id)) => Ok(Self(id)),
            Err(rejection) => Err(failure(rejection.status(), &rejection.body_text())),
        }
    }
}

impl Error {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Stopping | Self::Embedding(EmbeddingError::Unloaded) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Database(error) if is_away(error) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(error) if is_full(error) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Database(_) | Self::Embedding(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Model(ModelError::Silent { .. }) => StatusCode::GATEWAY_TIMEOUT,
            Self::Model(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = self.full(), "a request failed");
        }
        failure(status, &self.full())
    }
}

fn failure(status: StatusCode, message: &str) -> Response {
    (
        status,
        Json(json!({"status": status.as_u16(), "message": message})),
    )
        .into_response()
}
