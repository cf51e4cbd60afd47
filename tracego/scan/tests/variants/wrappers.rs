//! Programs that start the go command behind their own words.

use super::each;

#[test]
fn programs_that_start_the_rest_of_their_words() {
    let lines = [
        "hyperfine 'go run .'",
        "hyperfine --warmup 3 'go build' 'go run .'",
        "nix develop -c go run .",
        "nix develop .#ci --command bash -c 'go run .'",
        "nix shell nixpkgs#go -c go run .",
        "nix run nixpkgs#go -- run .",
        "nix-shell -p go --run 'go run .'",
        "poetry run go run .",
        "pipenv run go run .",
        "uv run --with x go run .",
        "conda run -n env go run .",
        "bundle exec go run .",
        "direnv exec . go run .",
        "dotenv -- go run .",
        "dotenv -f .env go run .",
        "dotenvx run -- go run .",
        "doppler run --command 'go run .'",
        "op run --env-file=.env -- go run .",
        "aws-vault exec dev -- go run .",
        "aws-vault exec dev go run .",
        "chamber exec shop -- go run .",
        "sops exec-env secrets.yaml 'go run .'",
        "infisical run -- go run .",
        "envdir env go run .",
        "setpriv --reuid=1000 --clear-groups go run .",
        "setpriv --reuid 1000 go run .",
        "unshare -r go run .",
        "systemd-run --user --scope go run .",
        "firejail --net=none go run .",
        "bwrap --ro-bind / / --dev /dev go run .",
        "dumb-init -- go run .",
        "tini -s -- go run .",
        "catchsegv go run .",
        "stdbuf -oL go run .",
        "chrt -f 10 go run .",
        "numactl --cpunodebind=0 go run .",
        "taskset -c 0-3 go run .",
        "perf stat -r 5 go run .",
        "perf record -g -- go run .",
        "gotestsum --raw-command -- go run .",
        "gotestsum --raw-command go run .",
        "richgo run .",
        "prlimit --nofile=1024 go run .",
        "cgexec -g cpu:x go run .",
        "setarch x86_64 -R go run .",
        "cpulimit -l 50 -- go run .",
        "gdb --args go run .",
        "parallel go run ./{} ::: a b",
        "parallel ::: 'go run ./a'",
        "parallel -j2 'go run ./{}' ::: a b",
        "sem -j 4 go run .",
        "kubectl exec -it pod -- go run .",
        "mise exec go@1.24 -- go run .",
        "mise x -- go run .",
        "dapr run --app-id shop -- go run .",
        "foreman run go run .",
        "concurrently 'npm start' 'go run .'",
        "script -qec 'go run .' /dev/null",
        "su app -lc 'go run .'",
        "su - app <<< 'go run .'",
        "sg docker -c 'go run .'",
        "vagrant ssh -c 'go run .'",
        "gcloud compute ssh vm --command='go run .'",
        "heroku run go run .",
        "cross-env A=b go run .",
        "npx cross-env A=b go run .",
        "start-server-and-test 'go run .' http://localhost:1 'npm test'",
        "multipass exec vm -- go run .",
        "lxc exec box -- go run .",
        "toolbox run go run .",
        "echo 'go run .' | at now",
        "pwsh -Command \"go run .\"",
        "powershell -NoProfile -c go run .",
        "cmd /c go run .",
        "env -S go run .",
        "torsocks go run .",
        "proxychains4 -q go run .",
        "distrobox enter box -- go run .",
        "sbatch --wrap 'go run .'",
        "srun -n 4 go run .",
        "some-new-runner --fast go run .",
        "with-secrets go run .",
    ];
    each("x.sh", &lines, &["1 TG001 local medium"]);
}

#[test]
fn programs_for_a_developer_are_none_in_a_script_and_count_in_an_image() {
    let lines = [
        "watchexec -e go -- go run .",
        "watchexec -r 'go run .'",
        "find . -name '*.go' | entr -r go run .",
        "reflex -s -- go run .",
        "nodemon --exec 'go run .' --signal SIGTERM",
        "arelo -p '**/*.go' -- go run .",
        "wgo run .",
        "wgo -file .go go run .",
        "gow run .",
        "CompileDaemon -command='go run .'",
        "air --build.cmd 'go run .'",
    ];
    each("x.sh", &lines, &[]);
    let images = lines.map(|line| format!("FROM alpine\nCMD {line}\n"));
    let images = images.each_ref().map(String::as_str);
    each("Dockerfile", &images, &["2 TG001 local high"]);
}

#[test]
fn programs_that_do_not_start_their_words() {
    let lines = [
        "hyperfine './app'",
        "poetry add go run",
        "nix develop",
        "op read go run",
        "kubectl logs go run",
        "brew install go run-one",
        "apt-get install -y go run",
        "print_status go run ./x",
        "echo_and_log go run ./x",
        "usage go run ./x",
        "assert_equal go run",
        "perf report",
        "parallel echo ::: go run",
        "tmux rename-window 'go runs'",
        "man go run",
        "high TG001 go-run: go run ./x was executed",
    ];
    each("x.sh", &lines, &[]);
}
