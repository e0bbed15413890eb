//! The call of a user's function as a hook: `Hook::future` around an `async` one, `Hook::thread` around any other.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use crate::codegen::crate_path::{at, moved};
use crate::signature::function::Function;

/// A function that the framework calls.
pub(crate) struct HookCall {
    pub(crate) name: Ident,
    pub(crate) is_async: bool,
    /// The place for errors about the returned value.
    pub(crate) output: Span,
}

impl HookCall {
    pub(crate) fn of(function: &Function) -> Self {
        Self {
            name: function.name().clone(),
            is_async: function.is_async(),
            output: function.output_span(),
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
        quote_spanned! {place=>
            #private::Hook::future(async move {
                let #value = #call.await;
                #outcome
            })
        }
    } else {
        quote_spanned! {place=>
            #private::Hook::thread(move || {
                let #value = #call;
                #outcome
            })
        }
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
