//! Reports every mistake in the input; without any, returns what there is to expand.

use proc_macro2::TokenStream;
use syn::Type;

use super::Kind;
use super::parse::{Args, Flavor};
use crate::attribute::list::check_workers;
use crate::codegen::crate_path::private;
use crate::diagnostics::Context;
use crate::signature::function::{Function, mentions};
use crate::signature::param::show;

/// A `main` or a test without mistakes.
pub(crate) struct Entry<'a> {
    pub(crate) kind: Kind,
    pub(crate) private: TokenStream,
    pub(crate) args: &'a Args,
    pub(crate) function: &'a Function,
    pub(crate) params: Vec<&'a Type>,
}

pub(crate) fn check<'a>(
    cx: &Context,
    kind: Kind,
    args: &'a Args,
    function: &'a Function,
) -> Entry<'a> {
    let name = function.name();
    function.check_plain(cx, &format!("`{name}`"));
    if !function.is_async() {
        cx.error_on(
            function.sig.fn_token,
            format!("`{name}` must be `async`: it runs in the app that the attribute starts\nwrite `async fn {name}`"),
        );
    }
    if function.has_receiver() || mentions(&function.sig, "Self") {
        cx.error_on(
            name,
            format!(
                "`{}` goes on a free function, not on a method\nmove it out of the `impl` block",
                kind.attribute()
            ),
        );
    }
    let params = function.typed().map(|param| &*param.ty).collect::<Vec<_>>();
    for ty in &params {
        check_param(cx, ty);
    }
    check_args(cx, args);
    Entry {
        kind,
        private: private(&args.krate),
        args,
        function,
        params,
    }
}

fn check_param(cx: &Context, ty: &Type) {
    match ty {
        Type::Reference(reference) => cx.error_on(
            ty,
            format!(
                "the parameters are an app and `Shutdown`, both by value\nwrite `{}`; a resource is a field of the app",
                show(&reference.elem)
            ),
        ),
        Type::ImplTrait(_) => cx.error_on(ty, "the parameters are an app and `Shutdown`, so `impl Trait` is not allowed\nname the type"),
        _ => {}
    }
}

fn check_args(cx: &Context, args: &Args) {
    if let Some(workers) = args.background.get() {
        check_workers(cx, workers);
    }
    let single = match args.flavor.get() {
        Some(flavor) => *flavor == Flavor::CurrentThread,
        None => false,
    };
    if single {
        args.worker_threads.refuse(
            cx,
            "`worker_threads` has no effect with `flavor = \"current_thread\"`\nremove one of them",
        );
    }
    if args.worker_threads.get() == Some(&0) {
        args.worker_threads.refuse(
            cx,
            "`worker_threads` must be at least 1\nomit it for one thread per core",
        );
    }
    if args.start_paused.get() == Some(&true) && args.flavor.get() == Some(&Flavor::MultiThread) {
        args.start_paused.refuse(
            cx,
            "`start_paused` needs the current-thread runtime\nremove `flavor = \"multi_thread\"`",
        );
    }
}
