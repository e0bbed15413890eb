//! The macros of `lifecycle`.

mod app;
mod arg;
mod args;
mod background;
mod context;
mod duration;
mod entry;
mod function;
mod hook;
mod krate;
mod nearest;
mod param;
mod resource;

use proc_macro::TokenStream;

/// resource
#[proc_macro_attribute]
pub fn resource(arguments: TokenStream, item: TokenStream) -> TokenStream {
    resource::resource(arguments.into(), item.into()).into()
}

/// background
#[proc_macro_attribute]
pub fn background(arguments: TokenStream, item: TokenStream) -> TokenStream {
    background::background(arguments.into(), item.into()).into()
}

/// app
#[proc_macro_derive(App, attributes(app))]
pub fn app(item: TokenStream) -> TokenStream {
    app::app(item.into()).into()
}

/// main
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(entry::Kind::Main, arguments.into(), item.into()).into()
}

/// test
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(entry::Kind::Test, arguments.into(), item.into()).into()
}
