//! `#[background(..)]`

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;

pub(crate) use parse::not_a_function;

use crate::args::{Known, known};
use crate::context::Context;
use crate::function::Function;

pub(crate) const KNOWN: &[Known] = &[
    known("order", "order = 3"),
    known("timeout", "timeout = \"5s\""),
    known("name", "name = \"poller\""),
    known("every", "every = \"60s\""),
    known("immediate", "immediate"),
    known("run_timeout", "run_timeout = \"30s\""),
    known("max_failures", "max_failures = 3"),
    known("restart", "restart = \"on_failure\""),
    known("max_restarts", "max_restarts = 5"),
    known("within", "within = \"60s\""),
    known("backoff", "backoff = \"500ms\""),
    known("on_failure", "on_failure = \"ignore\""),
    known("on_finish", "on_finish = \"shutdown\""),
    known("crate", "crate = lifecycle"),
];

pub(crate) fn background(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let cx = Context::new();
    let args = parse::Args::parse(&cx, arguments);
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            cx.push(parse::wrong_item(&item, error));
            return expand::failed(item, cx.check().err(), &args, None);
        }
    };
    let worker = check::check(&cx, &args, &function);
    match cx.check() {
        Ok(()) => expand::expand(&item, &worker),
        Err(errors) => expand::failed(item, Some(errors), &args, Some(&function)),
    }
}
