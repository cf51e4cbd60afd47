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
    assert_eq!(commands("if go vet; then (go run x); fi"), ["go|vet", "go|run|x", "fi"]);
    assert_eq!(commands("$'a\\nb'"), ["a\nb"]);
    assert_eq!(commands("go run . >out 2>&1 </dev/null"), ["go|run|."]);
    assert_eq!(commands("f() { go run .; }"), ["f", "go|run|.", "}"]);
    assert_eq!(commands("case $x in a) go run a;; esac"), ["case|?$x|in|a", "go|run|a", "esac"]);
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
    assert!(found[0].is_piped && found[0].output.as_ref().unwrap().is("x"));
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
