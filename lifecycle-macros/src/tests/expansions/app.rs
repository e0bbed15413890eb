//! `#[derive(App)]`.

use quote::quote;

use super::app;

#[test]
fn app_arguments() {
    app(quote!(
        struct r#Agent {}
    ))
    .has("impl private::App for r#Agent")
    .has(r#""Agent", private::Settings::NONE, const { &[] }, const { &[] }, const { &[] },"#)
    .has("fn assemble(_: &")
    .has("private::Verdict::budget(&__LIFECYCLE_VERDICT);");
    app(quote!(
        #[app(shutdown_timeout = "6s", drain_timeout = "5s", lame_duck = "0s")]
        #[app(emergency_timeout = "4s", start_timeout = "3s", startup_timeout = "2s")]
        #[app(background = [serve, #[cfg(unix)] poll], expect = [plugin::Metrics, "name"])]
        struct Agent {
            db: Arc<Db>,
            #[cfg(unix)]
            cache: Arc<Cache>,
        }
    ))
    .has(r#"private::Settings::NONE .shutdown_timeout(::core::time::Duration::new(6u64, 0u32))
          .drain_timeout(::core::time::Duration::new(5u64, 0u32)) .lame_duck(::core::time::Duration::new(0u64,
          0u32)) .emergency_timeout(::core::time::Duration::new(4u64, 0u32))
          .start_timeout(::core::time::Duration::new(3u64, 0u32))
          .startup_timeout(::core::time::Duration::new(2u64, 0u32)), const { &[__FIELD_0.need, #[cfg(unix)]
          __FIELD_1.need,] }, const { &[__WORKER_0, #[cfg(unix)] __WORKER_1,] }, const { &["plugin::Metrics",
          "name"] },"#)
    .has("fn assemble(context: &")
    .has("Self { db: (__FIELD_0.take)(context), #[cfg(unix)] cache: (__FIELD_1.take)(context), }")
    .has("private::Slot::<Arc<Db>>::field();")
    .has("#[cfg(unix)] const _: () = private::Verdict::field(&__LIFECYCLE_VERDICT, &__FIELD_1.need);")
    .has("const __WORKER_0: private::RecordRef = <serve as private::BackgroundWorker>::RECORD;")
    .has("#[cfg(unix)] const _: () = private::Verdict::worker(&__LIFECYCLE_VERDICT, __WORKER_1);");
}

#[test]
fn app_stubs() {
    app(quote!(
        #[app(crate = other)]
        struct Agent<T: Copy> {
            db: Arc<T>,
        }
    ))
    .has("impl<T: Copy> other::__private::App for Agent<T> where Agent<T>: ::core::marker::Send + 'static");
    app(quote!(
        struct Agent;
    ))
    .has("impl private::App for Agent { const")
    .has("compile_error");
}
