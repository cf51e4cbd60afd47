//! Test vectors that were signed and hashed by other programs.
//!
//! The digests of [`WALKED`] were computed by Go 1.27.3 with encoding/json as `v1/bundle/hash.go` of OPA uses
//! it. The tokens of ES256 and RS256 were made with OpenSSL's keys and Python's `cryptography`.

use super::{
    super::{BundleOptions, SignatureAlgorithm, Trust, digest::hex, hash::hash, load_archive},
    archive,
};

const ES256: &str = "\
     eyJhbGciOiAiRVMyNTYiLCAia2lkIjogImNpIn0.eyJmaWxlcyI6IFt7Im5hbWUiOiAiLm1hbmlmZXN0IiwgImhhc2giOiAi\
     ZWE5MGM5NTc2NjNiNzIxMjA5N2Y2NWZlNGVlODRmYTI3MzM4MTQxZGI4OTU2ZWNjMDljYTdkMjc2MWE3MmFlNCIsICJhbGdv\
     cml0aG0iOiAiU0hBLTI1NiJ9LCB7Im5hbWUiOiAibGltaXRzL2RhdGEuanNvbiIsICJoYXNoIjogImE2MTVlZWFlZTIxZGU1\
     MTc5ZGUwODBkZThjMzA1MmM4ZGE5MDExMzg0MDZiYTcxYzM4YzAzMjg0NWY3ZDU0ZjQiLCAiYWxnb3JpdGhtIjogIlNIQS0y\
     NTYifSwgeyJuYW1lIjogInByb2Nlc3MucmVnbyIsICJoYXNoIjogIjk3Mjk3MzU4MDAwMjVmZmNjNDRlYjQyYjVlM2JlZWU4\
     YWU0MDJiMjg3YzJiNzQ4ZWY4ZjdlZTczZTZjMWRjYzMiLCAiYWxnb3JpdGhtIjogIlNIQS0yNTYifV19.cjd_L9M6ghwE4si\
     aLp87KV1mtKzORge_HWvWD73H1YGZm0dhCIGk_FMlNTwzWMzai2geSbKJvSIAwEZf6KfNfg";

const RS256: &str = "\
     eyJhbGciOiAiUlMyNTYiLCAia2lkIjogImNpIn0.eyJmaWxlcyI6IFt7Im5hbWUiOiAiLm1hbmlmZXN0IiwgImhhc2giOiAi\
     ZWE5MGM5NTc2NjNiNzIxMjA5N2Y2NWZlNGVlODRmYTI3MzM4MTQxZGI4OTU2ZWNjMDljYTdkMjc2MWE3MmFlNCIsICJhbGdv\
     cml0aG0iOiAiU0hBLTI1NiJ9LCB7Im5hbWUiOiAibGltaXRzL2RhdGEuanNvbiIsICJoYXNoIjogImE2MTVlZWFlZTIxZGU1\
     MTc5ZGUwODBkZThjMzA1MmM4ZGE5MDExMzg0MDZiYTcxYzM4YzAzMjg0NWY3ZDU0ZjQiLCAiYWxnb3JpdGhtIjogIlNIQS0y\
     NTYifSwgeyJuYW1lIjogInByb2Nlc3MucmVnbyIsICJoYXNoIjogIjk3Mjk3MzU4MDAwMjVmZmNjNDRlYjQyYjVlM2JlZWU4\
     YWU0MDJiMjg3YzJiNzQ4ZWY4ZjdlZTczZTZjMWRjYzMiLCAiYWxnb3JpdGhtIjogIlNIQS0yNTYifV19.ogRBOiSfkVZsPK6\
     YXeCIiNbTocToIp8_PYohiXPq60oLX7-3-3y7QgDYaUxrO4TVasVnQVIYs0f_hOUs_JukDKpNTJJXbCMm1OFNgIhcAFIg9kb\
     AIHD5xiDrAtKKAVncBTWmJBbx72dY1q7b4AY5uJz9bthmVGPWQse3GA66DWamxOMD_t7GA4jxGjZ5NzRWVTVl7ophlUnFeEl\
     RIO8QhhAGXoP2_RaG_YeRnHlVsb4usIo-qrC3Wn-mfitAL8yg9NGZ3sxH65Zf2XxsvUvOaNwglTfR6qoaPmdvGOYQW5PsoyL\
     ef5h6f1uMvQHHD-1CjT_ez9acRpjJYq83-CGRFA";

const ES256_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhjHje1mHUNQ2wL6/DrRZTWFUc2RE
7FjeyQegchLj8KGQKvT1RnfUSpssh4keGwxMGJrKao+n/Ppt0sIc5zuc+A==
-----END PUBLIC KEY-----
";

const RS256_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA2QlfF6NvDljvfNX4GzCM
m9FIrtoeb5xXkK1Kt2zObZCdY9OiYAM23lfl47PQkIZdKmY5RNgzWTrUcwap7XWV
pqQhOKhhrFO+JzRKZ5W4lLA/V1vAxr0vclsv+8HRrMcsCrYmHQAYLYUJoH+llXzK
/L3Urfr54FE2c60rJ7Vb8lFjaCpXyOh5WYzrGH8XlivPm+d5Io3hRTDSH3s9/2nZ
wUU3hf9SrflXW55yfyVF/gt8wYG5fhrUPoTUmO+GBm3TD9yG4/tA1h4iwlvushnW
tPVHVtPyLNM5mYJXbq3+5iyPRtbbAxGsO62ZkRvt8BHuJ9apkLBqLAmJ9RzBGoDQ
TwIDAQAB
-----END PUBLIC KEY-----
";

