//! `LIFECYCLE_PRINT`: the plan in each format, and no other effect.

use std::fs::OpenOptions;

use expect_test::{ExpectFile, expect_file};
use lifecycle_tests::harness::{End, Program, gone};
use lifecycle_tests::program;

use crate::schema::expect_valid;

fn printing(format: &str) -> Program {
    program!("printed").env("LIFECYCLE_PRINT", format)
}

/// Asserts that the program has printed, and has run nothing but its `init`.
#[track_caller]
fn expect_printed(end: &End) {
    end.expect_code(0)
        .expect_once("init")
        .expect_names("start", "")
        .expect_none("main");
    if cfg!(target_os = "linux") {
        end.expect_once("threads 1");
    }
}

const HERE: &str = env!("CARGO_BIN_EXE_printed");

#[track_caller]
fn expect_prints(format: &str, expected: &ExpectFile) {
    let end = printing(format).run();
    expect_printed(&end);
    expected.assert_eq(&end.installed(HERE));
}

#[test]
fn the_plan_is_printed_as_text() {
    expect_prints("plan", &expect_file!["print/plan.txt"]);
}

#[test]
fn the_graph_is_printed_for_graphviz() {
    expect_prints("dot", &expect_file!["print/graph.dot"]);
}

#[test]
fn the_graph_is_printed_for_mermaid() {
    expect_prints("mermaid", &expect_file!["print/graph.mmd"]);
}

#[test]
fn the_plan_is_printed_as_json_that_conforms_to_its_schema() {
    expect_prints("json", &expect_file!["print/plan.json"]);
    let plan = serde_json::from_str(&printing("json").run().stdout).expect("JSON");
    let schema = include_str!("../../../lifecycle/plan.schema.json");
    expect_valid(&plan, schema);
}

#[test]
fn a_deployment_is_printed() {
    expect_prints("kubernetes", &expect_file!["print/deployment.yaml"]);
}

#[test]
fn a_unit_file_is_printed() {
    expect_prints("systemd", &expect_file!["print/printed.service"]);
}

#[test]
fn a_compose_file_is_printed() {
    expect_prints("compose", &expect_file!["print/compose.yaml"]);
}

#[test]
fn printed_files_contain_the_arguments_and_variables_of_the_plan() {
    for (format, lines) in [
        (
            "kubernetes",
            [
                "- \"disable=serve\"",
                "terminationGracePeriodSeconds: 95",
                "value: \"1m 30s\"",
            ],
        ),
        (
            "systemd",
            [
                "printed disable=serve",
                "TimeoutStopSec=95",
                "Environment=\"LIFECYCLE_SHUTDOWN_TIMEOUT=1m 30s\"",
            ],
        ),
        (
            "compose",
            [
                "command: [\"disable=serve\"]",
                "stop_grace_period: 95s",
                "LIFECYCLE_SHUTDOWN_TIMEOUT: \"1m 30s\"",
            ],
        ),
    ] {
        let end = printing(format)
            .with("disable=serve")
            .env("LIFECYCLE_SHUTDOWN_TIMEOUT", "90")
            .run();
        expect_printed(&end);
        for line in lines {
            assert!(
                end.installed(HERE).contains(line),
                "`{line}` is not in\n{end}"
            );
        }
    }
}

#[test]
fn components_disabled_by_init_are_not_in_the_plan() {
    let end = printing("plan").with("disable=serve").run();
    expect_printed(&end);
    assert!(!end.stdout.contains("serve"), "{end}");
}

#[test]
fn warnings_are_not_mixed_with_the_printed_plan() {
    let end = printing("dot").env("LIFECYCLE_TIMEOUT_DATABSE", "3s").run();
    expect_printed(&end);
    end.expect_line(&["warning", "LIFECYCLE_TIMEOUT_DATABSE"]);
    assert!(!end.stdout.contains("DATABSE"), "{end}");
}

#[test]
fn an_unknown_format_is_refused_together_with_other_mistakes() {
    let end = printing("kubernets")
        .env("LIFECYCLE_LAME_DUCK", "banana")
        .with("disable=serv")
        .run();
    end.expect_code(2)
        .expect_line(&[
            "LIFECYCLE_PRINT=\"kubernets\"",
            "perhaps `kubernetes` is meant",
            "`compose`",
        ])
        .expect_line(&["LIFECYCLE_LAME_DUCK=\"banana\""])
        .expect_line(&["`serv` cannot be disabled", "`serve`"])
        .expect_names("start", "");
    assert_eq!(end.stdout, "", "{end}");
}

#[test]
fn an_invalid_plan_is_not_printed() {
    let end = printing("plan").with("disable=Database").run();
    end.expect_code(2)
        .expect_line(&["needs `Database`, which is disabled"]);
    assert_eq!(end.stdout, "", "{end}");
}

#[test]
fn a_closed_reader_is_not_an_error() {
    for format in ["plan", "json"] {
        let end = printing(format).stdout(gone()).run();
        expect_printed(&end);
        assert_eq!(end.stderr, "", "{end}");
        let end = printing(format).through("exec \"$@\" >&-").run();
        expect_printed(&end);
        assert_eq!(end.stderr, "", "{end}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_output_is_an_error() {
    let full = OpenOptions::new().write(true).open("/dev/full");
    let end = printing("plan").stdout(full.expect("the device")).run();
    end.expect_code(1)
        .expect_line(&["the plan could not be printed", "No space left"]);
}

#[test]
fn no_report_is_written_and_no_drill_begins() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("life.json");
    let end = printing("plan").env("LIFECYCLE_REPORT", &path).run();
    expect_printed(&end);
    assert!(!path.exists());
}

#[test]
fn an_empty_variable_prints_nothing() {
    let mut run = printing("").up();
    run.terminate();
    let end = run.end();
    end.expect_code(0);
    assert_eq!(end.stdout, "", "{end}");
}
