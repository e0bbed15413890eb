//! Reads the arguments of the attribute.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::{LitStr, Path};

use crate::attribute;
use crate::attribute::arg::Arg;
use crate::attribute::known::BACKGROUND;
use crate::diagnostics::Context;
use crate::signature::function::not_a_function;

/// The arguments of the attribute. A word is kept as the name of the variant that it stands for.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) order: Arg<i32>,
    pub(crate) timeout: Arg<Duration>,
    pub(crate) name: Arg<LitStr>,
    pub(crate) every: Arg<Duration>,
    pub(crate) immediate: Arg<()>,
    pub(crate) run_timeout: Arg<Duration>,
    pub(crate) max_failures: Arg<u32>,
    pub(crate) restart: Arg<&'static str>,
    pub(crate) max_restarts: Arg<u32>,
    pub(crate) within: Arg<Duration>,
    pub(crate) backoff: Arg<Duration>,
    pub(crate) on_failure: Arg<&'static str>,
    pub(crate) on_finish: Arg<&'static str>,
    pub(crate) krate: Arg<Path>,
}

const RESTART: [(&str, &str); 3] = [
    ("never", "Never"),
    ("on_failure", "OnFailure"),
    ("always", "Always"),
];
const ON_END: [(&str, &str); 2] = [("shutdown", "Shutdown"), ("ignore", "Ignore")];

impl Args {
    pub(crate) fn parse(cx: &Context, tokens: TokenStream) -> Self {
        let mut args = Self::default();
        attribute::parse(
            cx,
            tokens,
            "`#[background(..)]`",
            BACKGROUND,
            |key, value| {
                match key.name.as_str() {
                    "order" => {
                        args.order
                            .set(cx, key, value.number("from -2147483648 to 2147483647")?)
                    }
                    "timeout" => args.timeout.set(cx, key, value.duration()?),
                    "name" => args.name.set(cx, key, value.string()?),
                    "every" => args.every.set(cx, key, value.duration()?),
                    "immediate" => args.immediate.set(cx, key, value.flag()?),
                    "run_timeout" => args.run_timeout.set(cx, key, value.duration()?),
                    "max_failures" => {
                        args.max_failures
                            .set(cx, key, value.number("from 1 to 4294967295")?)
                    }
                    "restart" => args.restart.set(cx, key, value.choice(&RESTART)?),
                    "max_restarts" => {
                        args.max_restarts
                            .set(cx, key, value.number("from 1 to 4294967295")?)
                    }
                    "within" => args.within.set(cx, key, value.duration()?),
                    "backoff" => args.backoff.set(cx, key, value.duration()?),
                    "on_failure" => args.on_failure.set(cx, key, value.choice(&ON_END)?),
                    "on_finish" => args.on_finish.set(cx, key, value.choice(&ON_END)?),
                    "crate" => args.krate.set(cx, key, value.path()?),
                    _ => {}
                }
                Ok(())
            },
        );
        args
    }
}

/// The error for an item that is not a function, or only the signature of one.
pub(crate) fn wrong_item(item: &TokenStream, error: syn::Error) -> syn::Error {
    let Some(keyword) = not_a_function(item) else {
        return error;
    };
    let advice = if keyword == "impl" {
        "; for an `impl` block, `#[resource]`"
    } else {
        ""
    };
    syn::Error::new(
        keyword.span(),
        format!(
            "`#[background]` goes on a function\nwrite `#[background] async fn serve(shutdown: Shutdown) {{ .. }}`{advice}"
        ),
    )
}
