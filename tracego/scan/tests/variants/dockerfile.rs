//! Dockerfiles.

use super::{GO_MOD, finds};

#[track_caller]
fn image(text: &str, wanted: &[&str]) {
    finds(&[GO_MOD, ("Dockerfile", text)], wanted);
}

#[test]
fn the_command_of_an_image() {
    image("FROM alpine\nCMD [\"go\", \"run\", \"main.go\"]\n", &["Dockerfile:2 TG001 file high"]);
    image(
        "FROM alpine\nENTRYPOINT [\"go\",\"run\",\".\"]\nCMD [\"--limit=9\"]\n",
        &["Dockerfile:2 TG001 local high"],
    );
    image("FROM alpine\nENTRYPOINT [\"go\",\"run\"]\nCMD [\"./cmd\"]\n", &["Dockerfile:2 TG001 local high"]);
    image("FROM alpine\nCMD [\"sh\",\"-c\",\"go run ./cmd/api\"]\n", &["Dockerfile:2 TG001 local high"]);
    image("FROM alpine\nCMD go run .\n", &["Dockerfile:2 TG001 local high"]);
    image("FROM alpine\ncmd go \\\n  # why\n  run \\\n  .\n", &["Dockerfile:2 TG001 local high"]);
    image(
        "FROM alpine\nCMD [\"CompileDaemon\",\"-command=go run main.go\"]\n",
        &["Dockerfile:2 TG001 file high"],
    );
    image("FROM alpine\nENV APP=\"go run ./cmd\"\nCMD $APP\n", &["Dockerfile:3 TG001 local high"]);
    image("# escape=`\nFROM alpine\nCMD go `\n run .\n", &["Dockerfile:3 TG001 local high"]);
    image(
        "FROM alpine\nHEALTHCHECK --interval=5s CMD go run ./health\nCMD x\n",
        &["Dockerfile:2 TG001 local high"],
    );
    image(
        "FROM alpine\nENTRYPOINT [\"tini\", \"--\", \"go\", \"run\", \".\"]\n",
        &["Dockerfile:2 TG001 local high"],
    );
}

#[test]
fn stages_that_are_not_the_last() {
    image(
        "FROM golang AS dev\nCMD [\"go\",\"run\",\"main.go\"]\nFROM distroless\nCMD [\"/app\"]\n",
        &["Dockerfile:2 TG001 file low"],
    );
    finds(
        &[
            GO_MOD,
            (
                "Dockerfile",
                "FROM golang AS dev\nCMD [\"go\",\"run\",\"main.go\"]\nFROM distroless\nCMD [\"/app\"]\n",
            ),
            ("compose.yaml", "services:\n  api:\n    build: {context: ., target: dev}\n"),
        ],
        &["Dockerfile:2 TG001 file high"],
    );
}

#[test]
fn a_stage_that_is_based_on_another() {
    image(
        "FROM golang AS base\nCMD [\"go\",\"run\",\".\"]\nFROM base\nENV A=b\n",
        &["Dockerfile:1 TG014 go-command medium", "Dockerfile:2 TG001 local high"],
    );
    image(
        "FROM alpine AS base\nCMD [\"go\",\"run\",\".\"]\nFROM base\nCMD [\"/app\"]\n",
        &["Dockerfile:2 TG001 local low"],
    );
    image(
        "FROM alpine\nENTRYPOINT [\"/entry.sh\"]\nCMD [\"go\",\"run\",\".\"]\n",
        &["Dockerfile:3 TG001 local high"],
    );
}

#[test]
fn builds_of_images() {
    let end = "FROM scratch\nCMD [\"/app\"]\n";
    let build = |run: &str, wanted: &[&str]| image(&format!("FROM golang AS b\n{run}\n{end}"), wanted);
    build("RUN go run ./scripts/gendocs", &["Dockerfile:2 TG001 generate low"]);
    build("RUN go run github.com/a-h/templ/cmd/templ generate", &["Dockerfile:2 TG001 pinned low"]);
    build(
        "RUN go run github.com/go-task/task/v3/cmd/task@latest x && go build -o /app",
        &["Dockerfile:2 TG001 unpinned high", "Dockerfile:2 TG004 unpinned medium"],
    );
    build("RUN <<EOF\nset -e\n\ngo run ./tools/x\nEOF", &["Dockerfile:5 TG001 generate low"]);
    build("RUN x=$((1<<20))\nRUN go run ./x", &["Dockerfile:3 TG001 generate low"]);
    build("RUN go run ./x <<EOF\ndata\nEOF", &["Dockerfile:2 TG001 generate low"]);
    build("RUN go run ./x && cat <<EOF > /y\ngo run z\nEOF", &["Dockerfile:2 TG001 generate low"]);
    build("RUN --mount=type=cache,target=/root/.cache go run ./x", &["Dockerfile:2 TG001 generate low"]);
    build("RUN [\"go\", \"run\", \"./x\"]", &["Dockerfile:2 TG001 generate low"]);
    build("RUN go build -race -o /app ./cmd", &["Dockerfile:2 TG012 race medium"]);
    build("RUN go build -gcflags='all=-N -l' -o /app", &["Dockerfile:2 TG012 unoptimised medium"]);
    build("RUN go build -o /app && upx --best /app", &["Dockerfile:2 TG013 upx medium"]);
    build("ENV GOSUMDB=off\nRUN go build", &["Dockerfile:2 TG004 sumdb-off medium"]);
    build("ENV GOFLAGS=-mod=mod", &["Dockerfile:2 TG004 mod-mod medium"]);
    build("RUN GOFLAGS=-mod=mod go build ./...", &["Dockerfile:2 TG004 mod-mod medium"]);
    build("RUN go install github.com/x/y@latest", &["Dockerfile:2 TG004 unpinned medium"]);
    finds(
        &[(
            "Dockerfile",
            "FROM golang AS b\nRUN go run github.com/a-h/templ/cmd/templ generate\nFROM scratch\nCMD [\"/a\"]\n",
        )],
        &["Dockerfile:2 TG001 unpinned high"],
    );
}

