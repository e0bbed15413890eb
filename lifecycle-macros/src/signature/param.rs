//! The parameters that the framework fills in: those of `start`, of background workers, of `main` and of tests.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{PatType, Type};

use crate::codegen::crate_path::{at, moved};
use crate::diagnostics::Context;
use crate::signature::function::{Function, mentions};

/// One parameter. Only `&T` is recognized by its syntax; for everything else the traits decide.
pub(crate) struct Param {
    /// `T` where the parameter is `&T`; otherwise the whole type.
    pub(crate) ty: Type,
    pub(crate) borrowed: bool,
}

/// The parameters of a function that has no receiver.
pub(crate) fn read(cx: &Context, function: &Function) -> Vec<Param> {
    function
        .typed()
        .filter_map(|param| one(cx, param, function.name()))
        .collect()
}

fn one(cx: &Context, param: &PatType, owner: &Ident) -> Option<Param> {
    for attr in &param.attrs {
        if attr.path().is_ident("cfg") {
            cx.error_on(
                attr,
                format!("`#[cfg]` is not supported on the parameters of `{owner}`\nwrite `{owner}` twice, each with its own `#[cfg]`"),
            );
        }
    }
    let ty = unwrapped(&param.ty);
    if mentions(ty, "Self") {
        cx.error_on(
            ty,
            "a component cannot need itself\nname the type that is meant",
        );
        return None;
    }
    match ty {
        Type::Reference(reference) => {
            let elem = unwrapped(&reference.elem);
            let shown = show(elem);
            if reference.mutability.is_some() {
                let message = if is_handle(elem) {
                    format!("a handle is taken by value\nwrite `{shown}`")
                } else {
                    format!(
                        "a dependency is shared, so it cannot be borrowed as `&mut`\nwrite `&{shown}`"
                    )
                };
                cx.error_on(ty, message);
                return None;
            }
            if reference
                .lifetime
                .as_ref()
                .is_some_and(|life| life.ident == "static")
            {
                cx.error_on(
                    ty,
                    format!("a dependency is borrowed for this call only\nwrite `&{shown}`, or `Arc<{shown}>` to keep it"),
                );
                return None;
            }
            if shown == "Shutdown" {
                cx.error_on(ty, "a handle is taken by value\nwrite `Shutdown`");
                return None;
            }
            if let Some(inner) = inside_arc(elem) {
                let inner = show(inner);
                cx.error_on(
                    ty,
                    format!(
                        "a reference to an `Arc` is not needed\nwrite `&{inner}` or `Arc<{inner}>`"
                    ),
                );
                return None;
            }
            Some(Param {
                ty: elem.clone(),
                borrowed: true,
            })
        }
        _ if inside_arc(ty).is_some_and(|inner| show(inner) == "Shutdown") => {
            cx.error_on(
                ty,
                "a handle is taken by value: its clones share what is in it\nwrite `Shutdown`",
            );
            None
        }
        _ if inside(ty, &["Rc", "Box"]).is_some() => {
            let shown = show(ty);
            let inner = inside(ty, &["Rc", "Box"]).map(show).unwrap_or_default();
            cx.error_on(
                ty,
                format!("a dependency is shared between threads, so `{shown}` cannot be one\nwrite `&{inner}`, or `Arc<{inner}>` to keep it"),
            );
            None
        }
        Type::ImplTrait(_) => {
            cx.error_on(ty, "`impl Trait` does not say which component is meant\nname the type, or take the `&dyn Trait` of a resource with `#[resource(as = dyn Trait)]`");
            None
        }
        _ => Some(Param {
            ty: ty.clone(),
            borrowed: false,
        }),
    }
}

/// The type without parentheses and without the invisible groups that macros create.
fn unwrapped(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => unwrapped(&inner.elem),
        Type::Group(inner) => unwrapped(&inner.elem),
        _ => ty,
    }
}

/// Whether the type has the name of a handle. Only for advice: a resource may have such a name as well.
fn is_handle(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| {
        ["Shutdown", "Tasks", "Ready"]
            .iter()
            .any(|name| last.ident == name)
    })
}

/// Whether the type is written as a trait object.
pub(crate) fn is_object(ty: &Type) -> bool {
    matches!(unwrapped(ty), Type::TraitObject(_))
}

/// The `T` of a type written `Arc<T>`.
pub(crate) fn inside_arc(ty: &Type) -> Option<&Type> {
    inside(ty, &["Arc"])
}

/// The `T` of a type written as one of these names around it, such as `Rc<T>`.
pub(crate) fn inside<'a>(ty: &'a Type, names: &[&str]) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(inner)) => {
            names.iter().any(|name| last.ident == name).then_some(inner)
        }
        _ => None,
    }
}

