//! Empty: this package is its tests, which compile the cases beside it.
