//! The certificate authority of a test, and the certificates that it signed.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// A folder with `ca.pem`, and `localhost` and `client` as `.pem` and `.key`.
pub(super) struct Certificates {
    dir: tempfile::TempDir,
}

impl Certificates {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, dir.path().display().to_string());
        fs::write(dir.path().join("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(authority, key);
        for name in ["localhost", "client"] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            fs::write(dir.path().join(format!("{name}.pem")), params.signed_by(&key, &issuer).unwrap().pem())
                .unwrap();
            fs::write(dir.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self { dir }
    }

    pub(super) fn path(&self, name: &str) -> String {
        let path: &Path = self.dir.path();
        path.join(name).display().to_string()
    }
}
