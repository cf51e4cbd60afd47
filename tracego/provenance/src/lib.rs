//! Provenance of executables: which build a file comes from, proven by signatures and checked without network.
//!
//! ```text
//! settings         what is trusted: folders, roots, signers, keys
//! store            folders of bundles, as an index of the digests that they are about
//! bundle           forms of signatures and attestations, untrusted
//! statement        in-toto statements and SLSA provenance, untrusted
//! trust_root       the authorities and logs of a Sigstore instance
//! signer           identities that may vouch for a build, with patterns
//! key              public keys of the operator
//! crypto_provider  hashes and signatures
//! candidates       the bundles about a digest that are verified
//! verification     a bundle and a digest → a judgement
//! judgement        a verdict with what is proven and what is wrong
//! provenance       all of it: settings → judgements of digests
//! ```
//!
//! Trust is never for anybody: without a named signer or key nothing is verified. Nothing here opens a connection.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use tracego_provenance::{Provenance, Settings, Sha256Digest, Verdict};
//!
//! let provenance = Provenance::open(Settings { store: vec!["/etc/tracego/attestations".into()], ..Settings::default() })?;
//! let digest: Sha256Digest = "f6ab7ad0c754…".parse()?;
//! let judgement = provenance.judge(&digest, Path::new("/srv/shop"));
//! if judgement.verdict == Verdict::Verified {
//!     println!("commit {:?}", judgement.origin.revision);
//! }
//! # Ok(())
//! # }
//! ```

mod bundle;
mod candidates;
mod certificate;
mod clean_text;
mod contents;
mod crypto_provider;
mod digest;
mod explanation;
mod judgement;
mod key;
mod listing;
mod provenance;
mod settings;
mod signer;
mod statement;
mod store;
mod trust_root;
mod verification;

pub use bundle::{BundleForm, Document, documents_of};
pub use digest::{Sha256Digest, sha256_of, sha256_of_file};
pub use explanation::{CheckStep, Explanation, StepOutcome};
pub use judgement::{Judgement, LogEvidence, Origin, OtherBundle, Verdict};
pub use key::{KeyProblem, LogDemand, NamedKey};
pub use listing::{ListedBundle, StoreListing};
pub use provenance::{OpenError, Provenance};
pub use settings::Settings;
pub use signer::{Signer, SignerProblem};
pub use statement::{DEFAULT_PREDICATE_TYPES, Statement};
pub use store::{SkippedCounts, StoreProblem, StoreSummary};
pub use trust_root::{RootAge, RootProblem, check_trusted_root};
