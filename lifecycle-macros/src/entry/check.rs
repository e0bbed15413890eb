//! Reports every mistake in the input; without any, returns what there is to expand.

use proc_macro2::TokenStream;
use syn::{PatType, Type};

use super::Kind;
use super::parse::{Args, Flavor};
use crate::attribute::list::check_workers;
use crate::codegen::crate_path::private;
use crate::diagnostics::Context;
use crate::signature::function::{Function, mentions};
use crate::signature::param::{inside, inside_arc, show};
use crate::signature::runtime::check_runtime;

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
    let second_runtime = check_runtime(cx, function, kind.attribute());
    if !function.is_async() && !second_runtime {
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
    for param in function.typed() {
        check_param(cx, function, param);
    }
    check_args(cx, args);
    Entry {
        kind,
        private: private(&args.krate),
        args,
        function,
        params: function.typed().map(|param| &*param.ty).collect(),
    }
}

fn check_param(cx: &Context, function: &Function, param: &PatType) {
    let (ty, owner) = (&*param.ty, function.name());
    let inner = match ty {
        Type::Reference(reference) => &reference.elem,
        Type::ImplTrait(_) => {
            cx.error_on(ty, "the parameters are an app and `Shutdown`, so `impl Trait` is not allowed\nname the type");
            return;
        }
        _ => match inside(ty, &["Arc", "Rc", "Box"]) {
            Some(inner) => inner,
            None => return,
        },
    };
    let (name, shown) = (show(&param.pat), show(inner));
    let name = name.trim_start_matches('_');
    if shown == "Shutdown" {
        cx.error_on(ty, "a handle is taken by value\nwrite `Shutdown`");
        return;
    }
    let field = inside_arc(inner).map_or_else(|| shown.clone(), show);
    cx.error_on(
        ty,
        format!("the parameters of `{owner}` are an app and `Shutdown`, both by value\nfor a resource, add the field `{name}: Arc<{field}>` to the app; for an app, write `{name}: {shown}`"),
    );
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
