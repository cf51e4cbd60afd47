//! Builds small ELF files with every part that the reader uses.

/// The content of a file.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) is_64: bool,
    pub(crate) big_endian: bool,
    /// `ET_DYN` instead of `ET_EXEC`.
    pub(crate) any_address: bool,
    pub(crate) interpreter: Option<String>,
    pub(crate) needed: Vec<String>,
    pub(crate) soname: bool,
    /// `DF_1_PIE`.
    pub(crate) pie: bool,
    pub(crate) gnu_id: Option<Vec<u8>>,
    pub(crate) go_id: Option<String>,
    /// Whether there are section headers.
    pub(crate) sections: bool,
    pub(crate) symbols: bool,
    pub(crate) debug: bool,
    /// Number of bytes of a writable segment before the data, as in a PIE.
    pub(crate) relro: usize,
    /// Number of bytes of data before the build information.
    pub(crate) before: usize,
    /// Content of the data segment.
    pub(crate) data: Data,
}

/// Go's build information.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    None,
    /// Format of Go 1.18 and later.
    Inline {
        version: Vec<u8>,
        modules: Vec<u8>,
    },
    /// Format of earlier versions.
    Pointers {
        version: Vec<u8>,
        modules: Vec<u8>,
    },
    /// Any bytes.
    Raw(Vec<u8>),
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            is_64: true,
            big_endian: false,
            any_address: false,
            interpreter: None,
            needed: Vec::new(),
            soname: false,
            pie: false,
            gnu_id: None,
            go_id: None,
            sections: true,
            symbols: true,
            debug: false,
            relro: 0,
            before: 0,
            data: Data::None,
        }
    }
}

/// Puts modules and settings between the two frames of cmd/go/internal/modload (Go 1.27).
pub(crate) fn framed(lines: &str) -> Vec<u8> {
    const START: &[u8; 16] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
    const END: &[u8; 16] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
    [START.as_slice(), lines.as_bytes(), END].concat()
}

/// Address of the file in memory.
const BASE: u64 = 0x40_0000;
const PAGE: usize = 4096;

/// A growing file, in the byte order of its target machine.
struct File<'a> {
    spec: &'a Spec,
    bytes: Vec<u8>,
}

impl File<'_> {
    fn number(&mut self, value: u64, size: usize) {
        let bytes = value.to_be_bytes();
        let bytes = &bytes[8 - size..];
        if self.spec.big_endian {
            self.bytes.extend(bytes);
        } else {
            self.bytes.extend(bytes.iter().rev());
        }
    }

    fn half(&mut self, value: u64) {
        self.number(value, 2);
    }

    fn word(&mut self, value: u64) {
        self.number(value, 4);
    }

    /// Writes a number of 4 or 8 bytes, the word size.
    fn size(&mut self, value: u64) {
        self.number(value, if self.spec.is_64 { 8 } else { 4 });
    }

    fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    fn here(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn address(&self) -> u64 {
        BASE + self.here()
    }
}

