//! What is wrong with the input, all of it, and what is left to expand when nothing is.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::{Attribute, Type};

use super::parse::{Args, Block};
use crate::arg::Arg;
use crate::context::Context;
use crate::function::{Function, cfgs, mentions};
use crate::hook::HookCall;
use crate::krate::private;
use crate::listed::{Listed, check_unique};
use crate::nearest::distance;
use crate::param::{self, Param, show};

/// A resource without a mistake in it.
pub(crate) struct Resource<'a> {
    pub(crate) private: TokenStream,
    pub(crate) args: &'a Args,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) ty: &'a Type,
    pub(crate) name: String,
    pub(crate) starts: Vec<Start>,
    pub(crate) stop: Vec<Hook>,
    pub(crate) emergency: Vec<Hook>,
    pub(crate) health: Vec<Hook>,
    pub(crate) reload: Vec<Hook>,
    pub(crate) in_use: Vec<Hook>,
    pub(crate) expects: Vec<Expects>,
}

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
    /// `E`, where it takes `&E`.
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

/// Ordinary words that are one edit away from a hook and are no typing mistakes.
const WORDS: [&str; 11] = [
    "step", "shop", "stow", "stoop", "strop", "stat", "star", "stark", "smart", "preload", "wealth",
];

pub(crate) fn check<'a>(cx: &Context, args: &'a Args, block: &'a Block) -> Option<Resource<'a>> {
    if !block_is_inherent(cx, block) {
        return None;
    }
    let name = type_name(&block.ty);
    if name.is_none() {
        cx.error_on(
            &block.ty,
            "a resource is a type of its own\nwrap this one: `struct Name(..)`, and annotate `impl Name`",
        );
    }
    let find = |name: &str| -> Vec<&Function> {
        block
            .functions
            .iter()
            .filter(|function| function.name().unraw() == name)
            .collect()
    };
    let hooks = |name: &str, check: fn(&Context, &Function)| -> Vec<Hook> {
        let found = find(name);
        found.iter().for_each(|function| check(cx, function));
        found.into_iter().map(Hook::of).collect()
    };
    let starts = starts(cx, block, &find("start"));
    let stop = hooks("stop", check_hook);
    let emergency = hooks("emergency", check_emergency);
    let health = hooks("health", check_hook);
    let reload = hooks("reload", check_hook);
    let in_use = hooks("in_use", check_in_use);
    let expects = expects(cx, &find("expects"), &find("stop"));
    near_misses(cx, block);
    check_args(cx, args, !health.is_empty());
    Some(Resource {
        private: private(&args.krate),
        args,
        cfgs: cfgs(&block.attrs),
        ty: &block.ty,
        name: name?,
        starts: once(starts, |start| &start.hook),
        stop: once(stop, |hook| hook),
        emergency: once(emergency, |hook| hook),
        health: once(health, |hook| hook),
        reload: once(reload, |hook| hook),
        in_use: once(in_use, |hook| hook),
        expects: once(expects, |expects| &expects.hook),
    })
}

fn block_is_inherent(cx: &Context, block: &Block) -> bool {
    if let Some(of) = &block.of {
        let shown = show(&block.ty);
        let advice = if of
            .segments
            .last()
            .is_some_and(|last| last.ident == "Resource")
        {
            "remove the attribute: an `impl Resource` by hand needs none".to_owned()
        } else {
            format!(
                "annotate `impl {shown}`; to be found by the trait, add `#[resource(as = dyn {})]` there",
                show(of)
            )
        };
        cx.error_on(
            of,
            format!(
                "`#[resource]` goes on an inherent `impl` block, not on one of a trait\n{advice}"
            ),
        );
        return false;
    }
    if let Some(param) = block.generics.params.first() {
        let name = type_name(&block.ty).unwrap_or_default();
        if matches!(param, syn::GenericParam::Lifetime(_)) {
            cx.error_on(param, "a resource lives as long as the app, so its type cannot borrow\nlet it own its data");
            return false;
        }
        cx.error_on(
            param,
            format!("a resource is one type, so its `impl` block cannot be generic\nname a type: `impl {name}<User>`, a newtype `struct Users({name}<User>)`, or an alias of it"),
        );
        return false;
    }
    true
}

