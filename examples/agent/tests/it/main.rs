//! Integration tests of the agent: one binary, a module for each topic.

mod agent;
mod binary;
#[cfg(target_os = "linux")]
mod booted;
mod deploy;
#[cfg(feature = "drill")]
mod drill;
mod events;
mod fleet;
mod kubelet;
mod life;
mod openai;
mod page;
mod print;