/// Kind, flags, offset, size in bytes.
type Segment = (u64, u64, u64, u64);
/// Name, kind, address, offset, size in bytes.
type Section = (&'static str, u64, u64, u64, u64);

/// Builds a file.
pub(crate) fn elf(spec: &Spec) -> Vec<u8> {
    let mut file = File { spec, bytes: Vec::new() };
    let (header, segment_size) = if spec.is_64 { (64, 56) } else { (52, 32) };
    let mut segments: Vec<Segment> = Vec::new();
    let mut sections: Vec<Section> = vec![("", 0, 0, 0, 0)];
    // Room for the header and for up to 7 segments.
    file.bytes.resize(header + 7 * segment_size, 0);

    if let Some(name) = &spec.interpreter {
        let at = file.here();
        file.bytes.extend(name.as_bytes());
        file.bytes.push(0);
        segments.push((3, 4, at, file.here() - at));
    }
    let ids =
        [(&b"Go\0\0"[..], 4, spec.go_id.clone().map(String::into_bytes)), (b"GNU\0", 3, spec.gnu_id.clone())];
    for (name, kind, id) in ids {
        let Some(id) = id else { continue };
        file.align(4);
        let at = file.here();
        file.word(4);
        file.word(id.len() as u64);
        file.word(kind);
        file.bytes.extend(name);
        file.bytes.extend(&id);
        file.align(4);
        segments.push((4, 4, at, file.here() - at));
    }
    if !spec.needed.is_empty() || spec.soname || spec.pie {
        let table = file.address();
        let names: Vec<u64> = spec
            .needed
            .iter()
            .map(|name| {
                let at = file.address() - table;
                file.bytes.extend(name.as_bytes());
                file.bytes.push(0);
                at
            })
            .collect();
        file.align(8);
        let at = file.here();
        let mut entries: Vec<(u64, u64)> = names.into_iter().map(|name| (1, name)).collect();
        entries.push((5, table));
        entries.extend(spec.soname.then_some((14, 0)));
        entries.extend(spec.pie.then_some((0x6fff_fffb, 0x0800_0000)));
        entries.push((0, 0));
        for (tag, value) in entries {
            file.size(tag);
            file.size(value);
        }
        segments.push((2, 6, at, file.here() - at));
    }
    segments.insert(0, (1, 5, 0, file.here()));

    if spec.relro > 0 {
        file.align(PAGE);
        let at = file.here();
        file.bytes.resize(file.bytes.len() + spec.relro, 0x55);
        segments.push((1, 6, at, spec.relro as u64));
    }
    if !matches!(spec.data, Data::None) || spec.before > 0 {
        file.align(PAGE);
        let at = file.here();
        file.bytes.resize(file.bytes.len() + spec.before, 0x55);
        let (from, address) = (file.here(), file.address());
        data(&mut file);
        sections.push((".go.buildinfo", 1, address, from, file.here() - from));
        segments.push((1, 6, at, file.here() - at));
    }
    if spec.symbols {
        sections.push((".symtab", 2, 0, 0, 0));
    }
    if spec.debug {
        sections.push((".debug_info", 1, 0, 0, 0));
    }
    let section_headers = write_sections(&mut file, sections);
    write_headers(&mut file, &segments, section_headers);
    file.bytes
}

fn data(file: &mut File<'_>) {
    let at = file.address();
    let size = if file.spec.is_64 { 8 } else { 4 };
    let flags = u8::from(file.spec.big_endian);
    match file.spec.data.clone() {
        Data::None => {}
        Data::Raw(bytes) => file.bytes.extend(bytes),
        Data::Inline { version, modules } => {
            file.bytes.extend(b"\xff Go buildinf:");
            file.bytes.extend([0, flags | 2]);
            file.bytes.extend([0; 16]);
            for text in [version, modules] {
                let mut length = text.len();
                while length >= 128 {
                    file.bytes.push((length % 128) as u8 | 128);
                    length /= 128;
                }
                file.bytes.push(length as u8);
                file.bytes.extend(text);
            }
        }
        Data::Pointers { version, modules } => {
            file.bytes.extend(b"\xff Go buildinf:");
            file.bytes.extend([size, flags]);
            // Two pointers in 16 bytes, two strings of address and length, then the texts.
            let (strings, each) = (at + 32, 2 * u64::from(size));
            let texts = strings + 2 * each;
            file.size(strings);
            file.size(strings + each);
            file.bytes.resize(file.bytes.len() + 16 - 2 * usize::from(size), 0);
            file.size(texts);
            file.size(version.len() as u64);
            file.size(texts + version.len() as u64);
            file.size(modules.len() as u64);
            file.bytes.extend(version);
            file.bytes.extend(modules);
        }
    }
}

/// Writes the sections. Returns offset and number of their headers.
fn write_sections(file: &mut File<'_>, mut sections: Vec<Section>) -> (u64, u64) {
    if !file.spec.sections {
        return (0, 0);
    }
    let from = file.here();
    sections.push((".shstrtab", 3, 0, from, 0));
    let names: Vec<u64> = sections
        .iter()
        .map(|(name, ..)| {
            let at = file.here() - from;
            file.bytes.extend(name.as_bytes());
            file.bytes.push(0);
            at
        })
        .collect();
    sections.last_mut().unwrap().4 = file.here() - from;
    file.align(8);
    let at = file.here();
    for (name, &(_, kind, address, offset, size)) in names.iter().zip(&sections) {
        file.word(*name);
        file.word(kind);
        file.size(0);
        file.size(address);
        file.size(offset);
        file.size(size);
        file.word(0);
        file.word(0);
        file.size(1);
        file.size(0);
    }
    (at, sections.len() as u64)
}

fn write_headers(file: &mut File<'_>, segments: &[Segment], sections: (u64, u64)) {
    let spec = file.spec;
    let (header, segment_size, section_size) = if spec.is_64 { (64, 56, 64) } else { (52, 32, 40) };
    let mut start = File { spec, bytes: b"\x7fELF".to_vec() };
    start.bytes.extend([if spec.is_64 { 2 } else { 1 }, if spec.big_endian { 2 } else { 1 }, 1]);
    start.bytes.resize(16, 0);
    start.half(if spec.any_address { 3 } else { 2 });
    // EM_X86_64 or EM_S390; the reader accepts every machine number.
    start.half(if spec.big_endian { 22 } else { 62 });
    start.word(1);
    start.size(BASE);
    start.size(header);
    start.size(sections.0);
    start.word(0);
    start.half(header);
    start.half(segment_size);
    start.half(segments.len() as u64);
    start.half(if sections.1 > 0 { section_size } else { 0 });
    start.half(sections.1);
    start.half(sections.1.saturating_sub(1));
    assert_eq!(start.here(), header);
    for &(kind, flags, offset, size) in segments {
        start.word(kind);
        if spec.is_64 {
            start.word(flags);
        }
        start.size(offset);
        start.size(BASE + offset);
        start.size(BASE + offset);
        start.size(size);
        start.size(size);
        if !spec.is_64 {
            start.word(flags);
        }
        start.size(if kind == 1 { PAGE as u64 } else { 4 });
    }
    file.bytes[..start.bytes.len()].copy_from_slice(&start.bytes);
}
