//! Media between a peer and a client, sent by our own egress.

#[path = "support/link.rs"]
mod link;
#[path = "suite/media.rs"]
mod suite;

/// Who writes RTP.
const EGRESS: ringward_peer::EgressKind = ringward_peer::EgressKind::Own;
