//! Stanzas of XMPP in clear (RFC 6120 §8): who writes to whom, what, and who logs in; but not what is encrypted inside.

use super::super::super::clear::Held;
use super::super::super::lines::contains_ignoring_case;
use super::super::overheard::{Login, Sasl, login_line, sasl};
use super::local_name;
use crate::base::{Dir, Exposed, Facts, Stitched, Window};

const LOGIN: Login = Login { name: "XMPP user name", secret: "XMPP password" };
const MESSAGE: &str = "XMPP message";
/// Octets of one text that are kept.
const MOST_TEXT: usize = 16 * 1024;
/// Texts of one stanza that wait for its end.
const MOST_TEXTS: usize = 8;

/// A text that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// Body or subject of a message (RFC 6121 §5.2), status of a presence (§4.7.2).
    Content,
    /// Of a login: the first response of the mechanism, or a later one (RFC 6120 §6.4).
    Response(Sasl),
    /// Fields of XEP-0077 and XEP-0078.
    UserName,
    Password,
    Address,
}

/// The stanza that is being read in one direction.
#[derive(Debug, Default)]
pub(super) struct Stanza {
    /// Open elements, the stream's own left out.
    depth: u32,
    /// The element whose text is being collected, and how deep it is.
    reading: Option<(Text, u32)>,
    text: Stitched,
    /// Content that may turn out to be only a stand-in for an encrypted one.
    content: Vec<Held>,
    encrypted: bool,
    login: Option<Sasl>,
}

impl Stanza {
    /// A tag, whole.
    pub(super) fn tag(&mut self, tag: &[u8], window: &Window<'_>, facts: &mut Facts) {
        let inner = tag.strip_prefix(b"<").unwrap_or_default();
        match inner.first() {
            // Declarations: no element.
            Some(b'?' | b'!') | None => {}
            Some(b'/') => {
                if self.reading.is_some_and(|(_, depth)| depth == self.depth) {
                    self.text_ends(window, facts);
                }
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.end(window.dir, facts);
                }
            }
            Some(_) if local_name(tag) == b"stream" => *self = Stanza { login: self.login, ..Stanza::default() },
            Some(_) => self.opens(tag, window, facts),
        }
    }

    fn opens(&mut self, tag: &[u8], window: &Window<'_>, facts: &mut Facts) {
        let name = local_name(tag);
        // The octets of the tag itself: a window may be longer.
        for attribute in [&b"from"[..], b"to", b"jid"] {
            if let Some(address) = value_of(tag, attribute).filter(|value| value.contains(&b'@')) {
                facts.readable(Exposed::Identifiers, "XMPP addresses", address, window.all());
            }
        }
        self.encrypted |= hides(name, tag);
        if tag.ends_with(b"/>") {
            if self.depth == 0 {
                self.end(window.dir, facts);
            }
            return;
        }
        self.depth = self.depth.saturating_add(1);
        let text = match name {
            b"body" | b"subject" | b"status" => Some(Text::Content),
            b"auth" | b"authenticate" => {
                self.login = value_of(tag, b"mechanism").map(sasl);
                (name == b"auth").then_some(self.login).flatten().map(Text::Response)
            }
            b"initial-response" | b"response" => self.login.map(Text::Response),
            b"username" => Some(Text::UserName),
            b"password" => Some(Text::Password),
            b"jid" => Some(Text::Address),
            _ => None,
        };
        if let Some(text) = text {
            self.reading = Some((text, self.depth));
            self.text = Stitched::new();
        }
    }

    /// Text between tags, or a piece of it.
    pub(super) fn text(&mut self, piece: &Window<'_>) {
        if self.reading.is_some_and(|(_, depth)| depth == self.depth) && self.text.len() < MOST_TEXT {
            self.text.push(piece);
        }
    }

    fn text_ends(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let Some((kind, _)) = self.reading.take() else { return };
        let text = std::mem::take(&mut self.text);
        let Some(text) = text.window(window.dir) else { return };
        match kind {
            // OTR has no element of its own.
            Text::Content if text.bytes.starts_with(b"?OTR") => {}
            Text::Content if self.content.len() < MOST_TEXTS => self.content.push(Held::new(&text)),
            Text::Content => {}
            Text::Response(sasl) => self.login = login_line(sasl, text.bytes.trim_ascii(), LOGIN, &text, facts),
            Text::UserName => facts.readable(Exposed::Identifiers, LOGIN.name, text.bytes, text.all()),
            Text::Password => facts.readable(Exposed::Credentials, LOGIN.secret, text.bytes, text.all()),
            Text::Address => facts.readable(Exposed::Identifiers, "XMPP addresses", text.bytes, text.all()),
        }
    }

    /// The stanza is over, or the connection.
    pub(super) fn end(&mut self, dir: Dir, facts: &mut Facts) {
        if let Some((Text::Content, _)) = self.reading
            && let Some(text) = std::mem::take(&mut self.text).window(dir)
        {
            self.content.push(Held::new(&text));
        }
        self.reading = None;
        // The body beside an encrypted element only says that there is one (XEP-0384 §5.6, XEP-0380).
        let encrypted = std::mem::take(&mut self.encrypted);
        for text in self.content.drain(..).filter(|_| !encrypted) {
            text.state(Exposed::Content, MESSAGE, facts);
        }
    }
}

