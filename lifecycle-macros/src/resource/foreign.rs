//! Types of other crates, for which only those crates can have an inherent `impl` block.

use std::path::Path;
use std::{env, fs};

use syn::Type;

/// Whether the path of the type says that it is of another crate. That of an imported type does not.
pub(crate) fn is_foreign(ty: &Type) -> bool {
    const PRELUDE: [&str; 5] = ["Box", "Option", "Result", "String", "Vec"];
    let Type::Path(path) = ty else { return false };
    let segments = &path.path.segments;
    let Some(first) = segments.first().map(|first| first.ident.to_string()) else {
        return false;
    };
    let standard = match segments.len() {
        1 => PRELUDE.contains(&&*first),
        _ => ["std", "core", "alloc"].contains(&&*first),
    };
    standard || path.path.leading_colon.is_some() || dependency(ty).is_some()
}

/// The name of the dependency that the path of the type begins with, unless it is that of a module.
pub(crate) fn dependency(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    let segments = &path.path.segments;
    let first = segments.first()?.ident.to_string();
    let relative = segments.len() > 1 && path.path.leading_colon.is_none();
    (relative && is_dependency(&first)).then_some(first)
}

/// Whether the package that is being compiled depends on a crate of this name.
fn is_dependency(name: &str) -> bool {
    let Some(folder) = env::var_os("CARGO_MANIFEST_DIR") else {
        return false;
    };
    fs::read_to_string(Path::new(&folder).join("Cargo.toml"))
        .is_ok_and(|manifest| depends_on(&manifest, name))
}

/// Reads only what tells a dependency from the rest of a manifest: `name = ..`, `name.workspace = true`, and
/// `[dependencies.name]`.
fn depends_on(manifest: &str, name: &str) -> bool {
    let is_name = |key: &str| key.trim().trim_matches('"').replace('-', "_") == name;
    let mut among_dependencies = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            among_dependencies = header.ends_with("dependencies");
            if let Some((table, key)) = header.rsplit_once('.')
                && table.ends_with("dependencies")
                && is_name(key)
            {
                return true;
            }
        } else if among_dependencies && line.split(['=', '.']).next().is_some_and(is_name) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::depends_on;

    #[test]
    fn dependencies_are_found_in_all_forms() {
        let manifest = r#"
[package]
name = "pool"
[features]
web = []
[dependencies]
reqwest = "0.12"
tower-http.workspace = true
"sqlx" = { version = "0.8" }
[target.'cfg(unix)'.dependencies]
nix = "0.29"
[dev-dependencies.wiremock]
version = "0.6"
[profile.release]
lto = true
"#;
        for name in ["reqwest", "tower_http", "sqlx", "nix", "wiremock"] {
            assert!(depends_on(manifest, name), "{name}");
        }
        for name in ["pool", "name", "web", "version", "lto", "db"] {
            assert!(!depends_on(manifest, name), "{name}");
        }
    }
}
