//! Prints the `OpenAPI` document: what `cargo xtask openapi` commits.
#![allow(clippy::print_stdout, reason = "a command's result")]

#[path = "../openapi/document.rs"]
mod document;

fn main() {
    print!("{}", document::text());
}
