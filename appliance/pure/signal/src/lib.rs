//! A LiveKit room as a state machine, the WHIP and WHEP exchange, SDP text editing.
