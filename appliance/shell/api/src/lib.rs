//! HTTP, WebSocket and Twirp: parse, call, shape.