/// A type as it is usually written.
pub(crate) fn show(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    let (mut joined, mut after_name) = (true, false);
    for token in tokens.to_token_stream() {
        let word = match &token {
            TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::None => {
                show(&group.stream())
            }
            token => token.to_string(),
        };
        let punct =
            matches!(&token, TokenTree::Punct(punct) if !matches!(punct.as_char(), '+' | '='));
        let call = after_name && word.starts_with('(');
        if !joined && !punct && !call {
            text.push(' ');
        }
        text.push_str(&word);
        joined = punct && word != ",";
        after_name = matches!(&token, TokenTree::Ident(ident) if ident != "dyn" && ident != "impl");
    }
    text
}

impl Param {
    /// The type that the slot holds.
    pub(crate) fn handle(&self) -> TokenStream {
        let ty = &self.ty;
        if self.borrowed {
            quote_spanned!(at(ty.span())=> ::std::sync::Arc<#ty>)
        } else {
            ty.to_token_stream()
        }
    }

    /// The constant that describes the dependency and takes it out of the context. It is the only place where the type is
    /// asserted, so that a wrong type is one error.
    pub(crate) fn slot(&self, private: &TokenStream, name: &Ident) -> TokenStream {
        let constructor = if is_object(&self.ty) || inside_arc(&self.ty).is_some_and(is_object) {
            "the_one_resource_bound_as_the_trait"
        } else {
            "parameter"
        };
        slot(private, "Slot", name, &self.ty, &self.handle(), constructor)
    }

    /// The argument in the call, from the variable that holds the handle.
    pub(crate) fn argument(&self, variable: &Ident) -> TokenStream {
        if self.borrowed {
            quote!(&*#variable)
        } else {
            quote!(#variable)
        }
    }
}

/// `const NAME: Slot<T> = Slot::<T>::parameter();`, with all its tokens at `place`.
pub(crate) fn slot(
    private: &TokenStream,
    kind: &str,
    name: &Ident,
    place: &Type,
    ty: &TokenStream,
    constructor: &str,
) -> TokenStream {
    let span = at(place.span());
    let private = moved(private, place.span());
    let (kind, constructor) = (Ident::new(kind, span), Ident::new(constructor, span));
    let path = quote_spanned!(span=> #private::#kind::<#ty>::#constructor);
    let call = call_to(place, &path, &TokenStream::new());
    quote_spanned!(span=> const #name: #private::#kind<#ty> = #call;)
}

/// The statements `let p0 = (SLOT.take)(context); ..`, and the arguments of the call.
pub(crate) fn taken(
    params: &[Param],
    slots: &[Ident],
    context: &TokenStream,
) -> (TokenStream, Vec<TokenStream>) {
    let mut lets = TokenStream::new();
    let mut arguments = Vec::new();
    for (index, (param, slot)) in params.iter().zip(slots).enumerate() {
        let variable = format_ident!("p{index}", span = proc_macro2::Span::mixed_site());
        lets.extend(quote!(let #variable = (#slot.take)(#context);));
        arguments.push(param.argument(&variable));
    }
    (lets, arguments)
}

/// The names of the slots of one function.
pub(crate) fn slot_names(prefix: &str, params: &[Param]) -> Vec<Ident> {
    (0..params.len())
        .map(|index| format_ident!("__{prefix}_{index}", span = proc_macro2::Span::mixed_site()))
        .collect()
}

/// A call `path(arguments)` that an error underlines at `place` in the user's code.
pub(crate) fn call_at(
    place: &impl ToTokens,
    path: &TokenStream,
    arguments: &TokenStream,
) -> TokenStream {
    call_to(place, &moved(path, place.span()), arguments)
}

fn call_to(place: &impl ToTokens, path: &TokenStream, arguments: &TokenStream) -> TokenStream {
    let last = place.to_token_stream().into_iter().last();
    let mut group = proc_macro2::Group::new(proc_macro2::Delimiter::Parenthesis, arguments.clone());
    group.set_span(at(
        last.map_or_else(proc_macro2::Span::call_site, |token| token.span())
    ));
    quote!(#path #group)
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Delimiter, Group, TokenStream};
    use quote::quote;

    use super::show;

    #[test]
    fn shows_types_as_they_are_written() {
        let invisible = Group::new(Delimiter::None, quote!(Vec<u8>));
        for (tokens, text) in [
            (quote!(Database), "Database"),
            (quote!(a::Pool<&'a str, 3>), "a::Pool<&'a str, 3>"),
            (quote!(dyn Clock + Send), "dyn Clock + Send"),
            (quote!([u8]), "[u8]"),
            (quote!((u8)), "(u8)"),
            (quote!(dyn Fn(u8)), "dyn Fn(u8)"),
            (quote!(dyn (Clock)), "dyn (Clock)"),
            (quote!(Arc<#invisible>), "Arc<Vec<u8>>"),
            (TokenStream::new(), ""),
        ] {
            assert_eq!(show(&tokens), text);
        }
    }
}
