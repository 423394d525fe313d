//! The operators' console of a Ringward box: see the library beside it.

fn main() -> std::process::ExitCode {
    ringward_console::main()
}
