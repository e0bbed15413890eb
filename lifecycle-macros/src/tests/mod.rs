//! The cases of `tests/ui` at the level of tokens: the macros report exactly the errors of the expected output, at the same
//! places. No compiler is run, so these tests are fast enough for mutation testing:
//! `cargo mutants -p lifecycle-macros --cargo-test-arg=--lib`.

mod expansions;
mod properties;

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::visit::Visit;
use syn::{Attribute, ImplItem, Item};

use crate::entry::Kind;

/// An error: where it begins, how far it is underlined, and its message on one line.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reported {
    line: usize,
    column: usize,
    /// 0 for several lines.
    length: usize,
    message: String,
}

/// The errors in the expansions of a file.
#[derive(Default)]
struct Found(Vec<Reported>);

impl<'ast> Visit<'ast> for Found {
    fn visit_item(&mut self, item: &'ast Item) {
        let mut item = item.clone();
        match &mut item {
            Item::Fn(function) => self.expand(&function.attrs.clone(), |kept| {
                function.attrs = kept;
                function.to_token_stream()
            }),
            Item::Impl(block) => self.expand(&block.attrs.clone(), |kept| {
                block.attrs = kept;
                block.to_token_stream()
            }),
            Item::Struct(plain) => self.expand(&plain.attrs.clone(), |kept| {
                plain.attrs = kept;
                plain.to_token_stream()
            }),
            Item::Enum(plain) => self.expand(&plain.attrs.clone(), |kept| {
                plain.attrs = kept;
                plain.to_token_stream()
            }),
            Item::Const(plain) => self.expand(&plain.attrs.clone(), |kept| {
                plain.attrs = kept;
                plain.to_token_stream()
            }),
            Item::Mod(module) => self.expand(&module.attrs.clone(), |kept| {
                module.attrs = kept;
                module.to_token_stream()
            }),
            _ => {}
        }
        syn::visit::visit_item(self, &item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if let ImplItem::Fn(method) = item {
            let mut method = method.clone();
            self.expand(&method.attrs.clone(), |kept| {
                method.attrs = kept;
                method.to_token_stream()
            });
        }
        syn::visit::visit_impl_item(self, item);
    }
}

impl Found {
    /// Expands an item as rustc does. `item` returns its tokens with the given attributes.
    fn expand(&mut self, attrs: &[Attribute], item: impl FnOnce(Vec<Attribute>) -> TokenStream) {
        let named = |attr: &Attribute| {
            attr.path()
                .segments
                .last()
                .map(|last| last.ident.to_string())
        };
        let macros = ["resource", "background", "main", "test"];
        let at = attrs
            .iter()
            .position(|attr| named(attr).is_some_and(|name| macros.contains(&&*name)));
        let derives = attrs.iter().any(|attr| {
            attr.path().is_ident("derive") && attr.to_token_stream().to_string().contains("App")
        });
        let Some(at) = at else {
            if derives {
                let kept = attrs
                    .iter()
                    .filter(|attr| !attr.path().is_ident("derive"))
                    .cloned()
                    .collect();
                self.read(crate::app::app(item(kept)));
            }
            return;
        };
        let arguments = match &attrs[at].meta {
            syn::Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        let mut kept = attrs.to_vec();
        kept.remove(at);
        let item = item(kept);
        self.read(match named(&attrs[at]).as_deref() {
            Some("resource") => crate::resource::resource(arguments, item),
            Some("background") => crate::background::background(arguments, item),
            Some("main") => crate::entry::entry(Kind::Main, arguments, item),
            _ => crate::entry::entry(Kind::Test, arguments, item),
        });
    }

    /// Finds `compile_error! { "message" }`.
    fn read(&mut self, tokens: TokenStream) {
        let mut name = None;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => name = Some(ident),
                TokenTree::Group(group)
                    if name.as_ref().is_some_and(|name| name == "compile_error") =>
                {
                    let start = name.take().map(|name| name.span().start());
                    let start = start.expect("it was checked above");
                    let end = group.span().end();
                    let message = |input: ParseStream<'_>| input.parse::<syn::LitStr>();
                    let message = message
                        .parse2(group.stream())
                        .expect("an error has a message");
                    self.0.push(Reported {
                        line: start.line,
                        column: start.column + 1,
                        length: if start.line == end.line {
                            end.column - start.column
                        } else {
                            0
                        },
                        message: message.value().replace('\n', " "),
                    });
                }
                TokenTree::Group(group) => self.read(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// The errors without a code in the expected output, which are those of the macros.
fn expected(path: &Path) -> Vec<Reported> {
    let text = fs::read_to_string(path.with_extension("stderr")).unwrap_or_default();
    let mut all: Vec<Reported> = Vec::new();
    let mut message: Option<String> = None;
    // Whether the lines belong to the last one of `all`.
    let mut belongs = false;
    for line in text.lines() {
        if let Some(first) = line.strip_prefix("error: ") {
            message = Some(first.to_owned());
        } else if line.starts_with("error") {
            belongs = false;
        } else if let Some(place) = line.trim_start().strip_prefix("--> ") {
            let mut place = place.rsplit(':').map(|number| number.parse().ok());
            let (column, line) = (place.next().flatten(), place.next().flatten());
            if let Some(message) = message.take() {
                belongs = true;
                all.push(Reported {
                    line: line.expect("a place has a line"),
                    column: column.expect("a place has a column"),
                    length: 0,
                    message,
                });
            }
        } else if let Some(message) = &mut message {
            *message += " ";
            *message += line.trim();
        } else if let (Some(error), Some((_, under))) = (all.last_mut(), line.split_once("| ")) {
            let under = under.trim();
            if belongs && error.length == 0 && under.chars().all(|c| c == '^') {
                error.length = under.len();
            }
        }
    }
    // An error of rustc that has no code either.
    all.retain(|error| !error.message.starts_with("future cannot be sent"));
    all
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui");
    let folders = ["resource", "background", "app", "main", "test"]
        .iter()
        .flat_map(|name| ["pass", "fail"].map(|kind| root.join(name).join(kind)));
    folders
        .flat_map(|folder| fs::read_dir(folder).expect("each macro has both folders"))
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn the_macros_report_the_errors_of_the_expected_output() {
    let mut compared = 0;
    for path in cases() {
        let source = fs::read_to_string(&path).expect("the case can be read");
        // The parser of the compiler reports half-written cases.
        let Ok(file) = syn::parse_file(&source) else {
            continue;
        };
        let mut found = Found::default();
        found.visit_file(&file);
        let (mut found, mut expected) = (found.0, expected(&path));
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{}", path.display());
        compared += 1;
    }
    assert!(compared > 150, "only {compared} cases");
}
