//! What a caller can do about an error.

/// The grade of an operation's failure. The API turns this, and only this, into a status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request itself is wrong; sending it again changes nothing.
    Invalid,
    /// Nobody has proved who is asking.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// The thing named does not exist.
    NotFound,
    /// The thing exists in a state that excludes the request.
    Conflict,
    /// A rule of the state refuses it now (LiveKit's `failed_precondition`).
    Precondition,
    /// A named limit is reached.
    Exhausted,
    /// The box cannot do it now; the same request may succeed later.
    Unavailable,
}
