//! A FUSE file system with one program in it, which does not answer tracego: the file system that a hostile user
//! or a dead server makes. Speaks the kernel's protocol itself (linux/fuse.h), so that nothing is to be installed.
//!
//! `hangfs PROGRAM FOLDER MODE RELEASE`: shows PROGRAM as FOLDER/prog. MODE is the request that tracego gets no
//! answer to, `getattr`, `open` or `read`, or `plain` for none; `private` is `plain` and shows the files to user 65534
//! alone. When the file RELEASE exists, all are answered.
#![expect(clippy::unwrap_used, reason = "a server that cannot go on ends its test")]

use std::{
    ffi::CString,
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::{
        fd::AsRawFd as _,
        unix::fs::{FileExt as _, MetadataExt as _},
    },
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const STATFS: u32 = 17;
const RELEASE: u32 = 18;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const ACCESS: u32 = 34;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;

struct Server {
    device: File,
    program: File,
    hangs_at: u32,
    release: PathBuf,
    /// Requests without an answer.
    held: Mutex<Vec<Vec<u8>>>,
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

impl Server {
    /// Whether a thread belongs to tracego.
    fn is_tracego(pid: u32) -> bool {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let tgid = status.lines().find_map(|line| line.strip_prefix("Tgid:")).unwrap_or_default();
        let exe = fs::read_link(format!("/proc/{}/exe", tgid.trim())).unwrap_or_default();
        exe.file_name().is_some_and(|name| name == "tracego")
    }

    fn attributes(&self, node: u64) -> Vec<u8> {
        let size = if node == 1 { 0 } else { self.program.metadata().unwrap().size() };
        let mut out = Vec::new();
        for value in [node + 6, size, size.div_ceil(512), 1000, 1000, 1000] {
            out.extend_from_slice(&u64::to_ne_bytes(value));
        }
        let mode = if node == 1 { libc::S_IFDIR } else { libc::S_IFREG } | 0o755;
        for value in [0, 0, 0, mode, 1, 0, 0, 0, 4096, 0] {
            out.extend_from_slice(&u32::to_ne_bytes(value));
        }
        out
    }

    fn answer(&self, request: &[u8]) {
        let (opcode, unique, node) = (word(request, 4), number(request, 8), number(request, 16));
        let body = &request[40..];
        let valid = [0_u8; 16];
        let answer: Result<Vec<u8>, i32> = match opcode {
            INIT => {
                let mut out = [7_u32, 31, 0, 0, 0, 1 << 17, 1].map(u32::to_ne_bytes).concat();
                out.resize(64, 0);
                Ok(out)
            }
            LOOKUP if node == 1 && body.starts_with(b"prog\0") => {
                let ids = [2_u64, 0, 1, 0].map(u64::to_ne_bytes).concat();
                Ok([ids, vec![0; 8], self.attributes(2)].concat())
            }
            LOOKUP => Err(libc::ENOENT),
            GETATTR => Ok([valid.to_vec(), self.attributes(node)].concat()),
            // Past the page cache (FOPEN_DIRECT_IO): a read that hangs would lock pages that the program needs.
            OPEN => Ok([[0_u32; 2], [1, 0]].concat().into_iter().flat_map(u32::to_ne_bytes).collect()),
            READ => {
                let mut bytes = vec![0; word(body, 16) as usize];
                let read = self.program.read_at(&mut bytes, number(body, 8)).unwrap();
                bytes.truncate(read);
                Ok(bytes)
            }
            STATFS => Ok(vec![0; 80]),
            RELEASE | FLUSH | ACCESS => Ok(Vec::new()),
            _ => Err(libc::ENOSYS),
        };
        let (error, bytes) = answer.map_or_else(|error| (-error, Vec::new()), |bytes| (0, bytes));
        let length = u32::try_from(16 + bytes.len()).unwrap();
        let head = [&length.to_ne_bytes()[..], &error.to_ne_bytes(), &unique.to_ne_bytes()].concat();
        // An error means that nobody waits for the answer any more.
        let _sent = (&self.device).write_all(&[head, bytes].concat());
    }

    fn serve(&self) {
        let mut buffer = vec![0; 1 << 18];
        loop {
            let Ok(read) = (&self.device).read(&mut buffer) else { return };
            let request = &buffer[..read];
            let (opcode, pid) = (word(request, 4), word(request, 32));
            if matches!(opcode, FORGET | BATCH_FORGET | INTERRUPT) {
                continue;
            }
            let hangs = opcode == self.hangs_at && Self::is_tracego(pid) && !self.release.exists();
            if hangs {
                self.held.lock().unwrap().push(request.to_vec());
            } else {
                self.answer(request);
            }
        }
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().unwrap();
    let (program, folder, mode, release) = (next(), next(), next(), PathBuf::from(next()));
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").unwrap();
    let shown_to =
        if mode == "private" { "user_id=65534,group_id=65534" } else { "user_id=0,group_id=0,allow_other" };
    let options = format!("fd={},rootmode=40000,{shown_to}", device.as_raw_fd());
    let [source, target, kind, options] =
        ["hangfs", &folder, "fuse", &options].map(|text| CString::new(text).unwrap());
    // SAFETY: four texts that end with a zero byte.
    let mounted =
        unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), 0, options.as_ptr().cast()) };
    assert_eq!(mounted, 0, "{}", std::io::Error::last_os_error());
    let hangs_at = match mode.as_str() {
        "getattr" => GETATTR,
        "open" => OPEN,
        "read" => READ,
        _ => 0,
    };
    let program = File::open(program).unwrap();
    let server = Arc::new(Server { device, program, hangs_at, release, held: Mutex::default() });
    let releasing = Arc::clone(&server);
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_millis(20));
            if releasing.release.exists() {
                for request in std::mem::take(&mut *releasing.held.lock().unwrap()) {
                    releasing.answer(&request);
                }
            }
        }
    });
    server.serve();
}
