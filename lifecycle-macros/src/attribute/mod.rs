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
use crate::signature::param::show;

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
        self.instead(what, None)
    }

    /// The same, with the value that is probably meant; without one, the example is advised.
    fn instead(self, what: &str, meant: Option<String>) -> syn::Error {
        let missing = self.input.is_empty() || self.input.peek(Token![,]);
        let span = if missing {
            self.span
        } else {
            self.input.span()
        };
        let Known { name, example } = self.known;
        let advice = match meant {
            Some(meant) => format!("{name} = {meant}"),
            None => (*example).to_owned(),
        };
        syn::Error::new(span, format!("`{name}` {what}\nwrite `{advice}`"))
    }

    /// What was written as the value, up to the next comma.
    fn written(self) -> String {
        let ahead = self.input.fork();
        let mut value = TokenStream::new();
        while !ahead.is_empty() && !ahead.peek(Token![,]) {
            value.extend(ahead.parse::<TokenTree>());
        }
        show(&value)
    }

    /// The content of the string that was written where none belongs.
    fn unquoted(self) -> Option<String> {
        let literal: LitStr = self.input.fork().parse().ok()?;
        Some(literal.value())
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
        let written = self.written();
        let is_name = Ident::parse_any.parse_str(&written).is_ok();
        Err(self.instead(
            &format!("takes a string in quotes, not `{written}`"),
            is_name.then(|| format!("\"{written}\"")),
        ))
    }

    /// A duration as written, which is not read yet.
    pub(crate) fn duration_literal(self) -> syn::Result<LitStr> {
        self.equals()?;
        if self.unquoted().is_some() {
            return self.input.parse();
        }
        let written = self.written();
        let meant = match self.input.fork().parse::<Lit>() {
            Ok(Lit::Int(number)) if number.suffix().is_empty() => {
                Some(format!("\"{}s\"", number.base10_digits()))
            }
            Ok(Lit::Int(number)) if ["ms", "s", "m", "h"].contains(&number.suffix()) => {
                Some(format!("\"{written}\""))
            }
            _ => None,
        };
        Err(self.instead(
            &format!("takes a duration in quotes, not `{written}`"),
            meant,
        ))
    }

    /// A duration of more than 0.
    pub(crate) fn duration(self) -> syn::Result<Duration> {
        duration::parse(&self.duration_literal()?, self.known.name, false)
    }

    /// A duration that may be 0.
    pub(crate) fn duration_or_zero(self) -> syn::Result<Duration> {
        duration::parse(&self.duration_literal()?, self.known.name, true)
    }

    pub(crate) fn boolean(self) -> syn::Result<bool> {
        self.equals()?;
        match self.input.fork().parse::<LitBool>() {
            Ok(_) => Ok(self.input.parse::<LitBool>()?.value),
            Err(_) => Err(self.instead(
                &format!("takes `true` or `false`, not `{}`", self.written()),
                self.unquoted()
                    .filter(|text| text == "true" || text == "false"),
            )),
        }
    }

    /// A whole number within the range of its type.
    pub(crate) fn number<N: std::str::FromStr>(self, range: &str) -> syn::Result<N> {
        self.equals()?;
        let start = self.input.cursor();
        let minus: Option<Token![-]> = self.input.parse()?;
        let Ok(Lit::Int(literal)) = self.input.fork().parse::<Lit>() else {
            return Err(self.instead(
                &format!("takes a whole number, not `{}`", self.written()),
                self.unquoted().filter(|text| text.parse::<N>().is_ok()),
            ));
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
        self.equals()?;
        let (span, written) = (self.input.span(), self.written());
        let quoted = self.unquoted();
        let text = quoted.as_deref().unwrap_or(&written);
        let found = choices.iter().find(|(name, _)| *name == text);
        match found {
            Some((_, value)) if quoted.is_some() => {
                self.input.parse::<LitStr>()?;
                return Ok(*value);
            }
            Some((name, _)) => {
                let what = format!("takes a string in quotes, not `{written}`");
                return Err(self.instead(&what, Some(format!("\"{name}\""))));
            }
            None => {}
        }
        let near = nearest(text, choices.iter().map(|(name, _)| *name), tolerance(text))
            .map_or_else(String::new, |near| format!(", did you mean `\"{near}\"`?"));
        let all: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("`\"{name}\"`"))
            .collect();
        Err(syn::Error::new(
            span,
            format!(
                "`{}` cannot be `{written}`{near}\nwrite one of {}",
                self.known.name,
                all.join(", ")
            ),
        ))
    }

    pub(crate) fn path(self) -> syn::Result<Path> {
        self.equals()?;
        self.input.call(Path::parse_mod_style).map_err(|_| {
            let path = self.unquoted();
            let path = path.filter(|text| Path::parse_mod_style.parse_str(text).is_ok());
            match path {
                Some(path) => self.instead("takes a path, without quotes", Some(path)),
                None => self.wrong("takes a path"),
            }
        })
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

    /// An expression for a function, usually its path.
    pub(crate) fn function(self) -> syn::Result<Expr> {
        if self.input.peek(Token![=]) && self.input.peek2(LitStr) {
            return self.path().map(|path| syn::parse_quote!(#path));
        }
        self.expr()
    }

    pub(crate) fn ty(self) -> syn::Result<Type> {
        self.equals()?;
        self.input.parse().map_err(|_| {
            let ty = self.unquoted();
            match ty.filter(|text| syn::parse_str::<Type>(text).is_ok()) {
                Some(ty) => self.instead("takes a type, without quotes", Some(ty)),
                None => self.wrong("takes a type"),
            }
        })
    }

    /// `[a, b, ..]`. Each mistake in it is reported, and what is right is returned.
    pub(crate) fn list<T: Parse>(self, cx: &Context) -> syn::Result<Vec<T>> {
        self.equals()?;
        if !self.input.peek(syn::token::Bracket) {
            let written = self.unquoted().unwrap_or_else(|| self.written());
            let is_item = syn::parse_str::<T>(&written).is_ok();
            let meant = is_item.then(|| format!("[{written}]"));
            return Err(self.instead("takes a list in brackets", meant));
        }
        let content;
        bracketed!(content in self.input);
        let (mut items, mut errors): (Vec<T>, Option<syn::Error>) = (Vec::new(), None);
        while !content.is_empty() {
            match self.item(&content) {
                Ok(item) => items.push(item),
                Err(error) => {
                    match &mut errors {
                        Some(errors) => errors.combine(error),
                        None => errors = Some(error),
                    }
                    while !content.is_empty() && !content.peek(Token![,]) {
                        content.parse::<TokenTree>()?;
                    }
                }
            }
            content.parse::<Option<Token![,]>>()?;
        }
        match errors {
            // Without any item that is right, the argument counts as absent and not as an empty list.
            Some(errors) if items.is_empty() => Err(errors),
            Some(errors) => {
                cx.push(errors);
                Ok(items)
            }
            None => Ok(items),
        }
    }

    fn item<T: Parse>(self, content: ParseStream<'_>) -> syn::Result<T> {
        let Known { name, example } = self.known;
        let quoted: Option<LitStr> = content.fork().parse().ok();
        let ahead = content.fork();
        let item = content.parse().map_err(|error: syn::Error| {
            let text = quoted.map(|literal| literal.value());
            match text.filter(|text| syn::parse_str::<T>(text).is_ok()) {
                Some(text) => syn::Error::new(
                    error.span(),
                    format!("`{name}` lists paths, without quotes\nwrite `{name} = [{text}]`"),
                ),
                None if error.to_string().contains('\n') => error,
                None => syn::Error::new(error.span(), format!("{error}\nwrite `{example}`")),
            }
        })?;
        if content.peek(syn::token::Paren) {
            let mut before = TokenStream::new();
            while !ahead.peek(syn::token::Paren) {
                before.extend(ahead.parse::<TokenTree>());
            }
            let before = show(&before);
            let message = format!(
                "`{name}` lists names, not calls\nremove the parentheses: `{name} = [{before}]`"
            );
            return Err(content.error(message));
        }
        if !content.is_empty() && !content.peek(Token![,]) {
            let message = format!("expected `,` or the end of the list\nwrite `{example}`");
            return Err(content.error(message));
        }
        Ok(item)
    }
}
