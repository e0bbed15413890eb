//! `LIFECYCLE_REPORT`: the file to which the report is written, and its format.

use std::ffi::OsStr;
use std::fs::{canonicalize, symlink_metadata};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::failure::one_line;

/// The format of a report, by the extension of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Svg,
    Html,
    Text,
}

/// A path to which a report can be written, as far as that can be checked at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportPath {
    /// Absolute and without symbolic links, so that a change of the working directory does not affect it.
    pub(crate) folder: PathBuf,
    pub(crate) file: PathBuf,
    pub(crate) format: Format,
}

impl ReportPath {
    /// The accepted paths, for messages.
    pub(crate) const EXPECTED: &str = "a path that ends in `.svg`, `.html`, `.txt` or `.json`, in an existing folder, at which there is a regular file or nothing";

    /// Checks the path. The error says what is wrong with it.
    pub(crate) fn new(value: &OsStr) -> Result<Self, String> {
        let path = Path::new(value);
        let name = path
            .file_name()
            .ok_or_else(|| "it does not name a file".to_owned())?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let unusable = |error: Error| format!("its folder cannot be used: {}", one_line(&error));
        let folder = canonicalize(folder).map_err(unusable)?;
        if !folder.is_dir() {
            return Err(unusable(ErrorKind::NotADirectory.into()));
        }
        let file = folder.join(name);
        check(&file).map_err(|error| one_line(&error))?;
        let format = Format::of(path)?;
        Ok(Self {
            folder,
            file,
            format,
        })
    }
}

impl Format {
    fn of(path: &Path) -> Result<Self, String> {
        match path.extension().and_then(OsStr::to_str) {
            Some("svg") => Ok(Self::Svg),
            Some("html") => Ok(Self::Html),
            Some("txt") => Ok(Self::Text),
            Some("json") if cfg!(feature = "json") => Ok(Self::Json),
            Some("json") => Err("`lifecycle` is built without its feature `json`".to_owned()),
            Some(other) => Err(format!("`.{other}` is not a report format")),
            None => Err("its extension names no format".to_owned()),
        }
    }
}

/// Checks that the report can replace what is at the path: nothing, or a regular file. Does not follow symbolic links,
/// which might lead out of the folder.
pub(crate) fn check(file: &Path) -> Result<(), Error> {
    let kind = match symlink_metadata(file) {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let why = if kind.is_symlink() {
        "it is a symbolic link, which is not followed"
    } else if kind.is_dir() {
        "it is a directory"
    } else if !kind.is_file() {
        "it is not a regular file"
    } else {
        return Ok(());
    };
    Err(Error::other(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(value: &str, why: &str) {
        let error = ReportPath::new(value.as_ref()).expect_err("it is refused");
        assert!(error.contains(why), "{value}: {error}");
    }

    #[test]
    fn a_path_without_a_file_in_a_folder_is_refused() {
        for (value, why) in [
            ("/", "does not name a file"),
            ("..", "does not name a file"),
            ("/nowhere/life.json", "folder cannot be used: No such file"),
            ("/dev/null/life.json", "folder cannot be used: "),
            ("/tmp", "directory"),
            ("/dev/null", "regular"),
            ("/proc/self/exe", "link"),
        ] {
            refused(value, why);
        }
    }

    #[test]
    fn the_extension_must_name_a_format() {
        refused("life", "names no format");
        refused("life.pdf", "`.pdf` is not a report format");
        refused("life.JSON", "`.JSON` is not a report format");
    }

    #[test]
    fn a_relative_path_becomes_absolute() {
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        let path = ReportPath::new("life.svg".as_ref()).unwrap();
        assert_eq!(path.file, here.join("life.svg"));
        assert_eq!((path.folder, path.format), (here, Format::Svg));
    }

    #[cfg(not(feature = "json"))]
    #[test]
    fn without_the_feature_json_is_an_error_that_names_it() {
        refused("life.json", "feature `json`");
    }
}
