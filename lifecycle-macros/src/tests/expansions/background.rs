//! `#[background]`.

use proc_macro2::TokenStream;
use quote::quote;

use super::background;

#[test]
fn background_arguments() {
    let worker = quote!(
        #[cfg(unix)]
        pub fn r#loop(db: &Db, shutdown: Shutdown) {}
    );
    background(TokenStream::new(), worker.clone())
        .has("#[cfg(unix)] pub fn r#loop(db: &Db, shutdown: Shutdown) {}")
        .has("pub enum r#loop {}")
        .times(3, "#[cfg(unix)]")
        .has(r#"private::Record::background::<r#loop>( "loop", private::BackgroundPolicy::DEFAULT, __lifecycle_run )"#)
        .has(".default_name()).needs(const { &[__PARAMETER_0.need, __PARAMETER_1.need] });")
        .has("private::check_edge(&__LIFECYCLE_RECORD, &__PARAMETER_1.need);")
        .has("fn __lifecycle_run(context: &mut")
        .has("let p1 = (__PARAMETER_1.take)(context);")
        .has("private::Hook::thread(move || { let value = r#loop(&*p0, p1); private::Outcome::<(),
              _>::outcome(value) })");
    let worker = quote!(
        async fn poll() {}
    );
    background(
        quote!(
            order = 3,
            timeout = "5s",
            name = "poller",
            every = "60s",
            immediate,
            run_timeout = "30s",
            max_failures = 3,
            on_failure = "ignore"
        ),
        worker.clone(),
    )
    .has(r#""poller", private::BackgroundPolicy::DEFAULT .schedule(
          private::Schedule::every(::core::time::Duration::new(60u64, 0u32)) .immediate()
          .run_timeout(::core::time::Duration::new(30u64, 0u32)) .max_failures(3u32) ) .on_failure(private::EndAction::Ignore), __lifecycle_run"#)
    .has(".order(3i32).timeout(::core::time::Duration::new(5u64, 0u32))).needs(const { &[] });")
    .has("fn __lifecycle_run(_: &mut")
    .has("Hook::future(async move { let value = poll().await;")
    .lacks("default_name");
    background(quote!(every = "1s"), worker.clone()).has(
        ".schedule(private::Schedule::every(::core::time::Duration::new(1u64, 0u32))), __lifecycle_run",
    );
    let restart = |arguments: TokenStream| {
        background(
            quote!(restart = "on_failure", #arguments),
            quote!(
                async fn poll() {}
            ),
        )
    };
    restart(quote!(backoff = "2s", on_finish = "shutdown"))
        .has("private::BackgroundPolicy::DEFAULT .restart(private::RestartPolicy::OnFailure)
              .backoff(::core::time::Duration::new(2u64, 0u32)) .on_finish(private::EndAction::Shutdown),");
    restart(quote!(max_restarts = 9))
        .has(".intensity(9u32, ::core::time::Duration::new(60u64, 0u32))");
    restart(quote!(within = "9s")).has(".intensity(5u32, ::core::time::Duration::new(9u64, 0u32))");
}

#[test]
fn background_stubs() {
    background(
        quote!(unknown, crate = other),
        quote!(
            #[cfg(unix)]
            fn poll() {}
        ),
    )
    .has("fn poll() {}")
    .has("enum poll {}")
    .times(3, "#[cfg(unix)]")
    .has("impl other::__private::BackgroundWorker for poll");
    // In an `impl` block no type can stand beside the method.
    let method = crate::background::background(
        TokenStream::new(),
        quote!(
            fn poll(&self) {}
        ),
    );
    assert!(!method.to_string().contains("enum"), "{method}");
    let method = crate::background::background(
        TokenStream::new(),
        quote!(
            fn poll() -> Self {}
        ),
    );
    assert!(!method.to_string().contains("enum"), "{method}");
    background(
        TokenStream::new(),
        quote!(
            struct Poll;
        ),
    )
    .has("struct Poll;")
    .lacks("Worker");
}
