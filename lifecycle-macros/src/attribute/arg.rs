//! [`Arg`]: one argument of an attribute, set at most once, with its place in the source.

use proc_macro2::Span;

use crate::diagnostics::Context;

/// The name of an argument, as written.
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// An argument that may be given once.
pub(crate) struct Arg<T> {
    value: Option<(Span, T)>,
}

impl<T> Default for Arg<T> {
    fn default() -> Self {
        Self { value: None }
    }
}

impl<T> Arg<T> {
    /// Keeps the value; a second one is an error.
    pub(crate) fn set(&mut self, cx: &Context, key: &Key, value: T) {
        if self.value.is_some() {
            cx.error_at(
                key.span,
                format!("`{}` is given twice\nremove one of them", key.name),
            );
        } else {
            self.value = Some((key.span, value));
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().map(|(_, value)| value)
    }

    /// The place of its name.
    pub(crate) fn span(&self) -> Option<Span> {
        self.value.as_ref().map(|(span, _)| *span)
    }

    pub(crate) fn is_set(&self) -> bool {
        self.value.is_some()
    }

    /// Reports an error at the argument, if it is set.
    pub(crate) fn refuse(&self, cx: &Context, message: &str) {
        if let Some(span) = self.span() {
            cx.error_at(span, message);
        }
    }
}
