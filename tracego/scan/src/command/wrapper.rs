//! Programs that start another program which their own command line names.

/// The form in which a wrapper takes the command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// The words behind options and operands are the command.
    Words,
    /// The words behind options and operands are a script for a shell.
    Script,
    /// The value of one of these options is a script, and nothing else is.
    Option(&'static [&'static str]),
    /// Each operand that has a space in it is a script.
    Operands,
    /// The operands are the command, and each that has a space in it is a script.
    Command,
    /// The words behind `--` are the command; without it, those from the go command on.
    Dashes,
    /// The words behind `--` are the command, and there is none without it.
    OnlyDashes,
}

/// A program that starts another.
#[derive(Debug)]
pub(super) struct Wrapper {
    /// Names.
    pub(super) names: &'static [&'static str],
    /// Options whose value is the next word.
    pub(super) valued: &'static [&'static str],
    /// Number of operands in front of the command.
    pub(super) operands: usize,
    /// Form of the command.
    pub(super) form: Form,
    /// Whether the program is for a developer's machine: it starts the command again when files change.
    pub(super) is_watcher: bool,
}

const fn words(names: &'static [&'static str], valued: &'static [&'static str], operands: usize) -> Wrapper {
    Wrapper { names, valued, operands, form: Form::Words, is_watcher: false }
}

const fn form(
    names: &'static [&'static str],
    valued: &'static [&'static str],
    operands: usize,
    form: Form,
) -> Wrapper {
    Wrapper { names, valued, operands, form, is_watcher: false }
}

const fn watcher(names: &'static [&'static str], valued: &'static [&'static str], form: Form) -> Wrapper {
    Wrapper { names, valued, operands: 0, form, is_watcher: true }
}

