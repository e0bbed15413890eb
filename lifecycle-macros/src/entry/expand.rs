//! Writes the function around the user's. Nothing here can fail.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Attribute;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::Kind;
use super::check::Entry;
use super::parse::Flavor;
use crate::attribute::list::Listed;
use crate::codegen::crate_path::{at, moved};
use crate::codegen::hook_call::{never_lint, returned};
use crate::signature::function::Function;
use crate::signature::param::{self, call_at};
use crate::signature::runtime::{is_runtime, is_test};

pub(crate) fn expand(entry: &Entry<'_>) -> TokenStream {
    let Entry {
        private, function, ..
    } = entry;
    let (outer, inner) = attributes(entry.kind, &function.attrs);
    let (vis, sig, body, name) = (
        &function.vis,
        &function.sig,
        &function.body,
        function.name(),
    );
    let (slots, names) = slots(entry);
    let spec = spec(entry, &names);
    let context = if names.is_empty() {
        quote!(_)
    } else {
        quote!(context)
    };
    let output = at(function.output_span());
    let value = quote_spanned!(output=> value);
    let shown = moved(private, function.output_span());
    let outcome = quote_spanned!(output=> #shown::Outcome::<(), _>::outcome(#value));
    let call = quote!(#name(#((#names.take)(&context)),*).await);
    let returned = returned(&value, &call, function.never_returns());
    let run = quote! {
        |#context: #private::StartContext| async move {
            #returned
            #outcome
        }
    };
    // A lint can be allowed at a statement, but not at an argument.
    let (running, run) = if function.never_returns() {
        let (lint, variable) = (never_lint(true), Ident::new("run", Span::mixed_site()));
        (
            quote!(#lint let #variable = #run;),
            variable.to_token_stream(),
        )
    } else {
        (TokenStream::new(), run)
    };
    let user = quote! {
        #(#inner)*
        #sig #body
    };
    match entry.kind {
        Kind::Main => {
            let init = init(entry);
            quote! {
                #(#outer)*
                #vis fn #name() -> ::std::process::ExitCode {
                    #user
                    #slots
                    #running
                    #private::main(#spec, #init, #run)
                }
            }
        }
        Kind::Test => {
            let build = build(entry);
            quote! {
                #[::core::prelude::v1::test]
                #(#outer)*
                #vis fn #name() {
                    #user
                    #slots
                    #running
                    #private::test(#spec, #build, #run)
                }
            }
        }
    }
}

/// The attributes that move to the generated function, where the test harness and lints look for them, and those that
/// stay with the user's.
fn attributes(kind: Kind, attrs: &[Attribute]) -> (Vec<&Attribute>, Vec<&Attribute>) {
    const OUTER: [&str; 9] = [
        "cfg",
        "doc",
        "allow",
        "warn",
        "deny",
        "forbid",
        "expect",
        "ignore",
        "should_panic",
    ];
    attrs.iter().partition(|attr| {
        let named = OUTER.iter().any(|name| attr.path().is_ident(name));
        named || kind == Kind::Test && attr.path().is_ident("cfg_attr")
    })
}

