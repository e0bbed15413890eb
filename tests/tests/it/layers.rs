//! The layers of `lifecycle/src`, as ARCHITECTURE.md lists them: a folder may import from those above it in the list, and no
//! imports between files form a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Attribute, Item, UseTree};

/// The most entries that `lifecycle/src` may have.
const MOST_ENTRIES: usize = 16;
/// The most lines of a file that does not say why it is longer.
const MOST_LINES: usize = 500;
/// What the head of a longer file has to say.
const REASON: &str = "//! Longer than 500 lines:";

/// A module, by the names of its path from the crate's root.
type Module = Vec<String>;

struct Source {
    /// Relative to the folder of the sources.
    file: PathBuf,
    /// The modules that it imports from.
    imports: BTreeSet<Module>,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The layers in the code map of ARCHITECTURE.md, lowest first.
fn layers() -> Vec<String> {
    let text = fs::read_to_string(workspace().join("ARCHITECTURE.md")).unwrap();
    let map = text
        .split("## Code map")
        .nth(1)
        .expect("there is a code map");
    let block = map.split("```").nth(1).expect("it begins with a block");
    block
        .lines()
        .filter_map(|line| line.split_once('/'))
        .filter(|(name, _)| !name.is_empty() && !name.contains(' '))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn module(file: &Path) -> Module {
    let mut path: Module = file
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_str().unwrap().to_owned())
        .collect();
    if path
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        path.pop();
    }
    path
}

/// Tests may import from anywhere; documentation imports nothing.
fn is_exempt(module: &[String]) -> bool {
    module
        .iter()
        .any(|part| ["tests", "simulation", "models", "guide"].contains(&part.as_str()))
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .meta
                .to_token_stream()
                .to_string()
                .replace(' ', "")
                .trim_start_matches("cfg(")
                .trim_start_matches("all(")
                .starts_with("test")
    })
}

/// The paths that the items name: those of `use`, and those that begin with `crate`.
fn paths(items: &[Item], at: &Module, found: &mut Vec<Module>) {
    for item in items {
        match item {
            Item::Use(item) if !is_test(&item.attrs) => {
                leaves(&item.tree, &mut Vec::new(), &mut |path| {
                    found.extend(resolve(path, at));
                });
            }
            Item::Mod(inner) if is_test(&inner.attrs) => {}
            Item::Mod(inner) => {
                if let Some((_, items)) = &inner.content {
                    let mut at = at.clone();
                    at.push(inner.ident.to_string());
                    paths(items, &at, found);
                }
            }
            Item::Fn(item) if is_test(&item.attrs) => {}
            Item::Impl(item) if is_test(&item.attrs) => {}
            other => qualified(other.to_token_stream(), at, found),
        }
    }
}

fn leaves(tree: &UseTree, prefix: &mut Module, found: &mut impl FnMut(&[String])) {
    let mut leaf = |name: String, prefix: &Module| {
        let mut path = prefix.clone();
        path.push(name);
        found(&path);
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            leaves(&path.tree, prefix, found);
            prefix.pop();
        }
        UseTree::Name(name) => leaf(name.ident.to_string(), prefix),
        UseTree::Rename(rename) => leaf(rename.ident.to_string(), prefix),
        UseTree::Glob(_) => leaf("*".to_owned(), prefix),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, prefix, found);
            }
        }
    }
}

/// Paths such as `crate::error::escape(..)` within code.
fn qualified(tokens: TokenStream, at: &Module, found: &mut Vec<Module>) {
    let mut path: Module = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                let goes_on = path.last().is_some_and(|last| last == "::");
                if goes_on {
                    path.pop();
                    path.push(ident.to_string());
                } else {
                    found.extend(resolve(&path, at));
                    path = vec![ident.to_string()];
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                if path.last().is_some_and(|last| last != "::") {
                    path.push("::".to_owned());
                }
            }
            TokenTree::Group(group) => {
                found.extend(resolve(&std::mem::take(&mut path), at));
                // `pub(in crate::view)` says where an item may be used, not what it uses.
                let first = group.stream().into_iter().next();
                if !matches!(first, Some(TokenTree::Ident(ident)) if ident == "in") {
                    qualified(group.stream(), at, found);
                }
            }
            _ => found.extend(resolve(&std::mem::take(&mut path), at)),
        }
    }
    found.extend(resolve(&path, at));
}

