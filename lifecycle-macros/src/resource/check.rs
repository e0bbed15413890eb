//! Reports every mistake in the input; without any, returns what there is to expand.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::{Attribute, Type};

use super::foreign::{dependency, is_foreign};
use super::hooks::{
    Expects, Hook, Start, check_emergency, check_hook, check_in_use, expects, near_misses,
    other_stop, starts,
};
use super::parse::{Args, Block, lifetime};
use crate::attribute::list::{Listed, check_unique};
use crate::codegen::crate_path::private;
use crate::diagnostics::Context;
use crate::signature::function::{Function, cfgs, mentions};
use crate::signature::name::check_name;
use crate::signature::param::{self, show};

/// A resource without mistakes.
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

pub(crate) fn check<'a>(cx: &Context, args: &'a Args, block: &'a Block) -> Option<Resource<'a>> {
    if !block_is_inherent(cx, block) {
        return None;
    }
    let name = type_name(&block.ty);
    if name.is_none() {
        cx.error_on(
            &block.ty,
            "a resource must be a type with a name of its own\nwrap this one: `struct Name(..)`, and annotate `impl Name`",
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
    other_stop(cx, block);
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

const BORROWS: &str =
    "a resource lives as long as the app, so its type cannot borrow\nstore owned data in it";

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
                "annotate `impl {shown}`; to provide the trait object as well, write `#[resource(as = dyn {})]` there",
                show(of)
            )
        };
        cx.error_on(
            of,
            format!("`#[resource]` goes on an inherent `impl` block, not on a trait's\n{advice}"),
        );
        return false;
    }
    if is_foreign(&block.ty) {
        let (shown, name) = (show(&block.ty), type_name(&block.ty).unwrap_or_default());
        let module = dependency(&block.ty).map_or_else(String::new, |first| {
            format!("; if `{first}` is a module, write `impl self::{shown}`")
        });
        cx.error_on(
            &block.ty,
            format!("`{shown}` is a type of another crate, which cannot be annotated\nwrap it: `struct My{name}({shown});`, and annotate `impl My{name}`{module}"),
        );
        return false;
    }
    if let Some(lifetime) = lifetime(&block.ty) {
        cx.error_on(lifetime, BORROWS);
        return false;
    }
    if let Some(param) = block.generics.params.first() {
        let name = type_name(&block.ty).unwrap_or_default();
        if matches!(param, syn::GenericParam::Lifetime(_)) {
            cx.error_on(param, BORROWS);
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

/// Keeps one of several hooks of a name, unless all are under `#[cfg]`s. Where one of them is not, rustc reports the
/// duplicate, and an expansion with both would cause a second error.
fn once<T>(mut found: Vec<T>, hook: impl Fn(&T) -> &Hook) -> Vec<T> {
    if let Some(always) = found.iter().position(|found| hook(found).cfgs.is_empty()) {
        found.swap(0, always);
        found.truncate(1);
    }
    found
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
            let meant = match trait_inside(bind) {
                object @ Type::TraitObject(_) => show(object),
                name => format!("dyn {}", show(name)),
            };
            cx.error_on(
                bind,
                format!(
                    "`as` takes a trait object, not `{}`\nwrite `as = {meant}`",
                    show(bind)
                ),
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

/// The trait in a reference or a pointer to it.
fn trait_inside(ty: &Type) -> &Type {
    match ty {
        Type::Reference(reference) => trait_inside(&reference.elem),
        _ => param::inside(ty, &["Arc", "Rc", "Box"]).map_or(ty, trait_inside),
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
