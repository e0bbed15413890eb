//! The hooks of a resource, which are found by name, and the signature that each of them must have.

use proc_macro2::Ident;
use strsim::osa_distance;
use syn::ext::IdentExt;
use syn::{Attribute, Type};

use super::parse::Block;
use crate::codegen::hook_call::HookCall;
use crate::diagnostics::Context;
use crate::signature::function::{Function, cfgs, mentions};
use crate::signature::param::{self, Param, show};

/// One hook, under its own `#[cfg]`s.
pub(crate) struct Hook {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) call: HookCall,
}

pub(crate) struct Start {
    pub(crate) hook: Hook,
    pub(crate) params: Vec<Param>,
}

pub(crate) struct Expects {
    pub(crate) hook: Hook,
    /// `E` where it takes `&E`.
    pub(crate) error: Type,
}

const HOOKS: [&str; 7] = [
    "start",
    "stop",
    "emergency",
    "health",
    "reload",
    "in_use",
    "expects",
];

/// Ordinary words that are one edit away from a hook and are not taken for typing errors.
const WORDS: [&str; 11] = [
    "step", "shop", "stow", "stoop", "strop", "stat", "star", "stark", "smart", "preload", "wealth",
];

/// Names by which other frameworks and libraries call what is `stop` here.
const STOPS: [&str; 20] = [
    "async_drop",
    "clean_up",
    "cleanup",
    "close",
    "deinit",
    "destroy",
    "dispose",
    "drop",
    "finalize",
    "finish",
    "graceful_shutdown",
    "halt",
    "on_shutdown",
    "on_stop",
    "pre_stop",
    "shut_down",
    "shutdown",
    "tear_down",
    "teardown",
    "terminate",
];

impl Hook {
    pub(crate) fn of(function: &Function) -> Self {
        Self {
            cfgs: cfgs(&function.attrs),
            call: HookCall::of(function),
        }
    }
}

pub(crate) fn starts(cx: &Context, block: &Block, found: &[&Function]) -> Vec<Start> {
    if found.is_empty() {
        let near = block.functions.iter().find(|function| {
            !function.has_receiver()
                && function.returns().is_some()
                && is_near(function.name(), "start")
        });
        match near {
            Some(near) => cx.error_on(
                near.name(),
                format!(
                    "`start` is missing, and `{}` looks like it\nwrite `fn start`",
                    near.name()
                ),
            ),
            None => cx.error_on(&block.ty, missing_start(block)),
        }
    }
    found
        .iter()
        .map(|function| {
            function.check_plain(cx, "`start`");
            if let Some(receiver) = function.sig.receiver() {
                cx.error_on(
                    receiver,
                    "`start` creates the resource, so it cannot take `self`\nremove it, and take dependencies as parameters: `config: &Config`",
                );
            }
            if function.returns().is_none() {
                cx.error_on(
                    function.name(),
                    "`start` must return the resource\nwrite `-> Self`, or `-> Result<Self, E>` if it can fail",
                );
            }
            Start { hook: Hook::of(function), params: param::read(cx, function) }
        })
        .collect()
}

/// The message for a block without `start`, which names the function that creates the value, if there is one.
fn missing_start(block: &Block) -> String {
    let creates = |function: &&Function| {
        let returns = function.returns();
        !function.has_receiver()
            && returns.is_some_and(|ty| mentions(ty, "Self"))
            && !function.name().to_string().contains("start")
    };
    let advice = match block.functions.iter().find(creates) {
        Some(creator) => format!(
            "rename `{}` to `start`, or write a `start` that calls it; its parameters are dependencies",
            creator.name()
        ),
        None => "write `async fn start() -> Self { .. }`, or `-> Result<Self, E>`, with dependencies as parameters".to_owned(),
    };
    format!("`start`, which creates the resource, is missing\n{advice}")
}

fn check_shared_self(cx: &Context, function: &Function) -> bool {
    function.check_plain(cx, &format!("`{}`", function.name()));
    let name = function.name();
    match function.sig.receiver() {
        _ if function.takes_shared_self() => return true,
        None => cx.error_on(name, format!("`{name}` is a hook and takes `&self`\nwrite `fn {name}(&self)`, or give it another name")),
        Some(receiver) => {
            let why = match &*receiver.ty {
                Type::Reference(reference) if reference.mutability.is_some() => {
                    ": the resource may still be shared\nkeep what changes in a `Mutex`".to_owned()
                }
                _ if receiver.colon_token.is_some() => format!("\nwrite `fn {name}(&self)`"),
                _ => ": the resource is in an `Arc`\nkeep what is consumed in a `Mutex<Option<_>>`".to_owned(),
            };
            let shown = show(receiver).replacen("self:", "self: ", 1);
            cx.error_on(receiver, format!("`{name}` takes `&self`, not `{shown}`{why}"));
        }
    }
    false
}

pub(crate) fn check_hook(cx: &Context, function: &Function) {
    let name = function.name();
    if check_shared_self(cx, function) {
        for extra in function.typed() {
            cx.error_on(extra, format!("`{name}` takes `&self` only\ntake it as a parameter of `start`, and keep it in the resource"));
        }
    }
}

