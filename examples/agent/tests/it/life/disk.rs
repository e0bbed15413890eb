//! A full disk under `AGENT_DATA`: a small file system in a mount namespace that a helper process keeps open.

use std::fs;
use std::path::PathBuf;

use super::faults::{Probed, expect_not_started, session_of};
use lifecycle_tests::http;
use reqwest::Method;

use super::jobs::{submit, until_done};
use super::killed::expect_whole;
use super::*;

struct Disk {
    keeper: Run,
    folder: tempfile::TempDir,
    pid: String,
}

impl Disk {
    /// 2 MB in size.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().display();
        let user = if is_root() {
            ""
        } else {
            "--user --map-root-user"
        };
        let script = format!(
            "exec unshare {user} --mount sh -c 'mount -t tmpfs -o size=2m none {at} || exit 99; \
             echo disk of $$; exec sleep 600'"
        );
        let mut keeper = Program::new("true").through(&script).start();
        let line = keeper.until_stdout("disk of ");
        let (_, pid) = line.rsplit_once(' ').expect("the line has the process id");
        let pid = pid.to_owned();
        Self {
            keeper,
            folder,
            pid,
        }
    }

    /// The path of the folder outside the namespace.
    fn path(&self) -> PathBuf {
        let mut path = PathBuf::from(format!("/proc/{}/root", self.pid));
        path.push(
            self.folder
                .path()
                .strip_prefix("/")
                .expect("it is absolute"),
        );
        path
    }

    fn agent(&self) -> Program {
        let user = if is_root() {
            ""
        } else {
            "--user --preserve-credentials"
        };
        let enter = format!("exec nsenter --target {} {user} --mount \"$@\"", self.pid);
        agent(self.folder.path()).through(&enter)
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.path().join("full")).expect("a file");
        let error = std::io::copy(&mut std::io::repeat(0), &mut file).expect_err("it is small");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("full")).expect("it is there");
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

async fn status_of(client: &Client, url: String, body: Value) -> u16 {
    post(client, url, body).await.status().as_u16()
}

