//! Checks JSON against its schema.

use serde_json::{Value, json};

/// Asserts that the value conforms to the schema, and that it has no field that the schema does not mention.
#[track_caller]
pub(crate) fn expect_valid(value: &Value, schema: &str) {
    let mut schema: Value = serde_json::from_str(schema).expect("JSON");
    let valid = jsonschema::meta::validate(&schema);
    assert!(valid.is_ok(), "it is no schema: {valid:?}");
    close(&mut schema);
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema");
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{value:#}");
}

/// Fields may be added within a version, but the schema must mention them.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(rules) => {
            rules.values_mut().for_each(close);
            if rules.get("properties").is_some_and(Value::is_object) {
                rules.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(all) => all.iter_mut().for_each(close),
        _ => {}
    }
}
