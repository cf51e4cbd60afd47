//! The HTML timeline in a real browser.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
mod golden_job;
mod jobs;
mod keyboard;
mod pictures;
mod robustness;
mod scale;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use libtest_mimic::Arguments;
use tempfile::TempDir;
use tracego_report::html::TimelineData;
use tracego_tests::trial;

use browser::{Browser, Installation};

const TESTS: [(&str, fn()); 17] = [
    ("a hostile job runs nothing, requests nothing and is shown as it is", robustness::hostile_job),
    ("the browser reports what the page must not do", robustness::control),
    ("very long arguments are cut until somebody asks", robustness::long_arguments),
    ("jobs without processes, findings or ends have a page", robustness::small_jobs),
    ("data that is cut is reported", robustness::damaged_data),
    ("without scripts the findings are there", robustness::without_scripts),
    ("search, matches and details are reached by keys", keyboard::search),
    ("the tree of processes is walked by keys", keyboard::tree),
    ("the table is a tree grid with the same processes", keyboard::table),
    ("filters, legend and findings lead to processes", keyboard::filters),
    ("addresses name a process and a stretch of time", keyboard::links),
    ("the mouse zooms, moves and selects", keyboard::mouse),
    ("an interaction costs about as much in a hundred times as many processes", scale::interactions),
    ("jobs of an extreme shape have a page", scale::extreme_shapes),
    ("a print has the verdict, the findings and the slowest processes", pictures::print),
    ("both themes can be read, and are chosen by the system or the person", pictures::themes),
    ("pictures of the page", pictures::pictures),
];

static INSTALLATION: OnceLock<Result<Installation, String>> = OnceLock::new();

fn main() {
    let missing = INSTALLATION.get_or_init(Installation::new).as_ref().err().cloned();
    let trials = TESTS.map(|(name, test)| trial(name, missing.clone(), test)).into();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A browser with the page of a job.
struct OpenPage {
    browser: Browser,
    file: PathBuf,
    _folder: TempDir,
}

impl OpenPage {
    /// Opens a page in a window of 1440 × 900.
    fn new(data: &TimelineData) -> Self {
        Self::sized(data, (1440, 900), false)
    }

    fn sized(data: &TimelineData, size: (u32, u32), is_dark: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("timeline.html");
        fs::write(&file, page(data)).unwrap();
        let browser = browser(size, is_dark);
        let mut page = Self { browser, file, _folder: folder };
        page.open("");
        page
    }

    fn open(&mut self, fragment: &str) {
        let file = self.file.clone();
        self.browser.open(&file, fragment);
    }

    /// Fails if the browser complained.
    fn assert_clean(&mut self) {
        let problems = self.browser.problems(&self.file.clone());
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

fn browser(size: (u32, u32), is_dark: bool) -> Browser {
    Browser::start(INSTALLATION.get().unwrap().as_ref().unwrap(), size, is_dark)
}

fn page(data: &TimelineData) -> Vec<u8> {
    let mut page = Vec::new();
    tracego_report::html::write(data, &mut page).unwrap();
    page
}

/// Returns the folder for what a person looks at.
fn shown_folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("timeline");
    fs::create_dir_all(&folder).unwrap();
    folder
}
