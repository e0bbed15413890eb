//! The files in `deploy`, checked by the tools that read them.

use std::path::{Path, PathBuf};
use std::process::Command;

use lifecycle_tests::harness::Program;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name)
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Asserts that the file contains all printed lines in their order. It may have more lines.
#[track_caller]
fn expect_printed(name: &str, printed: &str, changed: impl Fn(&str) -> String) {
    let here = text(&file(name));
    let mut lines = here.lines();
    // The first line only names the printed file.
    for line in printed.lines().skip(1).map(changed) {
        assert!(
            lines.any(|here| here == line),
            "`{line}` is missing in {name}, or not in its place"
        );
    }
}

/// Returns the output of the tool for the file.
#[track_caller]
fn expect_accepted(program: &str, arguments: &[&str], path: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .arg(path)
        .envs([1, 2, 3].map(|agent| (format!("AGENT_{agent}"), "127.0.0.1")))
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn the_tests_in_the_table_of_faults_exist() {
    let here = text(&file("FAULTS.md"));
    let (_, list) = here
        .split_once("The tests, in `tests/it/life`")
        .expect("a list");
    let mut found = 0;
    let mut others = String::new();
    for name in list.split('`').skip(1).step_by(2) {
        let source = |path: &str| text(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
        if name.ends_with(".rs") {
            others = source(name);
            continue;
        }
        let (source, test) = match name.split_once("::") {
            Some((file, test)) => (source(&format!("tests/it/life/{file}.rs")), test),
            None => (others.clone(), name),
        };
        assert!(source.contains(&format!("fn {test}(")), "no {name}");
        found += 1;
    }
    assert!(found >= 12, "{found}");
}

#[test]
fn the_files_have_the_printed_times_and_probes() {
    let here = env!("CARGO_BIN_EXE_agent");
    let printed = |format, variables: &[(&str, &str)]| {
        let agent = Program::new(here).env("LIFECYCLE_PRINT", format);
        let agent = variables
            .iter()
            .fold(agent, |agent, (name, value)| agent.env(name, value));
        // With these times there is no warning.
        agent.run().installed(here)
    };
    let lame_duck = [
        ("LIFECYCLE_LAME_DUCK", "5s"),
        ("LIFECYCLE_SHUTDOWN_TIMEOUT", "28s"),
    ];
    expect_printed(
        "agent.service",
        &printed("systemd", &lame_duck),
        str::to_owned,
    );
    expect_printed("kubernetes.yaml", &printed("kubernetes", &[]), |line| {
        line.replace("replicas: 1", "replicas: 3")
    });
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_accepts_the_unit() {
    let folder = tempfile::tempdir().expect("a folder");
    let unit = folder.path().join("agent.service");
    // `systemd-analyze` checks that the program exists.
    let here =
        text(&file("agent.service")).replace("/usr/local/bin/agent", env!("CARGO_BIN_EXE_agent"));
    std::fs::write(&unit, here).expect("a file");
    let said = expect_accepted("systemd-analyze", &["verify", "--man=no"], &unit);
    // An unknown key is only a warning.
    assert!(!said.contains("agent.service"), "{said}");
}

#[test]
#[ignore = "needs kubernetes-validate, from PyPI"]
fn kubernetes_accepts_the_manifests() {
    let said = expect_accepted(
        "kubernetes-validate",
        &["--strict"],
        &file("kubernetes.yaml"),
    );
    for kind in ["deployment", "service", "poddisruptionbudget"] {
        assert!(said.contains(&format!("{kind}/agent")), "{said}");
    }
}

#[test]
#[ignore = "needs HAProxy"]
fn haproxy_accepts_the_configuration() {
    expect_accepted("haproxy", &["-c", "-f"], &file("haproxy.cfg"));
}