fn type_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|last| last.ident.unraw().to_string()),
        Type::Paren(inner) => type_name(&inner.elem),
        Type::Group(inner) => type_name(&inner.elem),
        _ => None,
    }
}

impl Hook {
    fn of(function: &Function) -> Self {
        Self {
            cfgs: cfgs(&function.attrs),
            call: HookCall::of(function),
        }
    }
}

/// Several of one name are for different `#[cfg]`s. Where one of them has none, rustc reports the duplicate, and a
/// duplicate of ours beside it would be a second error.
fn once<T>(mut found: Vec<T>, hook: impl Fn(&T) -> &Hook) -> Vec<T> {
    if let Some(always) = found.iter().position(|found| hook(found).cfgs.is_empty()) {
        found.swap(0, always);
        found.truncate(1);
    }
    found
}

fn starts(cx: &Context, block: &Block, found: &[&Function]) -> Vec<Start> {
    if found.is_empty() {
        let near = block.functions.iter().find(|function| {
            !function.has_receiver()
                && function.returns().is_some()
                && is_near(function.name(), "start")
        });
        match near {
            Some(near) => cx.error_on(
                near.name(),
                format!("`start` is missing, and `{}` looks like it\nwrite `fn start`", near.name()),
            ),
            None => cx.error_on(
                &block.ty,
                "`start` is missing: it makes the resource\nwrite `async fn start() -> Self { .. }`, or `-> Result<Self, E>`, with what it needs as parameters",
            ),
        }
    }
    found
        .iter()
        .map(|function| {
            function.check_plain(cx, "`start`");
            if let Some(receiver) = function.sig.receiver() {
                cx.error_on(
                    receiver,
                    "`start` makes the resource, so there is no `self` yet\nremove it; what it needs are parameters: `config: &Config`",
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

fn check_shared_self(cx: &Context, function: &Function) -> bool {
    function.check_plain(cx, &format!("`{}`", function.name()));
    let name = function.name();
    match function.sig.receiver() {
        _ if function.takes_shared_self() => return true,
        None => cx.error_on(name, format!("`{name}` is a hook and takes `&self`\nwrite `fn {name}(&self)`, or give it another name")),
        Some(receiver) => {
            let why = if receiver.mutability.is_some() && receiver.reference.is_some() {
                "others may still hold the resource\nkeep what changes in a `Mutex`"
            } else {
                "it is called through an `Arc`\nkeep what it takes in a `Mutex<Option<_>>`"
            };
            cx.error_on(receiver, format!("`{name}` takes `&self`, not `{}`: {why}", show(receiver)));
        }
    }
    false
}

fn check_hook(cx: &Context, function: &Function) {
    let name = function.name();
    if check_shared_self(cx, function) {
        for extra in function.typed() {
            cx.error_on(extra, format!("`{name}` takes `&self` only\nkeep what it needs in the resource: `start` is handed it"));
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

fn check_emergency(cx: &Context, function: &Function) {
    check_hook(cx, function);
    check_synchronous(
        cx,
        function,
        "it is the last resort, on a thread outside the runtime",
    );
    let unit = |ty: &&Type| matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty());
    if let Some(ty) = function.returns().filter(|ty| !unit(ty)) {
        cx.error_on(ty, "`emergency` returns nothing: nobody is left to handle an error\nremove the return type");
    }
}

fn check_in_use(cx: &Context, function: &Function) {
    check_hook(cx, function);
    check_synchronous(cx, function, "it only counts");
    if function.returns().is_none() {
        cx.error_on(
            function.name(),
            "`in_use` returns how many leases are out\nwrite `fn in_use(&self) -> usize`",
        );
    }
}

fn expects(cx: &Context, found: &[&Function], stops: &[&Function]) -> Vec<Expects> {
    let mut all = Vec::new();
    for function in found {
        check_synchronous(cx, function, "it only looks at an error");
        if !check_shared_self(cx, function) {
            continue;
        }
        let shape = "write `fn expects(&self, error: &E) -> bool`, with the error type of `stop`";
        match stops.first() {
            None => cx.error_on(
                function.name(),
                "`expects` judges the errors of `stop`, which is missing\nadd `stop`, or remove `expects`",
            ),
            Some(stop) if stop.returns().is_none() => cx.error_on(
                function.name(),
                "`expects` judges the errors of `stop`, which returns none\nlet `stop` return a `Result`, or remove `expects`",
            ),
            Some(_) => {}
        }
        if function.returns().is_none() {
            cx.error_on(
                function.name(),
                format!("`expects` returns whether the error was to be expected\n{shape}"),
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
                ty => cx.error_on(ty, format!("`expects` takes the error as `&E`\n{shape}")),
            },
            _ => cx.error_on(
                &function.sig.inputs,
                format!("`expects` takes one error besides `&self`\n{shape}"),
            ),
        }
    }
    all
}

fn is_near(name: &Ident, hook: &str) -> bool {
    let name = name.unraw().to_string();
    distance(&name, hook) == 1 && !HOOKS.contains(&name.as_str()) && !WORDS.contains(&name.as_str())
}

/// A method with the shape of a hook that is absent, and nearly its name.
fn near_misses(cx: &Context, block: &Block) {
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
            let has_shape = match *hook {
                "expects" => {
                    function.takes_shared_self()
                        && function.typed().count() == 1
                        && returns.is_some()
                }
                "in_use" => function.takes_only_self() && returns.is_some(),
                _ => function.takes_only_self() && returns.is_none_or(|ty| mentions(ty, "Result")),
            };
            if has_shape {
                let name = function.name();
                cx.error_on(
                    name,
                    format!("`{name}` has the shape of the hook `{hook}`, but not its name, so it would never be called\nwrite `fn {hook}`, or give it a name less like it"),
                );
            }
        }
    }
}

fn check_args(cx: &Context, args: &Args, has_health: bool) {
    if args.retries.get() == Some(&0) {
        args.retries.refuse(
            cx,
            "`retries = 0` has no effect: it is the default\nremove it",
        );
    }
    if !args.retries.is_set() {
        args.backoff.refuse(
            cx,
            "`backoff` has no effect without `retries`\nadd `retries = 5`, or remove it",
        );
    }
    if !has_health {
        args.readiness.refuse(
            cx,
            "`readiness` has no effect without a `health` hook\nadd `async fn health(&self) -> Result<(), E>`, or remove it",
        );
    }
    check_after(cx, args);
    check_name(cx, &args.name);
    for (index, bind) in args.binds.iter().enumerate() {
        if !matches!(bind, Type::TraitObject(object) if object.dyn_token.is_some()) {
            let shown = show(bind);
            cx.error_on(
                bind,
                format!("`as` takes a trait object\nwrite `as = dyn {shown}`"),
            );
        } else if args.binds[..index]
            .iter()
            .any(|other| show(other) == show(bind))
        {
            cx.error_on(
                bind,
                format!("`as = {}` is given twice\nremove one of them", show(bind)),
            );
        }
    }
}

fn check_after(cx: &Context, args: &Args) {
    let Some(after) = args.after.get() else {
        return;
    };
    if after.is_empty() {
        args.after
            .refuse(cx, "`after` has no effect with an empty list\nremove it");
    }
    check_unique(cx, after);
    for Listed { ty, .. } in after {
        if let Type::Reference(reference) = ty {
            let shown = show(&reference.elem);
            cx.error_on(
                ty,
                format!("`after` takes types, not references\nwrite `after = [{shown}]`"),
            );
        } else if let Some(inner) = param::inside_arc(ty) {
            cx.error_on(
                ty,
                format!(
                    "`after` takes resources, not handles to them\nwrite `after = [{}]`",
                    show(inner)
                ),
            );
        } else if mentions(ty, "Self") {
            cx.error_on(
                ty,
                "a component cannot come after itself\nname the type that is meant",
            );
        }
    }
}

/// Names end up in logs, in plans and in environment variables.
pub(crate) fn check_name(cx: &Context, name: &Arg<syn::LitStr>) {
    let Some(literal) = name.get() else { return };
    let text = literal.value();
    let allowed = |c: char| c.is_alphanumeric() || "_-.:".contains(c);
    if text.is_empty() {
        cx.error_on(literal, "`name` is empty\nleave it out for the default");
    } else if let Some(wrong) = text.chars().find(|c| !allowed(*c)) {
        cx.error_on(
            literal,
            format!(
                "`name` cannot contain `{}`\nallowed are letters, digits, `_`, `-`, `.` and `:`",
                wrong.escape_debug()
            ),
        );
    }
}
