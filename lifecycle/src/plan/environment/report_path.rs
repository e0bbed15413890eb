//! `LIFECYCLE_REPORT`: where the timeline of the life is written to, and in which format.

use std::ffi::OsStr;
use std::fs::{canonicalize, symlink_metadata};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::failure::one_line;

/// What the ending of the path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Svg,
    Html,
    Text,
}

/// A path that a report can be written to, as far as can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportPath {
    /// Absolute and without links, so that it stays the same when the working directory changes.
    pub(crate) folder: PathBuf,
    pub(crate) file: PathBuf,
    pub(crate) format: Format,
}

impl ReportPath {
    pub(crate) const ALLOWED: &str = "a path that ends in `.svg`, `.html`, `.txt` or `.json`, in a folder that exists, of an ordinary file or none";

    /// What is wrong with it, otherwise.
    pub(crate) fn new(value: &OsStr) -> Result<Self, String> {
        let path = Path::new(value);
        let name = path
            .file_name()
            .ok_or_else(|| "it names no file".to_owned())?;
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
            Some(other) => Err(format!("`.{other}` is no format of reports")),
            None => Err("its ending names no format".to_owned()),
        }
    }
}

/// Whether a file can be put there: nothing is there, or an ordinary file. No link is followed.
pub(crate) fn check(file: &Path) -> Result<(), Error> {
    let kind = match symlink_metadata(file) {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let why = if kind.is_symlink() {
        "it is a symbolic link, and none is followed"
    } else if kind.is_dir() {
        "it is a directory"
    } else if !kind.is_file() {
        "it is no ordinary file"
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
    fn what_is_no_file_in_a_folder_is_refused() {
        for (value, why) in [
            ("/", "names no file"),
            ("..", "names no file"),
            ("/nowhere/life.json", "folder cannot be used: No such file"),
            ("/dev/null/life.json", "folder cannot be used: "),
            ("/tmp", "directory"),
            ("/dev/null", "ordinary"),
            ("/proc/self/exe", "link"),
        ] {
            refused(value, why);
        }
    }

    #[test]
    fn the_ending_must_name_a_format() {
        refused("life", "names no format");
        refused("life.pdf", "`.pdf` is no format");
        refused("life.JSON", "`.JSON` is no format");
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
    fn without_its_feature_a_format_is_refused_and_the_feature_named() {
        refused("life.json", "feature `json`");
    }
}
