//! Writes the type of the function's name beside the function, with its record. Nothing here can fail.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;

use super::check::{Worker, is_method};
use super::parse::Args;
use crate::attribute::duration;
use crate::codegen::crate_path::{at, private};
use crate::codegen::hook_call::{HookCall, hook_call, never_lint, outcome};
use crate::signature::function::{Function, cfgs};
use crate::signature::param::{call_at, slot_names, taken};

pub(crate) fn expand(item: &TokenStream, worker: &Worker<'_>) -> TokenStream {
    let Worker {
        private,
        cfgs,
        function,
        params,
        ..
    } = worker;
    let name = function.name();
    let marker = marker(function);
    let slots = slot_names("PARAMETER", params);
    let constants = params
        .iter()
        .zip(&slots)
        .map(|(param, slot)| param.slot(private, slot));
    let checks = params.iter().zip(&slots).map(|(param, slot)| {
        let call = call_at(
            &param.ty,
            &quote!(#private::check_edge),
            &quote!(&__LIFECYCLE_RECORD, &#slot.need),
        );
        quote!(const _: () = #call;)
    });
    let needs = slots.iter().map(|slot| quote!(#slot.need));
    let context = quote!(context);
    let (lets, arguments) = taken(params, &slots, &context);
    let parameter = if params.is_empty() {
        quote!(_)
    } else {
        context
    };
    let hook = HookCall {
        never_returns: function.never_returns(),
        ..HookCall::of(function)
    };
    let lint = never_lint(hook.never_returns);
    let call = quote!(#name(#(#arguments),*));
    let hook = hook_call(private, &hook, &call, |value| {
        outcome(private, &hook, &quote!(()), value)
    });
    let record = record(worker);
    quote! {
        #item
        #(#cfgs)*
        #marker
        #(#cfgs)*
        #[allow(deprecated, reason = "the annotated item itself says that it is")]
        const _: () = {
            #(#constants)*
            #lint
            fn __lifecycle_run(#parameter: &mut #private::StartContext) -> #private::Hook<()> {
                #lets
                #hook
            }
            static __LIFECYCLE_RECORD: #private::Record = #record.needs(const { &[#(#needs),*] });
            #[automatically_derived]
            impl #private::BackgroundWorker for #name {
                const SEALED: #private::Sealed = #private::Sealed::SEAL;
                const RECORD: #private::RecordRef = #private::RecordRef::to(&__LIFECYCLE_RECORD);
            }
            #private::inventory::submit! {
                #private::Registration::new(#private::RecordRef::to(&__LIFECYCLE_RECORD))
            }
            #(#checks)*
        };
    }
}

/// The empty type that stands for the worker in lists: `use http::serve` imports it together with the function.
fn marker(function: &Function) -> TokenStream {
    let (vis, name) = (&function.vis, function.name());
    quote_spanned! {at(name.span())=>
        #[doc(hidden)]
        #[allow(
            dead_code,
            non_camel_case_types,
            missing_debug_implementations,
            unreachable_pub,
            reason = "it stands for the function in the lists of workers and is never made"
        )]
        #vis enum #name {}
    }
}

fn record(worker: &Worker<'_>) -> TokenStream {
    let Worker {
        private,
        args,
        function,
        ..
    } = worker;
    let marker = function.name();
    let default = marker.unraw().to_string();
    let name = match args.name.get() {
        Some(name) => name.to_token_stream(),
        None => default.to_token_stream(),
    };
    let policy = policy(private, args);
    let mut record = quote! {
        #private::Record::background::<#marker>(#name, #policy, __lifecycle_run).located(
            #private::SourceLocation::in_module(::core::module_path!())
                .item(#default)
                .file(::core::file!())
                .line(::core::line!())
                .column(::core::column!())
        )
    };
    if !args.name.is_set() {
        record.extend(quote!(.default_name()));
    }
    if let Some(order) = args.order.get() {
        record.extend(quote!(.order(#order)));
    }
    if let Some(timeout) = args.timeout.get() {
        let timeout = duration::tokens(*timeout);
        record.extend(quote!(.timeout(#timeout)));
    }
    quote!(#private::expanded(#record))
}

fn policy(private: &TokenStream, args: &Args) -> TokenStream {
    let variant = |name: &str| Ident::new(name, Span::mixed_site());
    let mut policy = quote!(#private::BackgroundPolicy::DEFAULT);
    if let Some(every) = args.every.get() {
        let every = duration::tokens(*every);
        let mut schedule = quote!(#private::Schedule::every(#every));
        if args.immediate.is_set() {
            schedule.extend(quote!(.immediate()));
        }
        if let Some(timeout) = args.run_timeout.get() {
            let timeout = duration::tokens(*timeout);
            schedule.extend(quote!(.run_timeout(#timeout)));
        }
        if let Some(max) = args.max_failures.get() {
            schedule.extend(quote!(.max_failures(#max)));
        }
        policy.extend(quote!(.schedule(#schedule)));
    }
    if let Some(restart) = args.restart.get() {
        let restart = variant(restart);
        policy.extend(quote!(.restart(#private::RestartPolicy::#restart)));
    }
    if args.max_restarts.is_set() || args.within.is_set() {
        let max = args.max_restarts.get().copied().unwrap_or(5);
        let within = args
            .within
            .get()
            .copied()
            .unwrap_or(std::time::Duration::from_secs(60));
        let within = duration::tokens(within);
        policy.extend(quote!(.intensity(#max, #within)));
    }
    if let Some(backoff) = args.backoff.get() {
        let backoff = duration::tokens(*backoff);
        policy.extend(quote!(.backoff(#backoff)));
    }
    if let Some(then) = args.on_failure.get() {
        let then = variant(then);
        policy.extend(quote!(.on_failure(#private::EndAction::#then)));
    }
    if let Some(then) = args.on_finish.get() {
        let then = variant(then);
        policy.extend(quote!(.on_finish(#private::EndAction::#then)));
    }
    policy
}

/// The user's item, the errors, and a stub of the worker, so that a list that names it does not cause a second error.
pub(crate) fn failed(
    item: TokenStream,
    errors: Option<syn::Error>,
    args: &Args,
    function: Option<&Function>,
) -> TokenStream {
    let errors = errors.map(|error| error.to_compile_error());
    // In an `impl` block no type can stand beside the method.
    let stub = function.filter(|function| !is_method(function)).map(|function| {
        let private = private(&args.krate);
        let (marker, name, cfgs) = (marker(function), function.name(), cfgs(&function.attrs));
        quote_spanned! {at(name.span())=>
            #(#cfgs)*
            #marker
            #(#cfgs)*
            const _: () = {
                #[automatically_derived]
                impl #private::BackgroundWorker for #name {
                    const SEALED: #private::Sealed = #private::Sealed::SEAL;
                    const RECORD: #private::RecordRef = #private::RecordRef::to(const {
                        &#private::Record::background::<#name>("stub", #private::BackgroundPolicy::DEFAULT, |_| ::core::unreachable!())
                    });
                }
            };
        }
    });
    quote!(#item #errors #stub)
}
