//! Authors: their Ed25519 keys, and signatures of ids.
//!
//! An author signs `"zktree/v1/signature"` and the id, encoded as [`Encoder`] does. The id hashes
//! everything else: who has a signature under an id has it for one node with one proof. Other messages
//! begin with another kind.
use super::{NodeId, TreeError};
use crate::{files, nn::encoding::Encoder};
use ed25519_dalek::{
    SECRET_KEY_LENGTH, Signer, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes, spki::der::pem::LineEnding},
};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use std::{fmt, io::Read, path::Path, str::FromStr};
use thiserror::Error;
use zeroize::Zeroizing;

/// The public key of an author: 32 bytes of Ed25519.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AuthorKey(#[serde(with = "hex::serde")] pub [u8; 32]);

impl AuthorKey {
    /// Whether this is the author's signature of the id. Strict: small-order keys and encodings
    /// that are not canonical are refused.
    pub fn verifies(&self, id: NodeId, signature: &Signature) -> bool {
        self.verifies_message(&message(id), signature)
    }

    /// Whether this is the author's signature of a message, as strictly.
    pub(super) fn verifies_message(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }

    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for AuthorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for AuthorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorKey({})", self.short())
    }
}

/// 64 hexadecimal digits.
impl FromStr for AuthorKey {
    type Err = TreeError;

    fn from_str(text: &str) -> Result<Self, TreeError> {
        let mut key = [0; 32];
        match hex::decode_to_slice(text, &mut key) {
            Ok(()) => Ok(Self(key)),
            Err(_) => Err(TreeError::MalformedKey {
                text: text.to_owned(),
            }),
        }
    }
}

/// An author's signature, of an id or the head of a log.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature(#[serde(with = "hex::serde")] pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = hex::encode(self.0).chars().take(12).collect();
        write!(f, "Signature({text})")
    }
}

/// What is signed.
fn message(id: NodeId) -> Vec<u8> {
    Encoder::new("zktree/v1/signature").hash(&id.0).finish()
}

/// The secret key of an author. Erased when dropped and not printed.
#[derive(Clone)]
pub struct AuthorSecret(SigningKey);

impl fmt::Debug for AuthorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorSecret(of {})", self.public().short())
    }
}

/// Longest key file that is read, in bytes.
const MAX_FILE: u64 = 1 << 14;

impl AuthorSecret {
    /// A fresh key.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut secret = Zeroizing::new([0; SECRET_KEY_LENGTH]);
        rng.fill_bytes(secret.as_mut());
        Self::from_bytes(&secret)
    }

    /// The key with this RFC 8032 secret.
    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The public key.
    pub fn public(&self) -> AuthorKey {
        AuthorKey(self.0.verifying_key().to_bytes())
    }

    /// Signs an id.
    pub fn sign(&self, id: NodeId) -> Signature {
        self.sign_message(&message(id))
    }

    /// Signs a message, which begins with its kind.
    pub(super) fn sign_message(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }

    /// Writes a new key file, PKCS #8 in PEM, for the owner's eyes only: of the first version, without
    /// the public key, which is what OpenSSL and others read.
    ///
    /// # Errors
    /// [`KeyError::Io`]; if the file exists, which is left as it is.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<(), KeyError> {
        let name = file.as_ref().display().to_string();
        let pair = KeypairBytes {
            secret_key: self.0.to_bytes(),
            public_key: None,
        };
        let pem = pair.to_pkcs8_pem(LineEnding::LF);
        let pem = pem.map_err(|error| KeyError::Malformed {
            file: name.clone(),
            reason: error.to_string(),
        })?;
        files::create_private(file.as_ref(), pem.as_bytes())
            .map_err(|source| KeyError::Io { file: name, source })
    }

    /// Reads a key file: PKCS #8 in PEM, as [`save`](Self::save), OpenSSL and others write it, with the
    /// public key (the second version) or without.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(file: impl AsRef<Path>) -> Result<Self, KeyError> {
        let name = || file.as_ref().display().to_string();
        let mut text = Zeroizing::new(String::new());
        files::open(file.as_ref())
            .and_then(|handle| handle.take(MAX_FILE).read_to_string(&mut text))
            .map_err(|source| KeyError::Io {
                file: name(),
                source,
            })?;
        match SigningKey::from_pkcs8_pem(&text) {
            Ok(key) => Ok(Self(key)),
            Err(error) => Err(KeyError::Malformed {
                file: name(),
                reason: error.to_string(),
            }),
        }
    }
}

