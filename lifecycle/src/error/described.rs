//! [`described`]: a copy of an error that cannot be sent between threads.

use std::error::Error;
use std::{fmt, io};

use super::chain::chain;
use super::public::{BoxError, ConfigError, Draining, TaskError};

/// What an error said, with its causes.
#[derive(Debug)]
struct Described {
    text: String,
    source: Option<BoxError>,
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Described {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// Copies the texts of an error and of its causes. Errors whose type the framework looks for keep it, so that for example a
/// [`ConfigError`] still ends the process with exit code 2.
pub(crate) fn described(error: &(dyn Error + 'static)) -> BoxError {
    let errors: Vec<_> = chain(error).collect();
    let copy = errors
        .into_iter()
        .rev()
        .fold(None, |source, error| Some(copy(error, source)));
    copy.expect("a chain has its first error")
}

fn copy(error: &(dyn Error + 'static), source: Option<BoxError>) -> BoxError {
    if error.is::<ConfigError>() {
        return ConfigError::new(error.to_string()).into();
    }
    if let Some(error) = error.downcast_ref::<TaskError>() {
        return error.clone().into();
    }
    if let Some(error) = error.downcast_ref::<Draining>() {
        return (*error).into();
    }
    let cancelled = error
        .downcast_ref::<tokio::task::JoinError>()
        .is_some_and(tokio::task::JoinError::is_cancelled);
    if cancelled {
        return TaskError::Cancelled.into();
    }
    let described = Described {
        text: error.to_string(),
        source,
    };
    match error.downcast_ref::<io::Error>() {
        Some(error) => io::Error::new(error.kind(), described).into(),
        None => described.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::failure::Failure;
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Outer(&'static str, #[source] Box<dyn Error>);

    fn outer(source: impl Into<Box<dyn Error>>) -> Outer {
        Outer("the pool is down", source.into())
    }

    #[test]
    fn the_copy_says_what_the_error_said() {
        let error = outer(outer("connection refused"));
        let failure = Failure::from(described(&error));
        assert_eq!(failure.text, "the pool is down: connection refused");
        assert!(!failure.config && !failure.provoked, "{failure:?}");
    }

    #[test]
    fn the_copy_keeps_the_types_that_the_framework_looks_for() {
        let failure = Failure::from(described(&outer(ConfigError::new("PORT=x"))));
        assert_eq!(failure.text, "the pool is down: PORT=x");
        assert!(failure.config);
        let provoking: [Box<dyn Error>; 4] = [
            Box::new(io::Error::new(io::ErrorKind::BrokenPipe, "gone")),
            Box::new(io::Error::other(Draining)),
            Box::new(TaskError::Cancelled),
            Box::new(io::Error::from(io::ErrorKind::ConnectionReset)),
        ];
        for error in provoking {
            let failure = Failure::from(described(&outer(error)));
            assert!(failure.provoked && !failure.config, "{failure:?}");
        }
    }
}
