//! What only the box may read: private files, its API key, random secrets.
//!
//! A secret is made with the kernel's random numbers, lies in a file of mode 0600 that was never
//! anything else, and is read only from a file that nobody else can read.

mod api_key;
mod private_file;
mod random;

pub use api_key::{API_KEY_FILE, API_KEY_NAME, ApiKey, ApiKeyError, api_key};
pub use private_file::{
    PrivateFileError, create_private, folder_private, read_private, replace_private,
};
pub use random::{RandomError, SECRET_BYTES, random, secret_text};
