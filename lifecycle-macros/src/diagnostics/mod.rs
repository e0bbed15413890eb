//! [`Context`]: collects all errors of an input, so that the user sees them at once.

pub(crate) mod nearest;

use std::cell::RefCell;
use std::fmt::Display;

use proc_macro2::Span;
use quote::ToTokens;

/// Collects errors. It must be [checked](Context::check): dropping it unchecked panics, so that no error gets lost.
pub(crate) struct Context {
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Context {
    pub(crate) fn new() -> Self {
        Self {
            errors: RefCell::new(Some(Vec::new())),
        }
    }

    /// Adds an error that underlines all of `tokens`.
    pub(crate) fn error_on(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error at one place.
    pub(crate) fn error_at(&self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    pub(crate) fn push(&self, error: syn::Error) {
        if let Some(errors) = &mut *self.errors.borrow_mut() {
            errors.push(error);
        }
    }

    /// All errors as one, or none.
    pub(crate) fn check(self) -> syn::Result<()> {
        let mut errors = self.errors.take().into_iter().flatten();
        let Some(mut first) = errors.next() else {
            return Ok(());
        };
        first.extend(errors);
        Err(first)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.errors.borrow().is_some() {
            panic!("the errors of a context were never checked");
        }
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::Context;

    #[test]
    fn all_errors_are_returned_as_one() {
        let cx = Context::new();
        cx.error_at(Span::call_site(), "one");
        cx.error_on(quote::quote!(two), "two");
        let errors = cx.check().unwrap_err();
        let messages: Vec<String> = errors.into_iter().map(|error| error.to_string()).collect();
        assert_eq!(messages, ["one", "two"]);
    }

    #[test]
    fn without_errors_the_check_succeeds() {
        assert!(Context::new().check().is_ok());
    }

    #[test]
    #[should_panic = "never checked"]
    fn a_context_must_be_checked() {
        drop(Context::new());
    }
}
