//! `#[lifecycle::main]` and `#[lifecycle::test]`: the user's function moves unchanged into a generated one, which runs it in an app.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;

use crate::diagnostics::Context;
use crate::signature::function::Function;

/// Which of the two attributes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Test,
}

impl Kind {
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Main => "#[lifecycle::main]",
            Self::Test => "#[lifecycle::test]",
        }
    }
}

pub(crate) fn entry(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let cx = Context::new();
    let args = parse::Args::parse(&cx, kind, arguments);
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            cx.push(parse::wrong_item(kind, &item, error));
            let errors = cx.check().err().map(|error| error.to_compile_error());
            return quote::quote!(#item #errors);
        }
    };
    let entry = check::check(&cx, kind, &args, &function);
    match cx.check() {
        Ok(()) => expand::expand(&entry),
        Err(errors) => expand::failed(kind, &errors, &function),
    }
}