/// Whether an element holds encrypted content: OMEMO (XEP-0384), OpenPGP (XEP-0373, XEP-0027), or whatever XEP-0380 announces.
fn hides(name: &[u8], tag: &[u8]) -> bool {
    let of = |space: &[u8]| contains_ignoring_case(tag, space);
    match name {
        b"encrypted" => of(b"eu.siacs.conversations.axolotl") || of(b"urn:xmpp:omemo:"),
        b"encryption" => of(b"urn:xmpp:eme:"),
        b"openpgp" => of(b"urn:xmpp:openpgp:"),
        b"x" => of(b"jabber:x:encrypted"),
        _ => false,
    }
}

/// The value of an attribute.
fn value_of<'a>(tag: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut from = 0;
    loop {
        let at = from + memchr::memmem::find(tag.get(from..)?, name)?;
        from = at + name.len();
        let before = tag.get(at.checked_sub(1)?)?;
        let rest = tag.get(from..)?.trim_ascii_start();
        if before.is_ascii_whitespace()
            && let Some(value) = rest.strip_prefix(b"=").map(<[u8]>::trim_ascii_start)
            && let Some((quote @ (b'"' | b'\''), value)) = value.split_first()
        {
            return value.get(..memchr::memchr(*quote, value)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::testing::{C, Outcome, S, dialogue};
    use super::super::Xmpp;
    use super::*;

    const HEADER: (Dir, &[u8]) =
        (C, b"<stream:stream to='a.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>");
    const ANSWER: (Dir, &[u8]) = (
        S,
        b"<?xml version='1.0'?><stream:stream id='1' from='a.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>\
          <stream:features/>",
    );

    fn read(turns: &[(Dir, &[u8])]) -> Vec<String> {
        let talk: Outcome = dialogue::<Xmpp>(&[&[HEADER, ANSWER][..], turns].concat());
        talk.facts.readables().map(|(r, e)| format!("{} {} {} {} {e:?}", r.kind.word(), r.what, r.count, r.excerpt)).collect()
    }

    #[test]
    fn a_stream_header_and_features_say_nothing_of_people() {
        assert!(read(&[(C, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")]).is_empty());
    }

    #[test]
    fn messages_and_who_they_are_for_are_readable() {
        let message = b"<message to='bo@a.example' type='chat'><body>see you &amp; Carol</body></message>";
        let found = read(&[(C, message), (S, b"<presence from='bo@a.example/x'><status>out</status></presence>")]);
        let expected = ["identifiers XMPP addresses 2 bo@a.ex••••• [#3, #4]", "content XMPP message 2 se• yo• &am•; Ca••• [#3, #4]"];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_stands_beside_an_encrypted_element_is_not_the_content() {
        for hidden in [
            "<encrypted xmlns='eu.siacs.conversations.axolotl'><payload>aGk=</payload></encrypted>",
            "<encrypted xmlns=\"urn:xmpp:omemo:2\"></encrypted>",
            "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:otr:0'/>",
        ] {
            for message in [
                format!("<message to='bo@a.example'>{hidden}<body>sent with OMEMO</body></message>"),
                format!("<message to='bo@a.example'><body>sent with OMEMO</body>{hidden}</message>"),
            ] {
                let found = read(&[(C, message.as_bytes())]);
                assert!(found.len() == 1 && found.iter().all(|line| line.starts_with("identifiers")), "{found:?}");
            }
        }
        assert_eq!(read(&[(C, b"<message to='bo@a.example'><body>?OTR:AAMC</body></message>")]).len(), 1);
        let next = b"<message><encrypted xmlns='urn:xmpp:omemo:2'/><body>x</body></message><message><body>plain</body></message>";
        assert_eq!(read(&[(C, next)]), ["content XMPP message 1 pl••• [#3]"]);
    }

    #[test]
    fn logins_show_the_password_with_plain_and_the_name_with_scram() {
        let plain = b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsAG9wZW4=</auth>";
        assert_eq!(read(&[(C, plain)]), ["identifiers XMPP user name 1 al [#3]", "credentials XMPP password 1 •••••• [#3]"]);
        // n,,n=al,r=x
        let scram = b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1hbCxyPXg=</auth>";
        assert_eq!(read(&[(C, scram)]), ["identifiers XMPP user name 1 al [#3]"]);
        let old = b"<iq type='set'><query xmlns='jabber:iq:auth'><username>al</username><password>open</password></query></iq>";
        assert_eq!(read(&[(C, old)]).len(), 2);
    }

    #[test]
    fn attributes_are_whole_names() {
        assert_eq!(value_of(b"<a xfrom='1' from = \"2\">", b"from"), Some(&b"2"[..]));
        assert_eq!(value_of(b"<a to>", b"to"), None);
        assert_eq!(value_of(b"<a to='cut", b"to"), None);
    }
}
