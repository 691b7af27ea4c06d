//! The command as a stranger types it, one module for each topic: what it prints, how it ends, which files it writes.
//! In one program, which links once.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

mod bench;
mod check;
mod check_networks;
#[path = "../common/command.rs"]
mod command;
mod data;
mod device;
mod doctor;
mod explain;
mod general;
#[cfg(unix)]
mod job_arrays;
mod live;
mod lr_find;
mod models;
mod plot;
mod pytorch;
mod reported;
mod runs;
mod scores;
mod shell;
mod starts;
mod sweep;
mod toolkit;
