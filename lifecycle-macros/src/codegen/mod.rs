//! The parts that all expansions share: the path of the runtime crate, and the call of a hook.

pub(crate) mod crate_path;
pub(crate) mod hook_call;
