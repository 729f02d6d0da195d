//! `SSH_MSG_KEXINIT`, and what two of them agree on (RFC 4253 §7.1).

use crate::base::{Reader, Short, Sides};

/// Octets of the cookie.
const COOKIE: usize = 16;

/// A list of names in order of preference, as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names(Vec<u8>);

/// The lists of one side. Ciphers and MACs: `client` for what the client sends, `server` for what the server sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KexInit {
    kex: Names,
    host_key: Names,
    cipher: Sides<Names>,
    mac: Sides<Names>,
}

/// What was agreed on; a name is missing where the lists have nothing in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreed<'a> {
    pub kex: Option<&'a [u8]>,
    pub host_key: Option<&'a [u8]>,
    pub cipher: Sides<Option<&'a [u8]>>,
    /// `None` also where the cipher authenticates by itself.
    pub mac: Sides<Option<&'a [u8]>>,
}

impl KexInit {
    /// Reads what follows the message number; `None` when it is not made of lists of names.
    pub fn read(body: &[u8]) -> Option<KexInit> {
        KexInit::lists(body).ok().flatten()
    }

    fn lists(body: &[u8]) -> Result<Option<KexInit>, Short> {
        let mut r = Reader::new(body);
        r.skip(COOKIE)?;
        let mut next = || -> Result<Option<Names>, Short> {
            let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
            let list = r.take(length)?;
            // RFC 4251 §5 and §6: names of printable US-ASCII, separated by commas.
            Ok(list.iter().all(|b| (b'!'..=b'~').contains(b)).then(|| Names(list.to_vec())))
        };
        let mut lists = [const { Names(Vec::new()) }; 6];
        for list in &mut lists {
            let Some(names) = next()? else { return Ok(None) };
            *list = names;
        }
        let [kex, host_key, cipher_c, cipher_s, mac_c, mac_s] = lists;
        let init =
            KexInit { kex, host_key, cipher: Sides { client: cipher_c, server: cipher_s }, mac: Sides { client: mac_c, server: mac_s } };
        Ok(Some(init))
    }

    /// What this client and that server agree on: of each list the client's first name that the server has too.
    pub fn agree<'a>(&'a self, server: &KexInit) -> Agreed<'a> {
        let cipher = Sides {
            client: self.cipher.client.first_in(&server.cipher.client),
            server: self.cipher.server.first_in(&server.cipher.server),
        };
        let mac = |cipher: Option<&[u8]>, ours: &'a Names, theirs: &Names| match cipher {
            Some(name) if authenticates(name) => None,
            _ => ours.first_in(theirs),
        };
        Agreed {
            kex: self.kex.first_in(&server.kex),
            host_key: self.host_key.first_in(&server.host_key),
            mac: Sides {
                client: mac(cipher.client, &self.mac.client, &server.mac.client),
                server: mac(cipher.server, &self.mac.server, &server.mac.server),
            },
            cipher,
        }
    }
}

impl Names {
    fn each(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&b| b == b',').filter(|name| !name.is_empty())
    }

    fn first_in(&self, other: &Names) -> Option<&[u8]> {
        // Each side announces extensions under a name of its own (RFC 8308 §2.1, OpenSSH's "strict kex"): these are no algorithms.
        let is_algorithm = |name: &&[u8]| !name.starts_with(b"ext-info-") && !name.starts_with(b"kex-strict-");
        self.each().filter(is_algorithm).find(|name| other.each().any(|theirs| theirs == *name))
    }
}

/// Whether a cipher comes with its own authentication (RFC 5647; OpenSSH's PROTOCOL §1.6, PROTOCOL.chacha20poly1305).
fn authenticates(cipher: &[u8]) -> bool {
    cipher.starts_with(b"chacha20-poly1305") || cipher.starts_with(b"AEAD_") || cipher.windows(4).any(|part| part == b"-gcm")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A message body of these six lists; the other four are empty.
    pub(in crate::dissect::ssh) fn body(lists: [&str; 6]) -> Vec<u8> {
        let mut body = vec![7; COOKIE];
        for list in lists.into_iter().chain(["none", "none", "", ""]) {
            body.extend_from_slice(&u32::try_from(list.len()).unwrap_or(0).to_be_bytes());
            body.extend_from_slice(list.as_bytes());
        }
        body.extend_from_slice(&[0; 5]);
        body
    }

    fn init(lists: [&str; 6]) -> KexInit {
        KexInit::read(&body(lists)).unwrap_or_default()
    }

    #[test]
    fn of_each_list_the_clients_first_name_that_the_server_has_is_agreed_on() {
        let client = init([
            "ext-info-c,mlkem768x25519-sha256,curve25519-sha256",
            "ssh-ed25519,ssh-rsa",
            "aes256-ctr,arcfour",
            "arcfour",
            "m1,m2",
            "m2",
        ]);
        let server = init(["curve25519-sha256,mlkem768x25519-sha256,ext-info-c", "ssh-rsa", "arcfour,aes256-ctr", "arcfour", "m2", "m1"]);
        let agreed = client.agree(&server);
        assert_eq!(agreed.kex, Some(b"mlkem768x25519-sha256".as_slice()), "the order is the client's, and no extension is an algorithm");
        assert_eq!(agreed.host_key, Some(b"ssh-rsa".as_slice()));
        assert_eq!((agreed.cipher.client, agreed.cipher.server), (Some(b"aes256-ctr".as_slice()), Some(b"arcfour".as_slice())));
        assert_eq!((agreed.mac.client, agreed.mac.server), (Some(b"m2".as_slice()), None));
    }

    #[test]
    fn a_cipher_that_authenticates_by_itself_has_no_mac() {
        for cipher in ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "AEAD_AES_128_GCM"] {
            let both = init(["k", "h", cipher, "aes128-ctr", "m", "m"]);
            assert_eq!((both.agree(&both).mac.client, both.agree(&both).mac.server), (None, Some(b"m".as_slice())), "{cipher}");
        }
    }

    #[test]
    fn what_is_not_lists_of_names_is_refused() {
        let whole = body(["k", "h", "c", "c", "m", "m"]);
        assert!(KexInit::read(&whole).is_some());
        assert_eq!(KexInit::read(whole.get(..40).unwrap_or_default()), None);
        assert_eq!(KexInit::read(&body(["k\n", "h", "c", "c", "m", "m"])), None);
    }
}
