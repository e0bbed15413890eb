//! stub
use std::sync::Arc;
use crate::scope::Scope;
/// The tracked tasks of a scope.
#[derive(Debug, Clone)]
pub struct Tasks(pub(crate) Arc<Scope>);
