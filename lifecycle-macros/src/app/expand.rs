//! Writes the `impl App`, and the proof beside it. Nothing here can fail.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Type};

use super::check::App;
use super::parse::Args;
use crate::attribute::duration;
use crate::attribute::list::Listed;
use crate::codegen::crate_path::{at, moved, private};
use crate::signature::function::mentions;
use crate::signature::param::{self, call_at};

pub(crate) fn expand(app: &App<'_>) -> TokenStream {
    let App {
        private,
        args,
        ident,
        fields,
    } = app;
    let name = ident.unraw().to_string();
    let settings = settings(private, args);
    let names: Vec<Ident> = (0..fields.len())
        .map(|index| format_ident!("__FIELD_{index}", span = Span::mixed_site()))
        .collect();
    let mut slots = TokenStream::new();
    let mut needs = TokenStream::new();
    let mut values = TokenStream::new();
    let mut checks = TokenStream::new();
    for (field, slot) in fields.iter().zip(&names) {
        let (cfgs, ident, ty) = (&field.cfgs, field.ident, field.ty);
        let constructor = if param::inside_arc(ty).is_some_and(param::is_object) {
            "field_of_the_one_resource_bound_as_the_trait"
        } else {
            "field"
        };
        let tokens = ty.to_token_stream();
        let constant = param::slot(private, "Slot", slot, ty, &tokens, constructor);
        slots.extend(quote!(#(#cfgs)* #constant));
        needs.extend(quote!(#(#cfgs)* #slot.need,));
        values.extend(quote!(#(#cfgs)* #ident: (#slot.take)(context),));
        let call = call_at(
            ty,
            &quote!(#private::Verdict::field),
            &quote!(&__LIFECYCLE_VERDICT, &#slot.need),
        );
        checks.extend(quote!(#(#cfgs)* const _: () = #call;));
    }
    let mut workers = TokenStream::new();
    for (index, listed) in args.background.get().into_iter().flatten().enumerate() {
        let Listed { cfgs, ty: worker } = listed;
        let slot = format_ident!("__WORKER_{index}", span = Span::mixed_site());
        let private = &moved(private, worker.span());
        slots.extend(quote_spanned! {at(worker.span())=>
            #(#cfgs)*
            const #slot: #private::RecordRef = <#worker as #private::BackgroundWorker>::RECORD;
        });
        workers.extend(quote!(#(#cfgs)* #slot,));
        let call = call_at(
            worker,
            &quote!(#private::Verdict::worker),
            &quote!(&__LIFECYCLE_VERDICT, #slot),
        );
        checks.extend(quote!(#(#cfgs)* const _: () = #call;));
    }
    let expected = args
        .expect
        .get()
        .into_iter()
        .flatten()
        .map(|expected| &expected.name);
    let place = match args.shutdown_timeout.get() {
        Some((_, span)) => Ident::new("place", *span).to_token_stream(),
        None => ident.to_token_stream(),
    };
    let budget = call_at(
        &place,
        &quote!(#private::Verdict::budget),
        &quote!(&__LIFECYCLE_VERDICT),
    );
    let shown = moved(private, ident.span());
    let implementation = quote_spanned! {at(ident.span())=>
        #[automatically_derived]
        impl #shown::App for #ident
    };
    let parameter = if fields.is_empty() {
        quote!(_)
    } else {
        quote!(context)
    };
    quote! {
        const _: () = {
            #slots
            #implementation {
                const SEALED: #private::Sealed = #private::Sealed::SEAL;
                const RECORD: #private::AppRecord = #private::AppRecord::new(
                    #name,
                    #settings,
                    const { &[#needs] },
                    const { &[#workers] },
                    const { &[#(#expected),*] },
                );
                fn assemble(#parameter: &#private::StartContext) -> Self {
                    Self { #values }
                }
            }
            const __LIFECYCLE_VERDICT: #private::Verdict = #private::check_app(&<#ident as #private::App>::RECORD);
            #checks
            const _: () = #budget;
        };
    }
}

fn settings(private: &TokenStream, args: &Args) -> TokenStream {
    let set = [
        (
            "shutdown_timeout",
            args.shutdown_timeout.get().map(|(time, _)| *time),
        ),
        ("drain_timeout", args.drain_timeout.get().copied()),
        ("lame_duck", args.lame_duck.get().copied()),
        ("emergency_timeout", args.emergency_timeout.get().copied()),
        ("start_timeout", args.start_timeout.get().copied()),
        ("startup_timeout", args.startup_timeout.get().copied()),
    ];
    let mut settings = quote!(#private::Settings::NONE);
    for (name, time) in set {
        if let Some(time) = time {
            let name = Ident::new(name, Span::mixed_site());
            let time = duration::tokens(time);
            settings.extend(quote!(.#name(#time)));
        }
    }
    settings
}

/// The errors, and a stub of the app, so that a `main` that takes it does not cause a second error.
pub(crate) fn failed(errors: &syn::Error, args: &Args, input: &DeriveInput) -> TokenStream {
    let errors = errors.to_compile_error();
    // A stub of it would be refused, since an app is `Send`.
    if mentions(input, "Rc") {
        return errors;
    }
    let private = private(&args.krate);
    let (ident, mut generics) = (&input.ident, input.generics.clone());
    let (_, arguments, _) = input.generics.split_for_impl();
    let ty: Type = syn::parse_quote!(#ident #arguments);
    if !generics.params.is_empty() {
        let clause = generics.make_where_clause();
        clause
            .predicates
            .push(syn::parse_quote!(#ty: ::core::marker::Send + 'static));
    }
    let (params, _, bounds) = generics.split_for_impl();
    quote! {
        #errors
        const _: () = {
            #[automatically_derived]
            impl #params #private::App for #ty #bounds {
                const SEALED: #private::Sealed = #private::Sealed::SEAL;
                const RECORD: #private::AppRecord =
                    #private::AppRecord::new("stub", #private::Settings::NONE, &[], &[], &[]);
                fn assemble(_: &#private::StartContext) -> Self {
                    ::core::unreachable!()
                }
            }
        };
    }
}
