//! The `wgrad` command.

fn main() -> std::process::ExitCode {
    quiet_mesa();
    wgrad::cli::main()
}

/// Without `XDG_RUNTIME_DIR`, as in most containers, Mesa prints two lines that start with
/// "error:" whenever adapters are listed, and then works. They look like ours.
fn quiet_mesa() {
    const VARIABLE: &str = "XDG_RUNTIME_DIR";
    if cfg!(target_os = "linux") && std::env::var_os(VARIABLE).is_none() {
        // SAFETY: the first thing `main` does: no other thread exists that could read the
        // environment.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var(VARIABLE, std::env::temp_dir());
        }
    }
}
