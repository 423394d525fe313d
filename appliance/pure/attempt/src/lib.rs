//! One attempt to connect: the facts that the box saw ([`Record`]), and what they mean
//! ([`diagnose`]): the first stage that blocks, its evidence, a sentence for the patient, a line
//! for the network team.
//!
//! Ids and addresses only: no names, no tokens, no texts of people.

mod code;
mod diagnosis;
mod group;
mod record;
mod stage;
mod subnet;
mod text;

pub use code::Code;
pub use diagnosis::{Diagnosis, Finding, StageLine, diagnose, limits};
pub use group::{Group, Seen, groups};
pub use record::admission::Admission;
pub use record::media::{MAX_PUBLISHED, Media, Published};
pub use record::sdp::{Kind, Section, candidates_of, sections};
pub use record::signal::{Closed, Closing, Signal};
pub use record::tls::{Tls, TlsFault};
pub use record::token::{Token, TokenOutcome};
pub use record::transport::{
    Candidates, Direction, Dtls, Failure, MAX_PAIRS, MAX_TRANSPORTS, Pair, Protocol, Transport,
};
pub use record::word::Word;
pub use record::{Door, Ended, MAX_ID_BYTES, MAX_TEXT_BYTES, Record};
pub use stage::{Grade, Stage};
pub use subnet::{Subnet, subnet_of};
