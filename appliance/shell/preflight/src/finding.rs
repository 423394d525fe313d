//! What a probe found.

use serde::Serialize;

/// What was looked at. Each has its page in the runbook, under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum Code {
    /// The settings file.
    Settings,
    /// The kernel's version.
    Kernel,
    /// A ring is opened.
    IoUring,
    /// Cores, their instructions, their clock.
    Cpu,
    /// Memory.
    Memory,
    /// How many files may be open.
    Nofile,
    /// How much memory may be locked.
    Memlock,
    /// A kernel setting of the profile.
    Sysctl,
    /// Whether the clock follows a time server.
    Clock,
    /// The data folder.
    Data,
    /// Space on its disk.
    Disk,
    /// How long that disk takes to keep something.
    Fsync,
    /// A network interface.
    Nic,
    /// A port of the settings: free, held by a box, held by another.
    Port,
    /// Whether what is sent to an address of this machine arrives at its port.
    Reach,
    /// The certificate that browsers see.
    Certificate,
}

impl Code {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 16] = [
        Self::Settings,
        Self::Kernel,
        Self::IoUring,
        Self::Cpu,
        Self::Memory,
        Self::Nofile,
        Self::Memlock,
        Self::Sysctl,
        Self::Clock,
        Self::Data,
        Self::Disk,
        Self::Fsync,
        Self::Nic,
        Self::Port,
        Self::Reach,
        Self::Certificate,
    ];

    /// As it is written, in reports and in the runbook.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Settings => "SETTINGS",
            Self::Kernel => "KERNEL",
            Self::IoUring => "IO-URING",
            Self::Cpu => "CPU",
            Self::Memory => "MEMORY",
            Self::Nofile => "NOFILE",
            Self::Memlock => "MEMLOCK",
            Self::Sysctl => "SYSCTL",
            Self::Clock => "CLOCK",
            Self::Data => "DATA",
            Self::Disk => "DISK",
            Self::Fsync => "FSYNC",
            Self::Nic => "NIC",
            Self::Port => "PORT",
            Self::Reach => "REACH",
            Self::Certificate => "CERTIFICATE",
        }
    }
}

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Grade {
    /// As it should be.
    Pass,
    /// The box works, with less than it could.
    Warn,
    /// The box would not start, not admit anybody, or lose what it promised to keep.
    Fail,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// How it is.
    pub grade: Grade,
    /// What was seen: figures, names, addresses.
    pub evidence: String,
    /// What to do, as a command where there is one; absent when nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn pass(code: Code, evidence: impl Into<String>) -> Self {
        Self {
            code,
            grade: Grade::Pass,
            evidence: evidence.into(),
            remedy: None,
        }
    }

    /// The box works, with less than it could.
    pub fn warn(code: Code, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            grade: Grade::Warn,
            evidence: evidence.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// The box would not do what it is for. To be built by whoever composes the checks, too: the
    /// settings are read before there is a plan.
    pub fn fail(code: Code, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            grade: Grade::Fail,
            evidence: evidence.into(),
            remedy: Some(remedy.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_the_same_everywhere() {
        for code in Code::ALL {
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, code.word());
        }
    }
}
