//! End-to-end tests on the running kernel, as root. Each test follows its own tree, so other processes of the
//! machine do not matter.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod absent_fields;
mod agent;
mod capture;
mod clock_steps;
mod collector;
mod config;
mod containers;
mod context;
mod cri;
mod digests;
mod doctor;
mod enforce_go;
mod enforcement;
mod exec_edge_cases;
mod fields;
mod filters;
mod findings;
mod fsverity;
mod gate;
mod handover;
mod hanging_files;
mod host_files;
mod images;
mod inventory;
mod metrics;
mod namespaces;
mod objects;
mod origins;
mod output;
mod pipeline;
mod pods;
mod policies;
mod policy_servers;
mod privileges;
mod processes;
mod reload;
mod run_end;
mod scrapes;
mod seal;
mod service;
mod short_programs;
mod sinks;
mod top;
mod traces;

use libtest_mimic::{Arguments, Trial};
use tracego_tests::trial;

type Test = fn();

/// A test, and a function that returns why it cannot run on this machine.
type ConditionalTest = (&'static str, Test, fn() -> Option<String>);

fn main() {
    let root = tracego_tests::is_root();
    let missing = (!root).then(|| "needs root to load BPF programs".to_owned());
    let always = [
        fields::TESTS,
        digests::TESTS,
        exec_edge_cases::TESTS,
        processes::TESTS,
        context::TESTS,
        filters::TESTS,
        output::TESTS,
        run_end::TESTS,
        gate::TESTS,
        hanging_files::TESTS,
        namespaces::TESTS,
        capture::TESTS,
        config::TESTS,
        doctor::TESTS,
        agent::TESTS,
        absent_fields::TESTS,
        objects::TESTS,
        metrics::TESTS,
        seal::TESTS,
        scrapes::TESTS,
        sinks::TESTS,
        reload::TESTS,
        service::TESTS,
        enforcement::TESTS,
        enforce_go::TESTS,
        pods::TESTS,
        policies::TESTS,
        policy_servers::TESTS,
        privileges::TESTS,
        top::TESTS,
        traces::TESTS,
    ];
    let mut trials: Vec<Trial> =
        always.concat().into_iter().map(|(name, test)| trial(name, missing.clone(), test)).collect();
    let mut arguments = Arguments::from_args();
    let conditional = [
        clock_steps::CONDITIONAL,
        host_files::CONDITIONAL,
        processes::CONDITIONAL,
        filters::CONDITIONAL,
        enforce_go::CONDITIONAL,
        findings::CONDITIONAL,
        fsverity::CONDITIONAL,
        inventory::CONDITIONAL,
        gate::CONDITIONAL,
        digests::CONDITIONAL,
        images::CONDITIONAL,
        origins::CONDITIONAL,
        hanging_files::CONDITIONAL,
        namespaces::CONDITIONAL,
        containers::CONDITIONAL,
        pipeline::CONDITIONAL,
        cri::CONDITIONAL,
        scrapes::CONDITIONAL,
        collector::CONDITIONAL,
        handover::CONDITIONAL,
        privileges::CONDITIONAL,
    ];
    for (name, test, needs) in conditional.concat() {
        // Nothing is downloaded for tests that were not selected.
        let asked = arguments.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()));
        let lacks = || if asked && !arguments.list { needs() } else { None };
        trials.push(trial(name, missing.clone().or_else(lacks), test));
    }
    // Two cores: more agents at a time would only wait for each other.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    libtest_mimic::run(&arguments, trials).exit();
}

const VICTIM: &str = env!("CARGO_BIN_EXE_victim");
