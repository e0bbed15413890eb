//! `LIFECYCLE_PRINT`: the format in which the plan is printed.

use crate::base::names::nearest;

/// A format of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrintFormat {
    Plan,
    Dot,
    Mermaid,
    Json,
    Kubernetes,
    Systemd,
    Compose,
}

impl PrintFormat {
    /// The accepted values, for messages.
    pub(crate) const EXPECTED: &str =
        "`plan`, `dot`, `mermaid`, `json`, `kubernetes`, `systemd` or `compose`";

    const ALL: [(&str, Self); 7] = [
        ("plan", Self::Plan),
        ("dot", Self::Dot),
        ("mermaid", Self::Mermaid),
        ("json", Self::Json),
        ("kubernetes", Self::Kubernetes),
        ("systemd", Self::Systemd),
        ("compose", Self::Compose),
    ];

    /// Parses the format. The error says what is wrong; it is empty if the value is unknown and resembles no format.
    pub(crate) fn new(value: &str) -> Result<Self, String> {
        match Self::ALL.iter().find(|(name, _)| *name == value) {
            Some((_, Self::Json)) if !cfg!(feature = "json") => {
                Err("`lifecycle` is built without its feature `json`".to_owned())
            }
            Some((_, format)) => Ok(*format),
            None => {
                let names = Self::ALL.iter().map(|(name, _)| *name);
                let near = nearest(&value.to_lowercase(), names);
                Err(near.map_or_else(String::new, |near| format!("perhaps `{near}` is meant")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_parsed() {
        for (name, format) in PrintFormat::ALL {
            let built = format != PrintFormat::Json || cfg!(feature = "json");
            assert_eq!(PrintFormat::new(name).ok(), Some(format).filter(|_| built));
            assert!(PrintFormat::EXPECTED.contains(&format!("`{name}`")));
        }
    }

    #[test]
    fn a_misspelled_format_gets_a_suggestion() {
        for (value, said) in [
            ("kubernets", "perhaps `kubernetes` is meant"),
            ("PLAN", "perhaps `plan` is meant"),
            ("yes", ""),
            ("", ""),
        ] {
            assert_eq!(PrintFormat::new(value), Err(said.to_owned()), "{value}");
        }
    }

    #[cfg(not(feature = "json"))]
    #[test]
    fn without_the_feature_json_is_an_error_that_names_it() {
        let why = PrintFormat::new("json").expect_err("it is refused");
        assert!(why.contains("feature `json`"), "{why}");
    }
}
