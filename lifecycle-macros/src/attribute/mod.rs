//! The arguments of an attribute: `key = value` and flags, separated by commas. All errors are collected.

pub(crate) mod arg;
pub(crate) mod duration;
pub(crate) mod known;
pub(crate) mod list;

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Expr, Ident, Lit, LitBool, LitStr, Path, Token, Type, bracketed};

use self::known::{Known, list, unknown};
use crate::attribute::arg::Key;
use crate::diagnostics::Context;
use crate::diagnostics::nearest::{nearest, tolerance};

/// Parses `tokens` as arguments: `set` is called with each known one and must take its value from the stream. After an
/// error it goes on with the next argument.
pub(crate) fn parse(
    cx: &Context,
    tokens: TokenStream,
    owner: &str,
    table: &[Known],
    mut set: impl FnMut(&Key, Value<'_>) -> syn::Result<()>,
) {
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = one(input, owner, table, &mut set) {
                cx.push(error);
                while !input.is_empty() && !input.peek(Token![,]) {
                    input.parse::<TokenTree>()?;
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        cx.push(error);
    }
}

fn one(
    input: ParseStream<'_>,
    owner: &str,
    table: &[Known],
    set: &mut impl FnMut(&Key, Value<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    let Ok(ident) = Ident::parse_any(input) else {
        return Err(input.error(format!(
            "expected the name of an argument\n{owner} takes {}",
            list(table)
        )));
    };
    let key = Key {
        name: ident.to_string(),
        span: ident.span(),
    };
    let Some(found) = table.iter().find(|known| known.name == key.name) else {
        return Err(syn::Error::new(key.span, unknown(&key.name, owner, table)));
    };
    set(
        &key,
        Value {
            input,
            known: found,
            span: key.span,
        },
    )?;
    if input.is_empty() || input.peek(Token![,]) {
        Ok(())
    } else {
        Err(input.error(format!(
            "expected `,` after the value of `{}`\nseparate arguments by commas",
            key.name
        )))
    }
}

/// What follows the name of an argument.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    input: ParseStream<'a>,
    known: &'a Known,
    span: Span,
}

impl Value<'_> {
    fn equals(self) -> syn::Result<()> {
        if self.input.peek(Token![=]) {
            self.input.parse::<Token![=]>()?;
            if self.input.is_empty() || self.input.peek(Token![,]) {
                return Err(self.wrong("takes a value"));
            }
            return Ok(());
        }
        Err(self.wrong("takes a value"))
    }

    /// The error that says what was expected, at the next token or, without one, at the name.
    fn wrong(self, what: &str) -> syn::Error {
        let missing = self.input.is_empty() || self.input.peek(Token![,]);
        let span = if missing {
            self.span
        } else {
            self.input.span()
        };
        syn::Error::new(
            span,
            format!(
                "`{}` {what}\nwrite `{}`",
                self.known.name, self.known.example
            ),
        )
    }

    /// A flag, which has no value.
    pub(crate) fn flag(self) -> syn::Result<()> {
        if self.input.peek(Token![=]) {
            return Err(self.wrong("is a flag and takes no value"));
        }
        Ok(())
    }

    pub(crate) fn string(self) -> syn::Result<LitStr> {
        self.equals()?;
        let literal: Option<Lit> = self.input.fork().parse().ok();
        if matches!(literal, Some(Lit::Str(_))) {
            return self.input.parse();
        }
        Err(self.wrong("takes a string"))
    }

    /// A duration of more than 0.
    pub(crate) fn duration(self) -> syn::Result<Duration> {
        duration::parse(&self.string()?, self.known.name, false)
    }

    /// A duration that may be 0.
    pub(crate) fn duration_or_zero(self) -> syn::Result<Duration> {
        duration::parse(&self.string()?, self.known.name, true)
    }

    pub(crate) fn boolean(self) -> syn::Result<bool> {
        self.equals()?;
        match self.input.fork().parse::<LitBool>() {
            Ok(_) => Ok(self.input.parse::<LitBool>()?.value),
            Err(_) => Err(self.wrong("takes `true` or `false`")),
        }
    }

    /// A whole number within the range of its type.
    pub(crate) fn number<N: std::str::FromStr>(self, range: &str) -> syn::Result<N> {
        self.equals()?;
        let start = self.input.cursor();
        let minus: Option<Token![-]> = self.input.parse()?;
        let Ok(Lit::Int(literal)) = self.input.fork().parse::<Lit>() else {
            return Err(self.wrong("takes a whole number"));
        };
        self.input.parse::<Lit>()?;
        let sign = if minus.is_some() { "-" } else { "" };
        format!("{sign}{}", literal.base10_digits())
            .parse()
            .ok()
            .filter(|_| literal.suffix().is_empty())
            .ok_or_else(|| {
                let message = format!("`{}` takes a whole number {range}", self.known.name);
                syn::Error::new(start.span(), message)
            })
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(self, choices: &[(&'static str, T)]) -> syn::Result<T> {
        let literal = self.string()?;
        let text = literal.value();
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Ok(*value);
        }
        let near = nearest(
            &text,
            choices.iter().map(|(name, _)| *name),
            tolerance(&text),
        )
        .map_or_else(String::new, |near| format!(", did you mean `\"{near}\"`?"));
        let all: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("`\"{name}\"`"))
            .collect();
        Err(syn::Error::new(
            literal.span(),
            format!(
                "`{}` cannot be `\"{text}\"`{near}\nwrite one of {}",
                self.known.name,
                all.join(", ")
            ),
        ))
    }

    pub(crate) fn path(self) -> syn::Result<Path> {
        self.equals()?;
        self.input
            .call(Path::parse_mod_style)
            .map_err(|_| self.wrong("takes a path"))
    }

    pub(crate) fn expr(self) -> syn::Result<Expr> {
        self.equals()?;
        self.input.parse().map_err(|error: syn::Error| {
            // The end of the arguments has no place in the user's code.
            if self.input.is_empty() {
                syn::Error::new(self.span, error)
            } else {
                error
            }
        })
    }

    pub(crate) fn ty(self) -> syn::Result<Type> {
        self.equals()?;
        self.input.parse().map_err(|_| self.wrong("takes a type"))
    }

    /// `[a, b, ..]`
    pub(crate) fn list<T: Parse>(self) -> syn::Result<Vec<T>> {
        self.equals()?;
        if !self.input.peek(syn::token::Bracket) {
            return Err(self.wrong("takes a list in brackets"));
        }
        let content;
        bracketed!(content in self.input);
        let items = || {
            let mut items = Vec::new();
            while !content.is_empty() {
                items.push(content.parse()?);
                if !content.is_empty() && !content.peek(Token![,]) {
                    let message = format!(
                        "expected `,` or the end of the list\nwrite `{}`",
                        self.known.example
                    );
                    return Err(content.error(message));
                }
                content.parse::<Option<Token![,]>>()?;
            }
            Ok(items)
        };
        let items = items();
        // After an error the rest of the list is skipped, so that it causes no second error.
        content.parse::<TokenStream>()?;
        items
    }
}
