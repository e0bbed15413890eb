//! `#[background(..)]`: a function becomes a background worker.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;

use crate::diagnostics::Context;
use crate::signature::function::Function;

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
