//! From a simple command to the programs that it starts: through wrappers, shells and scripts in arguments.

mod callee;
mod container;
mod variable_prefix;
mod wrapper;

use crate::{
    extract::{Context, Declaration, Extract, FoundCommand},
    shell::{self, DECLARATIONS, MAX_DEPTH, SimpleCommand, Variables},
    text::Text,
    word::Word,
};
use variable_prefix::behind_hole;
use wrapper::{Form, Wrapper};

/// Variables of the go command that are looked at.
pub const GO_ENVIRONMENT: [&str; 11] = [
    "GOFLAGS",
    "GOSUMDB",
    "GONOSUMDB",
    "GONOSUMCHECK",
    "GOPRIVATE",
    "GOINSECURE",
    "GOPROXY",
    "GO111MODULE",
    "GOCACHE",
    "GOTMPDIR",
    "GOTOOLCHAIN",
];

/// The programs in front of a command.
#[derive(Clone, Debug, Default)]
struct Chain {
    wrappers: Vec<String>,
    assignments: Vec<(String, Word)>,
    is_watched: bool,
    is_guessed: bool,
    depth: usize,
}

impl Chain {
    /// Adds the assignments that matter to the go command.
    fn assign(&mut self, assignments: &[(String, Word)]) {
        let of_go = assignments.iter().filter(|(name, _)| GO_ENVIRONMENT.contains(&name.as_str()));
        self.assignments.extend(of_go.cloned());
    }
}

/// Collects the programs that commands start.
pub struct CommandReader<'a> {
    /// Place of what is read.
    pub context: Context,
    /// Variables that are known in front of the first command.
    pub variables: Variables,
    /// Receives what is found.
    pub extract: &'a mut Extract,
    /// Files that the scripts write, each with its path and content.
    pub written: Vec<(String, Text)>,
}

impl<'a> CommandReader<'a> {
    /// Creates a reader for one place.
    #[must_use]
    pub fn new(context: &Context, extract: &'a mut Extract) -> Self {
        Self { context: context.clone(), variables: Variables::default(), extract, written: Vec::new() }
    }

    /// Reads a script.
    pub fn read_script(&mut self, script: &Text) {
        self.script(script, &Chain::default());
    }

    /// Reads a command whose words are given, as by exec(2).
    pub fn read_words(&mut self, words: Vec<Word>) {
        self.command(&SimpleCommand { words, ..SimpleCommand::default() }, &Chain::default());
    }

    fn script(&mut self, script: &Text, chain: &Chain) {
        if chain.depth >= MAX_DEPTH {
            self.extract.skip("scripts in scripts are too deep; the innermost ones are not looked at");
            return;
        }
        if !self.extract.spend(script.len()) {
            return;
        }
        let chain = Chain { depth: chain.depth + 1, ..chain.clone() };
        let before = self.variables.expanded();
        let commands = shell::parse(script, &mut self.variables);
        if !self.extract.spend(self.variables.expanded() - before) {
            return;
        }
        for (index, command) in commands.iter().enumerate() {
            self.command(command, &chain);
            let next = commands.get(index + 1).filter(|_| command.is_piped);
            let is_read =
                next.is_some_and(|next| next.words.len() <= 2 && next.words.first().is_some_and(is_shell));
            if is_read {
                self.printed_script(command, &chain);
            }
        }
    }

    /// Reads the script that a command prints into a shell.
    fn printed_script(&mut self, command: &SimpleCommand, chain: &Chain) {
        let Some(name) = command.words.first().map(Word::base_name) else { return };
        match name.as_str() {
            "cat" => command.input.iter().for_each(|input| self.script(input, chain)),
            "echo" | "printf" => {
                for word in command.words.iter().skip(1) {
                    self.script(&word.text, chain);
                }
            }
            _ => {}
        }
    }

    fn command(&mut self, command: &SimpleCommand, chain: &Chain) {
        for (name, value) in &command.assignments {
            self.declare(name, value);
        }
        let mut chain = chain.clone();
        chain.assign(&command.assignments);
        if let (Some(output), [content, ..]) = (&command.output, command.input.as_slice()) {
            self.written.push((output.value(), content.clone()));
        }
        let Some(first) = command.words.first() else { return };
        if matches!(first.base_name().as_str(), "tee" | "sudo")
            && let [content, ..] = command.input.as_slice()
        {
            let tee = command.words.iter().position(|word| word.is("tee"));
            let file = tee.and_then(|tee| command.words.get(tee + 1..)?.iter().find(|word| !is_option(word)));
            self.written.extend(file.map(|file| (file.value(), content.clone())));
        }
        if DECLARATIONS.iter().any(|name| first.is(name)) {
            for word in command.words.iter().skip(1) {
                self.declare_word(word);
            }
            return;
        }
        self.words(&command.words, &command.input, &chain);
    }

    fn declare_word(&mut self, word: &Word) {
        if let Some((name, value)) = word.split_at_equals() {
            self.declare(&name, &value);
        }
    }

