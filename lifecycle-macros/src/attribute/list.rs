//! [`Listed`]: a type in a list of an attribute, possibly under a `#[cfg]`.

use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Type};

use crate::diagnostics::Context;
use crate::signature::param::show;

pub(crate) struct Listed {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) ty: Type,
}

impl Parse for Listed {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let cfgs = input.call(Attribute::parse_outer)?;
        if let Some(other) = cfgs.iter().find(|attr| !attr.path().is_ident("cfg")) {
            let message = "only `#[cfg(..)]` is allowed in a list\nremove this attribute";
            return Err(syn::Error::new_spanned(other, message));
        }
        let ty = input
            .parse()
            .map_err(|error: syn::Error| syn::Error::new(error.span(), "expected a path"))?;
        Ok(Self { cfgs, ty })
    }
}

/// Reports types that are listed twice. Those under `#[cfg]`s may be alternatives.
pub(crate) fn check_unique(cx: &Context, list: &[Listed]) {
    let mut seen: Vec<String> = Vec::new();
    for listed in list.iter().filter(|listed| listed.cfgs.is_empty()) {
        let shown = show(&listed.ty);
        if seen.contains(&shown) {
            let message = format!("`{shown}` is listed twice\nremove one of them");
            cx.error_on(&listed.ty, message);
        }
        seen.push(shown);
    }
}

/// Reports types that cannot be background workers, and those that are listed twice.
pub(crate) fn check_workers(cx: &Context, list: &[Listed]) {
    for listed in list {
        if !matches!(listed.ty, Type::Path(_)) {
            cx.error_on(
                &listed.ty,
                "`background` lists functions with `#[background]`\nwrite `background = [serve]`",
            );
        }
    }
    check_unique(cx, list);
}
