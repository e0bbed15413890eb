//! The call of a user's function as a hook: `Hook::future` around an `async` one, `Hook::thread` around any other.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use crate::codegen::crate_path::{at, moved};
use crate::signature::function::Function;

/// A function that the framework calls.
pub(crate) struct HookCall {
    pub(crate) name: Ident,
    pub(crate) is_async: bool,
    /// The place for errors about the returned value.
    pub(crate) output: Span,
    /// Whether it may return `!` and is declared to.
    pub(crate) never_returns: bool,
}

impl HookCall {
    pub(crate) fn of(function: &Function) -> Self {
        Self {
            name: function.name().clone(),
            is_async: function.is_async(),
            output: function.output_span(),
            never_returns: false,
        }
    }
}

/// `Hook::future(async move { .. })` or `Hook::thread(move || ..)` around a call. `outcome` converts the variable that
/// holds the result.
pub(crate) fn hook_call(
    private: &TokenStream,
    hook: &HookCall,
    call: &TokenStream,
    outcome: impl FnOnce(&TokenStream) -> TokenStream,
) -> TokenStream {
    let value = quote_spanned!(at(hook.output)=> value);
    let outcome = outcome(&value);
    let place = at(hook.name.span());
    let private = moved(private, hook.name.span());
    if hook.is_async {
        let returned = returned(
            &value,
            &quote_spanned!(place=> #call.await),
            hook.never_returns,
        );
        quote_spanned! {place=>
            #private::Hook::future(async move {
                #returned
                #outcome
            })
        }
    } else {
        let returned = returned(&value, call, hook.never_returns);
        quote_spanned! {place=>
            #private::Hook::thread(move || {
                #returned
                #outcome
            })
        }
    }
}

/// The statement that keeps in a variable what a call returns. A `!` becomes a `()`: an inferred type would depend on the
/// edition of the user's crate. What follows is unreachable, which [`never_lint`] allows.
pub(crate) fn returned(value: &TokenStream, call: &TokenStream, never: bool) -> TokenStream {
    if never {
        quote!(let #value: () = #call;)
    } else {
        quote!(let #value = #call;)
    }
}

/// The attribute of the item or statement around the call of a function that returns `!`.
pub(crate) fn never_lint(never: bool) -> TokenStream {
    if never {
        quote!(#[allow(unreachable_code, reason = "the function never returns")])
    } else {
        TokenStream::new()
    }
}

/// The variable converted to the result of a hook that returns a `wanted`.
pub(crate) fn outcome(
    private: &TokenStream,
    hook: &HookCall,
    wanted: &impl ToTokens,
    value: &TokenStream,
) -> TokenStream {
    let private = moved(private, hook.output);
    quote_spanned!(at(hook.output)=> #private::Outcome::<#wanted, _>::outcome(#value))
}
