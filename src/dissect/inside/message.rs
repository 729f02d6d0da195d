//! What HTTP/2 and HTTP/3 have in common: a stream with a request and a response, each with header fields and a body.

use crate::base::{Dir, Sides, Window};

use super::body::{Body, Described};
use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::hpack::Field;
use super::websocket::{Agreed, WebSocket};

/// A stream that carries one exchange.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    described: Sides<Described>,
    bodies: Sides<Option<Body>>,
    ended: Sides<bool>,
    /// `:protocol` of an extended CONNECT (RFC 8441, RFC 9220).
    asks_for_websocket: bool,
    agreed: Agreed,
    websocket: Option<Box<WebSocket>>,
    /// A CONNECT without a protocol: a tunnel, whose bytes are somebody else's.
    is_tunnel: bool,
}

impl Exchange {
    /// Header fields, or trailers; made of all of `origin`.
    pub(super) fn fields(&mut self, up: &Chain<'_>, fields: &[Field], origin: &Window<'_>, eye: &mut Eye) {
        let dir = origin.dir;
        let mut status_is_final = dir == Dir::Client;
        for Field { name, value } in fields {
            eye.derived(&up.then(Layer::Header(name)), value, origin, false);
            if name.len() >= SHORTEST_NAME {
                // A phrase may be in a name, too.
                eye.derived(&up.then(Layer::Header(b"(name)")), name, origin, false);
            }
            match name.as_slice() {
                b":protocol" => self.asks_for_websocket = value.eq_ignore_ascii_case(b"websocket"),
                b":method" => self.is_tunnel = value == b"CONNECT",
                b":status" => {
                    status_is_final = !value.starts_with(b"1");
                    if self.asks_for_websocket && value.starts_with(b"2") && self.websocket.is_none() {
                        self.websocket = Some(Box::default());
                    }
                }
                _ => self.described.of_mut(dir).header(name, value),
            }
            if dir == Dir::Server {
                self.agreed.header(name, value);
            }
        }
        if let Some(websocket) = &mut self.websocket
            && dir == Dir::Server
        {
            **websocket = WebSocket::new(self.agreed);
        }
        if !status_is_final {
            // An interim response: what it says is not of the body.
            *self.described.of_mut(dir) = Described::default();
        }
    }

    /// Octets of a body.
    pub(super) fn data(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        if let Some(websocket) = &mut self.websocket {
            websocket.push(up, window, eye);
            return;
        }
        let described = self.described.of(window.dir);
        self.bodies.of_mut(window.dir).get_or_insert_with(|| Body::new(described)).push(up, window, eye);
    }

    /// One side has said everything.
    pub(super) fn end(&mut self, up: &Chain<'_>, dir: Dir, is_whole: bool, eye: &mut Eye) {
        if let Some(body) = self.bodies.of_mut(dir)
            && !std::mem::replace(self.ended.of_mut(dir), true)
        {
            body.end(up, dir, is_whole, eye);
        }
        *self.ended.of_mut(dir) = true;
    }

    /// Whether both sides have said everything.
    pub(super) fn is_over(&self) -> bool {
        self.ended.client && self.ended.server
    }

    /// The connection is over.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        if let Some(websocket) = &mut self.websocket {
            websocket.close(up, eye);
        }
        for dir in [Dir::Client, Dir::Server] {
            self.end(up, dir, false, eye);
        }
    }

    /// Octets are missing in one direction.
    pub(super) fn gap(&mut self, dir: Dir) {
        if let Some(websocket) = &mut self.websocket {
            websocket.gap(dir);
        }
    }
}

/// Shorter names are those of everyone.
const SHORTEST_NAME: usize = 12;
