//! The expansions of correct input and the stubs of wrong input, piece by piece: each argument must appear in the
//! expansion, and nothing may appear in it that was not written.

mod app;
mod background;
mod entry;
mod resource;

use proc_macro2::TokenStream;

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