/// A constant for each parameter, the one place where its type is asserted, and a check that only one is an app.
fn slots(entry: &Entry<'_>) -> (TokenStream, Vec<Ident>) {
    let private = &entry.private;
    let names: Vec<Ident> = (0..entry.params.len())
        .map(|index| format_ident!("__LIFECYCLE_{index}", span = Span::mixed_site()))
        .collect();
    let mut tokens = TokenStream::new();
    for (index, (ty, name)) in entry.params.iter().zip(&names).enumerate() {
        tokens.extend(param::slot(
            private,
            "EntrySlot",
            name,
            ty,
            &ty.to_token_stream(),
            "parameter",
        ));
        if index > 0 {
            let earlier = names[..index].iter().map(|name| quote!(#name.app));
            let call = call_at(
                ty,
                &quote!(#private::check_one_app),
                &quote!(&[#(#earlier),*], #name.app),
            );
            tokens.extend(quote!(const _: () = #call;));
        }
    }
    (tokens, names)
}

fn spec(entry: &Entry<'_>, slots: &[Ident]) -> TokenStream {
    let Entry {
        private,
        args,
        function,
        ..
    } = entry;
    let name = match entry.kind {
        // The binary's name, or else the package's.
        Kind::Main => quote! {
            match (::core::option_env!("CARGO_BIN_NAME"), ::core::option_env!("CARGO_PKG_NAME")) {
                (::core::option::Option::Some(name), _) | (_, ::core::option::Option::Some(name)) => name,
                _ => "app",
            }
        },
        Kind::Test => {
            let name = function.name().unraw().to_string();
            quote!(::core::concat!(::core::module_path!(), "::", #name))
        }
    };
    let mut spec = quote!(#private::EntrySpec::new(#name, &[#(#slots.app),*]));
    // As with tokio, a test runs on the current thread by default.
    let default = match (entry.kind, args.worker_threads.is_set()) {
        (Kind::Test, false) => Flavor::CurrentThread,
        _ => Flavor::MultiThread,
    };
    if args.flavor.get().copied().unwrap_or(default) == Flavor::CurrentThread {
        spec.extend(quote!(.current_thread()));
    }
    if let Some(threads) = args.worker_threads.get() {
        spec.extend(quote!(.worker_threads(#threads)));
    }
    if args.registered.get() == Some(&false) {
        spec.extend(quote!(.unregistered()));
    }
    if args.start_paused.get() == Some(&true) {
        spec.extend(quote!(.start_paused()));
    }
    spec
}

fn init(entry: &Entry<'_>) -> TokenStream {
    let private = &entry.private;
    let Some(init) = entry.args.init.get() else {
        return quote!(::core::option::Option::None);
    };
    let place = at(init.span());
    let private = &moved(private, init.span());
    let call = quote_spanned!(place=> (#init)(__setup));
    let call = match init {
        syn::Expr::Path(path) => quote_spanned!(place=> #path(__setup)),
        _ => call,
    };
    quote_spanned! {place=>
        ::core::option::Option::Some(|__setup: &mut #private::Setup| {
            let value = #call;
            #private::Outcome::<(), _>::outcome(value)
        })
    }
}

/// What a test changes in the app before it is started.
fn build(entry: &Entry<'_>) -> TokenStream {
    let Entry { private, args, .. } = entry;
    // Hygienic: an expression of the user's cannot name it.
    let builder = Ident::new("builder", Span::mixed_site());
    let mut steps = TokenStream::new();
    for value in args.provide.get().into_iter().flatten() {
        steps.extend(quote_spanned! {at(value.span())=>
            let #builder = #builder.provide(#value);
        });
    }
    for Listed { cfgs, ty } in args.background.get().into_iter().flatten() {
        steps.extend(quote_spanned! {at(ty.span())=>
            #(#cfgs)*
            let #builder = #builder.background_worker::<#ty>();
        });
    }
    quote! {
        |#builder: #private::Builder| {
            #steps
            #builder
        }
    }
}

/// The errors and the user's function, callable as before. An `async fn main` would be a second error, so it is wrapped
/// nevertheless.
pub(crate) fn failed(kind: Kind, errors: &syn::Error, function: &Function) -> TokenStream {
    let errors = errors.to_compile_error();
    let Function {
        attrs,
        vis,
        sig,
        body,
    } = function;
    let name = function.name();
    // One that starts a runtime of its own would cause a second error, and so would `#[test]`.
    let attrs: Vec<_> = attrs
        .iter()
        .filter(|attr| !is_runtime(attr) && !is_test(attr))
        .collect();
    match kind {
        Kind::Main if name == "main" => quote! {
            #errors
            #[allow(dead_code, reason = "nothing calls it until the errors are fixed")]
            #vis fn #name() {
                #(#attrs)*
                #sig #body
            }
        },
        _ => {
            let function = quote!(#(#attrs)* #vis #sig #body);
            quote! {
                #errors
                #[allow(dead_code, reason = "nothing calls it until the errors are fixed")]
                #function
            }
        }
    }
    .into_token_stream()
}