/// The path from the root of the crate; `None` where it names nothing.
fn resolve(path: &[String], at: &Module) -> Option<Module> {
    let mut path: Vec<&String> = path.iter().filter(|part| *part != "::").collect();
    let mut base = at.clone();
    match path.first()?.as_str() {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            while path.first().is_some_and(|part| *part == "super") {
                path.remove(0);
                base.pop();
            }
            // `pub(super)` names nothing.
            base.extend(path.iter().copied().cloned());
            return (!path.is_empty()).then_some(base);
        }
        // A module within this one, or another crate, which leads nowhere.
        _ => {
            base.extend(path.iter().copied().cloned());
            return Some(base);
        }
    }
    base.extend(path.iter().skip(1).copied().cloned());
    (path.len() > 1).then_some(base)
}

fn read() -> BTreeMap<Module, Source> {
    let root = workspace().join("lifecycle/src");
    let mut found = Vec::new();
    files(&root, &mut found);
    let relative = |file: &PathBuf| file.strip_prefix(&root).unwrap().to_owned();
    let modules: BTreeSet<Module> = found.iter().map(|file| module(&relative(file))).collect();
    let mut sources = BTreeMap::new();
    for path in found {
        let file = relative(&path);
        let own = module(&file);
        if is_exempt(&own) || own.is_empty() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let mut named = Vec::new();
        paths(&parsed.items, &own, &mut named);
        let imports = named
            .into_iter()
            .filter_map(|path| {
                (1..=path.len())
                    .rev()
                    .map(|length| path[..length].to_vec())
                    .find(|module| modules.contains(module))
            })
            .filter(|module| *module != own)
            .collect();
        sources.insert(own, Source { file, imports });
    }
    sources
}

#[test]
fn a_folder_imports_only_from_the_layers_below_it() {
    let layers = layers();
    let level = |module: &Module| layers.iter().position(|layer| *layer == module[0]);
    let sources = read();
    let mut upwards = Vec::new();
    for (module, source) in &sources {
        for imported in &source.imports {
            let target = sources.get(imported).map_or_else(
                || imported.join("::"),
                |source| source.file.display().to_string(),
            );
            if level(imported) > level(module) {
                upwards.push(format!("{} imports {target}", source.file.display()));
            }
        }
    }
    assert!(
        upwards.is_empty(),
        "these imports point up in the code map of ARCHITECTURE.md:\n{}",
        upwards.join("\n")
    );
}

fn reaches(sources: &BTreeMap<Module, Source>, from: &Module, to: &Module) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut waiting = vec![from];
    while let Some(module) = waiting.pop() {
        if module == to {
            return true;
        }
        let imports = sources.get(module).map(|source| &source.imports);
        waiting.extend(
            imports
                .into_iter()
                .flatten()
                .filter(|next| seen.insert(next)),
        );
    }
    false
}

#[test]
fn the_imports_between_files_form_no_circle() {
    let sources = read();
    let mut circles = Vec::new();
    for (module, source) in &sources {
        for imported in &source.imports {
            if reaches(&sources, imported, module) {
                circles.push(format!(
                    "{} imports {}",
                    source.file.display(),
                    sources[imported].file.display()
                ));
            }
        }
    }
    assert!(
        circles.is_empty(),
        "these imports close a circle:\n{}",
        circles.join("\n")
    );
}

#[test]
fn the_code_map_lists_every_folder_and_no_other() {
    let root = workspace().join("lifecycle/src");
    let entries: BTreeSet<String> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(entries.len() <= MOST_ENTRIES, "{entries:?}");
    let layers: BTreeSet<String> = layers().into_iter().collect();
    let folders: BTreeSet<String> = entries
        .into_iter()
        .filter(|name| name != "lib.rs")
        .collect();
    assert_eq!(folders, layers);
}

#[test]
fn a_file_is_short_or_says_why_it_is_not() {
    let mut long = Vec::new();
    for package in ["lifecycle/src", "lifecycle-macros/src"] {
        let mut found = Vec::new();
        files(&workspace().join(package), &mut found);
        for file in found {
            let text = fs::read_to_string(&file).unwrap();
            let lines = text.lines().count();
            if lines > MOST_LINES && !text.lines().any(|line| line.starts_with(REASON)) {
                long.push(format!("{}: {lines} lines", file.display()));
            }
        }
    }
    assert!(
        long.is_empty(),
        "split these files, or say in the head `{REASON} ..`:\n{}",
        long.join("\n")
    );
}
