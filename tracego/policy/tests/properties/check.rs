//! Properties of every archive, shared with the fuzz target.

use tracego_policy::bundle::{
    Bundle, BundleError, BundleOptions, DEPTH_MAX, NAME_MAX, SignatureAlgorithm, Trust, load_archive,
    load_tar,
};

/// File names with a meaning in a bundle.
const NAMES: [&str; 8] = [
    "p.rego",
    "data.json",
    "a/data.yaml",
    ".manifest",
    ".signatures.json",
    "./a/p_test.rego",
    "/a/data.yml",
    "../p.rego",
];

/// Checks one input; its first byte selects the meaning of the others.
pub(super) fn any(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else { return };
    let trust =
        || Trust { key: b"secret".to_vec(), algorithm: SignatureAlgorithm::Hs256, key_id: None, scope: None };
    let options = BundleOptions { trust: (kind & 4 != 0).then(trust), allow_writable: false };
    let bytes = match kind & 3 {
        0 => return check(&|| load_archive("any", bytes, &options)),
        // Raw bytes, which rarely pass the checksum of a header.
        1 => bytes.to_vec(),
        // Raw headers with corrected checksums.
        2 => repaired(bytes.to_vec()),
        // Files whose kind, name and content are chosen by the input.
        _ => built(bytes),
    };
    check(&|| load_tar("any", &*bytes, &options));
}

fn check(load: &dyn Fn() -> Result<Bundle, BundleError>) {
    let (one, two) = (load(), load());
    match (one, two) {
        (Ok(one), Ok(two)) => {
            assert_eq!(one.digest, two.digest);
            assert!(one.digest.strip_prefix("sha256:").unwrap().len() == 64);
            assert!(one.data.is_object() && one.modules.iter().any(|module| !module.test));
            for module in &one.modules {
                let path = &module.path;
                assert!(path.len() <= NAME_MAX && path.split('/').count() <= DEPTH_MAX, "{path:?}");
                assert!(path.split('/').all(|part| !part.is_empty() && !part.starts_with('.')), "{path:?}");
                assert!(path.ends_with(".rego") && !module.package.is_empty());
            }
        }
        (Err(one), Err(two)) => {
            let text = one.to_string();
            assert_eq!(text, two.to_string());
            assert!(!text.contains(|c: char| c.is_control()) && text.len() < 4 * NAME_MAX + 200, "{text:?}");
        }
        (one, two) => panic!("{one:?} and then {two:?}"),
    }
}

fn sum(block: &mut [u8]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn repaired(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.chunks_exact_mut(512).filter(|block| block.iter().any(|&byte| byte != 0)).for_each(sum);
    bytes
}

/// Builds an archive of consecutive entries, each given as kind and name, length, and content.
pub(super) fn built(mut input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((head, rest)) = input.split_at_checked(3) {
        let len = usize::from(u16::from_le_bytes([head[1], head[2]])).min(rest.len());
        let (content, rest) = rest.split_at(len);
        input = rest;
        let mut block = [0; 512];
        let kind = b"00000000512LxgKS"[usize::from(head[0] >> 4)];
        let named = usize::from(head[0] & 15);
        let (name, content) = match NAMES.get(named) {
            Some(name) => (name.as_bytes(), content),
            // An arbitrary name.
            None => content.split_at(content.len().min(named * 4)),
        };
        block[..name.len()].copy_from_slice(name);
        block[100..107].copy_from_slice(b"0000644");
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[136..147].copy_from_slice(b"00000000000");
        block[156] = kind;
        block[257..265].copy_from_slice(if kind == b'S' { b"ustar  \0" } else { b"ustar\x0000" });
        sum(&mut block);
        out.extend(block);
        out.extend(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}
