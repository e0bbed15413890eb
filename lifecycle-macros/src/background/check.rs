//! Reports every mistake in the input; without any, returns what there is to expand.

use proc_macro2::TokenStream;
use syn::Attribute;

use super::parse::Args;
use crate::codegen::crate_path::private;
use crate::diagnostics::Context;
use crate::signature::function::{Function, cfgs, mentions};
use crate::signature::name::check_name;
use crate::signature::param::{self, Param};
use crate::signature::runtime::check_runtime;

/// A background worker without mistakes.
pub(crate) struct Worker<'a> {
    pub(crate) private: TokenStream,
    pub(crate) args: &'a Args,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) function: &'a Function,
    pub(crate) params: Vec<Param>,
}

pub(crate) fn check<'a>(cx: &Context, args: &'a Args, function: &'a Function) -> Worker<'a> {
    function.check_plain(cx, "a background worker");
    check_runtime(cx, function, "#[background]");
    if is_method(function) {
        let place: TokenStream = match function.sig.receiver() {
            Some(receiver) => quote::quote!(#receiver),
            None => {
                let name = function.name();
                quote::quote!(#name)
            }
        };
        let name = function.name();
        cx.error_on(
            place,
            format!("a background worker is a free function, not a method\nmove it out of the `impl` block and take the resource as a parameter: `fn {name}(db: &Database)`"),
        );
    }
    let params = if is_method(function) {
        Vec::new()
    } else {
        param::read(cx, function)
    };
    check_args(cx, args);
    check_name(cx, &args.name);
    Worker {
        private: private(&args.krate),
        args,
        cfgs: cfgs(&function.attrs),
        function,
        params,
    }
}

/// Whether the function is in an `impl` block, as far as its signature shows: only there are `self` and `Self` known.
pub(crate) fn is_method(function: &Function) -> bool {
    function.has_receiver() || mentions(&function.sig, "Self")
}

fn check_args(cx: &Context, args: &Args) {
    if args.every.is_set() {
        let why = "which runs the worker again whether it failed or not";
        args.restart.refuse(
            cx,
            &format!("`restart` cannot be combined with `every`, {why}\nremove one of them"),
        );
        if !args.restart.is_set() {
            for (name, set) in restart_details(args) {
                if let Some(span) = set {
                    cx.error_at(span, format!("`{name}` cannot be combined with `every`, {why}\nremove it, or write `max_failures = 3` to limit failures in a row"));
                }
            }
        }
    } else {
        let advice = "\nadd `every = \"60s\"`, or remove it";
        args.immediate.refuse(
            cx,
            &format!("`immediate` has no effect without `every`{advice}"),
        );
        args.run_timeout.refuse(
            cx,
            &format!("`run_timeout` has no effect without `every`{advice}"),
        );
        args.max_failures.refuse(
            cx,
            &format!("`max_failures` has no effect without `every`{advice}"),
        );
    }
    let restarts = args
        .restart
        .get()
        .is_some_and(|restart| *restart != "Never");
    if !args.every.is_set() && !restarts {
        for (name, set) in restart_details(args) {
            if let Some(span) = set {
                cx.error_at(span, format!("`{name}` has no effect without `restart`\nadd `restart = \"on_failure\"`, or remove it"));
            }
        }
    }
    if args.max_failures.get() == Some(&0) {
        args.max_failures.refuse(cx, "`max_failures = 0` would fail before the first run\nomit it for no limit, or write `max_failures = 1`");
    }
    if args.max_restarts.get() == Some(&0) && restarts {
        args.max_restarts.refuse(
            cx,
            "`max_restarts = 0` allows no restart\nwrite `restart = \"never\"` instead",
        );
    }
    if args.restart.get() == Some(&"Always") {
        args.on_finish.refuse(cx, "`on_finish` has no effect with `restart = \"always\"`: the worker is started again when it finishes\nremove one of them");
    }
    if args.every.is_set() {
        args.on_finish.refuse(cx, "`on_finish` has no effect with `every`: a run that finishes is followed by the next one\nremove one of them");
    }
}

fn restart_details(args: &Args) -> [(&'static str, Option<proc_macro2::Span>); 3] {
    [
        ("max_restarts", args.max_restarts.span()),
        ("within", args.within.span()),
        ("backoff", args.backoff.span()),
    ]
}
