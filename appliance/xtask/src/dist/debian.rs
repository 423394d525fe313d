//! What Debian wants of a package beside its description (Debian Policy, chapters 8 and 12).

/// Who signs the changelog: as `appliance/Cargo.toml` names the package's maintainer.
const MAINTAINER: &str = "The Ringward project <maintainers@ringward.invalid>";

/// Libraries of libc6, which itself brings `libgcc_s`.
const LIBC6: [&str; 5] = [
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
    "libdl.so.2",
    "ld-linux-x86-64.so.2",
];

/// `changelog`: what changed is told by the commits.
pub(super) fn changelog(version: &str, date: &str) -> String {
    format!(
        "ringward ({version}) stable; urgency=medium\n\n  * Version {version}.\n\n -- {MAINTAINER}  \
         {date}\n"
    )
}

/// Libraries of `readelf --dynamic` that libc6 does not bring.
pub(super) fn foreign(shown: &str) -> Vec<&str> {
    let needed = shown.lines().filter(|line| line.contains("(NEEDED)"));
    needed
        .filter_map(|line| line.split_once('[')?.1.strip_suffix(']'))
        .filter(|name| !LIBC6.contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_beside_libc6_is_found() {
        let shown = " 0x1 (NEEDED)  Shared library: [libgcc_s.so.1]\n\
                     0x1 (NEEDED)  Shared library: [libssl.so.3]\n\
                     0xc (INIT)  0x1000\n";
        assert_eq!(foreign(shown), ["libssl.so.3"]);
    }
}
