//! Attributes that start a runtime of their own, such as `#[tokio::main]`: the app has one already.

use proc_macro2::Span;
use syn::Attribute;
use syn::spanned::Spanned;

use crate::diagnostics::Context;
use crate::signature::function::{Function, mentions};
use crate::signature::param::show;

/// Reports such attributes, whether they are still there or have been expanded before this one, and returns whether
/// there are any.
pub(crate) fn check_runtime(cx: &Context, function: &Function, owner: &str) -> bool {
    let mut any = false;
    for attr in function.attrs.iter().filter(|attr| is_runtime(attr)) {
        let path = show(attr.path());
        cx.error_on(attr, message(&format!("#[{path}]"), owner));
        any = true;
    }
    if owner.ends_with("test]") {
        for attr in function.attrs.iter().filter(|attr| is_test(attr)) {
            cx.error_on(
                attr,
                format!("`#[test]` cannot run an `async` function\nremove it: `{owner}` makes the function a test"),
            );
        }
    }
    if let Some(place) = expanded(function) {
        let attribute = if owner.ends_with("test]") {
            "#[tokio::test]"
        } else {
            "#[tokio::main]"
        };
        cx.error_at(place, message(attribute, owner));
        any = true;
    }
    any
}

fn message(attribute: &str, owner: &str) -> String {
    format!(
        "`{attribute}` starts a second runtime, beside that of the app\nremove it: `{owner}` runs the function on the runtime of the app"
    )
}

/// Whether the attribute runs an `async` function on a runtime of its own.
pub(crate) fn is_runtime(attr: &Attribute) -> bool {
    const CRATES: [&str; 7] = [
        "tokio",
        "async_std",
        "smol_potat",
        "actix_rt",
        "actix_web",
        "ntex",
        "rocket",
    ];
    let segments = &attr.path().segments;
    let of_runtime = segments
        .first()
        .is_some_and(|first| CRATES.iter().any(|name| first.ident == name));
    let starts_one = segments
        .last()
        .is_some_and(|last| last.ident == "main" || last.ident == "test");
    of_runtime && starts_one
}

/// Whether the attribute is `#[test]`.
pub(crate) fn is_test(attr: &Attribute) -> bool {
    attr.path().is_ident("test")
}

/// The place of a function that an attribute of tokio's has rewritten: it is no longer `async`, and its body blocks on a
/// runtime.
fn expanded(function: &Function) -> Option<Span> {
    let body = ["Builder", "enable_all", "block_on"];
    let rewritten = body.iter().all(|word| mentions(&function.body, word));
    (!function.is_async() && rewritten).then(|| function.sig.fn_token.span())
}
