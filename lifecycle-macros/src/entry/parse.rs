//! Reads the arguments of the attribute.

use proc_macro2::TokenStream;
use syn::{Expr, Path};

use super::Kind;
use crate::attribute;
use crate::attribute::arg::Arg;
use crate::attribute::known::{MAIN, TEST};
use crate::attribute::list::Listed;
use crate::diagnostics::Context;
use crate::signature::function::not_a_function;

/// The arguments of both attributes. The tables in `attribute/known.rs` say which of them takes which.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) init: Arg<Expr>,
    pub(crate) flavor: Arg<Flavor>,
    pub(crate) worker_threads: Arg<usize>,
    pub(crate) registered: Arg<bool>,
    pub(crate) provide: Arg<Vec<Expr>>,
    pub(crate) background: Arg<Vec<Listed>>,
    pub(crate) start_paused: Arg<bool>,
    pub(crate) krate: Arg<Path>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    CurrentThread,
    MultiThread,
}

const FLAVORS: [(&str, Flavor); 2] = [
    ("current_thread", Flavor::CurrentThread),
    ("multi_thread", Flavor::MultiThread),
];

impl Args {
    pub(crate) fn parse(cx: &Context, kind: Kind, tokens: TokenStream) -> Self {
        let mut args = Self::default();
        let (owner, table) = match kind {
            Kind::Main => ("`#[lifecycle::main(..)]`", MAIN),
            Kind::Test => ("`#[lifecycle::test(..)]`", TEST),
        };
        attribute::parse(cx, tokens, owner, table, |key, value| {
            match key.name.as_str() {
                "init" => args.init.set(cx, key, value.function()?),
                "flavor" => args.flavor.set(cx, key, value.choice(&FLAVORS)?),
                "worker_threads" => {
                    args.worker_threads
                        .set(cx, key, value.number("of at least 1")?)
                }
                "registered" => args.registered.set(cx, key, value.boolean()?),
                "provide" => args.provide.set(cx, key, value.list(cx)?),
                "background" => args.background.set(cx, key, value.list(cx)?),
                "start_paused" => args.start_paused.set(cx, key, value.boolean()?),
                "crate" => args.krate.set(cx, key, value.path()?),
                _ => {}
            }
            Ok(())
        });
        args
    }
}

/// The error for an item that is not a function, or only the signature of one.
pub(crate) fn wrong_item(kind: Kind, item: &TokenStream, error: syn::Error) -> syn::Error {
    let example = match kind {
        Kind::Main => "async fn main(app: Agent) { .. }",
        Kind::Test => "async fn works(app: Agent) { .. }",
    };
    let attribute = kind.attribute();
    match not_a_function(item) {
        Some(keyword) => syn::Error::new(
            keyword.span(),
            format!("`{attribute}` goes on a function\nwrite `{attribute} {example}`"),
        ),
        None => error,
    }
}