#[test]
fn the_last_stage() {
    image("FROM golang:1.27\nRUN go run cmd/main.go\n", &["Dockerfile:2 TG001 file medium"]);
    image("FROM golang:1.27-alpine\nCMD [\"/app\"]\n", &["Dockerfile:1 TG014 go-command medium"]);
    image(
        "FROM docker.io/library/golang@sha256:00 AS x\nENTRYPOINT /app\n",
        &["Dockerfile:1 TG014 go-command medium"],
    );
}

#[test]
fn what_is_no_command() {
    image(
        "FROM alpine\n# CMD [\"sh\",\"-c\",\"go run ./cmd/api\"]\n#RUN go run seed.go\nCMD [\"/app\"]\n",
        &[],
    );
    image(
        "FROM alpine\nLABEL run=\"go run .\"\nRUN echo go run .\nRUN grep -q 'go run' x\nCMD [\"/app\"]\n",
        &[],
    );
    image("FROM alpine\nCOPY <<EOF /x\ngo run .\nEOF\nCMD [\"/app\"]\n", &[]);
}

#[test]
fn builds_name_their_stage() {
    let text = "FROM alpine AS dev\nCMD [\"go\",\"run\",\".\"]\nFROM alpine AS prod\nCMD [\"/app\"]\nFROM prod AS debug\nCMD go run ./debug\n";
    let with = |path: &str, caller: &str, wanted: &[&str]| {
        finds(&[GO_MOD, ("Dockerfile", text), (path, caller)], wanted)
    };
    let (dev, debug) = ("Dockerfile:2 TG001 local", "Dockerfile:6 TG001 local");
    let both = |one: &str, two: &str| [format!("{dev} {one}"), format!("{debug} {two}")];
    let ci = |line: &str, wanted: [String; 2]| {
        let text = format!("x:\n  script: {line}\n");
        with(".gitlab-ci.yml", &text, &wanted.each_ref().map(String::as_str));
    };
    ci("docker build -t x .", both("low", "high"));
    ci("docker build --target prod -t x .", both("low", "low"));
    ci("docker build --target=dev .", both("high", "low"));
    ci("docker buildx build --platform linux/amd64 --target dev -f Dockerfile --push .", both("high", "low"));
    ci("podman build --target $STAGE .", both("low", "high"));
    ci("docker build --target prod . && docker build .", both("low", "high"));
    ci("docker build --target dev other", both("high", "high"));
    let step = "jobs:\n  a:\n    steps:\n    - uses: docker/build-push-action@v6\n      with: {context: ., target: dev}\n";
    with(".github/workflows/x.yml", step, &both("high", "low").each_ref().map(String::as_str));
    let inherited = "FROM alpine AS base\nCMD go run .\nFROM base AS dev\nENV A=b\nFROM alpine\nCMD /app\n";
    finds(
        &[
            GO_MOD,
            ("Dockerfile", inherited),
            ("compose.yaml", "services:\n  a:\n    build: {context: ., target: dev}\n"),
        ],
        &["Dockerfile:2 TG001 local high"],
    );
}

#[test]
fn scripts_that_an_image_holds() {
    image(
        "FROM alpine\nCOPY <<EOF /start.sh\ngo run .\nEOF\nCMD [\"/start.sh\"]\n",
        &["Dockerfile:3 TG001 local high"],
    );
    image(
        "FROM alpine\nRUN cat > /start.sh <<EOF\ngo run .\nEOF\nCMD [\"/start.sh\"]\n",
        &["Dockerfile:3 TG001 generate low"],
    );
    image("FROM alpine\nONBUILD RUN go run ./x\nCMD [\"/app\"]\n", &["Dockerfile:2 TG001 generate low"]);
    image("FROM alpine\nHEALTHCHECK NONE\nCMD [\"/app\"]\n", &[]);
    image(
        "FROM alpine\nHEALTHCHECK --retries=3 \\\n  CMD [\"go\", \"run\", \"./h\"]\nCMD [\"/app\"]\n",
        &["Dockerfile:3 TG001 local high"],
    );
}
