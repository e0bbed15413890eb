//! `#[derive(App)]`

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::args::{Known, known};
use crate::context::Context;

pub(crate) const KNOWN: &[Known] = &[
    known("shutdown_timeout", "shutdown_timeout = \"30s\""),
    known("drain_timeout", "drain_timeout = \"10s\""),
    known("lame_duck", "lame_duck = \"5s\""),
    known("emergency_timeout", "emergency_timeout = \"2s\""),
    known("start_timeout", "start_timeout = \"60s\""),
    known("startup_timeout", "startup_timeout = \"5m\""),
    known("background", "background = [serve]"),
    known("expect", "expect = [plugin::Metrics]"),
    known("crate", "crate = lifecycle"),
];

pub(crate) fn app(item: TokenStream) -> TokenStream {
    let cx = Context::new();
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => {
            cx.push(error);
            return cx
                .check()
                .err()
                .map(|error| error.to_compile_error())
                .unwrap_or_default();
        }
    };
    let args = parse::Args::parse(&cx, &input.attrs);
    let app = check::check(&cx, &args, &input);
    match cx.check() {
        Ok(()) => expand::expand(&app),
        Err(errors) => expand::failed(&errors, &args, &input),
    }
}
