//! A server's private RSA key, for the key exchange that forward secrecy replaced (RFC 5246 §7.4.7.1).

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use super::Secret;

/// Octets of a pre-master secret (RFC 5246 §7.4.7.1).
const PRE_MASTER: usize = 48;

/// Why a file is no key that helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM section with a private key.
    #[error(
        "no private key in PEM form is in it (expected a section that begins with \"-----BEGIN PRIVATE KEY-----\" or \"-----BEGIN RSA PRIVATE KEY-----\")"
    )]
    NotPem,
    /// The key is encrypted with a passphrase, or not RSA, or of a size that is not used.
    #[error("its private key is not an RSA key of 2048 to 8192 bits without a passphrase")]
    NotRsa,
}

/// An RSA key that opens what clients sent to its owner.
pub(super) struct ServerKey(Pkcs1PrivateDecryptingKey);

impl ServerKey {
    /// Reads the first private key of a PEM file: PKCS #8 or PKCS #1.
    pub fn from_pem(pem: &[u8]) -> Result<ServerKey, KeyError> {
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::NotPem)?;
        let key = match key {
            PrivateKeyDer::Pkcs8(der) => PrivateDecryptingKey::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => {
                let pair = KeyPair::from_der(der.secret_pkcs1_der()).map_err(|_| KeyError::NotRsa)?;
                let wrapped = pair.as_der().map_err(|_| KeyError::NotRsa)?;
                PrivateDecryptingKey::from_pkcs8(wrapped.as_ref())
            }
            _ => return Err(KeyError::NotRsa),
        };
        let key = Pkcs1PrivateDecryptingKey::new(key.map_err(|_| KeyError::NotRsa)?).map_err(|_| KeyError::NotRsa)?;
        Ok(ServerKey(key))
    }

    /// The pre-master secret in a `ClientKeyExchange`; `None` when it was encrypted to another key.
    pub fn pre_master(&self, encrypted: &[u8]) -> Option<Secret> {
        let mut room = Zeroizing::new(vec![0; self.0.min_output_size()]);
        let opened = self.0.decrypt(encrypted, &mut room).ok()?;
        (opened.len() == PRE_MASTER).then(|| Secret::new(Zeroizing::new(opened.to_vec())))
    }
}
