//! `#[resource]`.

use proc_macro2::{Delimiter, Group, TokenStream};
use quote::quote;

use super::resource;

#[test]
fn resource_arguments() {
    let start = quote!(
        impl Db {
            fn start() -> Self {
                Self
            }
            async fn health(&self) {}
        }
    );
    resource(TokenStream::new(), start.clone())
        .has("impl Db { fn start() -> Self { Self } async fn health(&self) {} }")
        .has(r#"private::Record::resource::<Db>("Db").located"#)
        .has(".default_name().hooks(const { &[private::HookKind::Health,] }));")
        .lacks(".order")
        .lacks(".timeout")
        .lacks(".start_timeout")
        .lacks(".retries")
        .lacks(".readiness")
        .lacks(".needs")
        .lacks(".binds");
    resource(
        quote!(
            order = -3,
            timeout = "1m 1500ms",
            start_timeout = "7",
            retries = 5,
            readiness,
            crate = other::path
        ),
        start.clone(),
    )
    .has(".default_name().order(-3i32).timeout(::core::time::Duration::new(61u64, 500000000u32))")
    .has(".start_timeout(::core::time::Duration::new(7u64, 0u32))")
    .has(".retries(5u32, ::core::time::Duration::new(0u64, 200000000u32))")
    .has(".readiness()")
    .has("impl other::path::__private::Resource for Db")
    .lacks("::lifecycle");
    resource(
        quote!(name = "main-db", retries = 1, backoff = "3s"),
        start.clone(),
    )
    .has(r#"private::Record::resource::<Db>("main-db").located"#)
    .has(".retries(1u32, ::core::time::Duration::new(3u64, 0u32))")
    .lacks(".default_name");
    resource(quote!(as = dyn Clock, as = dyn Send), start)
        .has("private::Binding::to::<dyn Clock>")
        .has("private::Instance::bound::<Db, dyn Send>")
        .has("impl private::Provided<Db> for dyn Clock")
        .has("impl private::Provided<Db> for dyn Send");
}

#[test]
fn resource_needs() {
    let plain = resource(
        quote!(
            after = [
                Metrics,
                #[cfg(unix)]
                Other
            ]
        ),
        quote! {
            impl Db {
                async fn start(config: &Config, (cache): (Arc<Cache>), shutdown: Shutdown) -> Self {
                    Self
                }
            }
        },
    );
    plain
        .has("let p0 = (__START_0_0.take)(context);")
        .has("let p1 = (__START_0_1.take)(context);")
        .has("let p2 = (__START_0_2.take)(context);")
        .has("let value = <Db>::start(&*p0, p1, p2).await;")
        .has("private::Hook::future(async move")
        .has("const __START_0_0: private::Slot<::std::sync::Arc<Config>>")
        .has("private::Slot::<Arc<Cache>>::parameter();")
        .has("const __AFTER_0: private::Need = private::Need::after::<Metrics, _>();")
        .has("#[cfg(unix)] const __AFTER_1: private::Need = private::Need::after::<Other, _>();")
        .has(".needs(const { &[__START_0_0.need, __START_0_1.need, __START_0_2.need, __AFTER_0, #[cfg(unix)]
              __AFTER_1,] })")
        .has("private::check_edge(&__LIFECYCLE_RECORD, &__START_0_2.need);")
        .has("private::check_edge(&__LIFECYCLE_RECORD, &__AFTER_0);")
        .has("#[cfg(unix)] const _: () = private::check_edge(&__LIFECYCLE_RECORD, &__AFTER_1);");
}

