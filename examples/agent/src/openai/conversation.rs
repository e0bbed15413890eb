//! [`Request`]: the body of a request for a chat completion, and the conversation in it.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::answers::Chat;
use crate::openai::failure::Failure;
use crate::openai::words;

#[derive(Deserialize)]
pub struct Request {
    messages: Vec<Message>,
    pub stream: Option<bool>,
    pub stream_options: Option<StreamOptions>,
    /// The older name of `max_completion_tokens`.
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    n: Option<u32>,
    tools: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
pub struct StreamOptions {
    #[serde(default)]
    pub include_usage: bool,
}

#[derive(Deserialize)]
struct Message {
    role: Role,
    content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    System,
    /// OpenAI's newer name of `system`.
    Developer,
    User,
    Assistant,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a message's content is a text or a list of parts with a type"
)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
}

impl Request {
    pub fn chat(self) -> Result<Chat, Failure> {
        if self.n.is_some_and(|n| n != 1) {
            return Err(Failure::invalid("n", "a question has one answer; omit `n`"));
        }
        if self.tools.is_some_and(|tools| !tools.is_empty()) {
            return Err(Failure::invalid(
                "tools",
                "this agent does not call tools; omit `tools`",
            ));
        }
        let mut chat = Chat {
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            ..Chat::default()
        };
        for message in self.messages {
            let text = message.content.text()?;
            match message.role {
                Role::System | Role::Developer => add(&mut chat.instructions, &text),
                Role::User => add(&mut chat.question, &text),
                Role::Assistant => chat
                    .history
                    .push((std::mem::take(&mut chat.question), text)),
            }
        }
        if chat.question.trim().is_empty() {
            return Err(Failure::invalid(
                "messages",
                "the last message must be the user's, and not empty",
            ));
        }
        Ok(chat)
    }
}

impl Content {
    fn text(self) -> Result<String, Failure> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Parts(parts) => {
                let mut text = String::new();
                for part in parts {
                    if part.kind != "text" {
                        let message = format!(
                            "a part of a message is of type `{}`; only `text` is supported",
                            part.kind
                        );
                        return Err(Failure::invalid("messages", message));
                    }
                    add(&mut text, &part.text);
                }
                Ok(text)
            }
        }
    }
}

fn add(to: &mut String, text: &str) {
    if !to.is_empty() {
        to.push('\n');
    }
    to.push_str(text);
}

impl Chat {
    pub fn words(&self) -> usize {
        let history = self.history.iter();
        let history = history.map(|(question, answer)| words(question) + words(answer));
        words(&self.instructions) + history.sum::<usize>() + words(&self.question)
    }
}
