//! The machine that a run was measured on: figures of two machines do not compare.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;

/// What a figure needs beside it.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Model name of the processor.
    pub cpu: String,
    /// Cores that are online.
    pub cores: usize,
    /// Bytes of memory.
    pub memory: u64,
    /// Kernel release.
    pub kernel: String,
    /// Whether it runs under a hypervisor.
    pub is_virtual: bool,
    /// Per known vulnerability of the processor, what the kernel does about it; "Not affected" is
    /// left out.
    pub mitigations: BTreeMap<String, String>,
    /// Cores that the generator may use.
    pub generator_cores: String,
    /// Cores that the server may use.
    pub server_cores: Option<String>,
    /// Runnable tasks over the last minute when the run began, the run before it included.
    pub load: f64,
}

impl Machine {
    /// Reads what the kernel tells; what it does not tell is empty.
    pub fn describe(server: Option<u32>) -> Self {
        let information = read("/proc/cpuinfo");
        let cores = |pid: &str| field(&read(&format!("/proc/{pid}/status")), "Cpus_allowed_list");
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        Self {
            cpu: field(&information, "model name"),
            cores: information
                .lines()
                .filter(|line| line.starts_with("processor"))
                .count(),
            memory: memory.trim_end_matches(" kB").parse().unwrap_or(0_u64) * 1_024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            is_virtual: field(&information, "flags")
                .split(' ')
                .any(|flag| flag == "hypervisor"),
            mitigations: mitigations(),
            generator_cores: cores("self"),
            server_cores: server.map(|pid| cores(&pid.to_string())),
            load: read("/proc/loadavg")
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or_default(),
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value of `name : value` in its first line.
fn field(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|rest| rest.trim_start().strip_prefix(':'));
    value.unwrap_or_default().trim().to_owned()
}

fn mitigations() -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else {
        return BTreeMap::new();
    };
    entries
        .flatten()
        .map(|entry| {
            let state = fs::read_to_string(entry.path()).unwrap_or_default();
            (
                entry.file_name().to_string_lossy().into_owned(),
                state.trim().to_owned(),
            )
        })
        .filter(|(_, state)| state != "Not affected")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_described() {
        let machine = Machine::describe(Some(std::process::id()));
        assert!(machine.cores > 0 && machine.memory > 1 << 20);
        assert!(!machine.kernel.is_empty() && !machine.generator_cores.is_empty());
        assert_eq!(machine.server_cores, Some(machine.generator_cores));
        assert_eq!(field("model name\t: X 9\n", "model name"), "X 9");
    }
}
