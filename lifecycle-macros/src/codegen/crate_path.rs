//! `crate = path`: where the expansion finds `lifecycle`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use crate::attribute::arg::Arg;

/// The path to what expansions may name: `<crate>::__private`.
pub(crate) fn private(krate: &Arg<Path>) -> TokenStream {
    match krate.get() {
        // The tokens are the user's, so that a wrong path is underlined where it stands.
        Some(path) => quote_spanned!(path.span()=> #path::__private),
        None => quote!(::lifecycle::__private),
    }
}

/// The same tokens, shown at a place in the user's code.
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

/// A span at the same place, whose names are the expansion's own: lints take it for generated code.
pub(crate) fn at(place: Span) -> Span {
    Span::mixed_site().located_at(place)
}
