//! SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677): the client proves that it knows a password, and the broker
//! that it does, too. The password itself is not sent.

use std::num::NonZeroU32;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::{
    digest, hmac, pbkdf2,
    rand::{SecureRandom as _, SystemRandom},
};

/// Bounds of the number of rounds that a broker may ask for: RFC 7677 has the lower one. The upper one takes a second.
const ROUNDS: std::ops::RangeInclusive<u32> = 4096..=1_000_000;

/// The algorithms of a mechanism.
#[derive(Clone, Copy)]
pub(super) struct ScramHash {
    pbkdf2: pbkdf2::Algorithm,
    hmac: hmac::Algorithm,
    digest: &'static digest::Algorithm,
}

impl ScramHash {
    pub(super) fn sha256() -> Self {
        Self { pbkdf2: pbkdf2::PBKDF2_HMAC_SHA256, hmac: hmac::HMAC_SHA256, digest: &digest::SHA256 }
    }

    pub(super) fn sha512() -> Self {
        Self { pbkdf2: pbkdf2::PBKDF2_HMAC_SHA512, hmac: hmac::HMAC_SHA512, digest: &digest::SHA512 }
    }
}

/// A conversation.
pub(super) struct ScramClient {
    hash: ScramHash,
    nonce: String,
    /// The first message without its header.
    first: String,
}

impl ScramClient {
    /// Begins a conversation.
    ///
    /// # Errors
    /// Fails if the system has no random bytes.
    pub(super) fn new(hash: ScramHash, user: &str) -> Result<Self, String> {
        let mut bytes = [0; 18];
        SystemRandom::new().fill(&mut bytes).map_err(|_| "the system has no random bytes".to_owned())?;
        Ok(Self::with_nonce(hash, user, BASE64.encode(bytes)))
    }

    fn with_nonce(hash: ScramHash, user: &str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { hash, first: format!("n={user},r={nonce}"), nonce }
    }

    /// Returns the first message.
    pub(super) fn first_message(&self) -> String {
        format!("n,,{}", self.first)
    }

    /// Returns the second message, the answer to the broker's first, and the signature that the broker has to answer
    /// with.
    ///
    /// # Errors
    /// Fails if the broker's message is not one of this conversation.
    pub(super) fn second_message(
        &self,
        password: &str,
        answer: &[u8],
    ) -> Result<(String, BrokerSignature), String> {
        let text = std::str::from_utf8(answer).map_err(|_| "its message is no UTF-8".to_owned())?;
        let part = |name: &str| text.split(',').find_map(|part| part.strip_prefix(name)).unwrap_or_default();
        let nonce = part("r=");
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err("its message belongs to another conversation".to_owned());
        }
        let salt = BASE64.decode(part("s=")).map_err(|_| "its salt is no base64".to_owned())?;
        let rounds: u32 = part("i=").parse().unwrap_or_default();
        let rounds = NonZeroU32::new(rounds).filter(|rounds| ROUNDS.contains(&rounds.get()));
        let rounds = rounds.ok_or_else(|| format!("it asks for {} rounds", part("i=")))?;
        let mut salted = vec![0; self.hash.digest.output_len()];
        pbkdf2::derive(self.hash.pbkdf2, rounds, &salt, password.as_bytes(), &mut salted);
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(self.hash.hmac, key), text);
        let last = format!("c=biws,r={nonce}");
        let conversation = format!("{},{text},{last}", self.first);
        let key = sign(&salted, b"Client Key");
        let stored = digest::digest(self.hash.digest, key.as_ref());
        let signature = sign(stored.as_ref(), conversation.as_bytes());
        let proof: Vec<u8> = key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let broker = sign(sign(&salted, b"Server Key").as_ref(), conversation.as_bytes());
        Ok((format!("{last},p={}", BASE64.encode(proof)), BrokerSignature(BASE64.encode(broker))))
    }
}

/// The signature by which a broker shows that it knows the password, too.
pub(super) struct BrokerSignature(String);

impl BrokerSignature {
    /// Checks the broker's last message.
    ///
    /// # Errors
    /// Fails if the broker does not know the password.
    pub(super) fn check(&self, answer: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(answer);
        let parts = |name: &'static str| text.split(',').find_map(move |part| part.strip_prefix(name));
        match (parts("e="), parts("v=")) {
            (None, Some(signature)) if signature == self.0 => Ok(()),
            (Some(error), _) => Err(error.chars().filter(|c| !c.is_control()).take(100).collect()),
            _ => Err("the broker does not know the password itself".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const FIRST: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    /// The conversation of RFC 7677 section 3.
    #[test]
    fn a_conversation_is_that_of_the_standard() {
        let client = ScramClient::with_nonce(ScramHash::sha256(), "user", NONCE.to_owned());
        assert_eq!(client.first_message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let (second, signature) = client.second_message("pencil", FIRST).unwrap();
        assert_eq!(
            second,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        signature.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(signature.check(b"v=AAAA").unwrap_err().contains("does not know"));
        assert_eq!(signature.check(b"e=invalid-proof").unwrap_err(), "invalid-proof");
        let other = client.second_message("other", FIRST).unwrap();
        assert_ne!(other.0, second);
    }

    #[test]
    fn a_message_of_no_conversation_is_refused() {
        let client = ScramClient::with_nonce(ScramHash::sha512(), "a=b,c", NONCE.to_owned());
        assert_eq!(client.first_message(), "n,,n=a=3Db=2Cc,r=rOprNGfwEbeRWgbNEkqO");
        let text = std::str::from_utf8(FIRST).unwrap();
        for (from, to) in [
            ("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", ""),
            ("rOpr", "rOps"),
            ("4096", "1"),
            ("4096", "4294967295"),
            ("s=W", "s=!"),
        ] {
            assert!(client.second_message("x", text.replace(from, to).as_bytes()).is_err(), "{from} {to}");
        }
    }

    proptest! {
        #[test]
        fn any_message_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let client = ScramClient::with_nonce(ScramHash::sha256(), "u", "n".to_owned());
            prop_assert!(client.second_message("p", &bytes).is_err() || bytes.len() > 8);
            prop_assert!(BrokerSignature("x".to_owned()).check(&bytes).is_err());
        }
    }
}