    /// Notes a variable of the go command.
    pub fn declare(&mut self, name: &str, value: &Word) {
        if GO_ENVIRONMENT.contains(&name) {
            let context = self.context.clone();
            self.extract.declarations.push(Declaration {
                name: name.to_owned(),
                value: value.clone(),
                context,
            });
        }
    }

    /// Goes through the words of one command.
    fn words(&mut self, words: &[Word], input: &[Text], chain: &Chain) {
        let Some((first, rest)) = words.split_first() else { return };
        let length = words.iter().map(|word| word.text.len() + 16).sum();
        if chain.depth + chain.wrappers.len() > 4 * MAX_DEPTH || !self.extract.spend(length) {
            return;
        }
        if first.is_go_command() {
            return self.add(words, chain);
        }
        if let Some(known) = behind_hole(words) {
            return self.words(&known, input, &Chain { is_guessed: true, ..chain.clone() });
        }
        let name = first.base_name();
        if name == "cd" || name == "pushd" {
            self.change_folder(rest);
        }
        let mut inner = chain.clone();
        inner.wrappers.push(name.clone());
        match name.as_str() {
            _ if is_shell(first) => self.shell(rest, input, &inner),
            "busybox" => self.words(rest, input, chain),
            "env" => self.env(rest, input, inner),
            "find" => self.find(rest, input, &inner),
            "docker" | "podman" | "nerdctl" | "docker-compose" | "buildah" => {
                if let Some(command) = container::command(rest) {
                    self.words(&command, input, &inner);
                } else {
                    self.call(words);
                }
            }
            "pm2" | "forever" => self.process_manager(rest, input, &inner),
            _ => match wrapper::find(&name) {
                Some(wrapper) => self.wrapped(wrapper, rest, input, &inner),
                None => {
                    self.call(words);
                    self.add_other(words, chain);
                    self.guess(&name, rest, input, &inner);
                }
            },
        }
    }

    /// Follows `cd`, for the calls behind it.
    fn change_folder(&mut self, rest: &[Word]) {
        if let Some(word) = rest.iter().find(|word| !is_option(word)).filter(|word| !word.has_holes) {
            let folder = self.context.folder.clone().unwrap_or_default();
            let value = word.value();
            self.context.folder = match value.strip_prefix('/') {
                Some(_) => self.context.folder.clone(),
                None => Some(format!("{folder}/{value}")),
            };
        }
    }

    /// Looks for a go command behind `--` of a program that is not known.
    fn guess(&mut self, name: &str, rest: &[Word], input: &[Text], chain: &Chain) {
        const READERS: [&str; 14] = [
            "git", "grep", "egrep", "fgrep", "rg", "ag", "echo", "printf", "test", "[", "[[", "sed", "awk",
            "make",
        ];
        let behind = rest.iter().position(|word| word.is("--")).and_then(|dashes| rest.get(dashes + 1..));
        if let Some(command) = behind.filter(|_| !READERS.contains(&name))
            && command.first().is_some_and(Word::is_go_command)
        {
            self.words(command, input, &Chain { is_guessed: true, ..chain.clone() });
        }
    }

    fn add(&mut self, words: &[Word], chain: &Chain) {
        // A command that is judged costs more than its words, and is kept with its variables.
        let variables: usize = chain.assignments.iter().map(|(_, value)| value.text.len()).sum();
        if !self.extract.spend(512 + 8 * variables) {
            return;
        }
        let mut context = self.context.clone();
        if chain.is_watched && context.setting.is_open() {
            context.setting = crate::setting::Setting::Developer;
        }
        self.extract.commands.push(FoundCommand {
            words: words.to_vec(),
            assignments: chain.assignments.clone(),
            wrappers: chain.wrappers.clone(),
            is_guessed: chain.is_guessed,
            context,
        });
    }

    /// Adds a program that is looked at for itself.
    fn add_other(&mut self, words: &[Word], chain: &Chain) {
        if words.first().is_some_and(|word| word.base_name() == "upx") {
            self.add(words, chain);
        }
    }

    fn call(&mut self, words: &[Word]) {
        let folder = self.context.folder.clone();
        for callee in callee::of(words, folder.as_deref()) {
            let place = words.first().filter(|word| !word.text.is_empty()).map(|word| word.text.place(0));
            self.extract.call(callee, place, &self.context);
        }
    }

    /// Reads the arguments of a shell: `-c SCRIPT`, a file, or standard input.
    fn shell(&mut self, rest: &[Word], input: &[Text], chain: &Chain) {
        let mut words = rest.iter();
        let mut is_command = false;
        while let Some(word) = words.next() {
            let value = word.value();
            if value == "-o"
                || value == "+o"
                || value == "--rcfile"
                || value == "--init-file"
                || value == "-O"
            {
                words.next();
            } else if let Some(letters) = value.strip_prefix('-').filter(|letters| !letters.starts_with('-'))
            {
                is_command |= letters.contains('c');
                // The value of `o` is the next word, as in `-euo pipefail`.
                if letters.ends_with('o') {
                    words.next();
                }
            } else if value.starts_with("--") {
                continue;
            } else if is_command {
                return self.script(&word.text, chain);
            } else {
                return self.call_script(word);
            }
        }
        input.iter().for_each(|script| self.script(script, chain));
    }

