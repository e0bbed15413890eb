//! stub
#[derive(Debug)]
pub(crate) struct Scope;
