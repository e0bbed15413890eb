//! [`LanguageModel`]: generates the answers; and [`Model`], the resource that has it.

mod attempts;
mod chunk;
mod endpoint;
mod ngram;

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::{Stream, TryStreamExt, stream};
use lifecycle::{Shutdown, resource};

use crate::config::Config;
use crate::database::Database;
use crate::error::ModelError;
use crate::http_client::HttpClient;
use crate::model::endpoint::EndpointModel;
use crate::model::ngram::NgramModel;

/// The pieces of a text, in order, as they are generated. Dropping the stream cancels the generation.
pub type TokenStream = Pin<Box<dyn Stream<Item = Result<String, ModelError>> + Send>>;

pub trait LanguageModel: Send + Sync + 'static {
    /// Returns which model this is, for messages.
    fn describe(&self) -> String;
    /// Generates an answer. `shutdown` is the scope of the caller: once a stop is requested there, failed attempts are
    /// not repeated. Interrupting the answer itself is up to the caller.
    fn tokens(&self, prompt: Prompt, shutdown: &Shutdown) -> TokenStream;
}

#[derive(Debug, Clone, Default)]
pub struct Prompt {
    /// Instructions of the caller for the answer; may be empty.
    pub instructions: String,
    /// The passages on which the answer is to be based.
    pub passages: Vec<String>,
    /// The questions and answers so far, oldest first.
    pub history: Vec<(String, String)>,
    pub question: String,
    /// The maximum number of tokens of the answer; the built-in model generates exactly this many.
    pub max_tokens: usize,
}

impl dyn LanguageModel {
    /// Generates the whole answer, and returns its text.
    pub async fn text(&self, prompt: Prompt, shutdown: &Shutdown) -> Result<String, ModelError> {
        let text: String = self.tokens(prompt, shutdown).try_collect().await?;
        Ok(text.trim().to_owned())
    }
}

/// The model that the configuration selects.
pub struct Model {
    description: String,
    /// `None` once unloaded.
    chosen: RwLock<Option<Arc<dyn LanguageModel>>>,
}

#[resource(order = 2, as = dyn LanguageModel)]
impl Model {
    async fn start(
        config: &Config,
        http: Arc<HttpClient>,
        db: &Database,
    ) -> Result<Self, sqlx::Error> {
        let chosen: Arc<dyn LanguageModel> = match &config.endpoint {
            Some(endpoint) => Arc::new(EndpointModel::new(endpoint.clone(), http)),
            None => Arc::new(NgramModel::train(db).await?),
        };
        Ok(Self {
            description: chosen.describe(),
            chosen: RwLock::new(Some(chosen)),
        })
    }

    /// Unloads the model: later requests get an error, and its tables are freed with the last answer in progress.
    async fn stop(&self) {
        drop(
            self.chosen
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

impl LanguageModel for Model {
    fn describe(&self) -> String {
        self.description.clone()
    }

    fn tokens(&self, prompt: Prompt, shutdown: &Shutdown) -> TokenStream {
        match &*self.chosen.read().unwrap_or_else(PoisonError::into_inner) {
            Some(model) => model.tokens(prompt, shutdown),
            None => Box::pin(stream::iter([Err(ModelError::Unloaded)])),
        }
    }
}