/// All wrappers whose command line has a simple form. Shells, env, find, containers and pm2 have code of their own.
const WRAPPERS: &[Wrapper] = &[
    words(
        &[
            "nohup",
            "setsid",
            "command",
            "builtin",
            "unbuffer",
            "tini",
            "dumb-init",
            "catatonit",
            "time",
            "gtime",
            "dbus-run-session",
            "faketime",
            "fakeroot",
            "eatmydata",
            "caffeinate",
            "winpty",
            "valgrind",
        ],
        &["-f", "-o", "-s", "-e"],
        0,
    ),
    words(&["exec"], &["-a"], 0),
    words(
        &["sudo", "doas"],
        &[
            "-u", "-g", "-C", "-h", "-p", "-r", "-t", "-T", "-U", "-D", "-R", "--user", "--group", "--chdir",
            "--host", "--prompt", "--role", "--type",
        ],
        0,
    ),
    words(&["timeout", "gtimeout"], &["-s", "-k", "--signal", "--kill-after"], 1),
    words(&["nice"], &["-n", "--adjustment"], 0),
    words(&["ionice"], &["-c", "-n", "--class", "--classdata"], 0),
    words(&["chrt", "taskset"], &[], 1),
    words(&["numactl"], &["-N", "-m", "-C", "-i", "-p"], 0),
    words(&["stdbuf"], &["-i", "-o", "-e", "--input", "--output", "--error"], 0),
    words(
        &["xvfb-run"],
        &["-n", "-s", "-e", "-f", "-p", "-w", "--server-args", "--server-num", "--error-file"],
        0,
    ),
    words(&["gosu", "su-exec", "setuidgid", "s6-setuidgid"], &[], 1),
    words(&["setpriv"], &["--reuid", "--regid", "--groups", "--inh-caps", "--bounding-set"], 0),
    words(&["chpst"], &["-u", "-U", "-e", "-/", "-n", "-l", "-m"], 0),
    words(&["chroot"], &[], 1),
    words(&["unshare", "nsenter"], &["-t", "-S", "-G", "--target", "--setuid", "--setgid"], 0),
    words(&["flock"], &["-w", "-E", "--timeout"], 1),
    words(&["strace", "ltrace"], &["-e", "-o", "-p", "-s", "-P", "-E", "-u"], 0),
    words(
        &["xargs"],
        &[
            "-n",
            "-I",
            "-P",
            "-L",
            "-d",
            "-a",
            "-s",
            "-E",
            "--max-args",
            "--max-procs",
            "--replace",
            "--delimiter",
        ],
        0,
    ),
    words(
        &["systemd-run", "systemd-inhibit", "systemd-cat"],
        &[
            "-p",
            "-u",
            "-t",
            "-H",
            "-M",
            "--unit",
            "--property",
            "--slice",
            "--description",
            "--setenv",
            "-E",
            "--what",
            "--who",
            "--why",
        ],
        0,
    ),
    words(&["with-contenv", "cronic", "chronic", "ts", "ifne", "envdir"], &[], 0),
    words(&["tracego"], &[], 1),
    words(&["dotenv"], &["-e", "-f", "-p", "-c"], 0),
    words(&["shell"], &[], 0),
    form(&["eval"], &[], 0, Form::Script),
    form(&["watch"], &["-n", "--interval"], 0, Form::Script),
    form(
        &["ssh", "sshpass", "autossh", "mosh"],
        &["-p", "-i", "-l", "-o", "-F", "-L", "-R", "-D", "-J", "-E", "-c", "-m"],
        1,
        Form::Script,
    ),
    form(
        &["su", "runuser", "script"],
        &["-s", "-u", "-g", "-G"],
        0,
        Form::Option(&["-c", "--command", "--session-command"]),
    ),
    form(&["nix-shell"], &[], 0, Form::Option(&["--run", "--command"])),
    form(&["trap"], &[], 0, Form::Operands),
    form(&["concurrently", "tmux", "byobu", "mprocs", "wsl"], &[], 0, Form::Operands),
    form(&["npx", "bunx", "pnpx"], &[], 0, Form::Command),
    form(&["kubectl", "oc"], &[], 0, Form::OnlyDashes),
    form(&["screen"], &["-S", "-L", "-c", "-dmS", "-h", "-t"], 0, Form::Words),
    form(&["parallel"], &["-j", "-a", "--jobs"], 0, Form::Words),
    form(
        &[
            "start-stop-daemon",
            "daemonize",
            "doppler",
            "op",
            "infisical",
            "chamber",
            "aws-vault",
            "envconsul",
            "teller",
            "vault",
            "k3s",
            "direnv",
            "mise",
            "asdf",
            "devbox",
            "flox",
            "wait-for-it",
            "wait-for-it.sh",
            "wait-for",
            "dockerize",
            "retry",
            "bazelisk",
            "bazel",
            "perf",
            "rr",
            "poetry",
            "uv",
            "skaffold",
            "tilt",
        ],
        &[],
        0,
        Form::Dashes,
    ),
    watcher(
        &["CompileDaemon", "compiledaemon"],
        &[],
        Form::Option(&["-command", "--command", "-build", "--build"]),
    ),
    watcher(
        &["nodemon"],
        &["-w", "-e", "-i", "--watch", "--ext", "--ignore", "--signal", "--delay"],
        Form::Option(&["--exec", "-x"]),
    ),
    watcher(&["reflex"], &["-r", "-R", "-g", "-G", "-d", "--regex", "--glob"], Form::Words),
    watcher(
        &["watchexec"],
        &["-w", "-e", "-i", "-f", "-s", "-d", "--watch", "--exts", "--ignore", "--filter", "--signal"],
        Form::Words,
    ),
    watcher(&["entr", "fswatch", "chokidar"], &["-c"], Form::Words),
];

/// Returns the wrapper of a name.
pub(super) fn find(name: &str) -> Option<&'static Wrapper> {
    WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_stands_once() {
        let mut names: Vec<&str> = WRAPPERS.iter().flat_map(|wrapper| wrapper.names).copied().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
