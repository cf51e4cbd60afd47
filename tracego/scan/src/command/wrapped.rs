//! The commands that wrappers start.

use super::{
    Chain, CommandReader, is_assignment, is_option, is_shell,
    script_input::{ScriptInput, joined},
    wrapper::{self, Form, Wrapper},
};
use crate::word::Word;

impl CommandReader<'_> {
    /// Reads the command that a wrapper starts.
    pub(super) fn wrapped(&mut self, wrapper: &Wrapper, rest: &[Word], input: &ScriptInput, chain: &Chain) {
        let mut chain = chain.clone();
        chain.is_watched |= wrapper.is_watcher;
        match wrapper.form {
            Form::Option(names) => {
                let found = self.option_scripts(names, rest, input, &chain);
                // `runuser -u USER COMMAND` has no option with a script, `su - USER` reads one.
                if !found && wrapper::has(names, "-c") {
                    input.texts.iter().for_each(|script| self.script(script, &chain));
                    self.behind_options(wrapper, rest, input, chain);
                }
            }
            // A program that is known reads its own words.
            Form::Command if rest.iter().find(|word| !is_option(word)).is_some_and(Self::is_known) => {
                let command = rest.iter().position(|word| !is_option(word)).and_then(|at| rest.get(at..));
                self.words(command.unwrap_or_default(), input, &chain);
            }
            Form::Operands | Form::Command => {
                for script in rest.iter().filter(|word| word.text.bytes().contains(&b' ')) {
                    self.script(&script.text, &chain);
                }
                let command = rest.iter().position(|word| !is_option(word)).and_then(|at| rest.get(at..));
                match command {
                    Some(command) if wrapper.form == Form::Command => self.words(command, input, &chain),
                    Some(command) => self.guess("", command, input, &chain),
                    None => {}
                }
                input.texts.iter().for_each(|script| self.script(script, &chain));
            }
            Form::Dashes | Form::OnlyDashes => self.behind_dashes(wrapper.form, rest, input, &chain),
            Form::Behind(names) => {
                let at = rest.iter().position(|word| wrapper::has(names, &word.value()));
                match at.and_then(|at| rest.get(at + 1..)) {
                    Some(command) => self.words(command, input, &chain),
                    // `nix run nixpkgs#go -- run .`
                    None => self.behind_dashes(Form::Dashes, &with_program(rest), input, &chain),
                }
            }
            Form::Verb(verbs) => {
                let at = rest.iter().position(|word| wrapper::has(verbs, &word.value()));
                let Some(behind) = at.and_then(|at| rest.get(at + 1..)) else { return };
                match behind.iter().position(|word| word.is("--")) {
                    Some(dashes) => self.words(behind.get(dashes + 1..).unwrap_or_default(), input, &chain),
                    None => self.behind_options(wrapper, behind, input, chain),
                }
            }
            Form::Parallel => {
                let is_source = |word: &Word| word.text.bytes().starts_with(b":::");
                let end = rest.iter().position(is_source).unwrap_or(rest.len());
                let (command, sources) = rest.split_at(end);
                if command.iter().all(is_option) {
                    for script in sources.iter().filter(|word| !is_source(word)) {
                        self.script(&script.text, &chain);
                    }
                }
                self.behind_options(wrapper, command, input, chain);
            }
            Form::Words | Form::Script => self.behind_options(wrapper, rest, input, chain),
        }
    }

    /// Whether a program is one whose words are known.
    fn is_known(word: &Word) -> bool {
        is_shell(word) || word.is_go_command() || wrapper::find(&word.base_name()).is_some()
    }

    /// Reads the command behind `--`, or from the go command on.
    fn behind_dashes(&mut self, form: Form, rest: &[Word], input: &ScriptInput, chain: &Chain) {
        self.option_scripts("--command --cmd --exec --run", rest, input, chain);
        let behind = rest.iter().position(|word| word.is("--")).and_then(|dashes| rest.get(dashes + 1..));
        let command = behind.or_else(|| {
            // `mise exec go run .`: the command begins at the first go command.
            let go = rest.iter().position(|word| word.is_go_command() && !word.has_holes)?;
            rest.get(go..).filter(|_| form == Form::Dashes)
        });
        let Some(command) = command else { return };
        let mut words = command.to_vec();
        if let Some(program) = option_value(rest, &["--exec", "-x", "--startas", "-a"])
            .filter(|program| !program.text.bytes().contains(&b' '))
        {
            words.insert(0, program);
        }
        self.words(&words, input, chain);
    }

    /// Reads the command behind options, assignments and operands.
    fn behind_options(&mut self, wrapper: &Wrapper, rest: &[Word], input: &ScriptInput, mut chain: Chain) {
        let mut index = 0;
        let mut operands = wrapper.operands;
        while let Some(word) = rest.get(index) {
            let value = word.value();
            if value == "--" {
                index += 1;
                operands = operands.min(rest.len() - index);
                index += operands;
                break;
            }
            if wrapper.takes_value(&value) {
                index += 2;
            } else if is_option(word) || value.contains('=') && !word.is_go_command() && is_assignment(&value)
            {
                chain.assign(word.split_at_equals().filter(|_| !is_option(word)).as_slice());
                index += 1;
            } else if operands > 0 {
                operands -= 1;
                index += 1;
            } else {
                break;
            }
        }
        let command = rest.get(index..).unwrap_or_default();
        let is_script = command.len() == 1 && command.iter().any(|word| word.text.bytes().contains(&b' '));
        match wrapper.form {
            // Without words, standard input is the script.
            Form::Script if command.is_empty() => {
                input.texts.iter().for_each(|script| self.script(script, &chain));
            }
            Form::Script => self.script_with_input(&joined(command, b' '), input, &chain),
            _ if is_script => self.script_with_input(&joined(command, b' '), input, &chain),
            _ => self.words(command, input, &chain),
        }
    }

    /// Reads the scripts that options have as their values. Returns whether there are any.
    fn option_scripts(&mut self, names: &str, rest: &[Word], input: &ScriptInput, chain: &Chain) -> bool {
        let mut found = false;
        for (index, word) in rest.iter().enumerate() {
            let value = word.value();
            // `-lc` and `-qec` are several options in one word.
            let letters = value
                .strip_prefix('-')
                .filter(|letters| letters.bytes().all(|byte| byte.is_ascii_alphabetic()));
            let ends = letters.is_some_and(|letters| letters.len() <= 4 && letters.ends_with('c'))
                && wrapper::has(names, "-c");
            let script = if wrapper::has(names, &value) || ends {
                rest.get(index + 1).cloned()
            } else {
                word.split_at_equals().filter(|(name, _)| wrapper::has(names, name)).map(|(_, script)| script)
            };
            if let Some(script) = script {
                found = true;
                self.script_with_input(&script.text, input, chain);
            }
        }
        found
    }
}

/// Puts the go command where `nix run nixpkgs#go -- run .` has its arguments.
fn with_program(words: &[Word]) -> Vec<Word> {
    let package = words.iter().position(|word| word.text.bytes().ends_with(b"#go"));
    let dashes = words.iter().position(|word| word.is("--"));
    let mut all = words.to_vec();
    if let (Some(package), Some(dashes)) = (package.and_then(|at| words.get(at)), dashes) {
        let text = package.text.slice(package.text.len().saturating_sub(2)..package.text.len());
        all.insert(dashes + 1, Word::known(text));
    }
    all
}

/// Returns the value of the first option that is given.
fn option_value(words: &[Word], names: &[&str]) -> Option<Word> {
    let at = words.iter().position(|word| names.iter().any(|name| word.is(name)))?;
    words.get(at + 1).cloned()
}
