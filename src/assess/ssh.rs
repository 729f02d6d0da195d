//! How strong what an SSH connection agreed on is.
//!
//! | agreed on | verdict | norm |
//! |---|---|---|
//! | version 1 | weak | superseded by RFC 4253; its integrity check is a CRC, which an attacker can forge |
//! | cipher `none` | readable | RFC 4253 §6.3: not recommended |
//! | `arcfour`, `arcfour128`, `arcfour256` | weak | RFC 8758 §2: must not be used |
//! | `3des-cbc` | weak | NIST SP 800-131A Rev. 2 §2: disallowed after 2023 |
//! | `des-cbc` | weak | FIPS 46-3 was withdrawn: 56-bit keys |
//! | `diffie-hellman-group1-sha1` | weak | RFC 9142 §4: should not be used (1024-bit group) |
//! | `rsa1024-sha1` | weak | RFC 9142 §4: must not be used |

use super::strength::Strength;
use crate::base::{Facts, Kind, What, WireStr};

/// How strong it is, and why: a reason to be wary, or what was agreed on.
pub(super) fn of(facts: &Facts) -> (Strength, String) {
    let version_1 = matches!(facts.get(Kind::SshVersion).map(|f| &f.what), Some(What::SshVersion("1")));
    let kex = match facts.get(Kind::SshKeyExchange).map(|f| &f.what) {
        Some(What::SshKeyExchange(name)) => Some(name),
        _ => None,
    };
    let ciphers: &[WireStr] = match facts.get(Kind::SshCipher).map(|f| &f.what) {
        Some(What::SshCipher(names)) => names,
        _ => &[],
    };
    let is = |name: &WireStr, known: &[&str]| known.iter().any(|known| known.as_bytes() == name.as_bytes());
    let any = |known: &[&str]| ciphers.iter().find(|name| is(name, known));
    if any(&["none"]).is_some() {
        return (Strength::Readable, "SSH with the cipher none: nothing was encrypted".into());
    }
    if version_1 {
        let cipher = ciphers.first().map_or_else(String::new, |name| format!(" with {name}"));
        return (Strength::Weak, format!("SSH 1{cipher}: superseded by SSH 2 (RFC 4253), and forgeable"));
    }
    if let Some(name) = any(&["arcfour", "arcfour128", "arcfour256"]) {
        return (Strength::Weak, format!("SSH 2 with {name}: prohibited by RFC 8758 §2"));
    }
    if let Some(name) = any(&["3des-cbc", "des-cbc", "des-cbc@ssh.com"]) {
        return (Strength::Weak, format!("SSH 2 with {name}: disallowed by NIST SP 800-131A Rev. 2 §2"));
    }
    if let Some(name) = kex.filter(|name| is(name, &["diffie-hellman-group1-sha1", "rsa1024-sha1"])) {
        return (Strength::Weak, format!("SSH 2 with {name}: 1024 bits, advised against by RFC 9142 §4"));
    }
    match (kex, ciphers) {
        (Some(kex), [cipher]) => (Strength::Strong, format!("SSH 2 with {kex} and {cipher}")),
        (Some(kex), [client, server, ..]) => {
            (Strength::Strong, format!("SSH 2 with {kex}, {client} from the client and {server} from the server"))
        }
        _ => (Strength::Unknown, "SSH: what was agreed on was not seen".into()),
    }
}

/// Whether a key exchange resists a quantum computer as far as is known today: a hybrid with ML-KEM or NTRU Prime
/// (draft-ietf-sshm-mlkem-hybrid-kex, draft-ietf-sshm-ntruprime-ssh).
#[must_use]
pub(in crate::assess) fn is_post_quantum(kex: &WireStr) -> bool {
    [b"mlkem".as_slice(), b"sntrup761"].iter().any(|start| kex.as_bytes().starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Evidence, Frame, FrameNo, LinkType, Timestamp};

    fn evidence() -> Evidence {
        Frame { number: FrameNo::FIRST, at: Timestamp::ZERO, bytes: &[], wire_len: 0, link: LinkType(1), interface: 0 }.evidence()
    }

    fn judged(version: &'static str, kex: &str, ciphers: &[&str]) -> (Strength, String) {
        let mut facts = Facts::new();
        facts.observe(What::SshVersion(version), evidence());
        facts.observe(What::SshKeyExchange(kex.into()), evidence());
        facts.observe(What::SshCipher(ciphers.iter().map(|&name| name.into()).collect()), evidence());
        of(&facts)
    }

    #[test]
    fn what_was_agreed_on_is_judged_by_its_weakest_part() {
        for (version, kex, ciphers, strength) in [
            ("2", "curve25519-sha256", ["aes128-ctr", "aes256-ctr"].as_slice(), Strength::Strong),
            ("2", "curve25519-sha256", &["aes128-ctr", "arcfour"], Strength::Weak),
            ("2", "curve25519-sha256", &["none", "aes128-ctr"], Strength::Readable),
            ("2", "diffie-hellman-group1-sha1", &["aes128-ctr"], Strength::Weak),
            ("2", "diffie-hellman-group14-sha1", &["aes128-cbc"], Strength::Strong),
            ("1", "", &["3des"], Strength::Weak),
            ("1", "", &["none"], Strength::Readable),
        ] {
            let (got, why) = judged(version, kex, ciphers);
            assert_eq!(got, strength, "{why}");
        }
        assert_eq!(of(&Facts::new()).0, Strength::Unknown);
    }

    #[test]
    fn hybrids_are_told_from_classical_exchanges() {
        for (name, pq) in [
            ("mlkem768x25519-sha256", true),
            ("sntrup761x25519-sha512@openssh.com", true),
            ("sntrup761x25519-sha512", true),
            ("curve25519-sha256", false),
        ] {
            assert_eq!(is_post_quantum(&name.into()), pq, "{name}");
        }
    }
}
