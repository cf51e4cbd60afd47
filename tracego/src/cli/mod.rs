//! The command line; its help text is the documentation of the options.

mod address;
mod attest;
mod bundle_location;
mod digest;
mod heading;
mod job_report;
mod kubernetes;
mod policy;
mod provenance;
mod records;
mod report;
mod rule_catalogue;
mod run;
mod sbom;
mod scan;
mod show;
mod subcommands;
mod top;
mod usage_error;
mod values;
mod watch;

pub use address::ListenAddress;
pub use attest::*;
pub use bundle_location::{BundleLocation, BundleUrl};
use clap::{ArgAction, Parser, Subcommand, builder::BoolishValueParser};
pub use job_report::*;
pub use kubernetes::KubernetesOptions;
pub use policy::*;
pub use provenance::*;
pub use records::*;
pub use report::*;
pub use rule_catalogue::{all_rules, is_of_reports};
pub use run::*;
pub use sbom::*;
pub use scan::*;
pub use show::*;
pub use subcommands::*;
pub use top::*;
use tracing_subscriber::EnvFilter;
pub(crate) use usage_error::{UsageError, wrong_usage};
pub use values::EnvSpec;
use values::log_filter;
pub use watch::*;

/// Records every program execution on this machine: what ran, for which commit and CI job, and what is wrong
/// with it.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Options for watching the machine, used without a subcommand.
    #[command(flatten)]
    pub watch: WatchOptions,
    /// Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off).
    ///
    /// Or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, global = true, value_name = "FILTER", default_value = "warn", value_parser = log_filter)]
    pub log: EnvFilter,
    /// Print neither the line that says when tracego is ready nor the counts at the end; errors are printed.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, short, global = true, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub quiet: bool,
    /// Subcommand; without one, the whole machine is watched.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// Returns the options for watching, if the command watches.
    #[must_use]
    pub fn watch(&self) -> Option<&WatchOptions> {
        match &self.command {
            None => Some(&self.watch),
            Some(Command::Run(run)) => Some(&run.watch),
            Some(Command::Capture(capture)) => Some(&capture.watch),
            Some(_) => None,
        }
    }

    /// Returns the options of the records, if the command makes any.
    #[must_use]
    pub fn records(&self) -> Option<&RecordOptions> {
        match &self.command {
            None => Some(&self.watch.records),
            Some(Command::Run(run)) => Some(&run.watch.records),
            Some(Command::Capture(capture)) => Some(&capture.watch.records),
            Some(Command::Replay(replay)) => Some(&replay.records),
            Some(
                Command::Doctor(_)
                | Command::Inspect(_)
                | Command::Policy(_)
                | Command::Provenance(_)
                | Command::Rules(_)
                | Command::Spool(_)
                | Command::Config(_)
                | Command::Detach(_)
                | Command::Scan(_)
                | Command::SealKey(_)
                | Command::VerifyLog(_)
                | Command::Report(_)
                | Command::Diff(_)
                | Command::Show(_)
                | Command::Top(_)
                | Command::Sbom(_)
                | Command::Attest(_),
            ) => None,
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes: 0 ended by a signal or by the reader of its output; 1 an error while running without a command, or \
a file that cannot be read, or no good policy from its server; \
2 wrong usage, or an option or configuration that cannot be used here (a file, a user, an address): nothing \
was started; 3 this machine does not let tracego start (the message says what is missing), or tracego run did \
not see its command or failed, or --enforce is not in force; \
4 records were lost or refused by the output (the ledger on stderr has their number), or policies gave no \
decision, or sbom or attest wrote that something is missing; \
5 tracego run or report found what --fail-on names, sbom a vulnerable module, or a start was stopped; 6 verify-log \
cannot prove the end of a log, or provenance verify where a file comes from.
tracego run ends with the command's own status; 4 and 5 only replace a status of 0 (4 any, with \
--fail-on-loss), 3 any. A command that cannot be started gives 126, or 127 if it was not found.

Example: sudo tracego -e execve --env GIT_COMMIT=abc123f --env CI_JOB_ID=456789 --output json";

/// The subcommands of `tracego`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch one command and its descendants; ends with the command's exit status.
    Run(Run),
    /// Write raw kernel events to a file, for `replay`.
    Capture(Capture),
    /// Turn a captured file into records, without root: the same records as in the original run.
    Replay(Replay),
    /// Check what this kernel and this user allow; ends with 0 if the main job runs here, else with 3.
    Doctor(Doctor),
    /// Show what executables contain: how Go built them and how they are linked. Ends with 1 if a file could
    /// not be read; the others are shown.
    Inspect(Inspect),
    /// List the rules that tracego checks, or explain one.
    Rules(Rules),
    /// Find go run, and what else the rules are about, in the files of a source tree, before anything runs.
    ///
    /// Ends with 5 if a finding is as severe as --fail-on says, with 1 if a file could not be read.
    Scan(Scan),
    /// Work with Rego policies.
    #[command(about = policy::ABOUT)]
    Policy(Policy),
    /// Say which build a file comes from, proven by signatures and without network.
    Provenance(ProvenanceCommand),
    /// Show the queues of records that wait for a sink (--spool-dir), or empty one.
    Spool(Spool),
    /// Check a configuration, or show the options in force and where each comes from.
    Config(Config),
    /// Detach the programs that a tracego with --handover left attached, and remove its files. Events in the
    /// ring are lost; their number is printed.
    Detach(Detach),
    /// Create a key for --seal-key that evolves: each seal ends the use of its key, so that nobody can sign
    /// earlier seals again. Prints the public key for `verify-log --key`, which belongs to another machine.
    SealKey(SealKey),
    /// Verify logs that were written with --seal: that no record was changed, removed, moved or added, and that each
    /// file has the records that its lean records refer to.
    #[command(after_help = VERIFY_CODES)]
    VerifyLog(VerifyLog),
    /// Write a report about the records of a job: a summary for GitHub, test results, a trace, and what is new
    /// since earlier runs. Needs no root.
    #[command(after_help = REPORT_CODES)]
    Report(JobReport),
    /// Compare the processes of two runs: which are new, gone, slower, or run by another user.
    #[command(after_help = DIFF_CODES)]
    Diff(RunDiff),
    /// Print records as text for people, as the live output does.
    #[command(after_help = SHOW_CODES)]
    Show(ShowRecords),
    /// Show what runs now, by job: rates, losses and findings, in the terminal.
    ///
    /// Follows a file of records that a running tracego writes, which needs no root. Without a file, records this machine
    /// itself, which needs the rights of tracego; options of that tracego follow behind --.
    #[command(after_help = TOP_CODES)]
    Top(TopOptions),
    /// Write the bill of materials of the programs that ran, from their records, or of executables: the Go modules in them,
    /// and which of those have known vulnerabilities. Needs no root.
    #[command(after_help = SBOM_CODES)]
    Sbom(Sbom),
    /// Write a statement of in-toto about artifacts: what ran while they were made, from its records, with findings and with
    /// what is missing; or another predicate. Signs it with a key. Needs no root.
    #[command(after_help = ATTEST_CODES)]
    Attest(Attest),
}

const REPORT_CODES: &str = "\
Exit codes: 0 the report is written. 5 with --fail-on, a finding is at least as severe, or a start was stopped. \
1 a file or a line could not be read (the report names the first ones), or the baseline was not updated. \
2 wrong usage, or a file that cannot be written, or a baseline or key that cannot be read.

Example: tracego report --append --output \"$GITHUB_STEP_SUMMARY\" --also junit=tracego.xml records.json";

const DIFF_CODES: &str = "\
Exit codes: 0 the runs were compared. 5 with --fail-on-new, a process is new. 1 a file or a line could not be read. \
2 wrong usage.";

const SHOW_CODES: &str = "\
Exit codes: 0 all records were read. 1 a file or a line could not be read; standard error names the first ones. \
2 wrong usage.";

const TOP_CODES: &str = "\
Exit codes: 0 the user or a signal ended it, or all was printed. 1 a file or a line could not be read; standard error \
names the first ones. 2 wrong usage, or standard output is no terminal and neither --once nor --iterations is given. \
Without a file, the code of the tracego that records: 3 this machine does not let it start, 4 records were lost.

Keys: q quit, ? help, Tab table, arrows or j k select, Enter job, / filter, s sort, Space pause.

Example: tracego top /var/log/tracego/records.json
Example: sudo tracego top -- --profile ci";

const SBOM_CODES: &str = "\
Exit codes: 0 the bill is written, and nothing is known to be missing in it. 5 with --osv, a module is vulnerable. \
1 a file, a line or an advisory could not be read. 4 the bill is written, and standard error and the bill say what is \
missing: digests, modules, or lost records. 2 wrong usage, or a file that cannot be written.

Example: tracego sbom --read-executables --osv advisories records.json > sbom.cdx.json";

const ATTEST_CODES: &str = "\
Exit codes: 0 the statement is written, and nothing is known to be missing in its records. 1 a file or a line could not be \
read, or a file was written meanwhile. 4 the statement is written, and says what is missing: lost records, or a log that \
is damaged or not proven. 2 wrong usage, a key or a subject that cannot be read, or a file that cannot be written.

Example: tracego attest --subject app --key key.pem -o app.sigstore.json records.json";

const VERIFY_CODES: &str = "\
Exit codes: 0 the log is whole, and with --key every record is proven. Without --key, records after its last \
seal are reported, not counted. \
1 the log is damaged: the first record that was changed, removed, moved or added is reported, or else the first \
that refers to a record which is not ahead of it in its file. \
2 wrong usage, or a file or key that cannot be read. \
6 no damage was found, but the end is not proven: the log ends within a line, or, with --key, in records that \
no signature covers (as while tracego runs, or after a kill), or without its last seal, or a run does not say \
which run was before it.

Files of one rotation may be given in any order, also compressed with gzip or zstd: \
tracego verify-log log.2.gz log.1.gz log";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use tracego_analyze::rules::place::Profile;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_main_job_is_understood() {
        let line = "tracego -e execve --env GIT_COMMIT=abc123f --env CI_JOB_ID --output json";
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        assert_eq!(cli.watch.records.events, [EventKind::Execve]);
        assert_eq!(
            cli.watch.records.env,
            [EnvSpec::Value("GIT_COMMIT".into(), "abc123f".into()), EnvSpec::Name("CI_JOB_ID".into())]
        );
    }

    #[test]
    fn a_rule_is_named_by_id_or_name() {
        for name in ["TG001", "tg001", "go-run"] {
            let cli = Cli::try_parse_from(["tracego", "rules", "explain", name]).unwrap();
            let Some(Command::Rules(Rules { action: RulesAction::Explain(explain) })) = cli.command else {
                panic!()
            };
            assert_eq!(explain.rule.id, "TG001");
        }
        let cli = Cli::try_parse_from(["tracego", "--profile", "development"]).unwrap();
        assert_eq!(cli.watch.records.profile, Profile::Developer);
    }

    #[test]
    fn bad_values_say_the_way_out() {
        let error = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap_err().to_string();
        assert!(error("tracego --ring-size 5000").contains("power of two"));
        assert!(error("tracego --env =x").contains("KEY=VALUE"));
        for label in [
            "role",
            "=x",
            "-a=b",
            "a b=c",
            &format!("{}=x", "n".repeat(64)),
            &format!("n={}", "x".repeat(256)),
        ] {
            let label = format!("--host-label={label}");
            let wrong = Cli::try_parse_from(["tracego", &label]).unwrap_err().to_string();
            assert!(wrong.contains("--host-label"), "{wrong}");
        }
        for id in ["", "a b", "a/b", &"x".repeat(256)] {
            assert!(Cli::try_parse_from(["tracego", "--host-id", id]).is_err(), "{id}");
        }
        let line = [
            "tracego",
            "--host-id",
            "node-7.example:1",
            "--host-label=a.b/c=d=e",
            "--host-label",
            "a=",
            "--host-label=a=2",
        ];
        let labels = Cli::try_parse_from(line).unwrap().watch.host_label;
        let wanted = [("a.b/c", "d=e"), ("a", ""), ("a", "2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(labels, wanted);
        assert!(error("tracego --comm 0123456789abcdef").contains("15 bytes"));
        assert!(error("tracego -e exceve").contains("execve"));
        assert!(error("tracego rules explain TG0011").contains("did you mean 'TG001'?"));
        assert!(error("tracego --profile prod").contains("production"));
    }
}
