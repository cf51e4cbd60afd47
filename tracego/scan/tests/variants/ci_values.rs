//! CI files: folders, shells, values that stand elsewhere, and included files.

use super::{GO_MOD, finds};

#[track_caller]
fn workflow(step: &str, wanted: &[&str]) {
    let text = format!("on: push\njobs:\n  build:\n    runs-on: x\n    steps:\n{step}\n");
    let wanted: Vec<String> =
        wanted.iter().map(|found| format!(".github/workflows/ci.yml:{found}")).collect();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    finds(&[GO_MOD, (".github/workflows/ci.yml", &text)], &wanted);
}

#[test]
fn folders_and_shells_of_github() {
    let makefile = ("app/Makefile", "x:\n\tgo run ./x\n");
    for text in [
        "defaults:\n  run:\n    working-directory: app\njobs:\n  a:\n    steps:\n    - run: make x\n",
        "jobs:\n  a:\n    defaults: {run: {working-directory: ./app}}\n    steps:\n    - run: make x\n",
        "jobs:\n  a:\n    steps:\n    - run: make x\n      working-directory: app\n",
    ] {
        finds(
            &[GO_MOD, (".github/workflows/x.yml", text), makefile, ("Makefile", "x:\n\ttrue\n")],
            &["app/Makefile:2 TG001 local high"],
        );
    }
    workflow(
        "    - shell: python\n      run: |\n        import subprocess\n        subprocess.run(['go', 'run', './x'])",
        &["9 TG001 local high"],
    );
    workflow("    - shell: python\n      run: print('go run .')", &[]);
    workflow("    - shell: pwsh\n      run: go run .", &["7 TG001 local high"]);
    workflow("    - shell: bash -c {0}\n      run: go run .", &["7 TG001 local high"]);
    workflow("    - shell: go run ./shell {0}\n      run: x", &["6 TG001 local high"]);
    workflow(
        "    - uses: actions/github-script@v7\n      with:\n        script: |\n          await exec.exec('go run ./x')",
        &["9 TG001 local high"],
    );
    workflow(
        "    - uses: actions/github-script@v7\n      with:\n        script: |\n          await exec.exec('go', ['run', './x'])\n          core.info('go run ./y')",
        &["9 TG001 local high"],
    );
}

#[test]
fn values_that_stand_elsewhere() {
    workflow("    - uses: ./.github/actions/run\n      with: {cmd: go run ./x}", &["7 TG001 local high"]);
    workflow("    - uses: ./.github/actions/run\n      with: {what: go run ./x}", &["7 TG001 local high"]);
    workflow("    - env: {C: go run ./y}\n      run: ${{ env.C }} -v", &["7 TG001 local high"]);
    workflow("    - run: ${{ github.ref == 'x' && 'go run ./a' || 'go vet' }}", &["6 TG001 local high"]);
    let action = "inputs:\n  cmd:\n    description: go run it\n    default: go run ./x\nruns:\n  using: composite\n  steps:\n  - shell: bash\n    run: ${{ inputs.cmd }} -v\n";
    finds(
        &[GO_MOD, (".github/actions/run/action.yml", action)],
        &[".github/actions/run/action.yml:9 TG001 local high"],
    );
    let reusable = "on:\n  workflow_call:\n    inputs:\n      cmd: {type: string}\njobs:\n  a:\n    steps:\n    - run: ${{ inputs.cmd }}\n";
    let caller = "jobs:\n  a:\n    uses: ./.github/workflows/r.yml\n    with:\n      cmd: go run ./x\n";
    finds(
        &[GO_MOD, (".github/workflows/r.yml", reusable), (".github/workflows/c.yml", caller)],
        &[".github/workflows/c.yml:5 TG001 local high"],
    );
    let matrix = "jobs:\n  a:\n    strategy:\n      matrix:\n        job:\n        - {name: a, cmd: go run ./a}\n        verb: [run]\n    steps:\n    - run: ${{ matrix.job.cmd }}\n    - run: go ${{ matrix.verb }} ./b\n";
    finds(
        &[GO_MOD, (".github/workflows/m.yml", matrix)],
        &[".github/workflows/m.yml:9 TG001 local high", ".github/workflows/m.yml:10 TG001 local high"],
    );
}

