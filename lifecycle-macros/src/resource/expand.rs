//! Writes the `impl Resource` beside the user's block. Nothing here can fail.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Generics, Type};

use super::check::Resource;
use super::hooks::{Hook, Start};
use super::parse::{Args, Stub};
use crate::attribute::duration;
use crate::attribute::list::Listed;
use crate::codegen::crate_path::{at, moved, private};
use crate::codegen::hook_call::{HookCall, hook_call, outcome};
use crate::signature::param::{call_at, is_object, show, slot_names, taken};

pub(crate) fn expand(item: &TokenStream, resource: &Resource<'_>) -> TokenStream {
    let Resource {
        private, cfgs, ty, ..
    } = resource;
    let (slots, needs, checks) = needs(resource);
    let record = record(resource, &needs);
    let starts = resource
        .starts
        .iter()
        .enumerate()
        .map(|(index, start)| start_glue(resource, index, start));
    let stop = resource.stop.iter().map(|hook| stop_glue(resource, hook));
    let emergency = resource.emergency.iter().map(|hook| {
        let (cfgs, name) = (&hook.cfgs, &hook.call.name);
        quote! {
            #(#cfgs)*
            fn emergency(&self) {
                <#ty>::#name(self)
            }
        }
    });
    let health = resource
        .health
        .iter()
        .map(|hook| plain_glue(resource, hook, "health"));
    let reload = resource
        .reload
        .iter()
        .map(|hook| plain_glue(resource, hook, "reload"));
    let in_use = resource.in_use.iter().map(|hook| {
        let (cfgs, name) = (&hook.cfgs, &hook.call.name);
        let count = exactly(
            private,
            &hook.call,
            &quote!(::core::primitive::usize),
            &quote!(<#ty>::#name(self)),
        );
        quote! {
            #(#cfgs)*
            fn in_use(&self) -> ::core::option::Option<::core::primitive::usize> {
                ::core::option::Option::Some(#count)
            }
        }
    });
    let provided = resource
        .args
        .binds
        .iter()
        .map(|bind| provided(private, ty, bind));
    let shown = moved(private, ty.span());
    let implementation = quote_spanned! {at(ty.span())=>
        #[automatically_derived]
        impl #shown::Resource for #ty
    };
    quote! {
        #item
        #(#cfgs)*
        #[allow(deprecated, reason = "the annotated item itself says that it is")]
        const _: () = {
            #slots
            static __LIFECYCLE_RECORD: #private::Record = #record;
            #implementation {
                const RECORD: #private::RecordRef = #private::RecordRef::to(&__LIFECYCLE_RECORD);
                #(#starts)*
                #(#stop)*
                #(#emergency)*
                #(#health)*
                #(#reload)*
                #(#in_use)*
            }
            #(#provided)*
            #private::inventory::submit! {
                #private::Registration::new(#private::RecordRef::to(&__LIFECYCLE_RECORD))
            }
            #checks
        };
    }
}

