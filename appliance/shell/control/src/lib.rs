//! Use-cases on one thread: authorise, load, decide, save, act.
