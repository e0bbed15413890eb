//! An answer of `/ask`: server-sent events.

use serde_json::Value;

/// Returns the names of the events of an answer, and the data of the last one.
pub(crate) fn events(body: &str) -> (Vec<&str>, Value) {
    let names = body
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    let last = body
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .next_back()
        .unwrap_or("null");
    (names, serde_json::from_str(last).expect("the data is JSON"))
}

/// Returns the data of the complete events of an answer.
pub(crate) fn data(body: &str) -> impl Iterator<Item = Value> {
    // The text after the last empty line may be a part of an event.
    let whole = body.rfind("\n\n").map_or("", |end| &body[..end]);
    whole.lines().filter_map(|line| {
        let data = line.strip_prefix("data: ")?;
        Some(serde_json::from_str(data).expect("the data is JSON"))
    })
}

/// Returns the text of an answer.
pub(crate) fn texts(body: &str) -> String {
    data(body)
        .filter_map(|data| Some(data["text"].as_str()?.to_owned()))
        .collect()
}
