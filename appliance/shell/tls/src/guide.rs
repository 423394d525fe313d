//! How hospital IT makes client machines trust the internal CA.

/// A short text for a terminal.
pub const GUIDE: &str = "\
Give this certificate to every machine that shall meet on the box. It is no secret. Compare its
SHA-256 fingerprint on the machine before you trust it. It signs for the box's names and for
private addresses only.

Windows    Group Policy: Computer Configuration > Policies > Windows Settings > Security Settings >
           Public Key Policies > Trusted Root Certification Authorities > Import.
           One machine: certutil -addstore Root ringward-ca.pem (as administrator)
iOS, macOS Export with --format mobileconfig and roll it out by MDM. By hand: open the file,
           install the profile, then Settings > General > About > Certificate Trust Settings: on.
Android    By MDM as a CA certificate; by hand: Settings > Security > Encryption & credentials >
           Install a certificate > CA certificate. Apps of your own must allow user CAs
           (network_security_config.xml) unless an MDM installs it.
Firefox    Policy Certificates/ImportEnterpriseRoots = true takes the system's. Linux: policies.json,
           Certificates/Install with the path of the file.
Linux      /usr/local/share/ca-certificates/ringward-ca.crt, then update-ca-certificates.
SDKs       Python, curl: SSL_CERT_FILE=ringward-ca.pem. Node: NODE_EXTRA_CA_CERTS=ringward-ca.pem.
";
