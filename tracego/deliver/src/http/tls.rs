//! TLS of every sink that has a peer: who is trusted, and who we are.

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
    /// Our certificate in PEM, with those that link it to its root.
    pub cert: Option<PathBuf>,
    /// Its private key in PEM.
    pub key: Option<PathBuf>,
    /// The name that the peer's certificate must have, where it is not that of the address.
    pub server_name: Option<String>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or is no PEM of the kind that is needed.
    #[error("tls {0}: {1}: {2}")]
    File(&'static str, PathBuf, String),
    /// One of certificate and key is missing.
    #[error("tls: cert and key go together; {0} is missing")]
    Alone(&'static str),
    /// The system has no certificates that are trusted.
    #[error("tls: no trusted certificates on this system ({0}); install ca-certificates, or set tls ca")]
    NoRoots(String),
    /// It is no name of a host.
    #[error("tls server-name: '{0}' is no name that a certificate can have")]
    Name(String),
    /// Certificate and key do not fit, or are not usable.
    #[error("tls: {0}")]
    Unusable(#[from] rustls::Error),
}

impl TlsSettings {
    /// What a connection is made with. `alpn`: protocols that are offered, the best first.
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
        // One that is broken does not spoil the others.
        let (added, _ignored) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            return Err(TlsError::NoRoots(why.join("; ")));
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