/// Documents, each with the SHA-256 and SHA-512/256 of its hashed form.
const WALKED: [(&str, &str, &str); 4] = [
    (
        r#"{"b": 1.50, "a": [1e3, -0, 123.45678911111111111111111111111111111111111111111111111, true, null, {}, []], "b": 2.0}"#,
        "4f841a404f543cd25ae5565b62c5ea0f10b1768abd53ecf6787c4b6c63b28649",
        "bd073ad499a6be2baebee3a32c88e7b283782977f11c99a6c7b81b912dad40d3",
    ),
    (
        "{\"\u{e9}\\u0000\\b\\f\\n\\r\\t\\\"\\\\\\/\\u001f\\u007f\": \"<a>&'\\u2028\\u2029 \u{2028} \u{1F600} \\ud83d\\ude00\", \"Z\": \"\", \"a\": 1, \"\": 0}",
        "202163314ac71cf4bdd9bc56d3e5a378475ea8ba284e346dab7426182be5cf1e",
        "6700d951a386c67d71d2608b77f5ad6abc2474f115b19f76d7d1c6d12cc7d7c3",
    ),
    (
        "\"text\"",
        "1e1d0f251d3a76fa2b1bfc81164078572623403887db02988b504b0492e9f076",
        "cb3bc7c5bdf8142e78b5d5fe327a1670b624cfc81936ce655f4fe7902cb6abcd",
    ),
    (
        r#"{"x": {"y": true}, "a": {"b": {"z": true}}}"#,
        "31ade98a8342162ff1a4dcdbd76855f897a4578e00068124a711c756ff548b12",
        "b95cd2fb50acecc224e3745b21587670025916a833f1c889a96998f4c4a6a976",
    ),
];

#[test]
fn json_is_hashed_as_go_walks_and_writes_it() {
    for (text, sha256, sha512_256) in WALKED {
        for (algorithm, expected) in [("SHA-256", sha256), ("SHA-512-256", sha512_256)] {
            let found = hash("x/data.json", text.as_bytes(), algorithm).unwrap();
            assert_eq!(hex(&found), expected, "{text}");
            // A YAML file with JSON is hashed as JSON.
            assert_eq!(hex(&hash("data.yaml", text.as_bytes(), algorithm).unwrap()), expected);
        }
        if text == "\"text\"" {
            continue;
        }
        // Files with other names are hashed as they are.
        assert_ne!(hex(&hash("x/data.yml", text.as_bytes(), "SHA-256").unwrap()), sha256);
    }
}

#[test]
fn yaml_is_hashed_as_the_json_that_go_makes_of_it() {
    for (yaml, json) in [
        (
            "a: 1.0\nb: 1e3\nc: 0.1\nd: 0.000001\ne: 0.0000001\n",
            r#"{"a":1,"b":1000,"c":0.1,"d":0.000001,"e":1e-7}"#,
        ),
        (
            "a: 1e20\nb: 1e21\nc: 1.25e300\nd: -1e-10\n",
            r#"{"a":100000000000000000000,"b":1e+21,"c":1.25e+300,"d":-1e-10}"#,
        ),
        ("b: [x, 'y', true, null]\na: {z: 1, y: -2}\n", r#"{"a":{"y":-2,"z":1},"b":["x","y",true,null]}"#),
    ] {
        let found = hash("data.yaml", yaml.as_bytes(), "SHA-256").unwrap();
        assert_eq!(found, hash("README", json.as_bytes(), "SHA-256").unwrap(), "{yaml}");
    }
}

fn signed(token: &str, files: &[(&str, &str)], trust: Trust) -> Result<Option<String>, String> {
    let signatures = format!(r#"{{"signatures": ["{token}"]}}"#);
    let files = [files, &[("/.signatures.json", signatures.as_str())]].concat();
    let options = BundleOptions { trust: Some(trust), allow_writable: false };
    let bundle = load_archive("test", &*archive(&files), &options);
    bundle.map(|bundle| bundle.signed_by).map_err(|error| error.to_string())
}

fn trust(algorithm: SignatureAlgorithm, key: &str, scope: Option<&str>) -> Trust {
    Trust { key: key.into(), algorithm, key_id: None, scope: scope.map(str::to_owned) }
}

#[test]
fn tokens_of_openssl_are_checked() {
    let files = [
        (".manifest", r#"{ "revision" : "1" }"#),
        ("limits/data.json", "[1, 2, 3]"),
        ("process.rego", "package tracego.process\n"),
    ];
    let ways = [(SignatureAlgorithm::Es256, ES256, ES256_KEY), (SignatureAlgorithm::Rs256, RS256, RS256_KEY)];
    for (at, (algorithm, token, key)) in ways.into_iter().enumerate() {
        assert_eq!(signed(token, &files, trust(algorithm, key, None)).unwrap().as_deref(), Some("ci"));
        // No character of the token may be changed.
        for place in (0..token.len()).step_by(7) {
            let mut changed = token.as_bytes().to_vec();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            signed(&changed, &files, trust(algorithm, key, None)).unwrap_err();
        }
        let (other, _, other_key) = ways[1 - at];
        let error = signed(token, &files, trust(algorithm, other_key, None)).unwrap_err();
        assert!(error.contains("for another algorithm"), "{error}");
        let error = signed(token, &files, trust(other, other_key, None)).unwrap_err();
        assert!(error.contains(&format!("is not {}", other.name())), "{error}");
    }
}
