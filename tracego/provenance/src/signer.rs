//! Identities that may vouch for a build. Without one, nobody may.

use crate::certificate::SigningIdentity;

/// An identity as a certificate has it. Every member that is named has to agree.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Signer {
    /// The service that vouched for the identity, such as `https://token.actions.githubusercontent.com`.
    pub issuer: String,
    /// The repository that was built.
    pub repository: Option<String>,
    /// The number of the repository, which stays when the repository is renamed.
    pub repository_id: Option<String>,
    /// The workflow that signed, with its reference; `*` stands for any text.
    pub workflow: Option<String>,
    /// The identity in the certificate, for people and services that are no workflow.
    pub identity: Option<String>,
    /// The kind of runner, such as `github-hosted`.
    pub runner: Option<String>,
}

/// Reason why a signer is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignerProblem {
    /// The issuer is missing, or no URL.
    #[error(
        "issuer is {0:?}; name the service that vouches for the signer, such as https://token.actions.githubusercontent.com"
    )]
    Issuer(String),
    /// The repository is no URL.
    #[error(
        "repository is {0:?}; it is a URL such as https://github.com/acme/shop, without / or .git at its end"
    )]
    Repository(String),
    /// The issuer ends with a slash, and no certificate names it so.
    #[error("issuer is {0:?}; certificates name it without / at its end")]
    IssuerEnd(String),
    /// The number of the repository is none.
    #[error("repository-id is {0:?}; it is a number such as 123456789, and the URL is repository")]
    RepositoryId(String),
    /// The signer is everybody whom the issuer knows.
    #[error("names nobody: add repository, repository-id, workflow or identity")]
    Anybody,
    /// The pattern would match workflows of others.
    #[error(
        "workflow {0:?} would match repositories of others: begin it with the owner, as in \
         https://github.com/acme/*, or add repository"
    )]
    Everywhere(String),
}

/// Schemes that issuers and repositories may have.
const SCHEMES: [&str; 2] = ["https://", "http://"];

