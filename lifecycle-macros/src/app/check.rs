//! Reports every mistake in the input; without any, returns what there is to expand.

use proc_macro2::TokenStream;
use syn::{Attribute, Data, DeriveInput, Fields, Ident, Type};

use super::parse::Args;
use crate::attribute::list::check_workers;
use crate::codegen::crate_path::private;
use crate::diagnostics::Context;
use crate::signature::function::cfgs;
use crate::signature::param::{inside, show};

/// An app without mistakes.
pub(crate) struct App<'a> {
    pub(crate) private: TokenStream,
    pub(crate) args: &'a Args,
    pub(crate) ident: &'a Ident,
    pub(crate) fields: Vec<Field<'a>>,
}

pub(crate) struct Field<'a> {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
}

pub(crate) fn check<'a>(cx: &Context, args: &'a Args, input: &'a DeriveInput) -> App<'a> {
    if let Some(param) = input.generics.params.first() {
        cx.error_on(
            param,
            "an app is one type, so it cannot be generic\nname the types of its fields",
        );
    }
    check_args(cx, args);
    App {
        private: private(&args.krate),
        args,
        ident: &input.ident,
        fields: fields(cx, input),
    }
}

fn fields<'a>(cx: &Context, input: &'a DeriveInput) -> Vec<Field<'a>> {
    let name = &input.ident;
    let advice = format!("write `struct {name} {{ db: Arc<Database> }}`");
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            cx.error_on(
                data.enum_token,
                format!("an app is a struct whose fields are the resources it uses\n{advice}"),
            );
            return Vec::new();
        }
        Data::Union(data) => {
            cx.error_on(
                data.union_token,
                format!("an app is a struct whose fields are the resources it uses\n{advice}"),
            );
            return Vec::new();
        }
    };
    match fields {
        Fields::Named(_) => {}
        Fields::Unnamed(unnamed) => cx.error_on(unnamed, format!("the fields of an app must have names\n{advice}")),
        Fields::Unit => cx.error_on(name, format!("an app is a struct with fields in braces, even if there are none\nwrite `struct {name} {{}}`")),
    }
    let fields: Vec<_> = fields.iter().collect();
    for (index, field) in fields.iter().enumerate() {
        let shown = show(&field.ty);
        let earlier = fields[..index]
            .iter()
            .find(|earlier| show(&earlier.ty) == shown);
        // Under `#[cfg]`s they may be alternatives, of which at most one is compiled.
        let always = |field: &syn::Field| cfgs(&field.attrs).is_empty();
        if let (Some(Some(earlier)), true) = (
            earlier
                .filter(|earlier| always(earlier))
                .map(|earlier| &earlier.ident),
            always(field),
        ) {
            cx.error_on(&field.ty, format!("`{earlier}` is a field of the type `{shown}` already\nremove one of them: both would be the same instance"));
        }
        if let Type::Reference(reference) = &field.ty {
            cx.error_on(
                &field.ty,
                format!(
                    "the fields of an app are `Arc<T>`, not references\nwrite `Arc<{}>`",
                    show(&reference.elem)
                ),
            );
        }
        if let Some(inner) = inside(&field.ty, &["Rc", "Box"]) {
            cx.error_on(
                &field.ty,
                format!(
                    "the fields of an app are `Arc<T>`, since resources are shared\nwrite `Arc<{}>`",
                    show(inner)
                ),
            );
        }
        for attr in field
            .attrs
            .iter()
            .filter(|attr| attr.path().is_ident("app"))
        {
            cx.error_on(
                attr,
                "`#[app(..)]` goes on the struct, not on a field\nmove it to the struct",
            );
        }
    }
    fields
        .into_iter()
        .filter_map(|field| {
            Some(Field {
                cfgs: cfgs(&field.attrs),
                ident: field.ident.as_ref()?,
                ty: &field.ty,
            })
        })
        .collect()
}

fn check_args(cx: &Context, args: &Args) {
    if let Some(workers) = args.background.get() {
        check_workers(cx, workers);
    }
    let mut names: Vec<&str> = Vec::new();
    for expected in args.expect.get().into_iter().flatten() {
        if expected.name.is_empty() {
            cx.error_at(expected.span, "the name of an expected component is empty\nwrite `expect = [plugin::Metrics, \"name\"]`");
        } else if names.contains(&expected.name.as_str()) {
            cx.error_at(
                expected.span,
                format!("`{}` is listed twice\nremove one of them", expected.name),
            );
        }
        names.push(&expected.name);
    }
}
