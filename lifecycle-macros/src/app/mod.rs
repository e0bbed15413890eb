//! `#[derive(App)]`: a struct becomes the state of an app, which the compiler proves as a whole.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::diagnostics::Context;

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
