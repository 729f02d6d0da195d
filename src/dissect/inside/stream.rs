//! Everything inside one connection: its channels, each with its framing.

use std::sync::Arc;

use crate::base::{Dir, Window};

use super::chain::{Chain, Layer};
use super::data_channel::{self, DataChannels};
use super::eye::{Eye, Quest};
use super::found::{Cut, Found, Hit};
use super::http3::Http3;
use super::root::Root;

/// What kind of content bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Windows continue each other.
    Stream,
    /// Each window is a message of its own.
    Datagrams,
    /// A stream of QUIC, by its number.
    QuicStream(u64),
    /// Each window is a record of DTLS.
    Records,
}

/// Looks inside one connection.
#[derive(Debug)]
pub struct Inside {
    eye: Eye,
    /// The stream that is being read: what carries it, and its framing.
    stream: Option<(String, Root)>,
    quic: Http3,
    data_channels: DataChannels,
    /// What the streams before this one were, so that what is upgraded keeps its name.
    protocol: Option<&'static str>,
    /// What carries the streams of QUIC and the records of DTLS.
    carrier: String,
}

impl Inside {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(quest: Arc<Quest>) -> Inside {
        Inside {
            eye: Eye::new(quest),
            stream: None,
            quic: Http3::default(),
            data_channels: DataChannels::default(),
            protocol: None,
            carrier: String::new(),
        }
    }

    /// More content, carried by what `carrier` names: `TCP`, `TLS 1.3`.
    pub fn bytes(&mut self, carrier: &str, medium: Medium, window: &Window<'_>) {
        self.eye.count(window);
        match medium {
            Medium::Stream => {
                self.begin(carrier);
                if let Some((carrier, root)) = &mut self.stream {
                    root.push(&Chain::new(Layer::Outer(carrier)), window, &mut self.eye);
                }
            }
            Medium::Datagrams => {
                self.eye.datagram(&Chain::new(Layer::Outer(carrier)), window);
            }
            Medium::QuicStream(id) => {
                carrier.clone_into(&mut self.carrier);
                self.quic.push(&Chain::new(Layer::Outer(carrier)), id, window, &mut self.eye);
            }
            Medium::Records => {
                carrier.clone_into(&mut self.carrier);
                let up = Chain::new(Layer::Outer(carrier));
                if data_channel::is_sctp(window.bytes) {
                    self.eye.found.framing("SCTP");
                    self.data_channels.packet(&up, window, &mut self.eye);
                } else {
                    self.eye.datagram(&up, window);
                }
            }
        }
    }

    /// Content is missing before what comes next.
    pub fn gap(&mut self, medium: Medium, dir: Dir, missing: Option<u64>) {
        self.eye.found.cut(Cut::Gap, dir, self.eye.latest(), None);
        match (medium, &mut self.stream) {
            (Medium::Stream, Some((_, root))) => root.gap(dir, missing),
            (Medium::QuicStream(id), _) => self.quic.gap(id, dir),
            _ => {}
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn hits(&self) -> &[Hit] {
        &self.eye.found.hits
    }

    /// What it carries is that of another connection.
    pub fn moved(&mut self) {
        self.eye.found.moved = true;
    }

    /// Client and server were the wrong way round so far. What was found is of the other side; what is being read is of neither any more.
    pub fn swap_sides(&mut self) {
        self.end_stream();
        self.eye.found.swap_sides();
    }

    /// A stream with another carrier begins: TLS after STARTTLS.
    fn begin(&mut self, carrier: &str) {
        if self.stream.as_ref().is_some_and(|(current, _)| current == carrier) {
            return;
        }
        self.end_stream();
        self.stream = Some((carrier.to_owned(), Root::new(self.protocol)));
    }

    fn end_stream(&mut self) {
        if let Some((carrier, mut root)) = self.stream.take() {
            root.close(&Chain::new(Layer::Outer(&carrier)), &mut self.eye);
            self.protocol = root.protocol().or(self.protocol);
        }
    }

    /// The connection is over: what was found in it.
    #[must_use]
    pub fn close(mut self) -> Found {
        self.end_stream();
        let Inside { mut eye, mut quic, mut data_channels, carrier, .. } = self;
        let up = Chain::new(Layer::Outer(&carrier));
        quic.close(&up, &mut eye);
        data_channels.close(&up, &mut eye);
        eye.found
    }
}