#[test]
fn files_that_gitlab_includes() {
    let hidden = ".run:\n  script:\n  - $CMD ./x\n";
    for include in [
        "include: ci/run.yml\n",
        "include: /ci/run.yml\n",
        "include: [{local: ci/run.yml}]\n",
        "include:\n  local: '/ci/*.yml'\n",
        "include:\n- local: '/ci/**/*.yml'\n",
        "x:\n  trigger:\n    include: ci/run.yml\n",
        "x:\n  trigger:\n    include:\n    - local: ci/run.yml\n",
    ] {
        finds(
            &[
                GO_MOD,
                (".gitlab-ci.yml", include),
                ("Jenkinsfile", "def note(text) {\n  echo text\n}\nnode {\n  note('go run ./x')\n}\n"),
                ("ci/run.yml", "y:\n  script: [go run ./x]\n"),
                ("other/run.yml", "y:\n  script: [go run ./x]\n"),
            ],
            &["ci/run.yml:2 TG001 local high"],
        );
    }
    let main = "include: [{local: ci/run.yml}]\na:\n  extends: .run\n  variables: {CMD: go run}\n";
    finds(&[GO_MOD, (".gitlab-ci.yml", main), ("ci/run.yml", hidden)], &[".gitlab-ci.yml:4 TG001 cut high"]);
    let several = ".run:\n  script: $CMD\na:\n  extends: .run\n  variables: {CMD: go run ./a}\nb:\n  extends: .run\n  variables: {CMD: go vet ./a}\n";
    finds(&[GO_MOD, (".gitlab-ci.yml", several)], &[".gitlab-ci.yml:2 TG001 local high"]);
    let parallel = "a:\n  parallel:\n    matrix:\n    - CMD: [go vet ./b, go run ./a]\n  script:\n  - $CMD\n";
    finds(&[GO_MOD, (".gitlab-ci.yml", parallel)], &[".gitlab-ci.yml:6 TG001 local high"]);
    let component =
        "spec:\n  inputs:\n    cmd:\n      default: go run ./x\n---\na:\n  script: $[[ inputs.cmd ]] -v\n";
    finds(&[GO_MOD, (".gitlab-ci.yml", component)], &[".gitlab-ci.yml:7 TG001 local high"]);
    let folder = "default:\n  before_script: [cd app]\na:\n  script: [make x]\n";
    finds(
        &[GO_MOD, (".gitlab-ci.yml", folder), ("app/Makefile", "x:\n\tgo run ./x\n")],
        &["app/Makefile:2 TG001 local high"],
    );
    let own = "a:\n  before_script: [cd app]\n  script: [make x]\n";
    finds(
        &[GO_MOD, (".gitlab-ci.yml", own), ("app/Makefile", "x:\n\tgo run ./x\n")],
        &["app/Makefile:2 TG001 local high"],
    );
}

