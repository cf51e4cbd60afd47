//! The identity in a signing certificate.

use sigstore_verify::crypto::CertificateInfo;

/// Claims of a certificate that a signer is matched with, as they are in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct SigningIdentity {
    /// The service that vouched for the identity.
    pub(crate) issuer: Option<String>,
    /// The identity: of a CI job its workflow, otherwise an address.
    pub(crate) subject: Option<String>,
    /// The repository that was built.
    pub(crate) repository: Option<String>,
    /// The number of that repository.
    pub(crate) repository_id: Option<String>,
    /// The kind of runner.
    pub(crate) runner: Option<String>,
}

impl SigningIdentity {
    /// Returns the identity in a certificate.
    pub(crate) fn of(certificate: &CertificateInfo) -> Self {
        let claims = &certificate.ci_claims;
        Self {
            issuer: certificate.issuer.clone(),
            subject: certificate.identity.as_ref().map(|name| name.as_str().to_owned()),
            repository: claims.source_repository_uri.clone(),
            repository_id: claims.source_repository_identifier.clone(),
            runner: claims.runner_environment.clone(),
        }
    }
}
