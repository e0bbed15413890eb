//! The name of a component.

use crate::attribute::arg::Arg;
use crate::diagnostics::Context;

/// Reports names that cannot be part of logs, plans and environment variables.
pub(crate) fn check_name(cx: &Context, name: &Arg<syn::LitStr>) {
    let Some(literal) = name.get() else { return };
    let text = literal.value();
    let allowed = |c: char| c.is_alphanumeric() || "_-.:".contains(c);
    if text.is_empty() {
        cx.error_on(literal, "`name` is empty\nomit it for the default name");
    } else if let Some(wrong) = text.chars().find(|c| !allowed(*c)) {
        cx.error_on(
            literal,
            format!(
                "`name` cannot contain `{}`\nallowed are letters, digits, `_`, `-`, `.` and `:`",
                wrong.escape_debug()
            ),
        );
    }
}
