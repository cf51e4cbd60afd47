//! The digest of a bundle, which identifies its content.

use sha2::{Digest as _, Sha256};

use super::files::{BundleFiles, MANIFEST, is_data, is_module};

/// Prefix of the hashed data, so that the digest means nothing elsewhere.
const DOMAIN: &[u8] = b"tracego.policy.bundle/1\n";

/// Returns `sha256:` and, in hexadecimal digits, the digest of everything that can change a decision:
/// modules, data and the manifest, by name. A folder and its archive have the same digest; a signature or a
/// README does not change it.
pub(super) fn digest(files: &BundleFiles) -> String {
    let mut hash = Sha256::new_with_prefix(DOMAIN);
    for (name, content) in files.iter() {
        if is_module(name) || is_data(name) || name == MANIFEST {
            for part in [name.as_bytes(), content] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
    }
    format!("sha256:{}", hex(&hash.finalize()))
}

/// Returns bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}