#[test]
#[ignore = "needs namespaces of mounts: root, or namespaces of users"]
fn on_a_full_disk_reads_are_answered_writes_refused_and_nothing_is_lost() {
    let mut disk = Disk::new();
    let mut agent = Probed::up(disk.agent());
    let runtime = runtime();
    let client = Client::new();
    let document = json!({"title": "Garden", "text": "Tomatoes want sun and water."});
    let session = runtime.block_on(async {
        let at = &agent.at;
        assert_eq!(
            status_of(&client, format!("{at}/documents"), document.clone()).await,
            201
        );
        submit(&client, at, 1).await;
        let mut answer = agent.ask(&client, 200).await;
        let (session, read) = session_of(&mut answer).await;
        // The job has begun, and a part of the answer is saved.
        let url = format!("{at}/sessions/{session}");
        while get(&client, url.clone()).await["answers"][0]["answer"] == "" {
            tokio::task::yield_now().await;
        }
        disk.fill();

        // Writes are refused with the reason.
        let question = json!({"question": "What do tomatoes want?"});
        let goal = json!({"goal": "grow tomatoes"});
        for (path, body) in [
            ("/documents", &document),
            ("/jobs", &goal),
            ("/ask", &question),
        ] {
            let answer = post(&client, format!("{at}{path}"), body.clone()).await;
            assert_eq!(answer.status(), 507, "{path}");
            let body = answer.text().await.expect("it is whole");
            assert!(body.contains("disk is full"), "{path}: {body}");
        }
        // Reads are answered.
        assert_eq!(get(&client, format!("{at}/jobs/1")).await["id"], 1);
        let summary = status_of(&client, format!("{at}/documents/1/summary"), json!({})).await;
        assert_eq!(summary, 200);
        agent.expect("/readyz", 200, &[]);
        agent.expect("/healthz", 200, &[]);

        let rest = answer.text().await.expect("it has an end");
        let whole = String::from_utf8_lossy(&read).into_owned() + &rest;
        let last = events(&whole).1;
        assert_eq!(last["reason"], "error", "{whole}");
        assert!(
            last["message"]
                .as_str()
                .is_some_and(|why| why.contains("disk is full"))
        );
        session
    });
    agent.run.terminate();
    let end = agent.run.end();
    end.expect_code(3)
        .expect_line(&["  VectorIndex ", "No space left on device"])
        .expect_line(&["  Jobs ", "not put back", "disk is full"]);

    disk.make_room();
    runtime.block_on(expect_whole(&disk.path()));
    let mut agent = Probed::up(disk.agent());
    runtime.block_on(async {
        let at = &agent.at;
        until_done(&client, at, 1).await;
        let summary = status_of(&client, format!("{at}/documents/1/summary"), json!({})).await;
        assert_eq!(summary, 200);
        // Nothing of the refused writes exists.
        for path in ["/documents/2/summary", "/jobs/2"] {
            let method = if path.starts_with("/jobs") {
                Method::GET
            } else {
                Method::POST
            };
            let answer = client.request(method, format!("{at}{path}")).send().await;
            assert_eq!(answer.expect("an answer").status(), 404, "{path}");
        }
        let saved = get(&client, format!("{at}/sessions/{session}")).await;
        assert_eq!(saved["answers"][0]["state"], "killed", "{saved}");
        let text = saved["answers"][0]["answer"].as_str().expect("a text");
        assert!(!text.is_empty(), "what was kept is there: {saved}");
    });
    agent.run.terminate();
    agent.run.end().expect_code(0);

    // The only pending write is that the session was used again, which cannot be saved.
    let mut agent = Probed::up(disk.agent());
    disk.fill();
    let question = json!({"question": "And beans?", "session": session});
    let refused = status_of(&client, format!("{}/ask", agent.at), question);
    assert_eq!(runtime.block_on(refused), 507);
    agent.run.terminate();
    let end = agent.run.end();
    end.expect_code(3)
        .expect_line(&["did not stop clean", "Sessions"])
        .expect_line(&["  Sessions ", "last used", "disk is full"]);
    for other in ["  VectorIndex ", "  Jobs "] {
        assert!(!end.has_line(&[other, "full"]), "{end}");
        assert!(!end.has_line(&[other, "No space"]), "{end}");
    }

    // A stop without pending writes does not depend on the disk.
    disk.make_room();
    let mut agent = Probed::up(disk.agent());
    disk.fill();
    agent.run.terminate();
    agent.run.end().expect_code(0);
    disk.keeper.signal(Signal::KILL);
}

#[test]
#[ignore = "needs namespaces of mounts: root, or namespaces of users"]
fn a_start_on_a_full_disk_waits_for_room_and_stops_quickly() {
    let mut disk = Disk::new();
    disk.fill();
    let (admin, own) = (http::own_address(), http::own_address().ip());
    let program = || {
        let program = disk.agent().env("LIFECYCLE_ADMIN", admin.to_string());
        program.env("AGENT_ADDR", format!("{own}:8080"))
    };
    let mut run = program().start();
    let line = run.until_stderr("No space left on device");
    for part in ["Database", "AGENT_DATA", "again"] {
        assert!(line.contains(part), "{part} is missing in: {line}");
    }
    http::get(admin, "/readyz").expect(503, &["Database"]);
    expect_not_started(admin, (own, 8080).into());
    let asked = run.terminate();
    let end = run.end();
    end.expect_code(0)
        .expect_gone(asked, Duration::from_secs(2));

    let mut run = program().start();
    run.until_stderr("No space left on device");
    disk.make_room();
    run.until_stdout("agent on http://");
    http::get(admin, "/readyz").expect(200, &[]);
    run.terminate();
    run.end().expect_code(0);
    disk.keeper.signal(Signal::KILL);
}