    fn call_script(&mut self, word: &Word) {
        let script = Word { text: Text::at(word.text.place(0), "sh"), ..Word::default() };
        self.call(&[script, word.clone()]);
    }

    fn env(&mut self, rest: &[Word], input: &[Text], mut chain: Chain) {
        let mut index = 0;
        while let Some(word) = rest.get(index) {
            let value = word.value();
            if matches!(value.as_str(), "-u" | "-C" | "--unset" | "--chdir") {
                index += 1;
            } else if matches!(value.as_str(), "-S" | "--split-string") {
                if let Some(script) = rest.get(index + 1) {
                    self.script(&script.text, &chain);
                }
                return;
            } else if let Some((name, value)) = word.split_at_equals().filter(|_| !value.starts_with('-')) {
                self.declare(&name, &value);
                chain.assign(&[(name, value)]);
            } else if !value.starts_with('-') {
                return self.words(rest.get(index..).unwrap_or_default(), input, &chain);
            }
            index += 1;
        }
    }

    fn find(&mut self, rest: &[Word], input: &[Text], chain: &Chain) {
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
    fn process_manager(&mut self, rest: &[Word], input: &[Text], chain: &Chain) {
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

    fn wrapped(&mut self, wrapper: &Wrapper, rest: &[Word], input: &[Text], chain: &Chain) {
        let mut chain = chain.clone();
        chain.is_watched |= wrapper.is_watcher;
        if let Form::Option(names) = wrapper.form {
            self.option_scripts(names, rest, &chain);
            // `runuser -u USER COMMAND` has no option with a script.
            if !names.contains(&"-c") {
                return;
            }
        }
        if matches!(wrapper.form, Form::Operands | Form::Command) {
            let scripts: Vec<&Word> = rest.iter().filter(|word| word.text.bytes().contains(&b' ')).collect();
            scripts.into_iter().for_each(|script| self.script(&script.text, &chain));
            let command = rest.iter().position(|word| !is_option(word)).and_then(|at| rest.get(at..));
            return self.words(
                command.filter(|_| wrapper.form == Form::Command).unwrap_or_default(),
                input,
                &chain,
            );
        }
        let behind = rest.iter().position(|word| word.is("--")).and_then(|dashes| rest.get(dashes + 1..));
        if matches!(wrapper.form, Form::Dashes | Form::OnlyDashes) {
            let command = behind.or_else(|| {
                // `mise exec go run .`: the command begins at the first go command.
                let go = rest.iter().position(|word| word.is_go_command() && !word.has_holes)?;
                rest.get(go..).filter(|_| go > 0 && wrapper.form == Form::Dashes)
            });
            if let Some(command) = command {
                let mut words = command.to_vec();
                if let Some(program) = option_value(rest, &["--exec", "-x", "--startas", "-a"]) {
                    words.insert(0, program);
                }
                self.words(&words, input, &chain);
            }
            return;
        }
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
            if wrapper.valued.contains(&value.as_str()) {
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
        match wrapper.form {
            Form::Script => self.joined_script(command, input, &chain),
            _ if command.len() == 1 && command.iter().any(|word| word.text.bytes().contains(&b' ')) => {
                self.joined_script(command, input, &chain);
            }
            _ => self.words(command, input, &chain),
        }
    }

    /// Reads words that are joined to a script; without any, standard input is the script.
    fn joined_script(&mut self, words: &[Word], input: &[Text], chain: &Chain) {
        if words.is_empty() {
            return input.iter().for_each(|script| self.script(script, chain));
        }
        let mut script = Text::default();
        for word in words {
            if !script.is_empty() {
                script.push(b' ', word.text.place(0));
            }
            script.append(&word.text, None);
        }
        self.script(&script, chain);
    }

    fn option_scripts(&mut self, names: &[&str], rest: &[Word], chain: &Chain) {
        for (index, word) in rest.iter().enumerate() {
            let value = word.value();
            if names.contains(&value.as_str()) {
                if let Some(script) = rest.get(index + 1) {
                    self.script(&script.text, chain);
                }
            } else if let Some((_, script)) =
                word.split_at_equals().filter(|(name, _)| names.contains(&&**name))
            {
                self.script(&script.text, chain);
            }
        }
    }
}

/// Returns the value of the first option that is given.
fn option_value(words: &[Word], names: &[&str]) -> Option<Word> {
    let at = words.iter().position(|word| names.iter().any(|name| word.is(name)))?;
    words.get(at + 1).cloned()
}

fn is_option(word: &Word) -> bool {
    word.text.bytes().first() == Some(&b'-') && word.text.len() > 1
}

fn is_assignment(value: &str) -> bool {
    value.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// Whether a word names a shell.
fn is_shell(word: &Word) -> bool {
    matches!(
        word.base_name().as_str(),
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "mksh" | "fish" | "rbash"
    )
}
