//! `#[resource(..)]`: an `impl` block becomes that of a resource.

mod check;
mod expand;
mod hooks;
mod parse;

use proc_macro2::TokenStream;

use crate::diagnostics::Context;

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