fn check_synchronous(cx: &Context, function: &Function, why: &str) {
    if let Some(keyword) = &function.sig.asyncness {
        let name = function.name();
        cx.error_on(
            keyword,
            format!("`{name}` cannot be `async`: {why}\nwrite `fn {name}`"),
        );
    }
}

pub(crate) fn check_emergency(cx: &Context, function: &Function) {
    check_hook(cx, function);
    check_synchronous(
        cx,
        function,
        "it is the last resort, on a thread outside the runtime",
    );
    let unit = |ty: &&Type| matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty());
    if let Some(ty) = function.returns().filter(|ty| !unit(ty)) {
        cx.error_on(ty, "`emergency` returns nothing: at that point no error can be handled\nremove the return type");
    }
}

pub(crate) fn check_in_use(cx: &Context, function: &Function) {
    check_hook(cx, function);
    check_synchronous(cx, function, "it only counts");
    if function.returns().is_none() {
        cx.error_on(
            function.name(),
            "`in_use` must return the number of outstanding leases\nwrite `fn in_use(&self) -> usize`",
        );
    }
}

pub(crate) fn expects(cx: &Context, found: &[&Function], stops: &[&Function]) -> Vec<Expects> {
    let mut all = Vec::new();
    for function in found {
        check_synchronous(cx, function, "it only looks at an error");
        if !check_shared_self(cx, function) {
            continue;
        }
        let advice = "write `fn expects(&self, error: &E) -> bool`, with the error type of `stop`";
        match stops.first() {
            None => cx.error_on(
                function.name(),
                "`expects` judges the errors of `stop`, which is missing\nadd `stop`, or remove `expects`",
            ),
            Some(stop) if stop.returns().is_none() => cx.error_on(
                function.name(),
                "`expects` judges the errors of `stop`, which cannot fail\nreturn a `Result` from `stop`, or remove `expects`",
            ),
            Some(_) => {}
        }
        if function.returns().is_none() {
            cx.error_on(
                function.name(),
                format!("`expects` must return whether the error was expected\n{advice}"),
            );
        }
        let params: Vec<_> = function.typed().collect();
        match params.as_slice() {
            [param] => match &*param.ty {
                Type::Reference(reference) if reference.mutability.is_none() => {
                    let error = (*reference.elem).clone();
                    all.push(Expects {
                        hook: Hook::of(function),
                        error,
                    });
                }
                ty => cx.error_on(ty, format!("`expects` takes the error as `&E`\n{advice}")),
            },
            _ => cx.error_on(
                &function.sig.inputs,
                format!("`expects` takes one error besides `&self`\n{advice}"),
            ),
        }
    }
    all
}

fn is_near(name: &Ident, hook: &str) -> bool {
    let name = name.unraw().to_string();
    osa_distance(&name, hook) == 1
        && !HOOKS.contains(&name.as_str())
        && !WORDS.contains(&name.as_str())
}

/// Reports methods that have the signature of an absent hook, and nearly its name.
pub(crate) fn near_misses(cx: &Context, block: &Block) {
    for hook in HOOKS.iter().filter(|hook| **hook != "start") {
        if block
            .functions
            .iter()
            .any(|function| function.name().unraw() == *hook)
        {
            continue;
        }
        for function in block
            .functions
            .iter()
            .filter(|function| is_near(function.name(), hook))
        {
            let returns = function.returns();
            let has_signature = match *hook {
                "expects" => {
                    function.takes_shared_self()
                        && function.typed().count() == 1
                        && returns.is_some()
                }
                "in_use" => function.takes_only_self() && returns.is_some(),
                _ => function.takes_only_self() && returns.is_none_or(|ty| mentions(ty, "Result")),
            };
            if has_signature {
                let name = function.name();
                cx.error_on(
                    name,
                    format!("`{name}` has the signature of the hook `{hook}` but not its name, so it would never be called\nwrite `fn {hook}`, or choose a less similar name"),
                );
            }
        }
    }
}

/// Reports a method that cleans up by its name, beside an absent `stop`: nothing would call it at shutdown. A `stop`, even an
/// empty one, says that this is meant.
pub(crate) fn other_stop(cx: &Context, block: &Block) {
    let is = |function: &&Function, names: &[&str]| {
        let name = function.name().unraw().to_string();
        names.contains(&name.as_str())
    };
    if block
        .functions
        .iter()
        .any(|function| is(&function, &["stop"]))
    {
        return;
    }
    let found = block.functions.iter().find(|function| {
        let returns = function.returns();
        // One under a `#[cfg]` may be for tests only.
        is(function, &STOPS)
            && cfgs(&function.attrs).is_empty()
            && function.takes_only_self()
            && returns.is_none_or(|ty| mentions(ty, "Result"))
    });
    let Some(function) = found else { return };
    let name = function.name();
    let (keyword, wait) = if function.is_async() {
        ("async ", ".await")
    } else {
        ("", "")
    };
    let returns = function
        .returns()
        .map_or_else(String::new, |ty| format!(" -> {}", show(ty)));
    cx.error_on(
        name,
        format!("nothing calls `{name}` at shutdown: that hook is `stop`, which is missing\nrename it to `stop`, or add `{keyword}fn stop(&self){returns} {{ self.{name}(){wait} }}`; if it has nothing to do with shutdown, add `async fn stop(&self) {{}}`"),
    );
}
