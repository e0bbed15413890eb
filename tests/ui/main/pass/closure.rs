//! `init` is a closure that cannot fail; the body has no parameters.

#![deny(warnings)]

/// Documented.
#[lifecycle::main(init = |_: &mut lifecycle::Setup| ())]
#[allow(clippy::unused_async, reason = "nothing to wait for")]
async fn main() {}