/// The slots of all parameters, the elements of `needs`, and the checks of orders.
fn needs(resource: &Resource<'_>) -> (TokenStream, TokenStream, TokenStream) {
    let private = &resource.private;
    let (mut slots, mut needs, mut checks) =
        (TokenStream::new(), TokenStream::new(), TokenStream::new());
    let mut check = |cfgs: &[Attribute], place: &Type, need: TokenStream| {
        let arguments = quote!(&__LIFECYCLE_RECORD, &#need);
        let call = call_at(place, &quote!(#private::check_edge), &arguments);
        checks.extend(quote!(#(#cfgs)* const _: () = #call;));
    };
    for (index, start) in resource.starts.iter().enumerate() {
        let cfgs = &start.hook.cfgs;
        for (param, name) in start.params.iter().zip(start_slots(index, start)) {
            let slot = param.slot(private, &name);
            slots.extend(quote!(#(#cfgs)* #slot));
            needs.extend(quote!(#(#cfgs)* #name.need,));
            check(cfgs, &param.ty, quote!(#name.need));
        }
    }
    for (index, listed) in resource.args.after.get().into_iter().flatten().enumerate() {
        let Listed { cfgs, ty } = listed;
        let name = format_ident!("__AFTER_{index}", span = Span::mixed_site());
        let private = moved(private, ty.span());
        let after = if is_object(ty) {
            quote_spanned!(at(ty.span())=> Slot::<::std::sync::Arc<#ty>>::after_the_one_resource_bound_as_the_trait())
        } else {
            quote_spanned!(at(ty.span())=> Need::after::<#ty, _>())
        };
        slots.extend(quote_spanned! {at(ty.span())=>
            #(#cfgs)*
            const #name: #private::Need = #private::#after;
        });
        needs.extend(quote!(#(#cfgs)* #name,));
        check(cfgs, ty, name.to_token_stream());
    }
    (slots, needs, checks)
}

fn start_slots(index: usize, start: &Start) -> Vec<Ident> {
    slot_names(&format!("START_{index}"), &start.params)
}

fn record(resource: &Resource<'_>, needs: &TokenStream) -> TokenStream {
    let Resource {
        private, args, ty, ..
    } = resource;
    let name = match args.name.get() {
        Some(name) => name.to_token_stream(),
        None => resource.name.to_token_stream(),
    };
    let tokens = ty.to_token_stream().to_string();
    let mut record = quote! {
        #private::Record::resource::<#ty>(#name).located(
            #private::SourceLocation::in_module(::core::module_path!())
                .item(#tokens)
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
    if let Some(timeout) = args.start_timeout.get() {
        let timeout = duration::tokens(*timeout);
        record.extend(quote!(.start_timeout(#timeout)));
    }
    if let Some(retries) = args.retries.get() {
        let backoff = args
            .backoff
            .get()
            .copied()
            .unwrap_or(std::time::Duration::from_millis(200));
        let backoff = duration::tokens(backoff);
        record.extend(quote!(.retries(#retries, #backoff)));
    }
    if args.readiness.is_set() {
        record.extend(quote!(.readiness()));
    }
    if !needs.is_empty() {
        record.extend(quote!(.needs(const { &[#needs] })));
    }
    if !args.binds.is_empty() {
        let binds = args.binds.iter().map(|bind| binding(private, ty, bind));
        record.extend(quote!(.binds(const { &[#(#binds),*] })));
    }
    let hooks = hooks(resource);
    if !hooks.is_empty() {
        record.extend(quote!(.hooks(const { &[#hooks] })));
    }
    quote!(#private::expanded(#record))
}

/// The list of the optional hooks that are present.
fn hooks(resource: &Resource<'_>) -> TokenStream {
    let private = &resource.private;
    let kinds = [
        ("Stop", &resource.stop),
        ("Emergency", &resource.emergency),
        ("Health", &resource.health),
        ("Reload", &resource.reload),
        ("InUse", &resource.in_use),
    ];
    let mut list = TokenStream::new();
    for (kind, hooks) in kinds {
        let kind = Ident::new(kind, Span::mixed_site());
        for hook in hooks {
            let cfgs = &hook.cfgs;
            list.extend(quote!(#(#cfgs)* #private::HookKind::#kind,));
        }
    }
    list
}

fn binding(private: &TokenStream, ty: &Type, bind: &Type) -> TokenStream {
    let private = moved(private, bind.span());
    quote_spanned! {at(bind.span())=>
        #private::Binding::to::<#bind>(|instance| #private::Instance::bound::<#ty, #bind>(instance, |value| value))
    }
}

fn provided(private: &TokenStream, ty: &Type, bind: &Type) -> TokenStream {
    let private = moved(private, bind.span());
    quote_spanned! {at(bind.span())=>
        #[automatically_derived]
        impl #private::Provided<#ty> for #bind {
            const SEALED: #private::Sealed = #private::Sealed::SEAL;
            const RECORD: #private::RecordRef = <#ty as #private::Resource>::RECORD;
        }
    }
}

/// A call that must return exactly that type.
fn exactly(
    private: &TokenStream,
    hook: &HookCall,
    wanted: &TokenStream,
    call: &TokenStream,
) -> TokenStream {
    let value = quote_spanned!(at(hook.output)=> value);
    let private = moved(private, hook.output);
    let exact = quote_spanned!(at(hook.output)=> #private::Exactly::<#wanted>::exactly(#value));
    quote! {{
        let #value = #call;
        #exact
    }}
}

fn start_glue(resource: &Resource<'_>, index: usize, start: &Start) -> TokenStream {
    let Resource { private, ty, .. } = resource;
    let (cfgs, name) = (&start.hook.cfgs, &start.hook.call.name);
    let context = quote!(context);
    let (lets, arguments) = taken(&start.params, &start_slots(index, start), &context);
    let parameter = if start.params.is_empty() {
        quote!(_)
    } else {
        context
    };
    let call = quote!(<#ty>::#name(#(#arguments),*));
    let hook = hook_call(private, &start.hook.call, &call, |value| {
        outcome(private, &start.hook.call, ty, value)
    });
    quote! {
        #(#cfgs)*
        fn start(#parameter: &mut #private::StartContext) -> #private::Hook<Self> {
            #lets
            #hook
        }
    }
}

fn stop_glue(resource: &Resource<'_>, hook: &Hook) -> TokenStream {
    let Resource { private, ty, .. } = resource;
    let Hook { cfgs, call: target } = hook;
    let name = &target.name;
    // One token for all uses: `self` in the closure must have the span of the `self` parameter.
    let this = quote!(self);
    let judged = resource.expects.iter().map(|expects| {
        let Hook {
            cfgs,
            call: HookCall { name, .. },
        } = &expects.hook;
        // Its type is inferred, so that a type other than the error of `stop` is underlined in the signature of `expects`.
        let error = quote_spanned!(at(expects.error.span())=> error);
        let verdict = exactly(
            private,
            &expects.hook.call,
            &quote!(::core::primitive::bool),
            &quote!(<#ty>::#name(&#this, #error)),
        );
        quote! {
            #(#cfgs)*
            let value = #private::judged(value, |#error| #verdict);
        }
    });
    let call = quote!(<#ty>::#name(&#this));
    let hook = hook_call(private, target, &call, |value| {
        let private = moved(private, target.output);
        let stopped = quote_spanned!(at(target.output)=> #private::StopOutcome::stopped);
        if resource.expects.is_empty() {
            quote_spanned!(at(target.output)=> #stopped(#value))
        } else {
            quote! {
                let value = #value;
                #(#judged)*
                #stopped(value)
            }
        }
    });
    quote! {
        #(#cfgs)*
        fn stop(self: ::std::sync::Arc<Self>) -> ::core::option::Option<#private::Hook<#private::Stopped>> {
            ::core::option::Option::Some(#hook)
        }
    }
}

/// `health` and `reload`.
fn plain_glue(resource: &Resource<'_>, hook: &Hook, method: &str) -> TokenStream {
    let Resource { private, ty, .. } = resource;
    let Hook { cfgs, call: target } = hook;
    let name = &target.name;
    let method = Ident::new(method, Span::mixed_site());
    let call = quote!(<#ty>::#name(&self));
    let hook = hook_call(private, target, &call, |value| {
        outcome(private, target, &quote!(()), value)
    });
    quote! {
        #(#cfgs)*
        fn #method(self: ::std::sync::Arc<Self>) -> ::core::option::Option<#private::Hook<()>> {
            ::core::option::Option::Some(#hook)
        }
    }
}

/// The user's item, the errors, and stubs, so that components that depend on the resource do not cause further errors.
pub(crate) fn failed(
    item: TokenStream,
    errors: Option<syn::Error>,
    args: &Args,
    stub: Option<&Stub>,
) -> TokenStream {
    let errors = errors.map(|error| error.to_compile_error());
    let stub = stub.map(|stub| stub_impl(args, stub));
    quote!(#item #errors #stub)
}

fn stub_impl(args: &Args, stub: &Stub) -> TokenStream {
    let private = private(&args.krate);
    let Stub { generics, ty } = stub;
    let provided = args
        .binds
        .iter()
        .enumerate()
        .filter(|(_, bind)| matches!(bind, Type::TraitObject(_)) && generics.params.is_empty())
        .filter(|(index, bind)| {
            !args.binds[..*index]
                .iter()
                .any(|earlier| show(earlier) == show(bind))
        })
        .map(|(_, bind)| provided(&private, ty, bind));
    let generics = stub_generics(generics, ty);
    let (params, _, bounds) = generics.split_for_impl();
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #params #private::Resource for #ty #bounds {
                const RECORD: #private::RecordRef =
                    #private::RecordRef::to(const { &#private::Record::resource::<Self>("stub") });
                fn start(_: &mut #private::StartContext) -> #private::Hook<Self> {
                    ::core::unreachable!()
                }
            }
            #(#provided)*
        };
    }
}

fn stub_generics(generics: &Generics, ty: &Type) -> Generics {
    let mut generics = generics.clone();
    if !generics.params.is_empty() {
        let clause = generics.make_where_clause();
        clause
            .predicates
            .push(syn::parse_quote!(#ty: ::core::marker::Send + ::core::marker::Sync + 'static));
    }
    generics
}
