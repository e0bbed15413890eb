//! [`Function`]: a function or method. Its body remains opaque tokens, so that half-written code is still expanded and
//! completion works in it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, GenericParam, ReturnType, Signature, Token, Type, Visibility};

use crate::diagnostics::Context;

pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: TokenTree,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        Self::rest(attrs, vis, input)
    }
}

impl Function {
    /// From the signature on.
    pub(crate) fn rest(
        attrs: Vec<Attribute>,
        vis: Visibility,
        input: ParseStream<'_>,
    ) -> syn::Result<Self> {
        let sig = input.parse()?;
        if !input.peek(syn::token::Brace) {
            return Err(input.error("expected the body of the function"));
        }
        let body = input.parse()?;
        Ok(Self {
            attrs,
            vis,
            sig,
            body,
        })
    }

    pub(crate) fn name(&self) -> &Ident {
        &self.sig.ident
    }

    pub(crate) fn is_async(&self) -> bool {
        self.sig.asyncness.is_some()
    }

    /// Reports functions that the framework cannot call: unsafe and generic ones, and those that return a future.
    pub(crate) fn check_plain(&self, cx: &Context, what: &str) {
        if let Some(unsafety) = &self.sig.unsafety {
            cx.error_on(
                unsafety,
                format!("{what} cannot be `unsafe`\nremove `unsafe`"),
            );
        }
        let generic = self
            .sig
            .generics
            .params
            .iter()
            .find(|param| !matches!(param, GenericParam::Lifetime(_)));
        if let Some(param) = generic {
            cx.error_on(
                param,
                format!("{what} cannot be generic: the framework would not know which types to choose\nname the type"),
            );
        }
        if let Some(ty) = self
            .returns()
            .filter(|ty| is_future(ty) && !self.is_async())
        {
            let name = self.name();
            cx.error_on(
                ty,
                format!("{what} cannot return a future\nwrite `async fn {name}`, with the type of the future's output"),
            );
        }
    }

    /// The return type, if there is one.
    pub(crate) fn returns(&self) -> Option<&Type> {
        match &self.sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(ty),
        }
    }

    /// Whether the return type is `!`.
    pub(crate) fn never_returns(&self) -> bool {
        matches!(self.returns(), Some(Type::Never(_)))
    }

    /// The place for errors about the returned value: the return type, or the name.
    pub(crate) fn output_span(&self) -> Span {
        self.returns().map_or(self.name().span(), Spanned::span)
    }

    pub(crate) fn has_receiver(&self) -> bool {
        self.sig.receiver().is_some()
    }

    /// `&self` and nothing else.
    pub(crate) fn takes_only_self(&self) -> bool {
        self.sig.inputs.len() == 1 && self.takes_shared_self()
    }

    pub(crate) fn takes_shared_self(&self) -> bool {
        let Some(receiver) = self.sig.receiver() else {
            return false;
        };
        match &*receiver.ty {
            Type::Reference(reference) => {
                reference.mutability.is_none() && is_self(&reference.elem)
            }
            _ => false,
        }
    }

    /// The parameters besides `self`.
    pub(crate) fn typed(&self) -> impl Iterator<Item = &syn::PatType> {
        self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        })
    }
}

/// Whether the type is written as `impl Future` or `Pin<Box<dyn Future>>`.
fn is_future(ty: &Type) -> bool {
    let wrapper = match ty {
        Type::ImplTrait(_) => true,
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "Pin"),
        _ => false,
    };
    wrapper && mentions(ty, "Future")
}

fn is_self(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("Self"))
}

/// The `#[cfg(..)]`s among the attributes.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
        .cloned()
        .collect()
}

/// Whether a token occurs anywhere in the tokens.
pub(crate) fn mentions(tokens: &impl ToTokens, word: &str) -> bool {
    fn search(tokens: TokenStream, word: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == word,
            TokenTree::Group(group) => search(group.stream(), word),
            _ => false,
        })
    }
    search(tokens.to_token_stream(), word)
}

/// Whether a function follows: `const async unsafe extern "C" fn`.
pub(crate) fn is_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    for _ in 0..6 {
        if ahead.peek(Token![fn]) {
            return true;
        }
        let qualifier = ahead.peek(Token![const])
            || ahead.peek(Token![async])
            || ahead.peek(Token![unsafe])
            || ahead.peek(Token![extern])
            || ahead.peek(syn::LitStr);
        if !qualifier || ahead.parse::<TokenTree>().is_err() {
            return false;
        }
    }
    false
}

/// The keyword of an item that is not a function.
pub(crate) fn not_a_function(item: &TokenStream) -> Option<Ident> {
    let keyword = |input: ParseStream<'_>| -> syn::Result<Option<Ident>> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let function = is_function(input) || input.peek(Token![async]);
        input.parse::<Option<Token![unsafe]>>()?;
        let keyword = input.call(Ident::parse_any)?;
        input.parse::<TokenStream>()?;
        Ok((!function).then_some(keyword))
    };
    keyword.parse2(item.clone()).ok()?
}
