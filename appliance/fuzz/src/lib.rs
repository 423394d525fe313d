//! One target per parser of bytes from outside: any bytes in, no panic out.
//!
//! `cargo test -p ringward-fuzz` replays the corpora and a bounded number of seeded mutations of
//! them. A target is a plain function, so that a coverage-guided fuzzer can drive it as well:
//! `fuzz_target!(|bytes: &[u8]| ringward_fuzz::sdp(bytes))`. Every input that once broke a parser
//! becomes a file in `corpus/<target>/`.

mod conversation;
mod description;
mod disk;
mod message;
mod report;

pub use conversation::{data_packet, signal_request};
pub use description::{candidate, datagram, fragment, offer, sdp};
pub use disk::{audit, checkpoint, journal, manifest};
pub use message::{config, feedback, join_request, query, stun, token, twirp};
pub use report::{rtcp, srtcp};

/// A parser under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its folder below `corpus/`.
    pub name: &'static str,
    /// Feeds it.
    pub run: fn(&[u8]),
    /// Mutations per test run: as many as fit a fraction of a second, unoptimised.
    pub mutations: u32,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("stun", stun, 20_000),
    target("feedback", feedback, 20_000),
    target("sdp", sdp, 2_000),
    target("fragment", fragment, 5_000),
    target("token", token, 5_000),
    target("query", query, 10_000),
    target("join_request", join_request, 5_000),
    target("twirp", twirp, 5_000),
    target("config", config, 2_000),
    target("candidate", candidate, 1_000),
    target("datagram", datagram, 1_000),
    target("offer", offer, 200),
    target("signal_request", signal_request, 1_000),
    target("data_packet", data_packet, 3_000),
    target("rtcp", rtcp, 20_000),
    target("srtcp", srtcp, 2_000),
    target("journal", journal, 100),
    target("audit", audit, 100),
    target("checkpoint", checkpoint, 100),
    target("manifest", manifest, 200),
];

const fn target(name: &'static str, run: fn(&[u8]), mutations: u32) -> Target {
    Target {
        name,
        run,
        mutations,
    }
}

/// Bytes as the text they may be.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
