//! Chromium without a window, driven by the DevTools protocol over a pipe.

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;
use tracego_tests::debian;

/// A browser that gives no answer for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);
const PROGRAM: &str = "chromium-headless-shell";
/// Gives Chromium its protocol on the descriptors 3 and 4, which are the pipes of the harness.
const PIPES: &str = r#"exec "$@" 3<&0 4>&1 0</dev/null 1>&2 2>/dev/null"#;
const OPTIONS: [&str; 9] = [
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
];

/// Chromium and the fonts that pictures of the page have.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    program: PathBuf,
    libraries: String,
    fonts: Option<PathBuf>,
}

impl Installation {
    /// Finds Chromium on this machine, or unpacks that of Debian below `target`.
    ///
    /// # Errors
    /// Names what is missing, in few words.
    pub(crate) fn new() -> Result<Self, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let installed =
            std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|program| program.exists());
        let fonts = debian::packages(&["fonts-inter", "fonts-jetbrains-mono"]).ok();
        if let Some(program) = installed {
            return Ok(Self { program, libraries: String::new(), fonts });
        }
        let folder = debian::packages_with_dependencies(&[PROGRAM])?;
        let mut libraries = Vec::new();
        for entry in fs::read_dir(folder.join("usr/lib")).map_err(|error| error.to_string())? {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.to_string_lossy().contains("-linux-") {
                libraries.push(path.join("pulseaudio").to_string_lossy().into_owned());
                libraries.push(path.to_string_lossy().into_owned());
            }
        }
        let program = folder.join("usr/lib/chromium").join(PROGRAM);
        Ok(Self { program, libraries: libraries.join(":"), fonts })
    }

    fn command(&self, profile: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", PIPES, "sh"]).arg(&self.program).args(OPTIONS);
        command.arg(format!("--user-data-dir={}", profile.display())).arg("about:blank");
        if !self.libraries.is_empty() {
            command.env("LD_LIBRARY_PATH", &self.libraries);
        }
        if let Some(fonts) = &self.fonts {
            let file = profile.join("fonts.conf");
            let folder = fonts.join("usr/share/fonts");
            let text = FONTS.replace("FOLDER", &folder.display().to_string());
            fs::write(&file, text.replace("CACHE", &profile.join("fonts").display().to_string())).unwrap();
            command.env("FONTCONFIG_FILE", file);
        }
        command
    }
}

/// Pictures look the same on every machine that gets these fonts.
const FONTS: &str = r#"<?xml version="1.0"?><fontconfig><dir>FOLDER</dir><dir>/usr/share/fonts</dir><cachedir>CACHE</cachedir>
<alias binding="same"><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
<alias binding="same"><family>ui-sans-serif</family><prefer><family>Inter</family></prefer></alias>
<alias binding="same"><family>ui-monospace</family><prefer><family>JetBrains Mono</family></prefer></alias>
</fontconfig>"#;

/// A browser with one page. It ends when it is dropped.
pub(crate) struct Browser {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    events: VecDeque<Value>,
    session: Option<String>,
    next: u64,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser with an empty page of this size.
    pub(crate) fn start(installation: &Installation, size: (u32, u32), is_dark: bool) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = installation.command(profile.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let requests = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                message.pop();
                let value = serde_json::from_slice(&message).unwrap();
                message.clear();
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let (events, session) = (VecDeque::new(), None);
        let mut browser = Self { child, requests, answers, events, session, next: 0, _profile: profile };
        let targets = browser.call("Target.getTargets", json!({}));
        let targets = targets["targetInfos"].as_array().unwrap();
        let page = targets.iter().find(|target| target["type"] == "page").unwrap()["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": page, "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        let (width, height) = size;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", metrics);
        browser.prefer(is_dark, false);
        browser
    }

