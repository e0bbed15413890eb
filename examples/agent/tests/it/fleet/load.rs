//! Users that send requests to the balancer without a pause and record every outcome.
//!
//! A user continues a conversation: it asks, reads the answer to its end, checks that it is saved as it was read, asks
//! with OpenAI's API, and submits a job. The streams set the pace.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lifecycle_tests::harness::evidence::now;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{AGENTS, Killed, LIMIT, USERS, balancer};
use crate::events::{data, events, texts};

/// The number of tokens of most answers, and of every sixth: 100 ms, and 4 s, which exceeds the lame duck here.
const SHORT: usize = 20;
const LONG: usize = 800;

pub(crate) struct Load {
    shared: Arc<Shared>,
    users: JoinSet<()>,
}

struct Shared {
    at: String,
    ends: AtomicBool,
    /// The number of answers of each agent.
    answered: watch::Sender<[usize; AGENTS]>,
    tally: Mutex<Tally>,
}

/// What the users recorded.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: usize,
    streams: usize,
    chats: usize,
    tokens: usize,
    /// Streams that ended with the reason `shutdown`.
    interrupted: usize,
    went_on: usize,
    /// Jobs that were accepted.
    pub(crate) jobs: Vec<i64>,
    /// Answers that are saved otherwise than they were read.
    differences: Vec<String>,
    failures: Vec<Failure>,
    broken: Vec<Broken>,
}

/// A request without an answer, or with an incomplete one.
#[derive(Debug)]
struct Failure {
    what: &'static str,
    why: String,
    from: Duration,
    until: Duration,
    /// The agent that the balancer chose, if the head of the answer arrived.
    agent: Option<String>,
}

/// A stream that broke off, and what was read of it.
#[derive(Debug)]
struct Broken {
    session: String,
    text: String,
}

/// A request under way.
struct Asked {
    what: &'static str,
    from: Duration,
    agent: Option<String>,
}

