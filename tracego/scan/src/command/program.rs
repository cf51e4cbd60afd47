//! Programs that start others in a form of their own: shells, env, find, pm2.

use super::{
    Chain, CommandReader, container, is_option,
    script_input::{ScriptInput, joined},
};
use crate::{extract::Callee, text::Text, word::Word};

impl CommandReader<'_> {
    /// Reads the arguments of a shell: `-c SCRIPT`, a file, or standard input.
    pub(super) fn shell(&mut self, rest: &[Word], input: &ScriptInput, chain: &Chain) {
        let mut words = rest.iter();
        let (mut is_command, mut reads_input) = (false, false);
        while let Some(word) = words.next() {
            let value = word.value();
            if matches!(value.as_str(), "-o" | "+o" | "--rcfile" | "--init-file" | "-O") {
                words.next();
            } else if let Some(letters) = value.strip_prefix('-').filter(|letters| !letters.starts_with('-'))
            {
                is_command |= letters.contains('c');
                reads_input |= letters.contains('s');
                // The value of `o` is the next word, as in `-euo pipefail`.
                if letters.ends_with('o') {
                    words.next();
                }
            } else if value.starts_with("--") {
                continue;
            } else if is_command {
                // Behind the script, the name of the shell, and arguments of the script.
                let arguments = words.skip(1).map(|word| Word { is_passed: true, ..word.clone() }).collect();
                let outer = self.variables.exchange_arguments(Some(arguments));
                self.script_with_input(&word.text, input, chain);
                self.variables.exchange_arguments(outer);
                return;
            } else if reads_input {
                break;
            } else {
                self.call_script(word);
                let name = word.base_name();
                return self.guess(&name, words.as_slice(), input, chain);
            }
        }
        input.texts.iter().for_each(|script| self.script(script, chain));
        if let Some(file) = input.file.as_ref().filter(|_| input.texts.is_empty()) {
            self.call_script(file);
        }
    }

    /// Reads the arguments of PowerShell and of cmd.exe.
    pub(super) fn windows_shell(&mut self, rest: &[Word], chain: &Chain) {
        const OPTIONS: [&str; 5] = ["-command", "-c", "/c", "/k", "-cmd"];
        let is = |word: &Word, name: &str| word.value().eq_ignore_ascii_case(name);
        let at = rest.iter().position(|word| OPTIONS.iter().any(|option| is(word, option)));
        if let Some(script) = at.and_then(|at| rest.get(at + 1..)) {
            return self.script(&joined(script, b' '), chain);
        }
        let operand = rest.iter().find(|word| !is_option(word));
        if let Some(file) = operand {
            self.call_script(file);
        }
    }

    /// Notes the compose file whose services are started.
    pub(super) fn compose(&mut self, name: &str, rest: &[Word]) {
        let Some(files) = container::composed_files(name, rest) else { return };
        let place = rest.first().map(|word| word.text.place(0));
        let default =
            ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"].map(str::to_owned);
        for file in if files.is_empty() { default.to_vec() } else { files } {
            let folder = self.context.folder.as_deref().filter(|folder| !folder.is_empty());
            let path = folder.map_or_else(|| file.clone(), |folder| format!("{folder}/{file}"));
            self.extract.call(Callee::Script(path), place, &self.context);
        }
    }

    fn call_script(&mut self, word: &Word) {
        let script = Word { text: Text::at(word.text.place(0), "sh"), ..Word::default() };
        self.call(&[script, word.clone()]);
    }

    pub(super) fn env(&mut self, rest: &[Word], input: &ScriptInput, mut chain: Chain) {
        let mut index = 0;
        while let Some(word) = rest.get(index) {
            let value = word.value();
            if matches!(value.as_str(), "-u" | "-C" | "--unset" | "--chdir") {
                index += 1;
            } else if matches!(value.as_str(), "-S" | "--split-string") {
                let script = joined(rest.get(index + 1..).unwrap_or_default(), b' ');
                return self.script(&script, &chain);
            } else if let Some((name, value)) = word.split_at_equals().filter(|_| !value.starts_with('-')) {
                self.declare(&name, &value);
                chain.assign(&[(name, value)]);
            } else if !value.starts_with('-') {
                return self.words(rest.get(index..).unwrap_or_default(), input, &chain);
            }
            index += 1;
        }
    }

    pub(super) fn find(&mut self, rest: &[Word], input: &ScriptInput, chain: &Chain) {
        let mut words = rest;
        while let Some(action) = words
            .iter()
            .position(|word| ["-exec", "-execdir", "-ok", "-okdir"].iter().any(|name| word.is(name)))
        {
            words = words.get(action + 1..).unwrap_or_default();
            let end = words.iter().position(|word| word.is(";") || word.is("+")).unwrap_or(words.len());
            self.words(words.get(..end).unwrap_or_default(), input, chain);
            words = words.get(end..).unwrap_or_default();
        }
    }

    /// Reads `pm2 start 'go run .'` and `pm2 start go -- run .`.
    pub(super) fn process_manager(&mut self, rest: &[Word], input: &ScriptInput, chain: &Chain) {
        let Some(start) = rest.iter().position(|word| word.is("start")) else { return };
        let behind = rest.get(start + 1..).unwrap_or_default();
        let Some(operand) = behind.iter().find(|word| !is_option(word)) else { return };
        if operand.text.bytes().contains(&b' ') {
            return self.script(&operand.text, chain);
        }
        let dashes = behind.iter().position(|word| word.is("--"));
        let mut words = vec![operand.clone()];
        words.extend(dashes.and_then(|dashes| behind.get(dashes + 1..)).unwrap_or_default().iter().cloned());
        self.words(&words, input, chain);
    }
}
