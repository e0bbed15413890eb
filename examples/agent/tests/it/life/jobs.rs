//! Jobs, as those see them who queue them.

use super::*;

pub(super) async fn submit(client: &Client, at: &str, goal: usize) {
    let goal = json!({"goal": format!("plan garden {goal}")});
    let taken = post(client, format!("{at}/jobs"), goal).await;
    assert_eq!(taken.status(), 202);
}

/// There is nothing to wait for but the jobs' own states.
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
fn a_job_that_there_is_no_time_for_is_put_back_with_its_progress_and_goes_on_in_the_next_life() {
    let folder = folder();
    let runtime = runtime();
    // Just the time that is kept for putting it back.
    let (mut run, at) = up(agent(folder.path()).env("LIFECYCLE_TIMEOUT_WORK_JOBS", "2s"));
    runtime.block_on(async {
        let client = Client::new();
        submit(&client, &at, 1).await;
        // It is begun, and then two answers of the model away from its end: a second and a half.
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
