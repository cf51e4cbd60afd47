//! The acceptance of a bundle from a server: its signature, and that it is not older than the one in force.

use tracego_policy::bundle::{self, Bundle, BundleError, BundleOptions, Trust};

use crate::cli::BundleUrl;

/// The bundle that a new one is compared with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BundleFloor {
    /// Serial number.
    pub(crate) serial: Option<u64>,
    /// Digest.
    pub(crate) digest: String,
}

impl BundleFloor {
    /// Returns what a bundle that is in force asks of the next one.
    pub(crate) fn of(bundle: &Bundle) -> Self {
        Self { serial: bundle.manifest.serial(), digest: bundle.digest.clone() }
    }
}

/// The reason why a bundle is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleRefusal {
    #[error("{0}")]
    Bundle(#[from] BundleError),
    #[error(
        "the bundle has no serial number, so nobody can tell it from an older one: write \"metadata\": {{\"serial\": 1}} into \
         .manifest, raise the number with each release, and sign the bundle again; --policy-rollback accepts it as it is"
    )]
    NoSerial,
    #[error(
        "the bundle is older (serial {0}) than the one in force (serial {1}): release it again with a higher number, or \
         accept it once with --policy-rollback"
    )]
    Older(u64, u64),
    #[error(
        "the bundle has another content than the one in force and the same serial number ({0}): raise the number with each \
         release"
    )]
    Same(u64),
}

/// Returns the bundle of an archive from a server, if it is signed and not older than `floor`. `is_rollback_allowed`:
/// neither serial number matters.
///
/// # Errors
/// Fails with the reason of the refusal.
pub(crate) fn accept(
    url: &BundleUrl,
    archive: &[u8],
    trust: &Trust,
    floor: Option<&BundleFloor>,
    is_rollback_allowed: bool,
) -> Result<Bundle, BundleRefusal> {
    let options = BundleOptions { trust: Some(trust.clone()), allow_writable: false };
    let bundle = bundle::load_archive(&url.bundle_name(), archive, &options)?;
    if !is_rollback_allowed {
        let serial = bundle.manifest.serial().ok_or(BundleRefusal::NoSerial)?;
        match floor.and_then(|floor| Some((floor.serial?, &floor.digest))) {
            Some((known, _)) if serial < known => return Err(BundleRefusal::Older(serial, known)),
            Some((known, digest)) if serial == known && *digest != bundle.digest => {
                return Err(BundleRefusal::Same(serial));
            }
            _ => {}
        }
    }
    Ok(bundle)
}
