//! Engines on the device under test, and all that trains, sweeps, checks and explains on them, one module for each
//! topic. In one program, which links once and opens one device.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

mod check;
mod class_weights;
#[path = "../common/command.rs"]
mod command;
#[path = "../common/mod.rs"]
mod common;
mod data;
mod decisions;
mod dropout;
mod explain;
mod explain_demos;
mod families;
mod networks;
mod norm;
mod optimizers;
mod products;
mod special;
mod sweep;
#[path = "../common/tasks.rs"]
mod tasks;
#[path = "../common/trace.rs"]
mod trace;
mod training;
