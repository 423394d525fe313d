//! Development only: simulated network, model clients, reference model.