#[test]
fn templates_and_parameters_of_other_systems() {
    finds(
        &[
            GO_MOD,
            (
                "azure-pipelines.yml",
                "stages:\n- template: ci/build.yml\n  parameters:\n    cmd: go run ./x\n- template: x.yml@other\n",
            ),
            (
                "ci/build.yml",
                "parameters:\n- name: cmd\n  default: go run ./y\nsteps:\n- script: ${{ parameters.cmd }}\n- template: steps.yml\n",
            ),
            ("ci/steps.yml", "steps:\n- bash: go run ./z\n"),
            ("x.yml", "steps:\n- bash: go run ./z\n"),
        ],
        &[
            "azure-pipelines.yml:4 TG001 local high",
            "ci/build.yml:5 TG001 local high",
            "ci/steps.yml:2 TG001 local high",
        ],
    );
    for (path, text, line) in [
        ("azure-pipelines.yml", "variables:\n  GO_RUN: go run\nsteps:\n- script: $(GO_RUN) ./x\n", 4),
        (
            "azure-pipelines.yml",
            "variables:\n- name: GO_RUN\n  value: go run\nsteps:\n- script: $(GO_RUN) ./x\n",
            5,
        ),
        (
            ".circleci/config.yml",
            "commands:\n  r:\n    parameters:\n      cmd: {type: string, default: go run ./x}\n    steps:\n    - run: << parameters.cmd >>\n",
            6,
        ),
        (".circleci/config.yml", "jobs:\n  b:\n    steps:\n    - r:\n        cmd: go run ./x\n", 5),
        (
            ".circleci/config.yml",
            "orbs:\n  o:\n    commands:\n      r:\n        steps:\n        - run: go run ./x\n",
            6,
        ),
        (
            ".circleci/config.yml",
            "executors:\n  e:\n    environment: {CMD: go run}\njobs:\n  b:\n    executor: e\n    steps:\n    - run: $CMD ./x\n",
            8,
        ),
        (
            ".buildkite/pipeline.yml",
            "steps:\n- plugins:\n  - docker#v5.0.0:\n      image: golang\n      command: [go, run, ./x]\n",
            5,
        ),
        (
            ".buildkite/pipeline.yml",
            "steps:\n- plugins:\n  - docker-compose#v4.0.0:\n      run: app\n      command: [sh, -c, go run ./x]\n",
            5,
        ),
        ("buildspec.yml", "phases:\n  build:\n    commands: [go vet]\n    finally:\n    - go run ./x\n", 5),
        (
            "bitbucket-pipelines.yml",
            "definitions:\n  steps:\n  - step: &s\n      script: [go run ./x]\npipelines:\n  default:\n  - step: *s\n",
            4,
        ),
        (
            "bitbucket-pipelines.yml",
            "pipelines:\n  default:\n  - step:\n      script:\n      - pipe: x/y\n        variables: {COMMAND: go run ./x}\n",
            6,
        ),
        (
            ".woodpecker.yml",
            "matrix:\n  CMD: [go vet ./x, go run ./x]\nsteps:\n  b:\n    commands:\n    - ${CMD}\n",
            6,
        ),
        (
            ".woodpecker.yml",
            "matrix:\n  include:\n  - CMD: go run\nsteps:\n  b:\n    commands:\n    - $CMD ./x\n",
            7,
        ),
        (".drone.yml", "kind: template\nload: x.yaml\ndata:\n  cmd: go run ./x\n", 4),
        ("appveyor.yml", "build_script:\n- ps: go run ./x\n", 2),
        ("Jenkinsfile", "def cmd = 'go run ./x'\nnode {\n  sh cmd\n}\n", 1),
        (
            "Jenkinsfile",
            "pipeline {\n  environment { CMD = 'go run' }\n  stages { steps {\n    sh \"${env.CMD} ./x\"\n  } }\n}\n",
            4,
        ),
        ("Jenkinsfile", "node {\n  withEnv(['CMD=go run']) {\n    sh '$CMD ./x'\n  }\n}\n", 3),
        ("Jenkinsfile", "def t = 'go run'\nnode {\n  sh(script: \"${t} ./x\", returnStatus: true)\n}\n", 3),
        ("Jenkinsfile", "node {\n  sh 'go run ' + target\n}\n", 2),
        (
            "Jenkinsfile",
            "parameters { string(name: 'CMD', defaultValue: 'go run') }\nnode {\n  sh \"${params.CMD} ./x\"\n}\n",
            3,
        ),
        ("Jenkinsfile", "def run(cmd) {\n  sh cmd\n}\nnode {\n  run('go run ./x')\n}\n", 5),
        ("Jenkinsfile", "def run(cmd) { sh cmd }\nnode { run('go run ./x') }\n", 2),
        (
            "Jenkinsfile",
            "def run(cmd) {\n  sh(script: \"set -e; ${cmd}\")\n}\nnode {\n  run 'go run ./x'\n}\n",
            5,
        ),
        ("vars/build.groovy", "def call(Map c) {\n  sh(script: '''\n    go run ./x\n  ''')\n}\n", 3),
    ] {
        finds(&[GO_MOD, (path, text)], &[&format!("{path}:{line} TG001 local high")]);
    }
    for (path, text) in [
        (
            ".circleci/config.yml",
            "commands:\n  r:\n    description: go run ./x\n    steps:\n    - run: {name: go run ./x, command: go vet}\n",
        ),
        (".drone.yml", "kind: pipeline\nname: go run ./x\nsteps:\n- name: go run\n  commands: [go vet]\n"),
        ("azure-pipelines.yml", "steps:\n- script: $(which ls) run\n  displayName: go run ./x\n"),
        ("Jenkinsfile", "def cmd = 'go run ./x'\nnode {\n  echo cmd\n  echo 'go run ./x'\n}\n"),
        ("ci/run.yml", "y:\n  script: [go run ./x]\n"),
    ] {
        finds(&[GO_MOD, (path, text)], &[]);
    }
    finds(
        &[
            GO_MOD,
            ("Jenkinsfile", "node {\n  dir('app') {\n    sh 'make x'\n  }\n}\n"),
            ("app/Makefile", "x:\n\tgo run ./x\n"),
            ("Makefile", "x:\n\ttrue\n"),
        ],
        &["app/Makefile:2 TG001 local high"],
    );
}

#[test]
fn earthfiles() {
    let text = "VERSION 0.8\nFROM golang\nx:\n  ARG V=$(go run ./v)\n  IF go run ./a\n    RUN go run ./b\n  ELSE IF go run ./c\n    RUN true\n  END\n  FOR --sep=, p IN $(go run ./d)\n    RUN go vet\n  END\n  TRY\n    RUN go run ./e\n  FINALLY\n    RUN go run ./f\n  END\n  WITH DOCKER\n    RUN go run ./g\n  END\n";
    let lines = [4, 5, 6, 7, 10, 14, 16, 19];
    let wanted: Vec<String> =
        lines.iter().map(|line| format!("Earthfile:{line} TG001 generate low")).collect();
    finds(&[GO_MOD, ("Earthfile", text)], &wanted.iter().map(String::as_str).collect::<Vec<_>>());
}
