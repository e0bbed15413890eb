//! `#[lifecycle::main]` and `#[lifecycle::test]`, and a second runtime beside any of them.

use proc_macro2::TokenStream;
use quote::quote;

use super::{background, main, squeezed, test};

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
