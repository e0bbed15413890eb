//! The output of `LIFECYCLE_PRINT` for the agent: the plan, and files that run the agent.

use expect_test::{ExpectFile, expect_file};
use lifecycle_tests::harness::Program;

#[test]
fn the_plan_and_what_runs_the_agent_are_as_checked_in() {
    let here = env!("CARGO_BIN_EXE_agent");
    let check = |format: &str, expected: ExpectFile| {
        let end = Program::new(here).env("LIFECYCLE_PRINT", format).run();
        expected.assert_eq(&end.installed(here));
    };
    check("plan", expect_file!["print/plan.txt"]);
    check("dot", expect_file!["print/graph.dot"]);
    check("mermaid", expect_file!["print/graph.mmd"]);
    check("json", expect_file!["print/plan.json"]);
    check("kubernetes", expect_file!["print/deployment.yaml"]);
    check("systemd", expect_file!["print/agent.service"]);
    check("compose", expect_file!["print/compose.yaml"]);
}