impl Load {
    pub(crate) fn start(runtime: &Runtime, at: &str, users: usize) -> Self {
        let shared = Arc::new(Shared {
            at: at.into(),
            ends: AtomicBool::new(false),
            answered: watch::Sender::default(),
            tally: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for number in 0..users {
            let user = User::new(Arc::clone(&shared));
            tasks.spawn_on(user.live(number), runtime.handle());
        }
        Self {
            shared,
            users: tasks,
        }
    }

    /// The number of answers of that agent so far.
    pub(crate) fn answered(&self, agent: usize) -> usize {
        self.shared.answered.borrow()[agent]
    }

    /// Waits until that agent has answered more often.
    pub(crate) async fn until_answered(&self, agent: usize, so_far: usize) {
        let mut answered = self.shared.answered.subscribe();
        let more = answered.wait_for(|answered| answered[agent] > so_far);
        let more = timeout(LIMIT, more).await.expect("it is asked");
        more.expect("the users are there");
    }

    /// Waits for all users to finish.
    pub(crate) async fn end(mut self) -> Tally {
        self.shared.ends.store(true, SeqCst);
        while let Some(user) = self.users.join_next().await {
            user.expect("no user panics");
        }
        std::mem::take(&mut *self.shared.tally())
    }
}

impl Shared {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, asked: &Asked, why: impl Into<String>) {
        self.tally().failures.push(Failure {
            what: asked.what,
            why: why.into(),
            from: asked.from,
            until: now(),
            agent: asked.agent.clone(),
        });
    }

    /// Returns the head of the answer if its status is a success.
    async fn ask(&self, what: &'static str, request: RequestBuilder) -> Option<(Asked, Response)> {
        let mut asked = Asked {
            what,
            from: now(),
            agent: None,
        };
        match request.send().await {
            Ok(response) => {
                let agent = response.headers().get("x-agent");
                asked.agent = agent.and_then(|agent| Some(agent.to_str().ok()?.to_owned()));
                if response.status().is_success() {
                    self.note(asked.agent.as_deref());
                    return Some((asked, response));
                }
                let status = response.status();
                let body = response.text().await.unwrap_or_default();
                self.fail(&asked, format!("{status}: {body}"));
            }
            Err(error) => self.fail(&asked, format!("{error:?}")),
        }
        None
    }

    fn note(&self, agent: Option<&str>) {
        let known = (0..AGENTS).find(|number| Some(&*balancer::name(*number)) == agent);
        let agent = known.expect("the balancer says whom it asked");
        self.answered.send_modify(|answered| answered[agent] += 1);
        self.tally().requests += 1;
    }

    /// Returns the complete answer.
    async fn json(&self, what: &'static str, request: RequestBuilder) -> Option<(Asked, Value)> {
        let (asked, response) = self.ask(what, request).await?;
        match response.json().await {
            Ok(body) => Some((asked, body)),
            Err(error) => {
                self.fail(&asked, format!("{error:?}"));
                None
            }
        }
    }

    /// Returns the body of a stream as far as it came, and whether it broke off.
    async fn stream(
        &self,
        what: &'static str,
        request: RequestBuilder,
    ) -> Option<(Asked, String, bool)> {
        let (asked, mut response) = self.ask(what, request).await?;
        let mut body = Vec::new();
        let broke = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break false,
                Err(error) => {
                    self.fail(&asked, format!("{error:?}"));
                    break true;
                }
            }
        };
        let body = String::from_utf8(body).unwrap_or_else(|error| {
            // The stream may have broken off within a character.
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        Some((asked, body, broke))
    }
}

/// One user.
struct User {
    shared: Arc<Shared>,
    client: Client,
    session: Option<String>,
    /// The agent that answered last in this session.
    agent: Option<String>,
    /// A job that is not done yet.
    job: Option<i64>,
}

impl User {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            client: Client::builder()
                .read_timeout(LIMIT)
                .build()
                .expect("a client"),
            session: None,
            agent: None,
            job: None,
        }
    }

    async fn live(mut self, number: usize) {
        let mut turn = number;
        while !self.shared.ends.load(SeqCst) {
            self.ask(if turn.is_multiple_of(6) { LONG } else { SHORT })
                .await;
            self.chat().await;
            self.have_a_job_done().await;
            turn += 1;
            if turn.is_multiple_of(10) {
                self.session = None;
            }
        }
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        let url = format!("{}{path}", self.shared.at);
        self.client.post(url).json(body)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.shared.at))
    }

    async fn ask(&mut self, tokens: usize) {
        let mut question = json!({"question": "What do tomatoes want?", "max_tokens": tokens});
        if let Some(session) = &self.session {
            question["session"] = session.as_str().into();
        }
        let asked = self.shared.stream("ask", self.post("/ask", &question));
        let Some((asked, body, broke)) = asked.await else {
            return;
        };
        let session = data(&body).find_map(|data| Some(data["session"].as_str()?.to_owned()));
        let text = texts(&body);
        if broke {
            // The saved part of this answer is checked at the end of the test.
            let session = self.session.take().or(session).unwrap_or_default();
            self.shared.tally().broken.push(Broken { session, text });
            return;
        }
        let (names, last) = events(&body);
        let written = names.iter().filter(|name| **name == "token").count();
        let reason = match last["reason"].as_str() {
            Some(reason @ ("complete" | "shutdown")) if names.last() == Some(&"end") => reason,
            _ => return self.shared.fail(&asked, format!("no good end: {body}")),
        };
        if reason == "complete" && written != tokens {
            self.shared
                .fail(&asked, format!("{written} of {tokens} tokens: {body}"));
        }
        {
            let mut tally = self.shared.tally();
            tally.streams += 1;
            tally.tokens += written;
            tally.interrupted += usize::from(reason == "shutdown");
            tally.went_on += usize::from(self.session.is_some() && self.agent != asked.agent);
        }
        self.agent = asked.agent;
        self.session = session;
        self.look(reason, &text).await;
    }

    /// The session contains what was read, whichever agent is asked.
    async fn look(&self, reason: &str, read: &str) {
        let path = format!("/sessions/{}", self.session.as_deref().unwrap_or_default());
        let Some((_, session)) = self.shared.json("session", self.get(&path)).await else {
            return;
        };
        let last = session["answers"]
            .as_array()
            .and_then(|answers| answers.last());
        let saved = last.map(|last| (last["state"].as_str(), last["answer"].as_str()));
        if saved != Some((Some(reason), Some(read))) {
            let difference = format!("{saved:?} is saved, {reason} {read:?} was read");
            self.shared.tally().differences.push(difference);
        }
    }

    async fn chat(&self) {
        let request = json!({
            "model": "agent", "stream": true, "max_tokens": SHORT,
            "messages": [{"role": "user", "content": "What do beans want?"}],
        });
        let asked = self
            .shared
            .stream("chat", self.post("/v1/chat/completions", &request));
        let Some((asked, body, broke)) = asked.await else {
            return;
        };
        if broke {
            return;
        }
        let mut chunks = body
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .rev();
        let (done, last) = (chunks.next(), chunks.next());
        let last: Value = last
            .and_then(|last| serde_json::from_str(last).ok())
            .unwrap_or_default();
        let has_reason = last["choices"][0]["finish_reason"].is_string();
        if done != Some("[DONE]") || !has_reason {
            return self.shared.fail(&asked, format!("no good end: {body}"));
        }
        let mut tally = self.shared.tally();
        tally.chats += 1;
        tally.interrupted += usize::from(last["end"] == "shutdown");
    }

    /// Submits a job, or asks for its state. Both are short requests.
    async fn have_a_job_done(&mut self) {
        let Some(job) = self.job else {
            let goal = json!({"goal": "plan a garden"});
            if let Some((_, job)) = self.shared.json("job", self.post("/jobs", &goal)).await {
                self.job = job["id"].as_i64();
                self.shared.tally().jobs.extend(self.job);
            }
            return;
        };
        let seen = self.get(&format!("/jobs/{job}"));
        if let Some((_, seen)) = self.shared.json("job's state", seen).await
            && seen["state"] == "done"
        {
            self.job = None;
        }
    }
}

