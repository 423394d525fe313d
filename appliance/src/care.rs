//! Commands of whoever installs the box and looks after it.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod forecast;
pub(crate) mod pages;
