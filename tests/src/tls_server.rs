//! The TLS settings of test servers on this machine.

use std::sync::Arc;

use rcgen::generate_simple_self_signed;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// Returns the settings of a server on 127.0.0.1 with a new certificate, and that certificate in PEM.
///
/// # Panics
/// Panics if no certificate can be made.
#[must_use]
pub fn self_signed() -> (Arc<ServerConfig>, String) {
    let made = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (Arc::new(config), made.cert.pem())
}