/// Types that a `macro_rules!` passes on as `$ty:ty`, and types in parentheses.
#[test]
fn types_in_groups() {
    let invisible = |tokens| Group::new(Delimiter::None, tokens);
    let (borrowed, elem, owner) = (
        invisible(quote!(&Config)),
        invisible(quote!(Cache)),
        invisible(quote!(Db)),
    );
    resource(
        TokenStream::new(),
        quote!(
            impl #owner {
                fn start(config: #borrowed, cache: &#elem) -> Self {
                    Self
                }
            }
        ),
    )
    .has("start(&*p0, &*p1)")
    .has(r#"("Db").located"#);
    resource(
        TokenStream::new(),
        quote!(
            impl (Db) {
                fn start() -> Self {
                    Self
                }
            }
        ),
    )
    .has(r#"("Db").located"#);
}

#[test]
fn resource_hooks() {
    let all = resource(
        TokenStream::new(),
        quote! {
            #[cfg(feature = "db")]
            impl Db {
                #[cfg(unix)]
                fn start(config: &Config) -> Self { Self }
                #[cfg(not(unix))]
                fn start() -> Self { Self }
                #[cfg(unix)]
                async fn stop(&self) -> Result<(), Error> { Ok(()) }
                #[cfg(unix)]
                fn expects(&self, error: &Error) -> bool { true }
                #[cfg(unix)]
                fn emergency(&self) {}
                fn reload(&self) {}
                fn in_use(&self) -> usize { 0 }
            }
        },
    );
    all.has(r#"#[cfg(feature = "db")] #[allow( deprecated, reason = "the annotated item itself says that it
          is" )] const _: () ="#)
    .has("#[cfg(unix)] fn start(context: &mut private::StartContext)")
    .has("#[cfg(not(unix))] fn start(_: &mut private::StartContext)")
    .has("#[cfg(unix)] const __START_0_0")
    .has(".needs(const { &[#[cfg(unix)] __START_0_0.need,] })")
    .has("#[cfg(unix)] fn stop(self: ::std::sync::Arc<Self>)")
    .has("#[cfg(unix)] let value = private::judged(value, |error| { let value = <Db>::expects(&self, error);
          private::Exactly::<::core::primitive::bool>::exactly(value) });
          private::StopOutcome::stopped(value)")
    .has("#[cfg(unix)] fn emergency(&self) { <Db>::emergency(self) }")
    .has("fn reload(self: ::std::sync::Arc<Self>)")
    .has("private::Exactly::<::core::primitive::usize>::exactly(value)")
    .lacks("fn health")
    .has(".hooks(const { &[ #[cfg(unix)] private::HookKind::Stop, #[cfg(unix)] private::HookKind::Emergency,
          private::HookKind::Reload, private::HookKind::InUse, ] })");
    resource(
        TokenStream::new(),
        quote!(
            impl Db {
                fn start() -> Self {
                    Self
                }
                fn stop(&self) {}
            }
        ),
    )
    .has("let value = <Db>::stop(&self); private::StopOutcome::stopped(value)")
    .lacks("judged");
}

/// Qualifiers before `fn`, and other members of the block.
#[test]
fn qualified_hooks() {
    resource(
        TokenStream::new(),
        quote!(
            impl Db {
                const RUN: unsafe extern "C" fn(&Self) = Self::other;
                const LIMITS: Limits = Limits { rows: 1 };
                const ROWS: u32 = if UNIX { 1 } else { 2 } + { 3 };
                type Alias = fn();
                other! {}
                other!();
                fn start() -> Self {
                    Self
                }
                pub extern "C" fn emergency(&self) {}
                pub(crate) const fn in_use(&self) -> usize {
                    0
                }
            }
        ),
    )
    .has(".hooks(const { &[private::HookKind::Emergency, private::HookKind::InUse,] })");
}

/// Rustc reports the duplicate; a second method of the generated `impl` would be a second error.
#[test]
fn one_of_two_hooks_of_a_name() {
    let twice = resource(
        TokenStream::new(),
        quote!(
            impl Db {
                fn start() -> Self {
                    Self
                }
                #[cfg(unix)]
                fn stop(&self) {}
                async fn stop(&self) {}
                #[cfg(windows)]
                fn stop(&self) {}
            }
        ),
    );
    twice
        .has("fn stop(self: ::std::sync::Arc<Self>)")
        .has("<Db>::stop(&self).await")
        .has(".hooks(const { &[private::HookKind::Stop,] })");
}

#[test]
fn resource_stubs() {
    let generic = resource(
        quote!(crate = other, as = dyn Clock),
        quote!(
            impl<T: Copy> Db<T> {
                fn start() -> Self {
                    Self
                }
            }
        ),
    );
    generic
        .has("impl<T: Copy> Db<T> {")
        .has(
            "impl<T: Copy> other::__private::Resource for Db<T> where Db<T>: ::core::marker::Send +
              ::core::marker::Sync + 'static",
        )
        .has("compile_error")
        .lacks("Provided");
    resource(
        quote!(as = dyn Clock, as = dyn Send, as = dyn Clock, as = Clock),
        quote!(impl Db {}),
    )
    .has("impl private::Resource for Db {")
    .has("impl private::Provided<Db> for dyn Clock")
    .has("impl private::Provided<Db> for dyn Send")
    .times(2, "Provided");
    resource(
        TokenStream::new(),
        quote!(
            struct Db<T>(T);
        ),
    )
    .has("struct Db<T>(T);")
    .has("impl<T> private::Resource for Db<T> where");
    resource(TokenStream::new(), quote!(impl Clock for Db {}))
        .has("impl Clock for Db {}")
        .lacks("Resource");
    resource(
        TokenStream::new(),
        quote!(
            impl (u8, u8) {}
        ),
    )
    .lacks("Resource");
    // An `impl` block that cannot be read is not taken for another item.
    resource(TokenStream::new(), quote!(impl !Send for Db {}))
        .has("impl !Send for Db {}")
        .has("compile_error")
        .lacks("goes on an inherent");
}
