#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    for macro_name in ["resource", "background", "app", "main", "test"] {
        cases.compile_fail(format!("ui/{macro_name}/fail/*.rs"));
        cases.pass(format!("ui/{macro_name}/pass/*.rs"));
    }
}
