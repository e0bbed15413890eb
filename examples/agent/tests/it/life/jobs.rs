//! Jobs, as clients see them.

use super::*;

pub(super) async fn submit(client: &Client, at: &str, goal: usize) {
    let goal = json!({"goal": format!("plan garden {goal}")});
    let taken = post(client, format!("{at}/jobs"), goal).await;
    assert_eq!(taken.status(), 202);
}

/// Polls the states of the jobs: there is no other event to wait for.
pub(super) async fn until_done(client: &Client, at: &str, jobs: usize) -> Vec<Value> {
    let mut done = Vec::new();
    for job in 1..=jobs {
        done.push(loop {
            let job = get(client, format!("{at}/jobs/{job}")).await;
            match job["state"].as_str() {
                Some("done") => break job,
                Some("queued" | "running") => tokio::task::yield_now().await,
                _ => panic!("{job}"),
            }
        });
    }
    done
}

#[test]
fn a_job_without_remaining_time_is_put_back_with_its_progress_and_resumed() {
    let folder = folder();
    let runtime = runtime();
    // No more than the time that is reserved for putting the job back.
    let (mut run, at) = up(agent(folder.path()).env("LIFECYCLE_TIMEOUT_WORK_JOBS", "2s"));
    runtime.block_on(async {
        let client = Client::new();
        submit(&client, &at, 1).await;
        // The job has begun, and needs two more answers of the model, which take one and a half seconds.
        while get(&client, format!("{at}/jobs/1")).await["progress"]["passages"].is_null() {
            tokio::task::yield_now().await;
        }
    });
    run.terminate();
    let end = run.end();
    end.expect_code(0).expect_line(&["job put back"]);
    let put_back = "SELECT count(*) FROM jobs WHERE state = 'queued' AND attempts = 0 AND json_extract(progress, '$.passages') IS NOT NULL";
    assert_eq!(runtime.block_on(count(folder.path(), put_back)), 1);

    let (mut run, at) = up(agent(folder.path()));
    let done = runtime.block_on(until_done(&Client::new(), &at, 1));
    assert_eq!(done[0]["attempts"], 1, "{done:?}");
    run.terminate();
    run.end().expect_code(0);
}
