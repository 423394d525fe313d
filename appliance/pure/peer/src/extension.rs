//! The dependency descriptor: carried through as bytes.

use std::sync::Arc;
use str0m::rtp::{Extension, ExtensionMap, ExtensionSerializer, ExtensionValues};

/// AV1 RTP specification, appendix A.
const DEPENDENCY_DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/// Chromium's own number for it; an offer's number replaces it.
const DEPENDENCY_DESCRIPTOR_ID: u8 = 12;
/// RFC 8285 §4.2: longer values need the two-byte form.
const MAX_ONE_BYTE_FORM: usize = 16;
/// RFC 8285 §4.3: the length field has 8 bits.
const MAX_TWO_BYTE_FORM: usize = 255;

/// The descriptor of one packet, untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DependencyDescriptor(pub(crate) Arc<[u8]>);

#[derive(Debug)]
struct PassThrough;

impl ExtensionSerializer for PassThrough {
    fn write_to(&self, buf: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(DependencyDescriptor(bytes)) = values.user_values.get() else {
            return 0;
        };
        match buf.get_mut(..bytes.len()) {
            Some(room) if bytes.len() <= MAX_TWO_BYTE_FORM => {
                room.copy_from_slice(bytes);
                bytes.len()
            }
            _ => 0,
        }
    }

    fn parse_value(&self, buf: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(DependencyDescriptor(buf.into()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        values
            .user_values
            .get()
            .is_some_and(|DependencyDescriptor(bytes)| bytes.len() > MAX_ONE_BYTE_FORM)
    }
}

/// The extensions the box reads or forwards.
pub(crate) fn extension_map() -> ExtensionMap {
    let mut map = ExtensionMap::standard();
    map.set(DEPENDENCY_DESCRIPTOR_ID, dependency_descriptor());
    map
}

/// The extension as str0m compares it.
pub(crate) fn dependency_descriptor() -> Extension {
    Extension::with_serializer(DEPENDENCY_DESCRIPTOR, PassThrough)
}

/// Whether a descriptor of this length needs `a=extmap-allow-mixed` from the receiver.
pub(crate) fn needs_mixed_forms(descriptor: &[u8]) -> bool {
    descriptor.len() > MAX_ONE_BYTE_FORM
}
