//! The macros of `lifecycle`.
