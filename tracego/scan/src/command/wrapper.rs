//! Programs that start another program which their own command line names.

use std::{collections::HashMap, sync::LazyLock};

/// The form in which a wrapper takes the command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// The words behind options and operands are the command.
    Words,
    /// The words behind options and operands are a script for a shell.
    Script,
    /// The value of one of these options is a script, and nothing else is.
    Option(&'static str),
    /// The words behind one of these options are the command.
    Behind(&'static str),
    /// The words behind one of these verbs, its options and its operands are the command.
    Verb(&'static str),
    /// Each operand that has a space in it is a script.
    Operands,
    /// The operands are the command, and each that has a space in it is a script.
    Command,
    /// The words behind `--` are the command; without it, those from the go command on.
    Dashes,
    /// The words behind `--` are the command, and there is none without it.
    OnlyDashes,
    /// The words in front of `:::` are the command, as GNU parallel has it.
    Parallel,
}

/// A program that starts another.
#[derive(Debug)]
pub(super) struct Wrapper {
    /// Names, with spaces between them.
    names: &'static str,
    /// Options whose value is the next word.
    valued: &'static str,
    /// Number of operands in front of the command.
    pub(super) operands: usize,
    /// Form of the command.
    pub(super) form: Form,
    /// Whether the program is for a developer's machine: it starts the command again when files change.
    pub(super) is_watcher: bool,
}

impl Wrapper {
    /// Whether the value of an option is the next word.
    pub(super) fn takes_value(&self, option: &str) -> bool {
        has(self.valued, option)
    }
}

/// Whether a list has a name.
pub(super) fn has(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|own| own == name)
}

const fn words(names: &'static str, valued: &'static str, operands: usize) -> Wrapper {
    form(names, valued, operands, Form::Words)
}

const fn form(names: &'static str, valued: &'static str, operands: usize, form: Form) -> Wrapper {
    Wrapper { names, valued, operands, form, is_watcher: false }
}

const fn watcher(names: &'static str, valued: &'static str, form: Form) -> Wrapper {
    Wrapper { names, valued, operands: 0, form, is_watcher: true }
}

/// All wrappers whose command line has a simple form. Shells, env, find, containers and pm2 have code of their own.
const WRAPPERS: &[Wrapper] = &[
    // Programs that change the process, and start the command in it.
    words(
        "nohup setsid command builtin unbuffer tini dumb-init catatonit time gtime dbus-run-session faketime fakeroot \
         eatmydata caffeinate winpty valgrind heaptrack catchsegv rlwrap grc torsocks torify tsocks proxychains \
         proxychains4 linux32 linux64 cronic chronic ts ifne noglob nocorrect pkexec run0 multitime tsp start call \
         cross-env env-cmd gdbserver rr",
        "-f -o -s -e -n",
        0,
    ),
    words("exec", "-a", 0),
    words(
        "sudo doas please",
        "-u -g -C -h -p -r -t -T -U -D -R --user --group --chdir --host --prompt --role --type",
        0,
    ),
    words("timeout gtimeout timelimit", "-s -k -t -T -S --signal --kill-after", 1),
    words("nice", "-n --adjustment", 0),
    words("ionice", "-c -n --class --classdata", 0),
    words("chrt taskset", "-l -T -P -D", 1),
    words("numactl cgexec cpulimit", "-N -m -C -i -p -g -l", 0),
    words("prlimit choom setarch softlimit", "-n -m -s -a -d", 0),
    words("stdbuf", "-i -o -e --input --output --error", 0),
    words("xvfb-run", "-n -s -e -f -p -w --server-args --server-num --error-file", 0),
    words(
        "gosu su-exec setuidgid s6-setuidgid setlock s6-setlock s6-envdir envdir envuidgid pgrphack fghack",
        "",
        1,
    ),
    words("setpriv", "--reuid --regid --groups --inh-caps --bounding-set", 0),
    words("chpst runcon", "-u -U -e -/ -n -l -m -t -r", 0),
    words("chroot proot fakechroot", "-r -b -w", 1),
    words("unshare nsenter", "-t -S -G --target --setuid --setgid", 0),
    words("flock", "-w -E --timeout", 1),
    words("strace ltrace", "-e -o -p -s -P -E -u", 0),
    words("xargs gxargs", "-n -I -P -L -d -a -s -E --max-args --max-procs --replace --delimiter", 0),
    words(
        "systemd-run systemd-inhibit systemd-cat",
        "-p -u -t -H -M --unit --property --slice --description --setenv -E --what --who --why",
        0,
    ),
    words("with-contenv", "", 0),
    words("tracego", "", 1),
    words("dotenv", "-e -f -p -c", 0),
    words("shell", "", 0),
    words("srun mpirun mpiexec", "-n -N -c -p -np --ntasks", 0),
    words("lima flatpak-spawn", "", 0),
    words("summon vault-env envchain", "-f -p -D", 0),
    words("dtach abduco", "-n -A -c", 1),
    words("kitty xterm", "-e", 0),
    // Programs that take a script.
    form("eval", "", 0, Form::Script),
    form("watch", "-n --interval", 0, Form::Script),
    form("ssh sshpass autossh mosh", "-p -i -l -o -F -L -R -D -J -E -c -m", 1, Form::Script),
    form("heroku", "-a --app -r --remote", 1, Form::Script),
    form("su runuser script sg", "-s -u -g -G", 0, Form::Option("-c --command --session-command")),
    form("nix-shell", "", 0, Form::Option("--run --command")),
    form(
        "vagrant fly flyctl gcloud sbatch consul-template",
        "",
        0,
        Form::Option("-c -C --command --wrap -exec --exec"),
    ),
    form("trap at batch bench", "", 0, Form::Operands),
    form(
        "concurrently tmux byobu mprocs wsl hyperfine poop start-server-and-test pueue cross-env-shell",
        "",
        0,
        Form::Operands,
    ),
    form("npx bunx pnpx", "", 0, Form::Command),
    form("screen", "-S -L -c -dmS -h -t", 0, Form::Words),
    form(
        "parallel sem",
        "-j -a -n -N -P --jobs --arg-file --colsep --joblog --delay --timeout",
        0,
        Form::Parallel,
    ),
    // Programs that run a command in an environment, behind a verb.
    form(
        "poetry pipenv uv pdm rye hatch pixi",
        "-p --python --with --package --extra --group -e",
        0,
        Form::Verb("run"),
    ),
    form("conda mamba micromamba", "-n -p --name --prefix --cwd", 0, Form::Verb("run")),
    form("bundle", "", 0, Form::Verb("exec")),
    form(
        "direnv aws-vault sops singularity apptainer",
        "-d --duration -B --bind",
        1,
        Form::Verb("exec exec-env run"),
    ),
    form(
        "dotenvx op teller infisical dapr foreman honcho mirrord",
        "-f -e --env-file --env -a --app-id --app-port -p",
        0,
        Form::Verb("run exec"),
    ),
    form("toolbox distrobox", "-c --container -n --name", 0, Form::Verb("run enter")),
    form("lxc incus multipass limactl", "--env --cwd", 1, Form::Verb("exec shell")),
    form("nix", "", 0, Form::Behind("-c --command")),
    form("gdb konsole alacritty", "", 0, Form::Behind("--args -e")),
    form("kubectl oc", "", 0, Form::OnlyDashes),
    form(
        "start-stop-daemon daemonize doppler chamber envconsul vault k3s mise rtx asdf devbox flox wait-for-it wait-for-it.sh \
         wait-for wait-on dockerize bazelisk bazel perf skaffold tilt firejail bwrap berglas consul telepresence \
         okteto devspace systemd-nspawn lxc-attach schroot colima zellij gnome-terminal gotestsum daemon cpuset runsv \
         s6-softlimit",
        "",
        0,
        Form::Dashes,
    ),
    // Programs for a developer's machine.
    watcher("CompileDaemon compiledaemon", "", Form::Option("-command --command -build --build")),
    watcher("nodemon", "-w -e -i --watch --ext --ignore --signal --delay", Form::Option("--exec -x")),
    watcher("reflex", "-r -R -g -G -d --regex --glob", Form::Words),
    watcher("watchexec", "-w -e -i -f -s -d --watch --exts --ignore --filter --signal", Form::Words),
    watcher("entr fswatch chokidar", "-c", Form::Words),
    watcher("arelo", "-p -i -t -d -s --pattern --ignore --target --delay --signal", Form::Words),
    watcher("air", "-c", Form::Option("--build.cmd --build.bin --build.full_bin --build.entrypoint")),
];

/// The wrappers by their names.
static BY_NAME: LazyLock<HashMap<&str, &Wrapper>> = LazyLock::new(|| {
    let named =
        |wrapper: &'static Wrapper| wrapper.names.split_ascii_whitespace().map(move |name| (name, wrapper));
    WRAPPERS.iter().flat_map(named).collect()
});

/// Returns the wrapper of a name.
pub(super) fn find(name: &str) -> Option<&'static Wrapper> {
    BY_NAME.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_stands_once() {
        let mut names: Vec<&str> =
            WRAPPERS.iter().flat_map(|wrapper| wrapper.names.split_ascii_whitespace()).collect();
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}
