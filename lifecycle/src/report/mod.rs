//! What happened during a life: the report of an app, its timeline, and what both say about where the time went.

pub(crate) mod app;
pub(crate) mod blame;
pub(crate) mod component;
pub(crate) mod critical_path;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod timeline;

pub use app::Report;
pub use blame::Blame;
pub use component::ComponentReport;
pub use critical_path::CriticalPath;
