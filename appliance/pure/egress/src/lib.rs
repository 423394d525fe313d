//! What goes to one client: SRTP sealed from shared payloads, trains, retransmission, reports.
