//! Names of components in environment variables, and the nearest match of a misspelled name.

use heck::ToShoutySnakeCase as _;

/// Converts a component's name to its part of an environment variable's name: upper snake case. `HttpListener` and
/// `http-listener` both become `HTTP_LISTENER`, and `http::run` becomes `HTTP_RUN`.
pub(crate) fn upper_snake(name: &str) -> String {
    name.to_shouty_snake_case()
}

/// Returns the nearest candidate, to suggest in a message. Its distance is at most a third of its length, and at least one
/// edit is always allowed.
pub(crate) fn nearest<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(wanted, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Applies one edit to the name: an insertion, a deletion, a substitution or a transposition.
    fn one_edit_away(name: &str, at: usize, with: char, kind: u8) -> String {
        let mut chars: Vec<char> = name.chars().collect();
        let at = at % chars.len();
        match kind {
            0 => chars.insert(at, with),
            1 => drop(chars.remove(at)),
            2 => chars[at] = with,
            _ => {
                let next = (at + 1) % chars.len();
                if next > at {
                    chars.swap(at, next);
                }
            }
        }
        chars.into_iter().collect()
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_valid_part_of_a_variable(name in any::<String>()) {
            let upper = upper_snake(&name);
            prop_assert!(!upper.contains(|c: char| "=\0-:.".contains(c) || c.is_whitespace() || c.is_control()));
            prop_assert!(!upper.starts_with('_') && !upper.ends_with('_') && !upper.contains("__"));
        }

        #[test]
        fn all_naming_styles_become_the_same_variable(
            words in prop::collection::vec("[a-z]{2,6}", 1..4)
        ) {
            let upper = words.join("_").to_uppercase();
            let camel: String = words.iter().map(|word| word[..1].to_uppercase() + &word[1..]).collect();
            for name in [words.join("_"), words.join("-"), words.join("::"), words.join("."), camel, upper.clone()] {
                prop_assert_eq!(upper_snake(&name), upper.as_str(), "{}", name);
            }
        }

        #[test]
        fn the_nearest_name_is_a_candidate_and_none_is_nearer(
            wanted in "[A-C_]{0,8}",
            candidates in prop::collection::vec("[A-C_]{0,8}", 0..6),
        ) {
            let all = || candidates.iter().map(String::as_str);
            match nearest(&wanted, all()) {
                Some(near) => {
                    let distance = strsim::osa_distance(&wanted, near);
                    prop_assert!(all().any(|candidate| candidate == near));
                    prop_assert!(all().all(|other| strsim::osa_distance(&wanted, other) >= distance));
                }
                None => prop_assert!(all().all(|candidate| candidate != wanted)),
            }
        }

        #[test]
        fn a_name_with_one_mistake_is_still_found(
            name in "[A-Z][A-Z_]{2,12}",
            at in any::<usize>(),
            with in any::<char>(),
            kind in 0..4_u8,
        ) {
            let mistaken = one_edit_away(&name, at, with, kind);
            prop_assert_eq!(nearest(&mistaken, ["0123456789012345", &name]), Some(name.as_str()));
        }
    }

    #[test]
    fn names_become_upper_snake_case() {
        for (name, upper) in [
            ("Database", "DATABASE"),
            ("HttpListener", "HTTP_LISTENER"),
            ("HTTPListener", "HTTP_LISTENER"),
            ("http-listener", "HTTP_LISTENER"),
            ("http::run", "HTTP_RUN"),
            ("db2Pool", "DB2_POOL"),
            ("expire_sessions", "EXPIRE_SESSIONS"),
        ] {
            assert_eq!(upper_snake(name), upper, "{name}");
        }
    }

    #[test]
    fn a_name_is_suggested_only_if_it_is_near() {
        assert_eq!(nearest("DATABSE", ["DATABASE", "CACHE"]), Some("DATABASE"));
        assert_eq!(nearest("DTAABASE", ["DATABASE", "CACHE"]), Some("DATABASE"));
        assert_eq!(nearest("MAILER", ["DATABASE", "CACHE"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
