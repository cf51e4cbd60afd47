#!/bin/sh
# Real builds, each as a job of CI, and runs of the service that one of them made. `$1` is an empty folder, `$2` a go
# command or nothing, `$3` the number of the round. What a machine does not have is left out, and named.
set -eu
cd "$1"
go=${2:-}
round=${3:-1}
work=$PWD

# job REPOSITORY NAME RUN COMMAND: a job of GitHub Actions, as a runner starts it.
job() {
    # tracego:allow TG004 the projects are made by this script, and their go.mod has no sums yet
    env -i PATH="$PATH" HOME="$work" LC_ALL=C GOCACHE="$work/go-cache" GOPATH="$work/go" GOTOOLCHAIN=local GOFLAGS=-mod=mod \
        CARGO_HOME="$work/cargo" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
        GITHUB_ACTIONS=true CI=true GITHUB_SERVER_URL=https://github.com GITHUB_REPOSITORY="example/$1" GITHUB_WORKFLOW=ci \
        GITHUB_JOB="$2" GITHUB_RUN_ID="$3" GITHUB_RUN_ATTEMPT=1 GITHUB_REF_NAME=main RUNNER_NAME=runner \
        GITHUB_SHA="$(printf '%s' "$1" | sha1sum | cut -c1-40)" GITHUB_WORKSPACE="$work/$1" \
        sh -e "$work/$2.sh" >"$work/$2.log" 2>&1 || { echo "the job $2 failed:"; tail -5 "$work/$2.log"; exit 1; }
}

git_project() {
    mkdir -p "$1"
    git -C "$1" init -q
    git -C "$1" config user.email ci@example.com
    git -C "$1" config user.name ci
}

# A service and a library in Go.
if [ -n "$go" ]; then
    git_project shop
    for package in cart price stock mail; do
        mkdir -p "shop/$package"
        printf 'package %s\n\nfunc Total(values ...int) (sum int) {\n\tfor _, value := range values {\n\t\tsum += value\n\t}\n\treturn\n}\n' $package >shop/$package/$package.go
        printf 'package %s\n\nimport "testing"\n\nfunc TestTotal(t *testing.T) {\n\tif Total(1, 2) != 3 {\n\t\tt.Fatal()\n\t}\n}\n' $package >shop/$package/${package}_test.go
    done
    mkdir -p shop/cmd/server
    printf 'module example.com/shop\n\ngo 1.21\n' >shop/go.mod
    printf 'package main\n\nimport (\n\t"fmt"\n\t"example.com/shop/cart"\n\t"example.com/shop/price"\n)\n\nfunc main() { fmt.Println(cart.Total(1, 2), price.Total(3)) }\n' >shop/cmd/server/main.go
    git -C shop add .
    git -C shop commit -qm shop
    cat >go.sh <<EOF
cd $work/shop
$go vet ./...
$go build -o app ./cmd/server
$go test ./...
./app
EOF
    job shop go "${round}001"
    # The same repository has a second workflow, which runs what it should have built.
    cat >gorun.sh <<EOF
cd $work/shop
$go generate ./...
$go run ./cmd/server
EOF
    job tools gorun "${round}002"
    mkdir -p srv
    cp shop/app srv/shop
else
    echo "no go command: the jobs go and gorun are left out"
fi

# A library in C.
git_project libc
{
    printf 'CFLAGS = -O1 -Wall\nOBJECTS ='
    n=0
    while [ $n -lt 60 ]; do printf ' part%d.o' $n; n=$((n + 1)); done
    printf '\nall: check\nlibparts.a: $(OBJECTS)\n\tar rcs $@ $^\n\tranlib $@\ncheck: main.o libparts.a\n\t$(CC) -o $@ main.o libparts.a\n\t./check\n'
} >libc/Makefile
n=0
while [ $n -lt 60 ]; do printf '#include <stdio.h>\nint part%d(int x) { return x * %d + getchar(); }\n' $n $n >libc/part$n.c; n=$((n + 1)); done
printf 'int part7(int);\nint main(void) { return part7(0) > 0; }\n' >libc/main.c
cat >make.sh <<EOF
cd $work/libc
for tool in cc ar ld make; do command -v \$tool; \$tool --version | head -1; done
uname -sm
make -j2 CC=gcc </dev/null
find . -name '*.c' -exec grep -l getchar {} + | sort | xargs wc -l
size libparts.a | awk '{ sum += \$1 } END { print sum }'
sha256sum check
EOF
job libc make "${round}003"

# A package in Python with an extension in C.
git_project tool
mkdir -p tool/tool
printf 'from setuptools import setup, Extension\nsetup(name="tool", version="1.0", packages=["tool"], ext_modules=[Extension("tool.fast", ["fast.c"])])\n' >tool/setup.py
printf '#include <Python.h>\nstatic struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "fast", 0, -1, 0};\nPyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&d); }\n' >tool/fast.c
printf 'import subprocess, sys\nfor n in range(20):\n    subprocess.run([sys.executable, "-S", "-c", f"print({n})"], check=True)\nsubprocess.run("uname -a | tr a-z A-Z", shell=True, check=True)\n' >tool/tool/__init__.py
cat >pip.sh <<EOF
cd $work/tool
python3 -m venv venv
./venv/bin/pip install --no-index --no-build-isolation . || ./venv/bin/pip list
PYTHONPATH=. ./venv/bin/python -c 'import tool'
EOF
job tool pip "${round}004"

# A release, which is mostly git.
git_project notes
cat >git.sh <<EOF
cd $work/notes
for n in 1 2 3 4 5 6 7 8 9 10; do
    date >note\$n; git add note\$n; git commit -qm "note \$n"; git tag v0.\$n
done
git log --oneline | head -3
git branch next; git checkout -q next; echo next >next; git add next; git commit -qm next
git checkout -q -; git merge -q next; git gc -q; git fsck; git describe --tags
git clone -q . ../copy; git -C ../copy fetch -q; git archive HEAD | tar -t | sort -r | sed -n 1,3p
for file in *; do basename \$file; dirname \$file; stat -c %s \$file; done
EOF
job notes git "${round}005"

# A program in Rust with a build script and tests.
if command -v cargo >/dev/null; then
    git_project meter
    mkdir -p meter/src
    printf '[workspace]\n[package]\nname = "meter"\nversion = "0.1.0"\nedition = "2021"\n' >meter/Cargo.toml
    printf 'fn main() { std::process::Command::new("git").args(["rev-parse", "HEAD"]).status().unwrap(); }\n' >meter/build.rs
    printf 'fn main() { println!("{}", meter::one()); }\n' >meter/src/main.rs
    printf 'pub fn one() -> u32 { 1 }\n#[test]\nfn is_one() { assert_eq!(one(), 1); }\n' >meter/src/lib.rs
    cat >cargo.sh <<EOF
cd $work/meter
git add .; git commit -qm meter
cargo build --offline
cargo test --offline
cargo run --offline
EOF
    job meter cargo "${round}006"
else
    echo "no cargo: the job cargo is left out"
fi

# What a production node does all day: its service, and what looks after it.
cat >production.sh <<EOF
cd $work
for n in 1 2 3; do
    if [ -x srv/shop ]; then srv/shop; fi
    date -u +%s; df -P / | awk 'NR == 2 { print \$5 }'; cat /proc/loadavg | cut -d' ' -f1; sleep 0.1
done
find srv -type f | xargs ls -l | sort | uniq -c | head -3
EOF
env -i PATH="$PATH" HOME="$work" LC_ALL=C sh -e production.sh >production.log 2>&1
