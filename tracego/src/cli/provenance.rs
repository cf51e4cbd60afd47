//! The options of `tracego provenance`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ReportOptions;

/// Exit codes of `tracego provenance verify` and `explain`.
const CODES: &str = "\
Exit codes: 0 every file is verified. 6 a file is not: its verdict is printed. 1 a file cannot be read. \
2 wrong usage, or a trust root, a signer or a key that cannot be used.

Example: gh attestation download dist/shop --repo acme/shop, then
tracego provenance verify dist/shop --issuer https://token.actions.githubusercontent.com \
--repository https://github.com/acme/shop";

/// Returns a whole commit in lower case, as certificates have it.
fn full_commit(text: &str) -> Result<String, String> {
    let is_full = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_full {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("no whole commit, which has 40 or 64 hexadecimal digits: git rev-parse HEAD prints it".to_owned())
    }
}

/// The options of `tracego provenance`.
#[derive(Args, Debug)]
pub struct ProvenanceCommand {
    /// Subcommand.
    #[command(subcommand)]
    pub action: ProvenanceAction,
}

/// The subcommands of `tracego provenance`.
#[derive(Debug, Subcommand)]
pub enum ProvenanceAction {
    /// Verify which build files come from, without network.
    #[command(after_help = CODES)]
    Verify(ProvenanceVerify),
    /// Show what the store holds, as its bundles claim it. Nothing is verified. Ends with 1 if something in it is
    /// damaged.
    Ls(ProvenanceLs),
    /// Show every check of each bundle about a file or a digest: what holds, what does not, and the way out.
    #[command(after_help = CODES)]
    Explain(ProvenanceExplain),
}

/// The options of `tracego provenance verify`.
#[derive(Args, Debug)]
pub struct ProvenanceVerify {
    /// Places of bundles, and who is trusted.
    #[command(flatten)]
    pub trust: TrustOptions,
    /// Commit that the files must be built from, in full: 40 or 64 hexadecimal digits.
    #[arg(id = "report-commit", long = "commit", value_name = "COMMIT", value_parser = full_commit)]
    pub commit: Option<String>,
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
    /// Files to verify.
    #[arg(id = "report-files", required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// The options of `tracego provenance ls`.
#[derive(Args, Debug)]
pub struct ProvenanceLs {
    /// Configuration file, or a folder with tracego.toml and conf.d/*.toml, whose table provenance names the store.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder with bundles, or a bundle, instead of those of the configuration; may be repeated.
    #[arg(id = "report-store", long = "store", value_name = "DIR", required_unless_present = "config")]
    pub store: Vec<PathBuf>,
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
}

/// The options of `tracego provenance explain`.
#[derive(Args, Debug)]
pub struct ProvenanceExplain {
    /// Places of bundles, and who is trusted.
    #[command(flatten)]
    pub trust: TrustOptions,
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
    /// File, or its digest as sha256:HEX.
    #[arg(id = "report-subject", value_name = "FILE|sha256:HEX")]
    pub subject: String,
}

/// Places of bundles, and who is trusted. What is given here replaces that part of the configuration.
#[derive(Args, Debug, Default)]
pub struct TrustOptions {
    /// Configuration file, or a folder with tracego.toml and conf.d/*.toml, whose table provenance is used.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder with bundles, or a bundle; may be repeated.
    ///
    /// Default: the bundles beside each file, such as FILE.sigstore.json, FILE.jsonl, FILE.sig and sha256:HEX.jsonl.
    #[arg(id = "report-store", long = "store", value_name = "DIR")]
    pub store: Vec<PathBuf>,
    /// File with trust roots, as `gh attestation trusted-root` writes it; may be repeated.
    ///
    /// Default: the public-good root of Sigstore in this program.
    #[arg(id = "report-trusted-root", long = "trusted-root", value_name = "FILE")]
    pub trusted_root: Vec<PathBuf>,
    /// Service that vouches for the signer, such as `https://token.actions.githubusercontent.com`.
    #[arg(id = "report-issuer", long = "issuer", value_name = "URL")]
    pub issuer: Option<String>,
    /// Repository that was built, such as `https://github.com/acme/shop`.
    #[arg(id = "report-repository", long = "repository", value_name = "URL", requires = "report-issuer")]
    pub repository: Option<String>,
    /// Number of the repository that was built.
    #[arg(
        id = "report-repository-id",
        long = "repository-id",
        value_name = "ID",
        requires = "report-issuer"
    )]
    pub repository_id: Option<String>,
    /// Workflow that signed, with its reference; * stands for any text.
    #[arg(id = "report-workflow", long = "workflow", value_name = "PATTERN", requires = "report-issuer")]
    pub workflow: Option<String>,
    /// Identity that signed, if it is no workflow, such as an address.
    #[arg(id = "report-identity", long = "identity", value_name = "TEXT", requires = "report-issuer")]
    pub identity: Option<String>,
    /// Kind of runner, such as github-hosted.
    #[arg(id = "report-runner", long = "runner", value_name = "KIND", requires = "report-issuer")]
    pub runner: Option<String>,
    /// Public key in PEM that signed, ECDSA P-256 or Ed25519; may be repeated.
    #[arg(id = "report-key", long = "key", value_name = "FILE")]
    pub key: Vec<PathBuf>,
    /// Demand that signatures by --key are in a log.
    #[arg(id = "report-require-log", long = "require-log", requires = "report-key")]
    pub require_log: bool,
    /// Kind of statement that says where a file was built, instead of SLSA provenance; may be repeated.
    #[arg(id = "report-predicate-type", long = "predicate-type", value_name = "URI")]
    pub predicate_type: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_whole_and_in_any_case() {
        assert_eq!(full_commit(&"0aF".repeat(14)[..40]).as_deref(), Ok(&"0af".repeat(14)[..40]));
        for wrong in ["", "0123", &"g".repeat(40), &"0".repeat(41)] {
            assert!(full_commit(wrong).unwrap_err().contains("git rev-parse HEAD"), "{wrong}");
        }
    }
}