    /// Calls a method of the protocol and returns its result.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut request = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&request).unwrap();
        bytes.push(0);
        self.requests.write_all(&bytes).unwrap();
        loop {
            let message =
                self.answers.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{method}: no answer"));
            if message["id"] != id {
                self.events.push_back(message);
                continue;
            }
            assert!(message["error"].is_null(), "{method}: {}", message["error"]);
            return message["result"].clone();
        }
    }

    /// Waits for an event.
    fn wait(&mut self, name: &str) {
        loop {
            if let Some(at) = self.events.iter().position(|event| event["method"] == name) {
                self.events.remove(at);
                return;
            }
            let message =
                self.answers.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{name} did not happen"));
            self.events.push_back(message);
        }
    }

    /// Loads a file and waits until its page has been drawn. `fragment` is empty or begins with `#`.
    pub(crate) fn open(&mut self, file: &Path, fragment: &str) {
        self.events.clear();
        // Only a new document loads when the fragment alone is another one.
        self.call("Page.navigate", json!({ "url": "about:blank" }));
        self.wait("Page.loadEventFired");
        self.navigate(file, fragment);
        self.settle();
    }

    /// Loads a file whose scripts may be switched off.
    pub(crate) fn show(&mut self, file: &Path) {
        self.navigate(file, "");
    }

    fn navigate(&mut self, file: &Path, fragment: &str) {
        self.events.clear();
        self.call("Page.navigate", json!({ "url": format!("file://{}{fragment}", file.display()) }));
        self.wait("Page.loadEventFired");
    }

    /// Waits until two frames have been drawn.
    pub(crate) fn settle(&mut self) {
        self.value(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))",
        );
    }

    /// Waits until a condition holds in the page, however long its own delays and a busy machine take.
    pub(crate) fn until(&mut self, condition: &str) {
        self.value(&format!(
            "new Promise((done) => {{ const look = () => (({condition}) ? done(0) : setTimeout(look, 20)); look(); }})"
        ));
        self.settle();
    }

    /// Evaluates an expression in the page, as the tools of a developer do, and returns its value.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let options = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", options);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Returns the value of an expression as text.
    pub(crate) fn text(&mut self, expression: &str) -> String {
        self.value(expression).as_str().unwrap_or_else(|| panic!("{expression} is no text")).to_owned()
    }

    /// Returns the text of the element with this id.
    pub(crate) fn content(&mut self, id: &str) -> String {
        self.text(&format!("document.getElementById('{id}').textContent"))
    }

    /// Presses and releases a key; `text` is what it writes.
    pub(crate) fn press(&mut self, key: &str, has_shift: bool) {
        let is_text = key.chars().count() == 1;
        let text = if key == "Enter" { "\r" } else { key };
        let modifiers = if has_shift { 8 } else { 0 };
        let mut down = json!({ "type": "rawKeyDown", "key": key, "code": key, "modifiers": modifiers });
        if is_text || key == "Enter" {
            down["type"] = json!("keyDown");
            down["text"] = json!(text);
        }
        let codes = [
            ("Enter", 13),
            ("Escape", 27),
            ("Tab", 9),
            ("ArrowLeft", 37),
            ("ArrowUp", 38),
            ("ArrowRight", 39),
            ("ArrowDown", 40),
        ];
        if let Some((_, code)) = codes.iter().find(|(name, _)| *name == key) {
            down["windowsVirtualKeyCode"] = json!(code);
        }
        self.call("Input.dispatchKeyEvent", down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "code": key, "modifiers": modifiers }),
        );
        self.settle();
    }

    /// Writes a text, as a keyboard does.
    pub(crate) fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Sends an event of the mouse.
    pub(crate) fn mouse(&mut self, kind: &str, at: (f64, f64), has_button: bool) {
        let button = if has_button { "left" } else { "none" };
        let (x, y) = at;
        let event = json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": u8::from(has_button), "clickCount": 1 });
        self.call("Input.dispatchMouseEvent", event);
    }

    /// Clicks at a point.
    pub(crate) fn click(&mut self, at: (f64, f64)) {
        for kind in ["mousePressed", "mouseReleased"] {
            self.mouse(kind, at, true);
        }
        self.settle();
    }

    /// Says whether the person wants a dark page, and one without motion.
    pub(crate) fn prefer(&mut self, is_dark: bool, is_still: bool) {
        let motion = if is_still { "reduce" } else { "no-preference" };
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": motion }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Writes a picture of the page.
    pub(crate) fn picture(&mut self, file: &Path) {
        self.settle();
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        fs::write(file, STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// Writes a picture of the page that is small enough for a repository.
    pub(crate) fn small_picture(&mut self, file: &Path) {
        self.settle();
        let picture = self.call("Page.captureScreenshot", json!({ "format": "webp", "quality": 82 }));
        fs::write(file, STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// Returns all complaints of the browser since the page was opened, and all requests but that for the page itself.
    pub(crate) fn problems(&mut self, file: &Path) -> Vec<String> {
        // The answer comes after all events before it.
        self.settle();
        let own = format!("file://{}", file.display());
        let is_problem = |event: &&Value| match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown"
            | "Runtime.consoleAPICalled"
            | "Log.entryAdded"
            | "Audits.issueAdded" => true,
            "Page.javascriptDialogOpening" | "Page.windowOpen" | "Page.downloadWillBegin" => true,
            "Network.requestWillBeSent" => {
                let url = event["params"]["request"]["url"].as_str().unwrap_or_default();
                url != own && url != "about:blank"
            }
            _ => false,
        };
        self.events.iter().filter(is_problem).map(ToString::to_string).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _may_have_ended = self.child.wait();
    }
}
