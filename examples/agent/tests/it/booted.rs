//! The unit in `deploy`, run by a real systemd, which `tests/with-systemd` boots for these tests:
//!
//! ```text
//! cargo test -p agent --test it --config "target.'cfg(unix)'.runner = '$PWD/tests/with-systemd'" -- --ignored booted::
//! ```

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use lifecycle_tests::http;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Units of the systemd that is process 1 here, which owns all of `/run`.
const UNITS: &str = "/run/systemd/system";
/// A path at which the unit can see the program: it hides `/home` and `/tmp`.
const PROGRAM: &str = "/run/agent";

#[track_caller]
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {said}\n{}",
        fs::read_to_string("/run/agent.log").unwrap_or_default()
    );
    said
}

fn show(property: &str) -> String {
    let shown = ["show", "--value", "-p", property, "agent.service"];
    run("systemctl", &shown)
}

/// Installs the unit as it is, with addresses of this test, and without dependencies on units of the machine.
fn install(host: &str) {
    let first = fs::read("/proc/1/environ").unwrap_or_default();
    let is_ours = String::from_utf8_lossy(&first).contains("container=with-systemd");
    assert!(is_ours, "a systemd of our own: see the top of this file");
    // A mount of the namespace of this systemd.
    run("mount", &["-t", "tmpfs", "state", "/var/lib"]);
    fs::copy(env!("CARGO_BIN_EXE_agent"), PROGRAM).expect("a copy");
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/agent.service");
    fs::copy(unit, Path::new(UNITS).join("agent.service")).expect("a copy");
    let extra = Path::new(UNITS).join("agent.service.d");
    fs::create_dir(&extra).expect("a folder");
    let extra_lines = format!(
        "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=\nExecStart={PROGRAM}\n\
         Environment=AGENT_ADDR={host}:8080 LIFECYCLE_ADMIN={host}:9000\n\
         StandardOutput=append:/run/agent.log\nStandardError=append:/run/agent.log\n"
    );
    fs::write(extra.join("test.conf"), extra_lines).expect("a file");
    // It would start services of the machine.
    symlink("/dev/null", Path::new(UNITS).join("network-online.target")).expect("a link");
    run("systemctl", &["daemon-reload"]);
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn systemd_runs_the_unit_stops_it_gracefully_and_keeps_its_data() {
    let admin = http::own_address();
    let host = admin.ip().to_string();
    install(&host);
    let runtime = Runtime::new().expect("a runtime for the client");
    let client = Client::new();
    let session = json!({"question": "What is a drain?", "max_tokens": 4});
    let mut saved = Vec::new();
    for _ in 0..2 {
        run("systemctl", &["start", "agent"]);
        assert_eq!(show("StatusText"), "running");
        http::get(admin, "/readyz").expect(200, &[]);
        let answer = runtime.block_on(async {
            let asked = client
                .post(format!("http://{host}:8080/ask"))
                .json(&session);
            asked.send().await.expect("an answer").text().await
        });
        let answer = answer.expect("it has an end");
        saved.push(answer.split('"').nth(3).expect("a session").to_owned());
        for session in &saved {
            let found: Value = runtime.block_on(async {
                let found = client.get(format!("http://{host}:8080/sessions/{session}"));
                let found = found.send().await.expect("an answer");
                found.json().await.expect("it is JSON")
            });
            assert_eq!(found["answers"][0]["state"], "complete", "{found}");
        }
        run("systemctl", &["stop", "agent"]);
        assert_eq!(show("Result"), "success");
        assert_eq!(show("ExecMainStatus"), "0");
    }
    // The times of the unit fit the times of the program.
    let log = fs::read_to_string("/run/agent.log").expect("a log");
    assert!(log.contains("stopping"), "{log}");
    assert!(!log.contains("needs up to"), "{log}");
    // Only the service can read its data.
    let data = fs::metadata("/var/lib/agent/").expect("the folder of its data");
    assert_eq!(data.permissions().mode() & 0o777, 0o700);
}
