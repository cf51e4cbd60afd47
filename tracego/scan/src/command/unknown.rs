//! Programs that no table has: whether the rest of their words is a command.

use super::{Chain, CommandReader, is_option, script_input::ScriptInput};
use crate::{setting::Setting, text::Text, word::Word};

/// Programs and keywords that print, search or compare their words.
const READERS: &str = "git grep egrep fgrep rg ag ack echo printf print test [ [[ sed awk gawk jq yq make gmake just task \
    go-task npm yarn pnpm bun mage for case select in read unset complete compgen alias set let expr cut tr sort comm diff \
    man info apropos help which type whereis hash whatis gh glab apt apt-get apk yum dnf brew pip pip3 pipx curl wget cp mv \
    rm ls cat touch mkdir ln chmod chown tar say notify-send dialog whiptail figlet cowsay banner logger tee contains \
    assert_equal assert_contains return exit break continue shift true false : local export";

/// Parts of the names of functions that print their words.
const PRINTERS: &str = "echo print log info warn err die fatal grep msg message say note debug help usage title header banner \
    abort panic complain trace_ assert expect describe match contains";

/// Parts of the names of programs that run a command which is one word.
const RUNNERS: &str =
    "retry repeat exec spawn loop timeout supervise background with_ with- run_ run- until wrap";

/// Maximum number of words between a program that is not known and the go command.
const MAX_AHEAD: usize = 8;

impl CommandReader<'_> {
    /// Looks for a go command among the words of a program that is not known.
    pub(super) fn guess(&mut self, name: &str, rest: &[Word], input: &ScriptInput, chain: &Chain) {
        if rest.is_empty() || READERS.split_whitespace().any(|reader| reader == name) {
            return;
        }
        // Blocks of documents are often what a program prints.
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte));
        if self.context.setting == Setting::Document || !is_name {
            return;
        }
        let lower = name.to_ascii_lowercase();
        if PRINTERS.split_whitespace().any(|printer| lower.contains(printer)) {
            return;
        }
        let chain = Chain { is_guessed: true, ..chain.clone() };
        let behind = rest.iter().position(|word| word.is("--")).and_then(|dashes| rest.get(dashes + 1..));
        if let Some(command) = behind.filter(|command| command.first().is_some_and(Word::is_go_command)) {
            return self.words(command, input, &chain);
        }
        // `retry 3 go run .`
        let mut ahead = rest.iter().take(MAX_AHEAD).take_while(|word| !word.text.bytes().ends_with(b":"));
        let ahead = ahead.position(|word| word.is_go_command() && !word.has_holes);
        if let Some(command) = ahead.and_then(|go| rest.get(go..)).filter(|command| is_run(command)) {
            return self.words(command, input, &chain);
        }
        // `retry 'go run ./x'`
        if RUNNERS.split_whitespace().any(|runner| lower.contains(runner)) {
            for word in rest.iter().filter(|word| !is_option(word) && is_run_of_path(&word.text)) {
                self.script(&word.text, &chain);
            }
        }
    }

    /// Reads a value that another file is given, if it holds `go run`.
    pub fn read_given_value(&mut self, value: &Text) {
        self.read_given(&Word::known(value.clone()), &Chain::default());
    }

    /// Reads values of variables that hold `go run`, which a command is given: `make GO="go run"`.
    pub(super) fn read_given(&mut self, value: &Word, chain: &Chain) {
        let text = value.text.to_str();
        let mut words = text.split_whitespace();
        let is_go = words.next().is_some_and(|word| word.rsplit('/').next() == Some("go"));
        if is_go && words.next() == Some("run") {
            self.script(&value.text, &Chain { is_guessed: true, ..chain.clone() });
        }
    }
}

/// Whether words are `go run`, or `go -C FOLDER run`.
fn is_run(words: &[Word]) -> bool {
    match words {
        [_, verb, ..] if verb.is("run") => true,
        [_, folder, _, verb, ..] if folder.is("-C") => verb.is("run"),
        _ => false,
    }
}

/// Whether a text has `go run` with a path, which prose does not have.
fn is_run_of_path(text: &Text) -> bool {
    let text = text.to_str();
    let mut words = text.split_whitespace().skip_while(|word| *word != "go").skip(1);
    words.next() == Some("run")
        && words
            .find(|word| !word.starts_with('-'))
            .is_some_and(|target| target == "." || target.contains('/') || target.ends_with(".go"))
}
