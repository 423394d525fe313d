//! What Debian wants to know of the package (Debian Policy, chapters 4, 5 and 12).

/// Whom the package names; `.invalid` (RFC 2606): whoever distributes it writes itself in here.
const MAINTAINER: &str = "The Ringward project <maintainers@ringward.invalid>";

/// `copyright`, machine-readable.
pub(super) const COPYRIGHT: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ringward

Files: *
Copyright: 2026 The Ringward project
License: Apache-2.0
 On Debian systems the full text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0. What the programs are made of, with the
 licence of each part, is in /usr/share/doc/ringward/sbom.cdx.json.
";

/// Libraries of libc6, which itself brings `libgcc_s`.
const LIBC6: [&str; 5] = [
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
    "libdl.so.2",
    "ld-linux-x86-64.so.2",
];

/// `control`.
pub(super) fn fields(version: &str, bytes: u64) -> String {
    let kib = bytes.div_ceil(1_024);
    format!(
        "Package: ringward
Version: {version}
Architecture: amd64
Section: net
Priority: optional
Maintainer: {MAINTAINER}
Installed-Size: {kib}
Depends: libc6 (>= 2.36)
Recommends: ca-certificates
Suggests: ethtool, chrony | systemd-timesyncd
Description: rooms for doctors, patients, carers and medical devices
 One box in a hospital's rack where doctors, patients, carers and medical
 devices meet. It forwards their media, keeps sessions and events on its own
 disk, and needs no internet and no other server. It is not a patient alarm
 system.
"
    )
}

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
