//! Scripts and the commands in them.

use super::*;

/// Returns the commands of a script, each as its words joined with `|`; a word with holes begins with `?`.
fn commands(script: &str) -> Vec<String> {
    let text = Text::part(script.as_bytes(), 0..script.len());
    let shown = |word: &Word| format!("{}{}", if word.has_holes { "?" } else { "" }, word.value());
    parse(&text, &mut Variables::default())
        .iter()
        .filter(|command| !command.words.is_empty())
        .map(|command| command.words.iter().map(shown).collect::<Vec<_>>().join("|"))
        .collect()
}

#[test]
fn words_and_quotes() {
    assert_eq!(commands("go run ./x"), ["go|run|./x"]);
    assert_eq!(commands("g'o' \"run\" a\\ b 'c d'"), ["go|run|a b|c d"]);
    assert_eq!(commands("go \\\n  run . # go run y\n# go run z"), ["go|run|."]);
    assert_eq!(commands("a && b || c; d & e | f"), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(commands("if go vet; then (go run x); fi"), ["go|vet", "go|run|x"]);
    assert_eq!(commands("$'a\\nb'"), ["a\nb"]);
    assert_eq!(commands("go run . >out 2>&1 </dev/null"), ["go|run|."]);
    assert_eq!(commands("f() { go run .; }"), ["go|run|."]);
    assert_eq!(commands("function f { go run .; }; g () ( go vet )"), ["go|run|.", "go|vet"]);
    assert_eq!(commands("case $x in a) go run a;; esac"), ["case|?$x|in|a", "go|run|a"]);
}

#[test]
fn expansions() {
    assert_eq!(commands("CMD=\"go run ./x\"; $CMD -v"), ["go|run|./x|-v"]);
    assert_eq!(commands("CMD=\"go run ./x\"; \"$CMD\""), ["go run ./x"]);
    assert_eq!(commands("${GO:-go} run ."), ["go|run|."]);
    assert_eq!(commands("GO=${GO:-\"go\"}; $GO run ."), ["go|run|."]);
    assert_eq!(commands("$GO run ."), ["?$GO|run|."]);
    assert_eq!(commands("cmd=(go run); cmd+=(./x); \"${cmd[@]}\" a"), ["go|run|./x|a"]);
    assert_eq!(commands("x=$(go run ./v)"), ["go|run|./v"]);
    assert_eq!(commands("echo `go run ./v` b"), ["go|run|./v", "echo|?`go run ./v`|b"]);
    assert_eq!(commands("echo \"$(go run \"./v w\")\""), ["go|run|./v w", "echo|?$(go run \"./v w\")"]);
    assert_eq!(commands("$(which go) run ."), ["which|go", "go|run|."]);
    assert_eq!(commands("export G=go; $G run ${{ inputs.x }}"), ["export|G=go", "go|run|?${{ inputs.x }}"]);
    assert_eq!(commands("echo $((1 + 2)) ${x%.go} $1"), ["echo|?$((1 + 2))|?${x%.go}|?$1"]);
    assert_eq!(commands("cat <(go run ./x)"), ["go|run|./x", "cat"]);
}

#[test]
fn functions_loops_and_aliases() {
    let last = |script: &str| commands(script).last().cloned().unwrap_or_default();
    assert_eq!(last("r() { \"$@\"; }; r go run ."), "go|run|.");
    assert_eq!(last("r() { local n=$1; shift; sleep \"$n\"; \"$@\"; }; r 3 go run ."), "go|run|.");
    assert_eq!(last("r() { local c=\"$*\"; eval \"$c\"; }; r go run ."), "eval|go run .");
    assert_eq!(last("r() { \"${@:2}\" \"${1}\" \"${3:-z}\"; }; r a b"), "b|a|z");
    assert_eq!(last("a() { b x \"$@\"; }; b() { \"$2\" \"$1\"; }; a go"), "go|x");
    assert_eq!(last("set -- go run .; exec \"$@\""), "exec|go|run|.");
    assert_eq!(last("alias gr='go run'\ngr ./x"), "go|run|./x");
    assert_eq!(last("alias ls='ls -l'; ls x"), "ls|x");
    assert_eq!(commands("for c in a 'b c'; do $c; done"), ["for|c|in|a|b c", "a", "b|c"]);
    assert_eq!(
        commands("for x in 1 2; do for y in 3 4; do f $x$y; done; done")[2..],
        ["f|13", "f|14", "for|y|in|3|4", "f|23", "f|24"]
    );
    assert_eq!(last("for f in *.go; do go run $f; done"), "go|run|?$f");
    assert_eq!(last("a=(x y); echo ${a[1]} ${a[7]}"), "echo|y|?${a[7]}");
    assert_eq!(last("read -r c <<< 'go run .'; $c"), "go|run|.");
    assert_eq!(last(": \"${R:=go run .}\"; $R"), "go|run|.");
    assert_eq!(last("declare -A c=([a]='go run ./a' [b]=x); ${c[$1]}"), "go|run|./a");
    assert_eq!(last("if a; then R='go run'; else R=bin/x; fi; $R ./x"), "go|run|./x");
    assert_eq!(last("R='go run'; case $1 in p) R=bin/x;; esac; $R ./x"), "go|run|./x");
    assert_eq!(last("R='go run'; R=bin/x; $R ./x"), "bin/x|./x");
    assert_eq!(last("local -a c=(go run .); \"${c[@]}\""), "go|run|.");
    assert_eq!(last("local c=$X' b'; $c"), "?$X|?b");
}

#[test]
fn groups_are_piped_as_a_whole() {
    let script = "{ a; (b; c); } | d; e | f";
    let text = Text::part(script.as_bytes(), 0..script.len());
    let found = parse(&text, &mut Variables::default());
    let pipes: Vec<bool> = found.iter().map(|command| command.pipe_out.is_some()).collect();
    assert_eq!(pipes, [true, true, true, false, true, false]);
    assert_eq!(found[0].pipe_out, found[3].pipe_in);
    assert_ne!(found[3].pipe_in, found[5].pipe_in);
}

#[test]
fn here_documents_belong_to_their_command() {
    let script = "cat <<EOF >x | sh\ngo run .\nEOF\necho done <<-'A B'\n\tq\n\tA B\nbash <<< 'go run y'\n";
    let text = Text::part(script.as_bytes(), 0..script.len());
    let found = parse(&text, &mut Variables::default());
    let inputs: Vec<String> = found
        .iter()
        .map(|command| {
            command.input.iter().map(|text| text.to_str().into_owned()).collect::<Vec<_>>().join("+")
        })
        .collect();
    assert_eq!(inputs, ["go run .\n", "", "\tq\n", "go run y"]);
    assert!(
        found[0].pipe_out.is_some()
            && found[0].pipe_out == found[1].pipe_in
            && found[0].output.as_ref().unwrap().is("x")
    );
}

#[test]
fn what_is_not_closed_or_doubles_ends() {
    for script in
        ["\"", "'", "$(", "${", "`", "<<", "a=(", "$((", "${a:-", "\\", "$'", "((((", "$($($($($($($($($(go"]
    {
        let _ = commands(script);
    }
    let mut bomb = String::from("a=xxxxxxxx\n");
    for _ in 0..64 {
        bomb.push_str("a=$a$a\n");
    }
    bomb.push_str("echo $a");
    assert!(commands(&bomb)[0].len() <= (64 << 10) + 8);
}
