//! The expansions of correct input and the stubs of wrong input, piece by piece: each argument must appear in the
//! expansion, and nothing may appear in it that was not written.
//!
//! Longer than 500 lines: a case for each argument of each macro.

use proc_macro2::{Delimiter, Group, TokenStream};
use quote::quote;

use crate::entry::Kind;

/// The tokens of an expansion, to look for pieces in.
struct Expanded(String);

impl Expanded {
    /// It is a list of items, right or wrong. Its `private::` stands for where expansions find the framework.
    fn of(tokens: TokenStream) -> Self {
        let text = squeezed(&tokens.to_string());
        if let Err(error) = syn::parse2::<syn::File>(tokens) {
            panic!("{error}: {text}");
        }
        Self(text.replace("::lifecycle::__private::", "private::"))
    }

    #[track_caller]
    fn has(&self, piece: &str) -> &Self {
        self.times(1, piece)
    }

    #[track_caller]
    fn lacks(&self, piece: &str) -> &Self {
        self.times(0, piece)
    }

    #[track_caller]
    fn times(&self, times: usize, piece: &str) -> &Self {
        let found = self.0.matches(&squeezed(piece)).count();
        assert_eq!(found, times, "`{piece}` in:\n{}", self.0);
        self
    }
}

/// Without white space.
pub(super) fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

fn resource(arguments: TokenStream, item: TokenStream) -> Expanded {
    Expanded::of(crate::resource::resource(arguments, item))
}

fn background(arguments: TokenStream, item: TokenStream) -> Expanded {
    Expanded::of(crate::background::background(arguments, item))
}

fn app(item: TokenStream) -> Expanded {
    Expanded::of(crate::app::app(item))
}

fn main(arguments: TokenStream, item: TokenStream) -> Expanded {
    Expanded::of(crate::entry::entry(Kind::Main, arguments, item))
}

fn test(arguments: TokenStream, item: TokenStream) -> Expanded {
    Expanded::of(crate::entry::entry(Kind::Test, arguments, item))
}

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

