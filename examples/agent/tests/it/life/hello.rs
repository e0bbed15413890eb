//! The first output of the agent: what it runs on, and which variables change that.

use super::*;

#[test]
fn the_first_lines_name_the_defaults_and_their_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut run, at) = up(agent(folder.path()));
    run.terminate();
    let end = run.end();
    end.expect_code(0);
    let data = folder.path().display().to_string();
    let vectors = format!("in memory, saved to {data}/vectors.bin");
    let expected = [
        ("agent on ", &*at, "(AGENT_ADDR)"),
        ("  data       ", &data, "(AGENT_DATA)"),
        ("  rows       ", "SQLite", "(DATABASE_URL)"),
        ("  cache      ", "", "(REDIS_URL)"),
        ("  vectors    ", &vectors, "(AGENT_DATA, DATABASE_URL)"),
        ("  embedding  ", "built-in", "(AGENT_EMBEDDING_MODEL)"),
        (
            "  model      ",
            "built-in",
            "(AGENT_LLM_URL, AGENT_LLM_MODEL, AGENT_LLM_KEY)",
        ),
        ("try:", "", ""),
    ];
    let mut lines = end.stdout.lines();
    for (what, value, variable) in expected {
        // Each line once, in this order.
        let line = lines.find(|line| line.starts_with(what));
        let line = line.unwrap_or_else(|| panic!("no line `{what}`\n{end}"));
        assert!(line[what.len()..].starts_with(value), "{line}");
        assert!(line.ends_with(variable), "{line}");
    }
}

#[test]
fn an_unavailable_embedding_model_exits_with_2_and_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("model");
    let end = agent(folder.path())
        .env("AGENT_EMBEDDING_MODEL", &model)
        .run();
    let how = if cfg!(feature = "candle") {
        "`config.json` cannot be read"
    } else {
        "`--features candle`"
    };
    let model = model.display().to_string();
    end.expect_code(2)
        .expect_line(&["AGENT_EMBEDDING_MODEL", &model, how]);
}
