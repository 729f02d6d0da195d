//! The layers that stand between a packet and a piece of content, from the outside in.

use std::fmt;

use crate::base::escape_into;

/// One layer, named as people who read packets name it.
#[derive(Clone, Copy, Debug)]
pub enum Layer<'a> {
    /// A transport or a security protocol: `TCP`, `UDP`, `TLS 1.3`, `DTLS 1.2`, `QUIC`.
    Outer(&'a str),
    /// A text dialogue, named by its protocol where that is known: `SMTP`, `IRC`, `XMPP`.
    Text(&'static str),
    /// A request or response of HTTP/1, counted from 1 (RFC 9112).
    Http1(&'static str, u32),
    /// A stream of HTTP/2 (RFC 9113) or HTTP/3 (RFC 9114).
    Stream(&'static str, u64),
    /// A header or trailer field, a request's target: their names.
    Header(&'a [u8]),
    /// A message counted from 1: `WebSocket`, `gRPC`, `MQTT PUBLISH`, `data channel`.
    Message(&'static str, u32),
    /// A transformation undone: `gzip`, `base64`, `percent`, `inflate`.
    Undone(&'static str),
    /// A place in a JSON document (RFC 9535 §2.1): `$.messages[2].text`.
    Json(&'a JsonPath<'a>),
    /// A place in a Protocol Buffers message: field numbers.
    Protobuf(&'a [u32]),
    /// A part of a MIME multipart body, counted from 1 (RFC 2046 §5.1).
    Part(u32),
}

/// The layers down to some bytes: a list that borrows its upper part, so that going down costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a> {
    up: Option<&'a Chain<'a>>,
    layer: Layer<'a>,
}

impl<'a> Chain<'a> {
    /// A chain of one layer.
    #[must_use]
    pub fn new(layer: Layer<'a>) -> Chain<'a> {
        Chain { up: None, layer }
    }

    /// This chain and one layer more.
    #[must_use]
    pub fn then<'b>(&'b self, layer: Layer<'b>) -> Chain<'b>
    where
        'a: 'b,
    {
        Chain { up: Some(self), layer }
    }

    /// The innermost layer.
    #[must_use]
    pub fn layer(&self) -> Layer<'a> {
        self.layer
    }

    /// The layers from the outside in, each safe to print.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = self.up.map(Chain::names).unwrap_or_default();
        names.push(self.layer.to_string());
        names
    }

    /// Whether any layer of the chain is as described.
    pub fn has(&self, is: impl Fn(&Layer<'_>) -> bool) -> bool {
        let mut at = Some(self);
        while let Some(chain) = at {
            if is(&chain.layer) {
                return true;
            }
            at = chain.up;
        }
        false
    }
}

/// `TLS 1.3 › HTTP/2 stream 5 › WebSocket message 3 › inflate › JSON $.text`: safe to print.
impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(up) = self.up {
            write!(f, "{up} › ")?;
        }
        self.layer.fmt(f)
    }
}

impl fmt::Display for Layer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::Outer(name) => f.write_str(name),
            Layer::Text(name) | Layer::Undone(name) => f.write_str(name),
            Layer::Http1(what, n) => write!(f, "HTTP/1 {what} {n}"),
            Layer::Stream(version, id) => write!(f, "{version} stream {id}"),
            Layer::Header(name) => {
                f.write_str("header ")?;
                escape_into(f, name.get(..LONGEST_NAME).unwrap_or(name))
            }
            Layer::Message(what, n) => write!(f, "{what} message {n}"),
            Layer::Json(path) => write!(f, "JSON {path}"),
            Layer::Protobuf(path) => {
                f.write_str("protobuf ")?;
                for (i, field) in path.iter().enumerate() {
                    write!(f, "{}{field}", if i == 0 { "" } else { "." })?;
                }
                Ok(())
            }
            Layer::Part(n) => write!(f, "MIME part {n}"),
        }
    }
}

/// How much of a name that a stranger chose is printed.
const LONGEST_NAME: usize = 48;
/// How many steps of a path are printed.
const LONGEST_PATH: usize = 12;

/// One step into a JSON document.
#[derive(Clone, Debug)]
pub enum Step<'a> {
    /// A member, by its name as it is written, escapes included.
    Member(&'a [u8]),
    /// An element, from 0.
    Element(usize),
}

/// A place in a JSON document.
#[derive(Clone, Debug)]
pub struct JsonPath<'a> {
    /// From the outside in.
    pub steps: &'a [Step<'a>],
    /// Whether the place is the name of a member and not its value.
    pub is_name: bool,
}

impl fmt::Display for JsonPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in self.steps.iter().take(LONGEST_PATH) {
            match step {
                Step::Member(name) if is_plain(name) => {
                    f.write_str(".")?;
                    escape_into(f, name)?;
                }
                Step::Member(name) => {
                    f.write_str("['")?;
                    escape_into(f, name.get(..LONGEST_NAME).unwrap_or(name))?;
                    f.write_str("']")?;
                }
                Step::Element(n) => write!(f, "[{n}]")?,
            }
        }
        if self.steps.len() > LONGEST_PATH {
            f.write_str("…")?;
        }
        if self.is_name { f.write_str(" (name)") } else { Ok(()) }
    }
}

/// Whether a name can stand behind a dot (RFC 9535 §2.5.1.1).
fn is_plain(name: &[u8]) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && !name.first().is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_reads_from_the_outside_in() {
        let tls = Chain::new(Layer::Outer("TLS 1.3"));
        let stream = tls.then(Layer::Stream("HTTP/2", 5));
        let message = stream.then(Layer::Message("WebSocket", 3));
        let inflate = message.then(Layer::Undone("inflate"));
        let steps = [Step::Member(b"text"), Step::Element(2), Step::Member(b"a.b\x1b")];
        let path = JsonPath { steps: &steps, is_name: false };
        let json = inflate.then(Layer::Json(&path));
        assert_eq!(json.to_string(), r"TLS 1.3 › HTTP/2 stream 5 › WebSocket message 3 › inflate › JSON $.text[2]['a.b\x1b']");
    }
}
