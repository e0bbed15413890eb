//! Replaces `sentence.rs` in builds without sentence transformers.

use std::path::Path;
use std::sync::Arc;

use lifecycle::ConfigError;

use crate::embedding::EmbeddingModel;

pub fn read(folder: &Path) -> Result<Arc<dyn EmbeddingModel>, ConfigError> {
    Err(ConfigError::new(format!(
        "AGENT_EMBEDDING_MODEL is `{}`, but this agent is built without sentence transformers: build it with `--features candle`, or omit the variable to use the built-in embedding",
        folder.display()
    )))
}
