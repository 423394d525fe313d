//! What this machine gives a box, before it serves and while it does: each probe measures one
//! thing, and a function beside it, which knows nothing but the measurement, judges it.

mod apply;
mod finding;
mod plan;
mod probe;
mod report;

pub use apply::{ApplyError, Wrote, apply};
pub use finding::{Code, Finding, Grade};
pub use plan::Plan;
pub use report::{Report, Style};

use probe::service::{Limited, limit};

/// Measures everything that `plan` asks for, in the order of the report.
pub fn run(plan: &Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(probe::kernel::judge(&probe::kernel::measure()));
    findings.push(probe::ring::judge(&probe::ring::measure()));
    findings.extend(probe::cpu::judge(&probe::cpu::measure(), &plan.profile));
    findings.extend(probe::memory::judge(probe::memory::measure()));
    findings.push(probe::limits::judge(&limit(Limited::Files), &plan.profile));
    findings.push(probe::memlock::judge(&limit(Limited::Locked), plan.workers));
    findings.extend(probe::sysctl::judge(&probe::sysctl::measure(&plan.profile)));
    findings.push(probe::clock::judge(&probe::clock::measure()));
    findings.push(probe::data::judge(&probe::data::measure(&plan.data)));
    findings.push(probe::disk::judge(&probe::disk::measure(&plan.data)));
    findings.extend(probe::fsync::judge(&probe::fsync::measure(&plan.data)));
    findings.extend(probe::nic::judge(&probe::nic::measure(), plan.workers));
    findings.extend(probe::port::judge(&probe::port::measure(plan)));
    findings.extend(probe::reach::judge(&probe::reach::measure(plan)));
    findings
}