#[test]
fn main_and_test_arguments() {
    let user = quote!(
        async fn main() {}
    );
    main(TokenStream::new(), user.clone())
        .has(
            "fn main() -> ::std::process::ExitCode { async fn main() {}
              private::main(private::EntrySpec::new( match",
        )
        .has("&[]), ::core::option::Option::None, |_: private::StartContext|")
        .lacks("current_thread")
        .lacks("unregistered");
    main(
        quote!(
            registered = false,
            worker_threads = 4,
            init = setup,
            crate = other
        ),
        user.clone(),
    )
    .has(
        "&[]).worker_threads(4usize).unregistered(), ::core::option::Option::Some(|__setup: &mut
          other::__private::Setup|",
    )
    .has("let value = setup(__setup);");
    main(
        quote!(
            registered = true,
            flavor = "current_thread",
            init = |setup| Ok(())
        ),
        user,
    )
    .has("&[]).current_thread(), ::core")
    .has("let value = (|setup| Ok(()))(__setup);");
    let user = quote!(
        async fn works() {}
    );
    test(TokenStream::new(), user.clone()).has(
        r#"#[::core::prelude::v1::test] fn works() { async fn works() {} private::test(
              private::EntrySpec::new( ::core::concat!(::core::module_path!(), "::", "works"),
              &[]).current_thread(), |builder: private::Builder| { builder },"#,
    );
    test(
        quote!(
            start_paused = true,
            provide = [one, two()],
            background = [
                poll,
                #[cfg(unix)]
                serve
            ]
        ),
        user.clone(),
    )
    .has(".current_thread().start_paused()")
    .has(
        "let builder = builder.provide(one); let builder = builder.provide(two()); let builder =
          builder.background_worker::<poll>(); #[cfg(unix)] let builder = builder.background_worker::<serve>(); builder",
    );
    test(
        quote!(start_paused = false, worker_threads = 2),
        user.clone(),
    )
    .has("&[]).worker_threads(2usize), |")
    .lacks("start_paused");
    test(quote!(flavor = "multi_thread"), user).lacks("current_thread");
}

#[test]
fn main_and_test_parameters() {
    let user = quote!(
        #[cfg(unix)]
        #[cfg_attr(unix, ignore)]
        /// Text.
        #[inline]
        pub async fn r#loop(app: Agent, shutdown: Shutdown, other: Agent) -> Result<(), Error> {
            Ok(())
        }
    );
    let both = [
        main(quote!(worker_threads = 1), user.clone()),
        test(quote!(), user),
    ];
    for expanded in &both {
        expanded
            .has("&[__LIFECYCLE_0.app, __LIFECYCLE_1.app, __LIFECYCLE_2.app]")
            .has("const __LIFECYCLE_0: private::EntrySlot<Agent> = private::EntrySlot::<Agent>::parameter();
                  const __LIFECYCLE_1")
            .has("private::check_one_app(&[__LIFECYCLE_0.app], __LIFECYCLE_1.app);")
            .has("private::check_one_app(&[__LIFECYCLE_0.app, __LIFECYCLE_1.app], __LIFECYCLE_2.app);")
            .times(2, "check_one_app")
            .has("|context: private::StartContext| async move { let value =
                  r#loop((__LIFECYCLE_0.take)(&context), (__LIFECYCLE_1.take)(&context),
                  (__LIFECYCLE_2.take)(&context)).await; private::Outcome::<(), _>::outcome(value) }");
    }
    let [main, test] = both;
    main.has(r#"#[cfg(unix)] #[doc = r" Text."] pub fn r#loop() -> ::std::process::ExitCode { #[cfg_attr(unix,
          ignore)] #[inline] async fn"#);
    test.has(r#"#[::core::prelude::v1::test] #[cfg(unix)] #[cfg_attr(unix, ignore)] #[doc = r" Text."] pub fn
          r#loop() { #[inline] async fn"#)
        .has(r#"::core::concat!(::core::module_path!(), "::", "loop")"#);
}

#[test]
fn main_and_test_stubs() {
    main(
        quote!(unknown),
        quote!(
            async fn main(app: Agent) {}
        ),
    )
    .has("fn main() { async fn main(app: Agent) {} }");
    main(
        quote!(unknown),
        quote!(
            async fn other(app: Agent) {}
        ),
    )
    .has("async fn other(app: Agent) {}")
    .lacks("fn other()");
    test(
        quote!(unknown),
        quote!(
            async fn main() {}
        ),
    )
    .times(1, "fn main()");
    test(
        quote!(),
        quote!(
            struct Works;
        ),
    )
    .has("struct Works;");
}

#[test]
fn a_second_runtime() {
    let expanded_by_tokio = quote! {
        fn works() {
            let body = async {};
            return tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .expect("Failed building the Runtime")
                .block_on(body);
        }
    };
    let said = |attribute: &str, owner: &str| {
        squeezed(&format!(
            "`{attribute}` starts a second runtime, beside that of the app\\nremove it: `{owner}` runs the function on the runtime of the app"
        ))
    };
    main(quote!(), expanded_by_tokio.clone())
        .has(&said("#[tokio::main]", "#[lifecycle::main]"))
        .lacks("must be");
    test(quote!(), expanded_by_tokio.clone())
        .has(&said("#[tokio::test]", "#[lifecycle::test]"))
        .lacks("must be");
    background(quote!(), expanded_by_tokio).has(&said("#[tokio::main]", "#[background]"));
    let beside = quote! {
        #[tokio::main(flavor = "current_thread")]
        async fn works() {}
    };
    main(quote!(), beside.clone())
        .has(&said("#[tokio::main]", "#[lifecycle::main]"))
        .lacks("current_thread");
    background(quote!(), beside).has(&said("#[tokio::main]", "#[background]"));
}
