//! `#[resource(..)]`: an `impl` block becomes that of a resource.

mod check;
mod expand;
mod foreign;
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
        (result, _) => {
            // rustc refuses the user's block as well, where the type is not of this crate.
            let foreign = foreign::is_foreign(&block.ty) && block.of.is_none();
            let item = if foreign { TokenStream::new() } else { item };
            expand::failed(item, result.err(), &args, block.stub().as_ref())
        }
    }
}
