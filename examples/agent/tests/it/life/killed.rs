//! What `kill -9` leaves on disk, and what the next start does with it.

use lifecycle_tests::random::{rng, runs};

use super::*;

/// What a client has read of an answer when the agent is gone.
#[derive(Default)]
struct Read {
    session: String,
    text: String,
}

/// Asks for a long answer, and reads it until the connection breaks.
async fn read_until_it_breaks(client: &Client, at: &str) -> Read {
    let question = json!({"question": "What do tomatoes want?", "max_tokens": 4000});
    let asked = client.post(format!("{at}/ask")).json(&question).send();
    // The agent may be gone before it answers.
    let Ok(mut answer) = asked.await else {
        return Read::default();
    };
    let mut body = String::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.push_str(&String::from_utf8_lossy(&chunk));
    }
    let session = data(&body).find_map(|data| Some(data["session"].as_str()?.to_owned()));
    Read {
        session: session.unwrap_or_default(),
        text: texts(&body),
    }
}

/// The files are consistent. A copy is checked, so that the next start finds the original.
pub(super) async fn expect_whole(folder: &Path) {
    let copy = tempfile::tempdir().expect("a folder");
    for file in ["agent.db", "agent.db-wal"] {
        if folder.join(file).exists() {
            std::fs::copy(folder.join(file), copy.path().join(file)).expect("a copy");
        }
    }
    let broken = [
        "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
        "SELECT count(*) FROM pragma_foreign_key_check",
        "SELECT count(*) FROM jobs WHERE NOT json_valid(progress)",
        "SELECT count(*) FROM documents WHERE id NOT IN (SELECT document FROM passages)",
    ];
    for statement in broken {
        assert_eq!(count(copy.path(), statement).await, 0, "{statement}");
    }
}

/// Kills the agent once per run, often while it stops, and once more while it starts again, at `RUNS` random instants.
#[test]
fn b15_kill_9_at_any_instant_loses_neither_jobs_nor_partial_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = runtime();
    let mut random = rng();
    let mut jobs = 0;
    for _ in 0..runs(20).div_ceil(2) {
        let (mut run, at) = up(agent(folder.path()));
        let alive = Duration::from_millis(random.u64(..1500));
        let stopping = (random.u64(..3) == 0).then(|| Duration::from_millis(random.u64(..300)));
        let read = runtime.block_on(async {
            let client = Client::new();
            let document = json!({"title": "Garden", "text": "Tomatoes want sun and water."});
            let added = post(&client, format!("{at}/documents"), document).await;
            assert_eq!(added.status(), 201);
            let goal = json!({"goal": "grow tomatoes"});
            let taken = post(&client, format!("{at}/jobs"), goal).await;
            assert_eq!(taken.status(), 202);
            jobs += 1;
            let reading = tokio::spawn({
                let at = at.clone();
                async move { read_until_it_breaks(&client, &at).await }
            });
            tokio::time::sleep(alive).await;
            if let Some(stopping) = stopping {
                run.terminate();
                tokio::time::sleep(stopping).await;
            }
            // Without work under way, the agent may have ended already.
            run.try_signal(Signal::KILL);
            reading.await.expect("what was read")
        });
        let end = run.end();
        assert!(
            end.signal == Some(9) || stopping.is_some() && end.code == Some(0),
            "{end}"
        );
        runtime.block_on(expect_whole(folder.path()));

        // The second kill comes during the start, which takes about 50 ms.
        let mut run = agent(folder.path()).start();
        std::thread::sleep(Duration::from_millis(random.u64(..60)));
        run.signal(Signal::KILL);
        let end = run.end();
        assert_eq!(end.signal, Some(9), "{end}");
        runtime.block_on(expect_whole(folder.path()));

        let (mut run, at) = up(agent(folder.path()));
        runtime.block_on(async {
            let client = Client::new();
            if !read.session.is_empty() {
                let saved = get(&client, format!("{at}/sessions/{}", read.session)).await;
                let answer = &saved["answers"][0];
                assert_eq!(answer["state"], "killed", "{saved}");
                let text = answer["answer"].as_str().expect("its text");
                assert!(
                    read.text.starts_with(text) || text.starts_with(&read.text),
                    "{text:?} and {:?}",
                    read.text
                );
                // The model writes a word every 5 ms at most, and the agent saves the text every 250 ms, before it
                // sends more of it.
                let words = |text: &str| text.split_whitespace().count();
                assert!(
                    words(&read.text) <= words(text) + 55,
                    "too little was kept of {:?}: {text:?}",
                    read.text
                );
            }
            // Polls the states of the jobs: there is no other event to wait for.
            for job in 1..=jobs {
                while get(&client, format!("{at}/jobs/{job}")).await["state"] != "done" {
                    tokio::task::yield_now().await;
                }
            }
        });
        run.terminate();
        let end = run.end();
        end.expect_code(0);
        expect_reverse(&end);
        assert!(!end.has_line(&["vector index cannot be used"]), "{end}");
    }
}
