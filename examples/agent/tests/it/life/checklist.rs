//! Everything that a stop under load must do, from its report and from the files on disk.

use super::*;

/// The begin and the end of an activity of a component.
fn span(component: &Value, activity: &str) -> (u64, u64) {
    let spans = component["spans"].as_array().expect("its spans");
    let span = spans.iter().find(|span| span["activity"] == activity);
    let span = span.unwrap_or_else(|| panic!("it was never {activity}: {component:#}"));
    let at = |end: &str| span[end].as_u64().expect("an instant");
    (at("begin_us"), at("end_us"))
}

/// The end of the last activity of a component.
fn ended(component: &Value) -> u64 {
    let last = component["spans"].as_array().and_then(|spans| spans.last());
    last.and_then(|span| span["end_us"].as_u64())
        .expect("it ended")
}

#[test]
fn the_report_shows_a_complete_stop_under_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, report) = (folder.path().join("data"), folder.path().join("life.json"));
    let (mut run, at) = up(agent(&data).env("LIFECYCLE_REPORT", &report));
    let runtime = runtime();
    let client = Client::new();
    let (begun, mut begins) = mpsc::unbounded_channel();
    runtime.block_on(async {
        let document = json!({"title": "Garden", "text": "Tomatoes want sun and water."});
        let added = post(&client, format!("{at}/documents"), document).await;
        assert_eq!(added.status(), 201);
        for _ in 0..2 {
            let goal = json!({"goal": "grow tomatoes"});
            post(&client, format!("{at}/jobs"), goal).await;
        }
    });
    let ask = |tokens: usize| {
        let (client, begun, url) = (client.clone(), begun.clone(), format!("{at}/ask"));
        let question = json!({"question": "What do tomatoes want?", "max_tokens": tokens});
        async move {
            let answer = post(&client, url, question).await;
            let _ = begun.send(());
            answer.text().await.expect("a complete answer")
        }
    };
    let answers: Vec<_> = (0..ANSWERS)
        .map(|number| runtime.spawn(ask(TOKENS + 5 * number)))
        .collect();
    runtime.block_on(async {
        for _ in 0..ANSWERS {
            begins.recv().await.expect("each of them begins");
        }
    });
    run.signal(Signal::INT);
    run.until_stderr(" draining");

    // New requests are refused while others are under way, as soon as the server has been asked to stop.
    runtime.block_on(async {
        loop {
            match Client::new().get(&at).send().await {
                Ok(answer) if answer.status() != 503 => {}
                Ok(_) | Err(_) => break,
            }
        }
        assert!(answers.iter().any(|answer| !answer.is_finished()));
    });
    // The requests under way are finished.
    for answer in answers {
        let text = runtime.block_on(answer).expect("no panic");
        assert_eq!(events(&text).1, json!({"reason": "complete"}), "{text}");
    }
    let end = run.end();
    end.expect_code(0);
    expect_reverse(&end);

    let report = std::fs::read(report).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("it is JSON");
    assert_eq!(report["exit_code"], 0, "{report:#}");
    assert_eq!(report["aborted_work"], json!([]), "{report:#}");
    assert_eq!(report["runtime_abandoned"], false, "{report:#}");
    let components = report["components"].as_array().expect("components");
    for component in components {
        assert_eq!(component["unclean"], false, "{component:#}");
        assert_eq!(component["unfinished_tasks"], json!([]), "{component:#}");
        assert_eq!(component["leases"]["leaked"], 0, "{component:#}");
    }
    let component = |name: &str| {
        let found = components
            .iter()
            .find(|component| component["name"] == name);
        found.unwrap_or_else(|| panic!("no `{name}`: {report:#}"))
    };
    let mark = |name: &str| {
        let marks = report["marks"].as_array().expect("marks");
        let mark = marks.iter().find(|mark| mark["mark"] == name);
        mark.and_then(|mark| mark["at_us"].as_u64())
            .expect("a mark")
    };

    // Workers are asked to stop when the drain begins, and end before any resource stops.
    for worker in ["serve", "work_jobs"] {
        assert!(span(component(worker), "draining").0 >= mark("drain"));
    }
    for worker in ["serve", "work_jobs", "expire_sessions"] {
        let gone = ended(component(worker));
        assert!((mark("drain")..=mark("stop")).contains(&gone), "{report:#}");
    }
    // Each of these resources has a stop, which ended: otherwise its layer would not be safe.
    for resource in [
        "HttpListener",
        "Sessions",
        "Jobs",
        "Model",
        "VectorIndex",
        "HttpClient",
        "Cache",
        "Database",
    ] {
        let component = component(resource);
        assert_eq!(component["layer"], "safe", "{component:#}");
        assert!(span(component, "stopping").0 >= mark("stop"), "{report:#}");
    }
    // The database stops last, after everything that could use it, with no connection in use.
    let database = component("Database");
    let (closes, _) = span(database, "stopping");
    for other in components {
        if !["Database", "Config"]
            .iter()
            .any(|name| other["name"] == **name)
        {
            assert!(
                ended(other) <= closes,
                "{other:#} outlives the database: {database:#}"
            );
        }
    }
    assert_eq!(database["leases"]["before"], 0, "{database:#}");

    // The files are closed, and the state is saved.
    let log = std::fs::metadata(data.join("agent.db-wal"));
    assert!(
        log.map_or(true, |log| log.len() == 0),
        "the write-ahead log remains"
    );
    assert!(data.join("vectors.bin").exists() && !data.join("vectors.new").exists());
    let found = |statement: &str| runtime.block_on(count(&data, statement));
    let complete = found("SELECT count(*) FROM answers WHERE state = 'complete' AND text <> ''");
    assert_eq!(complete, ANSWERS as i64);
    assert_eq!(found("SELECT count(*) FROM answers"), complete);
    let kept = "SELECT count(*) FROM jobs WHERE state IN ('done', 'queued')";
    assert_eq!(found(kept), 2, "a job is neither finished nor put back");
    // The next run finds the index as it was saved.
    let (mut run, _) = up(agent(&data));
    run.terminate();
    let end = run.end();
    end.expect_code(0);
    assert!(!end.has_line(&["vector index"]), "{end}");
}
