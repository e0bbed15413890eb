//! `#[resource(..)]`

mod check;
mod expand;
mod hooks;
mod parse;

use proc_macro2::TokenStream;

pub(crate) use check::check_name;

use crate::args::{Known, known};
use crate::context::Context;

pub(crate) const KNOWN: &[Known] = &[
    known("order", "order = 3"),
    known("timeout", "timeout = \"5s\""),
    known("start_timeout", "start_timeout = \"30s\""),
    known("retries", "retries = 5"),
    known("backoff", "backoff = \"200ms\""),
    known("after", "after = [Metrics]"),
    known("as", "as = dyn Clock"),
    known("readiness", "readiness"),
    known("name", "name = \"db\""),
    known("crate", "crate = lifecycle"),
];

pub(crate) fn resource(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let cx = Context::new();
    let args = parse::Args::parse(&cx, arguments);
    let block = match parse::Block::parse(item.clone()) {
        Ok(block) => block,
        Err(wrong) => {
            cx.push(wrong.error);
            let errors = cx.check().err();
            return expand::failed(item, errors, &args, wrong.stub.as_ref());
        }
    };
    let checked = match &block.broken {
        Some(error) => {
            cx.push(error.clone());
            None
        }
        None => check::check(&cx, &args, &block),
    };
    match (cx.check(), checked) {
        (Ok(()), Some(resource)) => expand::expand(&item, &resource),
        (result, _) => expand::failed(item, result.err(), &args, block.stub().as_ref()),
    }
}
