//! Reads the arguments and the `impl` block. The bodies of functions are not parsed.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{
    Attribute, DeriveInput, GenericArgument, Generics, Ident, Lifetime, LitStr, Path,
    PathArguments, Token, Type, Visibility, braced,
};

use super::foreign::is_foreign;
use crate::attribute;
use crate::attribute::arg::Arg;
use crate::attribute::known::RESOURCE;
use crate::attribute::list::Listed;
use crate::diagnostics::Context;
use crate::signature::function::{Function, is_function};

/// The arguments of the attribute.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) order: Arg<i32>,
    pub(crate) timeout: Arg<Duration>,
    pub(crate) start_timeout: Arg<Duration>,
    pub(crate) retries: Arg<u32>,
    pub(crate) backoff: Arg<Duration>,
    pub(crate) after: Arg<Vec<Listed>>,
    pub(crate) binds: Vec<Type>,
    pub(crate) readiness: Arg<()>,
    pub(crate) name: Arg<LitStr>,
    pub(crate) krate: Arg<Path>,
}

impl Args {
    pub(crate) fn parse(cx: &Context, tokens: TokenStream) -> Self {
        let mut args = Self::default();
        attribute::parse(cx, tokens, "`#[resource(..)]`", RESOURCE, |key, value| {
            match key.name.as_str() {
                "order" => args
                    .order
                    .set(cx, key, value.number("from -2147483648 to 2147483647")?),
                "timeout" => args.timeout.set(cx, key, value.duration()?),
                "start_timeout" => args.start_timeout.set(cx, key, value.duration()?),
                "retries" => args
                    .retries
                    .set(cx, key, value.number("from 1 to 4294967295")?),
                "backoff" => args.backoff.set(cx, key, value.duration()?),
                "after" => args.after.set(cx, key, value.list(cx)?),
                "as" => args.binds.push(value.ty()?),
                "readiness" => args.readiness.set(cx, key, value.flag()?),
                "name" => args.name.set(cx, key, value.string()?),
                "crate" => args.krate.set(cx, key, value.path()?),
                _ => {}
            }
            Ok(())
        });
        args
    }
}

/// The annotated `impl` block.
pub(crate) struct Block {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) generics: Generics,
    /// The path in `impl Path for Type`.
    pub(crate) of: Option<Path>,
    pub(crate) ty: Type,
    pub(crate) functions: Vec<Function>,
    /// The error about a member that could not be parsed. The rest of the block was skipped.
    pub(crate) broken: Option<syn::Error>,
}

/// The type that a stub `impl` is written for when the input is wrong.
pub(crate) struct Stub {
    pub(crate) generics: Generics,
    pub(crate) ty: Type,
}

/// An item that is not an `impl` block.
pub(crate) struct WrongItem {
    pub(crate) error: syn::Error,
    pub(crate) stub: Option<Stub>,
}

impl Block {
    pub(crate) fn parse(item: TokenStream) -> Result<Self, Box<WrongItem>> {
        Self::parse_stream
            .parse2(item.clone())
            .map_err(|error| Box::new(Self::wrong(item, error)))
    }

    fn parse_stream(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        input.parse::<Option<Token![unsafe]>>()?;
        input.parse::<Token![impl]>()?;
        let mut generics = if input.peek(Token![<]) {
            input.parse()?
        } else {
            Generics::default()
        };
        let mut ty: Type = input.parse()?;
        let mut of = None;
        if input.peek(Token![for]) {
            input.parse::<Token![for]>()?;
            if let Type::Path(path) = ty {
                of = Some(path.path);
            }
            ty = input.parse()?;
        }
        generics.where_clause = input.parse()?;
        let content;
        braced!(content in input);
        content.call(Attribute::parse_inner)?;
        let (mut functions, mut broken) = (Vec::new(), None);
        while !content.is_empty() {
            match member(&content) {
                Ok(function) => functions.extend(function),
                Err(error) => {
                    broken = Some(error);
                    content.parse::<TokenStream>()?;
                }
            }
        }
        Ok(Self {
            broken,
            attrs,
            generics,
            of,
            ty,
            functions,
        })
    }

    /// The error that says where the attribute belongs, for an item of another kind.
    fn wrong(item: TokenStream, error: syn::Error) -> WrongItem {
        if let Ok(DeriveInput {
            ident, generics, ..
        }) = syn::parse2(item.clone())
        {
            let message = format!(
                "`#[resource]` goes on the `impl` block of `{ident}`, not on the type\nwrite `#[resource] impl {ident} {{ async fn start() -> Self {{ .. }} }}`"
            );
            let error = syn::Error::new(ident.span(), message);
            let (_, arguments, _) = generics.split_for_impl();
            let ty = syn::parse_quote!(#ident #arguments);
            return WrongItem {
                error,
                stub: Some(Stub { generics, ty }),
            };
        }
        let other = |input: ParseStream<'_>| -> syn::Result<Option<Ident>> {
            input.call(Attribute::parse_outer)?;
            input.parse::<Visibility>()?;
            let function = is_function(input);
            let name = if function || !input.peek(Token![impl]) && !input.peek(Token![unsafe]) {
                input.parse::<TokenTree>().ok()
            } else {
                None
            };
            input.parse::<TokenStream>()?;
            Ok(name.map(|token| Ident::new("item", token.span())))
        };
        match other.parse2(item) {
            Ok(Some(place)) => {
                let message = "`#[resource]` goes on an inherent `impl` block\nwrite `#[resource] impl Database { async fn start() -> Self { .. } }`; for a function, `#[background]`";
                WrongItem {
                    error: syn::Error::new(place.span(), message),
                    stub: None,
                }
            }
            _ => WrongItem { error, stub: None },
        }
    }

    /// The type to write a stub for. There is none for a trait `impl`, because the type may have an annotated block as
    /// well, and none for a type without a name, of another crate, or with a lifetime.
    pub(crate) fn stub(&self) -> Option<Stub> {
        let named = matches!(self.ty, Type::Path(_));
        let possible = named && !is_foreign(&self.ty) && lifetime(&self.ty).is_none();
        (self.of.is_none() && possible).then(|| Stub {
            generics: self.generics.clone(),
            ty: self.ty.clone(),
        })
    }
}

/// The lifetime of what the type borrows, unless its `impl` block names it: `'_`.
pub(crate) fn lifetime(ty: &Type) -> Option<&Lifetime> {
    let Type::Path(path) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Lifetime(lifetime) if lifetime.ident == "_" => Some(lifetime),
        _ => None,
    })
}

/// Reads the next member of the block, and returns it if it is a function.
fn member(input: ParseStream<'_>) -> syn::Result<Option<Function>> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis: Visibility = input.parse()?;
    if is_function(input) {
        return Function::rest(attrs, vis, input).map(Some);
    }
    if input.is_empty() {
        return Err(input.error("expected a member of the `impl` block"));
    }
    // Up to a semicolon or braces: a macro call in braces has none. Where the value of a constant goes on after braces, the
    // rest of it is skipped like one more member, since no function can begin there.
    while !input.is_empty() {
        let last = input.peek(Token![;]) || input.peek(syn::token::Brace);
        input.parse::<TokenTree>()?;
        if last {
            break;
        }
    }
    Ok(None)
}
