//! One file per thing looked at: `measure` asks the machine, `judge` knows the boundaries.

pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod data;
pub(crate) mod disk;
pub(crate) mod fsync;
pub(crate) mod kernel;
pub(crate) mod limits;
pub(crate) mod memlock;
pub(crate) mod memory;
pub(crate) mod nic;
pub(crate) mod port;
pub(crate) mod reach;
pub(crate) mod ring;
pub(crate) mod service;
pub(crate) mod sysctl;
