//! The process of a policy: compiles a bundle, and evaluates inputs with it. A crash of the engine ends this
//! process alone.

use std::{
    fs,
    io::{self, BufReader, Write as _},
    os::{fd::AsFd as _, unix::net::UnixStream},
    panic, thread,
    time::Instant,
};

use rustix::process::{self, DumpableBehavior, Pid, PidfdFlags, Resource, Rlimit};
use tracego_confine::{filter::CallFilter, writing::no_files};
use tracego_model::record::policy::{ErrorKind, PolicyDecision};

use super::{
    descriptor,
    message::{self, BundleDecision, DecisionAnswer, LoadAnswer, LoadedBundle},
    stack,
    vm::{NamedBundle, PolicyVm},
};
use crate::{
    compiler::{self, BundleSource},
    error::PolicyProblem,
    input,
    limits::DecisionLimits,
};

/// Runs in a new process, with `nursery` as its parent.
pub(super) fn run(socket: UnixStream, nursery: libc::pid_t) -> ! {
    // A panic's message would go to standard error, which may have been locked at the fork.
    panic::set_hook(Box::new(|_| {}));
    let served = bind(nursery).and_then(|()| {
        let thread = thread::Builder::new().stack_size(stack::STACK).spawn(move || serve(socket))?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("a panic")))
    });
    // SAFETY: ends the process without the agent's destructors.
    unsafe { libc::_exit(i32::from(served.is_err())) }
}

/// Binds the process to the life of its parent.
fn bind(nursery: libc::pid_t) -> io::Result<()> {
    // SAFETY: numbers alone.
    let parent = unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::getppid()
    };
    if parent == nursery { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Limits the memory that the process may take in addition to what it has. A crash leaves nothing behind: the image
/// has memory of the agent in it, and a program that takes images would be started.
fn limit(memory: u64) -> io::Result<()> {
    let status = fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB"));
    let size: u64 = size.and_then(|size| size.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let size = size.saturating_mul(1024).saturating_add(memory);
    // An inherited limit may be lower, and only the privileged can raise it.
    let size = process::getrlimit(Resource::As).maximum.map_or(size, |most| most.min(size));
    for (resource, limit) in [(Resource::As, size), (Resource::Core, 0)] {
        process::setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Takes files and system calls from this thread and what it starts: a bundle is compiled by code that opens
/// nothing. What a kernel lacks is left out.
fn confine() {
    let _closed = no_files();
    let _filtered = CallFilter::evaluator().and_then(|filter| filter.confine_thread());
}

/// Answers until the socket is closed.
fn serve(mut socket: UnixStream) -> io::Result<()> {
    let own = process::pidfd_open(process::getpid(), PidfdFlags::empty())?;
    descriptor::send(&socket, own.as_fd(), Pid::as_raw(Some(process::getpid())).cast_unsigned())?;
    drop(own);
    let mut from_agent = BufReader::new(socket.try_clone()?);
    let mut frame = Vec::new();
    message::read(&mut from_agent, &mut frame)?;
    let (head, data) = message::split_load(&frame).ok_or(io::ErrorKind::InvalidData)?;
    let limits = head.limits;
    limit(limits.memory)?;
    confine();
    let source = message::decode_load(head, data).ok_or(io::ErrorKind::InvalidData)?;
    let (answer, loaded) = match load(&source, &limits) {
        Ok((named, vm, about)) => (Ok(about), Some((named, vm))),
        Err(problems) => (Err(problems), None),
    };
    let answer: LoadAnswer = answer;
    socket.write_all(&message::encode_answer(&answer)?)?;
    let Some((named, mut vm)) = loaded else { return Ok(()) };
    drop((source, answer));
    frame = Vec::new();
    loop {
        message::read(&mut from_agent, &mut frame)?;
        let answer = answer_question(&frame, &named, &mut vm, &limits);
        socket.write_all(&message::encode_answer(&answer)?)?;
    }
}

/// Compiles a bundle.
fn load(
    source: &BundleSource,
    limits: &DecisionLimits,
) -> Result<(NamedBundle, PolicyVm, LoadedBundle), Vec<PolicyProblem>> {
    let problem = |what| vec![PolicyProblem { bundle: source.name.clone(), place: None, what }];
    let compiled = stack::caught(|| compiler::compile(source));
    let compiled = compiled.unwrap_or_else(|panic| Err(problem(format!("the engine panicked: {panic}"))))?;
    let about = LoadedBundle {
        entries: compiled.entries.iter().map(|(entry, _)| entry.path.clone()).collect(),
        input_use: compiled.input_use.clone(),
        warnings: compiled.warnings.clone(),
    };
    let named = NamedBundle { name: source.name.as_str().into(), compiled };
    let vm = PolicyVm::new(&named, limits).map_err(|error| problem(error.to_string()))?;
    Ok((named, vm, about))
}

fn answer_question(
    frame: &[u8],
    named: &NamedBundle,
    vm: &mut PolicyVm,
    limits: &DecisionLimits,
) -> DecisionAnswer {
    let started = Instant::now();
    let not_decoded = |why: String| (ErrorKind::Evaluation, why);
    let (left, encoded) = message::decode_question(frame)
        .ok_or_else(|| not_decoded("the question cannot be decoded".to_owned()))?;
    let input = input::decode(encoded).map_err(|error| not_decoded(error.to_string()))?;
    let mut decision = PolicyDecision::new([].into());
    vm.evaluate_fairly(named, &input, (started, left), limits, &mut decision)?;
    Ok(BundleDecision::from(decision))
}
