//! Names: what a component is called in environment variables, and which name was meant.

use heck::ToShoutySnakeCase as _;

/// The part of an environment variable's name that stands for a component: upper snake case, `HttpListener` and
/// `http-listener` both as `HTTP_LISTENER`, `http::run` as `HTTP_RUN`.
pub(crate) fn upper_snake(name: &str) -> String {
    name.to_shouty_snake_case()
}

/// The candidate nearest to `wanted`, where one is near enough to have been meant.
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
    use super::*;

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
    fn the_nearest_name_is_one_that_may_have_been_meant() {
        assert_eq!(nearest("DATABSE", ["DATABASE", "CACHE"]), Some("DATABASE"));
        assert_eq!(nearest("DTAABASE", ["DATABASE", "CACHE"]), Some("DATABASE"));
        assert_eq!(nearest("MAILER", ["DATABASE", "CACHE"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
