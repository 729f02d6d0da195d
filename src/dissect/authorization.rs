//! What a login that is readable gives away: one rule for every protocol.
//!
//! Readable `credentials` are what can be used as it stands: a password, a token, a cookie, a key. The response to a challenge is none of
//! these: it says who logs in, and is `identifiers`. That holds for Digest in HTTP (RFC 7616 §3.4) and in SIP (RFC 3261 §22.4) alike, and for
//! the challenge mechanisms of SASL (CRAM-MD5, DIGEST-MD5, SCRAM) and of databases. Either kind makes a connection `exposed`.
//!
//! A listener can still try passwords against a response that was recorded, as often as wanted and unseen (RFC 7616 §5), so a guessable one is
//! no safer for it; but whether it can be guessed is not in the packets, and a report must not say that a password was readable.

use super::lines::{is_one_of, word};

/// Schemes of `Authorization` that show who logs in, and not what with (IANA's registry of HTTP authentication schemes).
const WITHOUT_SECRET: [&str; 12] = [
    "DIGEST",
    "NTLM",
    "NEGOTIATE",
    "HAWK",
    "HOBA",
    "MUTUAL",
    "OAUTH",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "AWS4-HMAC-SHA256",
    "SIGNATURE",
    "SHAREDKEY",
];

/// Whether the value of an `Authorization` or `Proxy-Authorization` field proves a secret without showing it.
pub(super) fn hides_the_secret(value: &[u8]) -> bool {
    is_one_of(word(value).0, &WITHOUT_SECRET)
}
