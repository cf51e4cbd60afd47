//! TLS for every sink that has a peer: the trusted certificates, and the client's own.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde::Deserialize;

/// The keys of a `tls` table.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TlsSettings {
    /// Certificates in PEM that are trusted instead of those of the system.
    pub ca: Option<PathBuf>,
    /// Client certificate in PEM, with the certificates that link it to its root.
    pub cert: Option<PathBuf>,
    /// Private key of the client certificate in PEM.
    pub key: Option<PathBuf>,
    /// Name that the peer's certificate must have, if it differs from that of the address.
    pub server_name: Option<String>,
}

/// The reason why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read or is not PEM of the needed kind.
    #[error("tls {0}: {1}: {2}")]
    File(&'static str, PathBuf, String),
    /// A certificate without a key, or a key without a certificate.
    #[error("tls: cert and key go together; {0} is missing")]
    Alone(&'static str),
    /// A system without trusted certificates.
    #[error(
        "tls: no trusted certificates on this system{0}; install ca-certificates, set SSL_CERT_FILE, or set tls ca"
    )]
    NoRoots(String),
    /// A server name that no certificate can have.
    #[error("tls server-name: '{0}' cannot be the name in a certificate")]
    Name(String),
    /// A certificate and key that do not match, or are not usable.
    #[error("tls: {0}")]
    Unusable(#[from] rustls::Error),
}

impl TlsSettings {
    /// Returns the TLS configuration of a connection. `alpn`: protocols to offer, the best first.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn client(&self, alpn: &[&[u8]]) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(self.roots()?);
        let mut config = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let chain = certificates("cert", cert)?;
                let secret = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| TlsError::File("key", key.clone(), error.to_string()))?;
                config.with_client_auth_cert(chain, secret)?
            }
            (None, None) => config.with_no_client_auth(),
            (None, Some(_)) => return Err(TlsError::Alone("cert")),
            (Some(_), None) => return Err(TlsError::Alone("key")),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = &self.ca {
            for certificate in certificates("ca", path)? {
                let added = roots.add(certificate);
                added.map_err(|error| TlsError::File("ca", path.clone(), error.to_string()))?;
            }
            return Ok(roots);
        }
        let found = rustls_native_certs::load_native_certs();
        // A broken certificate does not affect the others.
        let (added, _ignored) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
            return Err(TlsError::NoRoots(why));
        }
        Ok(roots)
    }
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |why: String| TlsError::File(key, path.to_owned(), why);
    let all = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(|error| failed(error.to_string()))?;
    if all.is_empty() {
        return Err(failed(io::Error::other("no certificate in PEM").to_string()));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn mistakes_name_the_key_and_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty.pem");
        fs::write(&path, "nothing here\n").unwrap();
        let wrong = |settings: TlsSettings| settings.client(&[]).unwrap_err().to_string();
        let text = wrong(TlsSettings { ca: Some(path.clone()), ..TlsSettings::default() });
        assert!(text.contains("tls ca: ") && text.contains("empty.pem: no certificate"), "{text}");
        let text = wrong(TlsSettings { ca: Some("/no/such".into()), ..TlsSettings::default() });
        assert!(text.contains("/no/such: "), "{text}");
        let (cert, key) = (Some(path.clone()), Some(path));
        let text = wrong(TlsSettings { ca: None, key: key.clone(), ..TlsSettings::default() });
        assert!(text.contains("cert is missing") || text.contains("no trusted"), "{text}");
        let both = TlsSettings { cert, key, ..TlsSettings::default() };
        assert!(both.client(&[]).is_err());
    }
}
