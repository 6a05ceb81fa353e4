//! The server as others see it: its commands, its settings, its sockets.

mod cli;
mod config;
mod control;
mod process;
