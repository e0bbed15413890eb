//! stub
use std::sync::Arc;
use crate::{scope::Scope, tasks::Tasks};
/// The handle of a scope.
#[derive(Debug, Clone)]
pub struct Shutdown(Arc<Scope>);
impl Shutdown {
    pub(crate) fn new(scope: Arc<Scope>) -> Self { Self(scope) }
    /// Told to stop.
    pub async fn requested(&self) { std::future::pending().await }
    /// The tasks.
    pub fn tasks(&self) -> Tasks { Tasks(self.0.clone()) }
}
