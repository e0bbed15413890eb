//! `#[lifecycle::main]` and `#[lifecycle::test]`: the user's function moves, unchanged, into a generated one.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;

use crate::args::{Known, known};
use crate::context::Context;
use crate::function::Function;

pub(crate) const MAIN: &[Known] = &[
    known("init", "init = setup"),
    known("flavor", "flavor = \"current_thread\""),
    known("worker_threads", "worker_threads = 4"),
    known("registered", "registered = false"),
    known("crate", "crate = lifecycle"),
];

pub(crate) const TEST: &[Known] = &[
    known("provide", "provide = [FakeClock::new()]"),
    known("background", "background = [poll]"),
    known("flavor", "flavor = \"multi_thread\""),
    known("worker_threads", "worker_threads = 4"),
    known("start_paused", "start_paused = true"),
    known("crate", "crate = lifecycle"),
];

/// Which of the two it is.
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
