//! From a simple command to the programs that it starts: through wrappers, shells and scripts in arguments.

mod callee;
mod container;
mod declaration;
mod program;
mod script_input;
mod unknown;
mod variable_prefix;
mod wrapped;
mod wrapper;
mod written_file;

use crate::{
    extract::{Context, Extract, FoundCommand},
    shell::{self, DECLARATIONS, MAX_DEPTH, SimpleCommand, Variables},
    text::Text,
    word::Word,
    written_file::WrittenFile,
};
use script_input::{ScriptInput, connect_pipes};
use variable_prefix::behind_hole;

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
    /// Files of no known kind that the scripts write, each with its name and content.
    written: Vec<(String, Text)>,
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
        self.script_with_input(script, &ScriptInput::default(), chain);
    }

    /// Reads a script. If it is one command, that has the standard input.
    fn script_with_input(&mut self, script: &Text, input: &ScriptInput, chain: &Chain) {
        if chain.depth >= MAX_DEPTH {
            self.extract.skip("scripts in scripts are too deep; the innermost ones are not looked at");
            return;
        }
        if !self.extract.spend(script.len()) {
            return;
        }
        let chain = Chain { depth: chain.depth + 1, ..chain.clone() };
        let before = self.variables.expanded();
        let mut commands = shell::parse(script, &mut self.variables);
        if self.variables.is_exhausted() {
            self.extract
                .skip("its variables and functions expand to too much; some of them are not looked at");
        }
        if !self.extract.spend(self.variables.expanded() - before) {
            return;
        }
        if let [only] = commands.as_mut_slice() {
            only.input.extend(input.texts.iter().cloned());
            only.input_file = only.input_file.take().or_else(|| input.file.clone());
        }
        connect_pipes(&mut commands);
        for command in &commands {
            self.command(command, &chain);
        }
    }

    fn command(&mut self, command: &SimpleCommand, chain: &Chain) {
        for (name, value) in &command.assignments {
            self.declare(name, value);
        }
        let mut chain = chain.clone();
        chain.assign(&command.assignments);
        self.read_written(command, &chain);
        let Some(first) = command.words.first() else { return };
        if DECLARATIONS.iter().any(|name| first.is(name)) {
            for word in command.words.iter().skip(1) {
                self.declare_word(word);
            }
            return;
        }
        if command.is_function {
            return;
        }
        for (_, value) in &command.assignments {
            self.read_given(value, &chain);
        }
        self.words(&command.words, &ScriptInput::of(command), &chain);
    }

    /// Goes through the words of one command.
    fn words(&mut self, words: &[Word], input: &ScriptInput, chain: &Chain) {
        let Some((first, rest)) = words.split_first() else { return };
        let length = words.iter().map(|word| word.text.len() + 16).sum();
        if chain.depth + chain.wrappers.len() > 4 * MAX_DEPTH || !self.extract.spend(length) {
            return;
        }
        if first.is_go_command() {
            self.declare_settings(rest);
            return self.add(words, chain);
        }
        if let Some(known) = behind_front(words) {
            let is_watched = chain.is_watched || matches!(first.base_name().as_str(), "gow" | "wgo");
            return self.words(&known, input, &Chain { is_watched, ..chain.clone() });
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
        if !self.written.is_empty() {
            self.run_written(words, &inner);
        }
        match name.as_str() {
            _ if is_shell(first) => self.shell(rest, input, &inner),
            "npm" | "yarn" | "pnpm" | "bun"
                if rest.first().is_some_and(|verb| ["dlx", "exec", "x"].iter().any(|name| verb.is(name))) =>
            {
                let command =
                    rest.iter().skip(1).position(|word| !is_option(word)).map_or(rest.len(), |at| at + 1);
                self.words(rest.get(command..).unwrap_or_default(), input, &inner);
            }
            "powershell" | "pwsh" | "cmd" => self.windows_shell(rest, &inner),
            "source" | "." if rest.first().is_some_and(|file| file.is("/dev/stdin")) => {
                input.texts.iter().for_each(|script| self.script(script, &inner));
            }
            "crontab" => input.texts.iter().for_each(|table| {
                self.extract.write(WrittenFile::Crontab { has_user: false }, table);
            }),
            "env" => self.env(rest, input, inner),
            "find" => self.find(rest, input, &inner),
            "docker" | "podman" | "nerdctl" | "docker-compose" | "buildah" => {
                self.compose(&name, rest);
                if let Some(command) = container::command(rest) {
                    self.words(&command, input, &inner);
                } else if let Some(mut build) = container::image_build(rest) {
                    if let Some(folder) = self.context.folder.as_deref().filter(|folder| !folder.is_empty()) {
                        build.folder = format!("{folder}/{}", build.folder);
                    }
                    self.extract.add_build(build);
                } else {
                    self.call(words);
                }
            }
            "pm2" | "forever" => self.process_manager(rest, input, &inner),
            _ => match wrapper::find(&name) {
                Some(wrapper) => {
                    self.call(words);
                    self.wrapped(wrapper, rest, input, &inner);
                }
                None => {
                    self.call(words);
                    self.read_settings(&name, rest, &inner);
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
}

/// Returns the words behind a program that stands in the place of the go command, such as `richgo run .` and `gow run .`.
fn behind_front(words: &[Word]) -> Option<Vec<Word>> {
    let (first, rest) = words.split_first()?;
    if !matches!(first.base_name().as_str(), "richgo" | "gow" | "wgo" | "garble") {
        return None;
    }
    if let Some(go) = rest.iter().position(Word::is_go_command) {
        return rest.get(go..).map(<[Word]>::to_vec);
    }
    let go = Word { text: Text::at(first.text.place(0), "go"), ..Word::default() };
    Some(std::iter::once(go).chain(rest.iter().cloned()).collect())
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
