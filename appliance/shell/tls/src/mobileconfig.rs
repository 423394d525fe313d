//! Apple's configuration profile with a CA: a phone installs it in three taps.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const UUID_BYTES: usize = 16;

/// The profile of a CA's certificate. Made again, it is the same profile and replaces itself on the
/// device: its ids follow from the certificate.
///
/// Source: Apple, Configuration Profile Reference, `com.apple.security.root`.
#[must_use]
pub fn mobileconfig(name: &str, der: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    let (profile, payload) = digest.as_ref().split_at(UUID_BYTES);
    let (profile, payload) = (uuid(profile), uuid(payload));
    let (name, data) = (escaped(name), STANDARD.encode(der));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadVersion</key><integer>1</integer>
  <key>PayloadIdentifier</key><string>ringward.ca.{profile}</string>
  <key>PayloadUUID</key><string>{profile}</string>
  <key>PayloadDisplayName</key><string>{name}</string>
  <key>PayloadDescription</key><string>Lets this device trust the Ringward box of your hospital.</string>
  <key>PayloadContent</key>
  <array>
    <dict>
      <key>PayloadType</key><string>com.apple.security.root</string>
      <key>PayloadVersion</key><integer>1</integer>
      <key>PayloadIdentifier</key><string>ringward.ca.{profile}.certificate</string>
      <key>PayloadUUID</key><string>{payload}</string>
      <key>PayloadDisplayName</key><string>{name}</string>
      <key>PayloadCertificateFileName</key><string>ringward-ca.cer</string>
      <key>PayloadContent</key><data>{data}</data>
    </dict>
  </array>
</dict>
</plist>
"#
    )
}

/// So many bytes in the form of a UUID.
fn uuid(bytes: &[u8]) -> String {
    let number = bytes
        .iter()
        .fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
    let hex = format!("{number:032X}");
    let parts =
        [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default());
    parts.join("-")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_made_again_replaces_itself_and_a_name_cannot_leave_its_place() {
        let made = mobileconfig("a <b> & c", b"der");
        assert_eq!(made, mobileconfig("a <b> & c", b"der"));
        assert!(made.contains("a &lt;b&gt; &amp; c"), "{made}");
        assert!(made.contains(&STANDARD.encode(b"der")), "{made}");
        assert_eq!(uuid(&[0xab; 16]), "ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB");
    }
}