impl Tally {
    pub(crate) fn went_on(&self) -> usize {
        self.went_on
    }

    #[track_caller]
    pub(crate) fn expect_all_well(&self) {
        assert!(self.streams > 0 && self.chats > 0, "{self}");
        assert!(self.failures.is_empty(), "{self}\n{}", list(&self.failures));
    }

    /// Failed requests were under way at an agent when it was killed.
    #[track_caller]
    pub(crate) fn expect_failures_only_on(&self, killed: &[Killed]) {
        assert!(self.streams > 0 && self.chats > 0, "{self}");
        let others = self
            .failures
            .iter()
            .filter(|failure| !failure.is_of(killed));
        let others = list(others);
        assert!(others.is_empty(), "{self}\n{others}");
        // For some failures the balancer reports no agent: at most the one request of each user that was under way.
        for killed in killed {
            let nameless = self.nameless().filter(|failure| failure.is_during(killed));
            let nameless: Vec<_> = nameless.collect();
            assert!(nameless.len() <= USERS, "{self}\n{}", list(nameless));
        }
        assert!(!self.broken.is_empty(), "nothing was under way: {self}");
    }

    /// The number of failures without a known agent.
    fn nameless(&self) -> impl Iterator<Item = &Failure> {
        let failures = self.failures.iter();
        failures.filter(|failure| failure.agent.is_none())
    }

    #[track_caller]
    pub(crate) fn expect_saved_as_read(&self) {
        assert!(self.differences.is_empty(), "{:#?}", self.differences);
    }
}

impl Failure {
    fn is_of(&self, killed: &[Killed]) -> bool {
        killed.iter().any(|killed| {
            // The balancer may close the connection silently, as the agent did.
            let agent = self.agent.as_ref();
            self.is_during(killed) && agent.is_none_or(|agent| *agent == killed.name)
        })
    }

    /// Whether the request was under way when that agent was killed.
    fn is_during(&self, killed: &Killed) -> bool {
        self.from <= killed.until && self.until >= killed.from
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, why, .. } = self;
        let agent = self.agent.as_deref().unwrap_or("an unknown agent");
        write!(
            f,
            "{what} of {agent}, {:?} to {:?}: {why}",
            self.from, self.until
        )
    }
}

fn list<'a>(failures: impl IntoIterator<Item = &'a Failure>) -> String {
    let failures = failures.into_iter().map(Failure::to_string);
    failures.collect::<Vec<_>>().join("\n")
}

/// The saved answer of a broken stream has a part of it, or more than was read, and is marked accordingly.
pub(crate) async fn expect_marked(tally: &Tally, at: &str) {
    let client = Client::new();
    for broken in tally
        .broken
        .iter()
        .filter(|broken| !broken.session.is_empty())
    {
        let url = format!("{at}/sessions/{}", broken.session);
        let response = client.get(url).send().await.expect("an answer");
        let saved: Value = response.json().await.expect("it is JSON");
        let last = saved["answers"]
            .as_array()
            .and_then(|answers| answers.last());
        let last = last.unwrap_or_else(|| panic!("nothing is saved of {broken:?}: {saved}"));
        let text = last["answer"].as_str().expect("its text");
        let is_of_it = match last["state"].as_str() {
            Some("killed") => text.starts_with(&broken.text) || broken.text.starts_with(text),
            // The end was saved, but did not arrive at the client.
            Some("complete") => text.starts_with(&broken.text),
            _ => panic!("it is not marked: {saved}"),
        };
        assert!(is_of_it, "{text:?} is saved of {:?}", broken.text);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests, of these {} streamed answers ({} tokens) and {} OpenAI streams, {} jobs; {} streams ended by \
             the shutdown, {} answers went on with a session of another agent; {} failed, {} of these in the middle of an \
             answer, {} without a word of whom was asked",
            self.requests,
            self.streams,
            self.tokens,
            self.chats,
            self.jobs.len(),
            self.interrupted,
            self.went_on,
            self.failures.len(),
            self.broken.len(),
            self.nameless().count(),
        )
    }
}
