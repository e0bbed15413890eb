//! [`SourceLocation`]: where a component is written.

/// Where a component is written: the module, the source position, and the annotated type or function.
///
/// [`Record::located`](crate::Record::located) derives the component's identity from it, so that two components of the
/// same name can be distinguished. The macros fill in all of it; a record by hand needs it only if the component's name is not
/// unique.
///
/// ```
/// use lifecycle::SourceLocation;
///
/// const HERE: SourceLocation = SourceLocation::in_module(module_path!())
///     .item("Database")
///     .file(file!())
///     .line(line!())
///     .column(column!());
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct SourceLocation {
    pub(crate) module: &'static str,
    pub(crate) item: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl SourceLocation {
    /// Creates the location of an item in this module, as [`module_path!`] gives it. The other parts are empty or zero.
    pub const fn in_module(module: &'static str) -> Self {
        Self {
            module,
            item: "",
            file: "",
            line: 0,
            column: 0,
        }
    }

    /// Sets the annotated type or function as written.
    pub const fn item(mut self, item: &'static str) -> Self {
        self.item = item;
        self
    }

    /// Sets the source file, as [`file!`] gives it.
    pub const fn file(mut self, file: &'static str) -> Self {
        self.file = file;
        self
    }

    /// Sets the line, as [`line!`] gives it.
    pub const fn line(mut self, line: u32) -> Self {
        self.line = line;
        self
    }

    /// Sets the column, as [`column!`] gives it.
    pub const fn column(mut self, column: u32) -> Self {
        self.column = column;
        self
    }
}
