//! How findings read. A message is a sequence of pieces, because constant evaluation composes a [`Text`] of bounded
//! length and the plan a [`String`]; what the pieces say is the same for both.

use std::fmt;

use crate::base::const_text::Text;

/// A piece of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece<'a> {
    Plain(&'a str),
    /// The name of a component, in backticks.
    Name(&'a str),
    Integer(i32),
}

use Piece::{Integer, Name, Plain};

/// Begins the message about a cycle. Each component of it follows as a [`step`], then the first one by its name.
pub(crate) const CYCLE: &[Piece<'static>] = &[Plain("dependency cycle: ")];

/// A component on the way to another.
pub(crate) const fn step(name: &str) -> [Piece<'_>; 2] {
    [Name(name), Plain(" -> ")]
}

/// Begins the message about a component whose order contradicts a need. Components without an order follow as
/// [`step`]s where the need is an indirect one, then [`starts_later`].
pub(crate) const fn needs(name: &str, order: i32) -> [Piece<'_>; 4] {
    [
        Name(name),
        Plain(" (order "),
        Integer(order),
        Plain(") needs "),
    ]
}

/// Ends the message that [`needs`] begins.
pub(crate) const fn starts_later(name: &str, order: i32) -> [Piece<'_>; 4] {
    [
        Name(name),
        Plain(" (order "),
        Integer(order),
        Plain("), which starts after it"),
    ]
}

/// What to change about a cycle.
pub(super) const CYCLE_ADVICE: &str =
    "\nremove one of these dependencies, or move what they share into a resource of its own";

/// What to change about an order that contradicts a need: either of the two.
pub(super) const fn order_advice<'a>(
    (name, order): (&'a str, i32),
    (needed, higher): (&'a str, i32),
) -> [Piece<'a>; 9] {
    [
        Plain("\nwrite `order = "),
        Integer(order),
        Plain("` or less for "),
        Name(needed),
        Plain(", or `order = "),
        Integer(higher),
        Plain("` or more for "),
        Name(name),
        Plain("; without `order`, dependencies alone decide"),
    ]
}

/// What to change about a shutdown that does not fit.
pub(super) const BUDGET_ADVICE: &str = "\nraise `shutdown_timeout`, or lower one of these";

/// The pieces at the end of a text.
pub(super) const fn append(mut text: Text, pieces: &[Piece<'_>]) -> Text {
    let mut i = 0;
    while i < pieces.len() {
        text = match pieces[i] {
            Plain(part) => text.push(part),
            Name(name) => text.name(name),
            Integer(value) => text.integer(value),
        };
        i += 1;
    }
    text
}

impl fmt::Display for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Plain(part) => f.write_str(part),
            Name(name) => write!(f, "`{name}`"),
            Integer(value) => write!(f, "{value}"),
        }
    }
}

/// Ends constant evaluation with the message, at the caller.
#[track_caller]
pub(super) const fn fail(text: &Text) -> ! {
    panic!("{}", text.as_str())
}