/// Why a key file was not read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be opened, read or written, or exists already.
    #[error("the key file {file}: {source}{}", advice(source))]
    Io {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not an Ed25519 key.
    #[error("the key file {file} holds no Ed25519 key (PKCS #8 in PEM): {reason}")]
    Malformed {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
}

fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => "; a key is never overwritten: choose another name",
        std::io::ErrorKind::NotFound => "; is the name right?",
        _ => "",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use rand::rngs::OsRng;

    #[test]
    fn signatures_are_of_one_id_by_one_author() {
        let (alice, bob) = (
            AuthorSecret::from_bytes(&[1; 32]),
            AuthorSecret::from_bytes(&[2; 32]),
        );
        let (id, other) = (NodeId([3; 32]), NodeId([4; 32]));
        let signature = alice.sign(id);
        assert!(alice.public().verifies(id, &signature));
        assert!(!alice.public().verifies(other, &signature));
        assert!(!bob.public().verifies(id, &signature));
        for byte in 0..64 {
            let mut altered = signature;
            altered.0[byte] ^= 1;
            assert!(!alice.public().verifies(id, &altered), "byte {byte}");
        }
        // Neither the id alone nor another message of the same bytes is what is signed.
        let bare = Signature(alice.0.sign(&id.0).to_bytes());
        assert!(!alice.public().verifies(id, &bare));
        // A key of small order has signatures of everything.
        let mut small = [0; 32];
        small[0] = 1;
        assert!(!AuthorKey(small).verifies(id, &Signature([0; 64])));
        let mut forged = [0; 64];
        forged[0] = 1;
        assert!(!AuthorKey(small).verifies(id, &Signature(forged)));
    }

    #[test]
    fn key_files_are_private_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("alice.pem");
        let alice = AuthorSecret::generate(&mut OsRng);
        alice.save(&file).unwrap();
        let back = AuthorSecret::load(&file).unwrap();
        assert_eq!(back.public(), alice.public());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let before = std::fs::read(&file).unwrap();
        let error = AuthorSecret::generate(&mut OsRng).save(&file).unwrap_err();
        assert!(error.to_string().contains("never overwritten"), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), before);
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");

        for bytes in [&before[..40], b"", b"\xff"] {
            std::fs::write(&file, bytes).unwrap();
            let error = AuthorSecret::load(&file).unwrap_err().to_string();
            assert!(error.contains("alice.pem"), "{error}");
        }
        let missing = AuthorSecret::load(dir.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("is the name right?"));
        let secret = format!("{alice:?}");
        assert_eq!(
            secret,
            format!("AuthorSecret(of {})", alice.public().short())
        );
    }

    /// Written by `openssl genpkey -algorithm ed25519`, public key by `openssl pkey -pubout`.
    #[test]
    fn keys_of_openssl_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pem");
        std::fs::write(&file, OPENSSL).unwrap();
        let key = AuthorSecret::load(&file).unwrap();
        assert_eq!(key.public().to_string(), OPENSSL_PUBLIC);
        assert_eq!(OPENSSL_PUBLIC.parse(), Ok(key.public()));
        let error = "xyz\u{1b}".parse::<AuthorKey>().unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }

    const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIMGbOcMOVA2xmbS8I1AynE1wyVLj6Ajy6ynWzwYTLjm7\n\
        -----END PRIVATE KEY-----\n";
    const OPENSSL_PUBLIC: &str = "5ef89c718c7cc9f68b6ca199db2ecbca24323fb64284f75740c211d5acd68cd9";
}
