//! Access tokens: grants, minting and verification at a given time.
