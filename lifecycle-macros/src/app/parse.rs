//! Reads the arguments of the helper attributes `#[app(..)]`.

use std::time::Duration;

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, LitStr, Meta, Path};

use crate::attribute;
use crate::attribute::arg::Arg;
use crate::attribute::duration;
use crate::attribute::known::APP;
use crate::attribute::list::Listed;
use crate::diagnostics::Context;
use crate::signature::param::show;

/// The arguments of all helper attributes of a struct together.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) shutdown_timeout: Arg<(Duration, Span)>,
    pub(crate) drain_timeout: Arg<Duration>,
    pub(crate) lame_duck: Arg<Duration>,
    pub(crate) emergency_timeout: Arg<Duration>,
    pub(crate) start_timeout: Arg<Duration>,
    pub(crate) startup_timeout: Arg<Duration>,
    pub(crate) background: Arg<Vec<Listed>>,
    pub(crate) expect: Arg<Vec<Expected>>,
    pub(crate) krate: Arg<Path>,
}

/// A component that must be registered, as a name or as a path. The path is never resolved, because naming a crate would
/// link it.
pub(crate) struct Expected {
    pub(crate) name: String,
    pub(crate) span: Span,
}

impl Parse for Expected {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let span = input.span();
        if input.peek(LitStr) {
            let literal: LitStr = input.parse()?;
            return Ok(Self {
                name: literal.value(),
                span,
            });
        }
        let path = input.call(Path::parse_mod_style).map_err(|error| {
            syn::Error::new(error.span(), "`expect` lists paths and names of components\nwrite `expect = [plugin::Metrics, \"name\"]`")
        })?;
        Ok(Self {
            name: show(&path),
            span,
        })
    }
}

impl Args {
    pub(crate) fn parse(cx: &Context, attrs: &[Attribute]) -> Self {
        let mut args = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("app")) {
            match &attr.meta {
                Meta::List(list) => args.read(cx, list.tokens.clone()),
                other => cx.error_on(
                    other,
                    "expected a list of arguments\nwrite `#[app(shutdown_timeout = \"30s\")]`",
                ),
            }
        }
        args
    }

    fn read(&mut self, cx: &Context, tokens: proc_macro2::TokenStream) {
        attribute::parse(cx, tokens, "`#[app(..)]`", APP, |key, value| {
            match key.name.as_str() {
                "shutdown_timeout" => {
                    let literal = value.duration_literal()?;
                    let time = duration::parse(&literal, &key.name, false)?;
                    self.shutdown_timeout.set(cx, key, (time, literal.span()));
                }
                "drain_timeout" => self.drain_timeout.set(cx, key, value.duration()?),
                "lame_duck" => self.lame_duck.set(cx, key, value.duration_or_zero()?),
                "emergency_timeout" => self.emergency_timeout.set(cx, key, value.duration()?),
                "start_timeout" => self.start_timeout.set(cx, key, value.duration()?),
                "startup_timeout" => self.startup_timeout.set(cx, key, value.duration()?),
                "background" => self.background.set(cx, key, value.list(cx)?),
                "expect" => self.expect.set(cx, key, value.list(cx)?),
                "crate" => self.krate.set(cx, key, value.path()?),
                _ => {}
            }
            Ok(())
        });
    }
}