fn is_url(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

impl Signer {
    /// Checks that the signer is somebody.
    ///
    /// # Errors
    /// Fails if everybody could be meant.
    pub fn check(&self) -> Result<(), SignerProblem> {
        if !is_url(&self.issuer) {
            return Err(SignerProblem::Issuer(self.issuer.clone()));
        }
        if self.issuer.ends_with('/') {
            return Err(SignerProblem::IssuerEnd(self.issuer.clone()));
        }
        let is_wrong =
            |text: &str| !is_url(text) || text.contains('*') || text.ends_with('/') || text.ends_with(".git");
        if let Some(repository) = self.repository.as_ref().filter(|text| is_wrong(text)) {
            return Err(SignerProblem::Repository(repository.clone()));
        }
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(id) = self.repository_id.as_ref().filter(|text| !is_number(text)) {
            return Err(SignerProblem::RepositoryId(id.clone()));
        }
        let is_named = |member: &Option<String>| member.as_ref().is_some_and(|text| !text.is_empty());
        if is_named(&self.repository) || is_named(&self.repository_id) || is_named(&self.identity) {
            return Ok(());
        }
        match self.workflow.as_deref() {
            None | Some("") => Err(SignerProblem::Anybody),
            Some(pattern) if names_owner(pattern) => Ok(()),
            Some(pattern) => Err(SignerProblem::Everywhere(pattern.to_owned())),
        }
    }

    /// Returns the first member in which an identity differs, with what it has; nothing if all agree.
    pub(crate) fn difference(&self, identity: &SigningIdentity) -> Option<String> {
        let differs = |name: &str, wanted: &str, found: &Option<String>| {
            let found = found.as_deref().unwrap_or("missing");
            format!("{name} is {}, not {wanted}", crate::clean_text::clean(found))
        };
        let equal = |name: &str, wanted: &Option<String>, found: &Option<String>| match wanted {
            Some(wanted) if found.as_ref() != Some(wanted) => Some(differs(name, wanted, found)),
            _ => None,
        };
        equal("issuer", &Some(self.issuer.clone()), &identity.issuer)
            .or_else(|| equal("repository", &self.repository, &identity.repository))
            .or_else(|| equal("repository-id", &self.repository_id, &identity.repository_id))
            .or_else(|| equal("identity", &self.identity, &identity.subject))
            .or_else(|| {
                let pattern = self.workflow.as_deref()?;
                let is_match =
                    identity.subject.as_deref().is_some_and(|text| matches_workflow(pattern, text));
                (!is_match).then(|| differs("workflow", pattern, &identity.subject))
            })
            .or_else(|| equal("runner", &self.runner, &identity.runner))
            .or_else(|| self.foreign_repository(identity))
    }

    /// Returns the repository that was built, if the signer names none and it is not the one of the workflow: everybody
    /// may call a public workflow for a repository of their own.
    fn foreign_repository(&self, identity: &SigningIdentity) -> Option<String> {
        let repository = identity.repository.as_deref()?;
        let subject = identity.subject.as_deref().unwrap_or_default();
        let is_own = subject.strip_prefix(repository).is_some_and(|rest| rest.starts_with('/'));
        let is_named = self.repository.is_some() || self.repository_id.is_some();
        (!is_named && !is_own).then(|| {
            let repository = crate::clean_text::clean(repository);
            format!("the workflow was called for {repository}; add repository to trust builds of it")
        })
    }
}

/// Whether a pattern begins with host and owner, so that `*` stands for nobody else.
fn names_owner(pattern: &str) -> bool {
    let literal = pattern.split('*').next().unwrap_or_default();
    let Some(rest) = SCHEMES.iter().find_map(|scheme| literal.strip_prefix(scheme)) else { return false };
    let mut segments = rest.split('/');
    let mut named = || segments.next().is_some_and(|segment| !segment.is_empty());
    // The owner ends with a slash: `acme*` would be `acme-evil`, too.
    named() && named() && segments.next().is_some()
}

/// Whether a workflow matches a pattern. Text before and behind the first `@` is held against each other by itself: a
/// branch may be named `x@refs/heads/main`, and must not pass for `main`.
fn matches_workflow(pattern: &str, text: &str) -> bool {
    match (pattern.split_once('@'), text.split_once('@')) {
        (Some((path, reference)), Some((text_path, text_reference))) => {
            matches(path, text_path) && matches(reference, text_reference)
        }
        (Some(_), None) => false,
        (None, _) => matches(pattern, text),
    }
}

/// Whether a text matches a pattern, in which `*` stands for any text. Takes no longer than the product of both lengths.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut in_text) = (0, 0);
    // Where the last star was, and how much of the text it stands for.
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(byte) if text.get(in_text) == Some(byte) => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((star_at, covered)) = star else { return false };
                star = Some((star_at, covered + 1));
                at = star_at + 1;
                in_text = covered + 1;
            }
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://token.actions.githubusercontent.com";

    fn signer(workflow: &str) -> Signer {
        Signer { issuer: ISSUER.to_owned(), workflow: Some(workflow.to_owned()), ..Signer::default() }
    }

    #[test]
    fn a_star_never_reaches_over_the_reference() {
        let of =
            |reference: &str| format!("https://github.com/acme/shop/.github/workflows/r.yml@{reference}");
        let any_workflow = "https://github.com/acme/shop/.github/workflows/*@refs/heads/main";
        for (pattern, text, wanted) in [
            (of("refs/tags/*").as_str(), of("refs/tags/v1"), true),
            (&of("refs/tags/*"), of("refs/tags/@acme/shop@1.0"), true),
            (&of("refs/tags/*"), of("refs/heads/main"), false),
            (any_workflow, of("refs/heads/main"), true),
            (any_workflow, of("refs/heads/x@refs/heads/main"), false),
            ("https://github.com/acme/*", of("refs/heads/x"), true),
            ("https://github.com/acme/*", "https://github.com/acme-evil/shop".to_owned(), false),
            (&of("refs/heads/main"), of("refs/heads/main2"), false),
            (&of("refs/heads/main"), of("refs/heads/mai"), false),
            ("a*b*c", "axxbxxbc".to_owned(), true),
            ("a*b*c", "axxcxxb".to_owned(), false),
            ("", String::new(), true),
            ("***", String::new(), true),
        ] {
            assert_eq!(matches_workflow(pattern, &text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn nobody_is_trusted_for_being_known_to_the_issuer() {
        for (signer, wanted) in [
            (signer("https://github.com/acme/*"), Ok(())),
            (signer("https://github.com/*"), Err(SignerProblem::Everywhere("https://github.com/*".into()))),
            (
                signer("https://github.com/acme*"),
                Err(SignerProblem::Everywhere("https://github.com/acme*".into())),
            ),
            (signer("*"), Err(SignerProblem::Everywhere("*".into()))),
            (signer(""), Err(SignerProblem::Anybody)),
            (
                Signer { issuer: ISSUER.into(), runner: Some("github-hosted".into()), ..Signer::default() },
                Err(SignerProblem::Anybody),
            ),
            (
                Signer { issuer: ISSUER.into(), identity: Some("a@example.com".into()), ..Signer::default() },
                Ok(()),
            ),
            (
                Signer { repository_id: Some("1".into()), ..Signer::default() },
                Err(SignerProblem::Issuer(String::new())),
            ),
            (
                Signer { issuer: ISSUER.into(), repository: Some("acme/shop".into()), ..Signer::default() },
                Err(SignerProblem::Repository("acme/shop".into())),
            ),
            (
                Signer {
                    issuer: ISSUER.into(),
                    repository: Some("https://github.com/*".into()),
                    ..Signer::default()
                },
                Err(SignerProblem::Repository("https://github.com/*".into())),
            ),
        ] {
            assert_eq!(signer.check(), wanted, "{signer:?}");
        }
    }

    #[test]
    fn texts_that_no_certificate_has_are_refused() {
        let of = |issuer: &str, repository: &str, id: &str| Signer {
            issuer: issuer.to_owned(),
            repository: Some(repository.to_owned()),
            repository_id: Some(id.to_owned()),
            ..Signer::default()
        };
        let shop = "https://github.com/acme/shop";
        assert_eq!(of(ISSUER, shop, "7").check(), Ok(()));
        for wrong in ["https://github.com/acme/shop/", "https://github.com/acme/shop.git"] {
            assert_eq!(of(ISSUER, wrong, "7").check(), Err(SignerProblem::Repository(wrong.to_owned())));
        }
        let slash = format!("{ISSUER}/");
        assert_eq!(of(&slash, shop, "7").check(), Err(SignerProblem::IssuerEnd(slash)));
        for wrong in ["", "acme/shop", "-1", "7 "] {
            assert_eq!(of(ISSUER, shop, wrong).check(), Err(SignerProblem::RepositoryId(wrong.to_owned())));
        }
    }

    #[test]
    fn the_first_difference_is_named() {
        let identity = SigningIdentity {
            issuer: Some(ISSUER.into()),
            subject: Some("https://github.com/acme/shop/.github/workflows/r.yml@refs/heads/main".into()),
            repository: Some("https://github.com/acme/shop".into()),
            repository_id: Some("17".into()),
            runner: Some("self-hosted".into()),
        };
        let all = Signer {
            issuer: ISSUER.into(),
            repository: identity.repository.clone(),
            repository_id: identity.repository_id.clone(),
            workflow: Some("https://github.com/acme/*".into()),
            identity: identity.subject.clone(),
            runner: identity.runner.clone(),
        };
        assert_eq!(all.difference(&identity), None);
        for (signer, wanted) in [
            (
                Signer { issuer: "https://x".into(), ..all.clone() },
                "issuer is https://token.actions.githubusercontent.com, not https://x",
            ),
            (
                Signer { repository: Some("https://b".into()), ..all.clone() },
                "repository is https://github.com/acme/shop, not https://b",
            ),
            (Signer { repository_id: Some("18".into()), ..all.clone() }, "repository-id is 17, not 18"),
            (
                Signer { runner: Some("github-hosted".into()), ..all.clone() },
                "runner is self-hosted, not github-hosted",
            ),
        ] {
            assert_eq!(signer.difference(&identity).as_deref(), Some(wanted));
        }
        assert!(all.difference(&SigningIdentity::default()).is_some());
        let called = SigningIdentity {
            repository: Some("https://github.com/acme/shopping".into()),
            ..identity.clone()
        };
        let workflow = Signer { repository: None, repository_id: None, ..all.clone() };
        assert_eq!(workflow.difference(&identity), None);
        assert!(
            workflow.difference(&called).unwrap().contains("was called for https://github.com/acme/shopping")
        );
        let both = Signer { repository: called.repository.clone(), ..workflow };
        assert_eq!(both.difference(&called), None);
    }
}
