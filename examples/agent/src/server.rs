//! `serve`: the HTTP server.

use std::io;
use std::sync::Arc;

use lifecycle::{Shutdown, background, http};

use crate::answers::Answers;
use crate::api::{Api, router};
use crate::http_listener::HttpListener;
use crate::jobs::Jobs;
use crate::library::Library;
use crate::model::LanguageModel;
use crate::sessions::Sessions;

/// Serves HTTP requests. When a stop is requested, it closes the port and idle connections, refuses late requests, and
/// ends when the last answer in progress is complete.
#[background(timeout = "10s")]
pub async fn serve(
    listener: &HttpListener,
    library: Arc<Library>,
    sessions: Arc<Sessions>,
    answers: Arc<Answers>,
    jobs: Arc<Jobs>,
    model: Arc<dyn LanguageModel>,
    shutdown: Shutdown,
) -> io::Result<()> {
    let Some(socket) = listener.take() else {
        return Ok(());
    };
    let api = Api {
        library,
        sessions,
        answers,
        jobs,
        model,
        shutdown: shutdown.clone(),
    };
    http::serve(socket, router(api), shutdown).await
}

#[cfg(test)]
pub mod tests {
    use lifecycle::{Lifecycle, Running};
    use reqwest::{Client, Response, StatusCode};
    use serde_json::{Value, json};

    use super::*;
    use crate::args::{Args, Mode, Options};
    use crate::config::Config;
    use crate::config::tests::in_folder;
    use crate::worker::work_jobs;

    /// Starts the web server, and returns its URL.
    async fn start(folder: &tempfile::TempDir) -> (Running, String) {
        start_as(in_folder(folder.path())).await
    }

    pub async fn start_as(config: Config) -> (Running, String) {
        let builder = Lifecycle::builder()
            .background_worker::<serve>()
            .background_worker::<work_jobs>();
        let builder = builder
            .provide(Args {
                mode: Mode::Web,
                options: Options::default(),
            })
            .provide(config);
        let running = builder.start().await.unwrap();
        let address = running.get::<HttpListener>().unwrap().address().unwrap();
        (running, format!("http://{address}"))
    }

    pub async fn post(url: String, body: Value) -> Response {
        Client::new().post(url).json(&body).send().await.unwrap()
    }

    pub async fn get(url: String) -> Value {
        Client::new()
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn documents_questions_summaries_and_jobs_over_http() {
        let folder = tempfile::tempdir().unwrap();
        let (running, at) = start(&folder).await;
        let added = post(
            format!("{at}/documents"),
            json!({"title": "Garden", "text": "Tomatoes want sun."}),
        )
        .await;
        assert_eq!(added.status(), StatusCode::CREATED);
        assert_eq!(
            added.json::<Value>().await.unwrap(),
            json!({"id": 1, "passages": 1})
        );

        let asked = post(
            format!("{at}/ask"),
            json!({"question": "tomatoes?", "max_tokens": 3}),
        )
        .await;
        assert_eq!(asked.headers()["content-type"], "text/event-stream");
        let events = asked.text().await.unwrap();
        let names: Vec<_> = events
            .lines()
            .filter_map(|line| line.strip_prefix("event: "))
            .collect();
        assert_eq!(names, ["session", "token", "token", "token", "end"]);
        assert!(
            events
                .trim_end()
                .ends_with(r#"data: {"reason":"complete"}"#),
            "{events}"
        );

        let summary: Value = post(format!("{at}/documents/1/summary"), json!({}))
            .await
            .json()
            .await
            .unwrap();
        assert!(
            summary["summary"].as_str().unwrap().contains("Tomatoes"),
            "{summary}"
        );

        let job = post(format!("{at}/jobs"), json!({"goal": "grow tomatoes"})).await;
        assert_eq!(job.status(), StatusCode::ACCEPTED);
        assert_eq!(job.headers()["location"], "/jobs/1");
        while get(format!("{at}/jobs/1")).await["state"] != "done" {
            tokio::task::yield_now().await;
        }
        let report = running.stop().await;
        assert!(report.is_clean(), "{report}");
    }

    #[tokio::test]
    async fn an_error_is_json_with_its_status_and_a_message() {
        let folder = tempfile::tempdir().unwrap();
        let (running, at) = start(&folder).await;
        let wrong = [
            (
                post(format!("{at}/ask"), json!({"question": ""})).await,
                422,
            ),
            (post(format!("{at}/ask"), json!({"query": "?"})).await, 422),
            (
                post(
                    format!("{at}/ask"),
                    json!({"question": "?", "session": "gone"}),
                )
                .await,
                404,
            ),
            (
                post(format!("{at}/documents/7/summary"), json!({})).await,
                404,
            ),
            (post(format!("{at}/jobs/1"), json!({})).await, 405),
            (
                post(format!("{at}/documents/x/summary"), json!({})).await,
                400,
            ),
            (post(format!("{at}/nothing"), json!({})).await, 404),
        ];
        for (response, status) in wrong {
            let url = response.url().clone();
            assert_eq!(response.status(), status, "{url}");
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["status"], status, "{url}");
            assert!(
                body["message"]
                    .as_str()
                    .is_some_and(|message| !message.is_empty()),
                "{url}"
            );
        }
        drop(running.stop().await);
    }

    #[tokio::test]
    async fn answers_in_progress_are_completed_and_late_requests_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (running, at) = start(&folder).await;
        let mut answers = Vec::new();
        for tokens in [1, 20, 60] {
            answers.push(
                post(
                    format!("{at}/ask"),
                    json!({"question": "?", "max_tokens": tokens}),
                )
                .await,
            );
        }
        let stopped = tokio::spawn(running.stop());
        for answer in answers {
            assert!(answer.text().await.unwrap().contains("complete"));
        }
        let report = stopped.await.unwrap();
        assert!(report.is_clean(), "{report}");
        assert!(
            Client::new().get(at).send().await.is_err(),
            "the port is closed"
        );
    }
}
