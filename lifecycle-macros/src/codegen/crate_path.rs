//! The path of the runtime crate, and the spans of generated tokens.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use crate::attribute::arg::Arg;

/// The path of everything that expansions name: `<crate>::__private`.
pub(crate) fn private(krate: &Arg<Path>) -> TokenStream {
    match krate.get() {
        // The tokens are the user's, so that a wrong path is underlined where it stands.
        Some(path) => quote_spanned!(path.span()=> #path::__private),
        None => quote!(::lifecycle::__private),
    }
}

/// The same tokens at a place in the user's code, which errors about them underline.
pub(crate) fn moved(tokens: &TokenStream, place: Span) -> TokenStream {
    let place = at(place);
    tokens
        .clone()
        .into_iter()
        .map(|mut token| {
            token.set_span(place);
            token
        })
        .collect()
}

/// A span at the same place with the hygiene of the expansion: its names do not meet the user's, and lints take it for
/// generated code.
pub(crate) fn at(place: Span) -> Span {
    Span::mixed_site().located_at(place)
}
