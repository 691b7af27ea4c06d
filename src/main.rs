//! The `wgrad` command.

fn main() -> std::process::ExitCode {
    wgrad::cli::main()
}
