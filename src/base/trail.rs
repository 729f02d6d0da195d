//! The handshake as a ladder of messages.

use super::{Dir, Evidence, Timestamp};

macro_rules! messages {
    ($($(#[$doc:meta])* $variant:ident = $letter:literal, $name:literal;)*) => {
        /// A step of a handshake. The letters are those of Zeek's `ssl_history`: upper case from the client,
        /// lower case from the server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Message { $($(#[$doc])* $variant),* }

        impl Message {
            pub(in crate::base) const ALL: &'static [Message] = &[$(Message::$variant),*];

            /// The letter in the compact history, upper case.
            #[must_use]
            pub fn letter(self) -> char {
                match self { $(Message::$variant => $letter),* }
            }

            /// The name in its RFC.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Message::$variant => $name),* }
            }
        }
    };
}

messages! {
    /// TLS `HelloRequest`.
    HelloRequest = 'H', "HelloRequest";
    /// TLS, DTLS or QUIC `ClientHello`.
    ClientHello = 'C', "ClientHello";
    /// `ServerHello` that is not a `HelloRetryRequest`.
    ServerHello = 'S', "ServerHello";
    /// DTLS `HelloVerifyRequest`.
    HelloVerifyRequest = 'V', "HelloVerifyRequest";
    /// `HelloRetryRequest`.
    HelloRetryRequest = 'J', "HelloRetryRequest";
    /// `NewSessionTicket` in clear (TLS 1.2).
    NewSessionTicket = 'T', "NewSessionTicket";
    /// `Certificate` in clear.
    Certificate = 'X', "Certificate";
    /// `ServerKeyExchange`.
    ServerKeyExchange = 'K', "ServerKeyExchange";
    /// `CertificateRequest`.
    CertificateRequest = 'R', "CertificateRequest";
    /// `ServerHelloDone`.
    ServerHelloDone = 'N', "ServerHelloDone";
    /// `CertificateVerify`.
    CertificateVerify = 'Y', "CertificateVerify";
    /// `ClientKeyExchange`.
    ClientKeyExchange = 'G', "ClientKeyExchange";
    /// `Finished` read in clear or with keys.
    Finished = 'F', "Finished";
    /// `CertificateStatus` (OCSP staple).
    CertificateStatus = 'U', "CertificateStatus";
    /// `SupplementalData` or another handshake message read in clear.
    OtherHandshake = 'A', "other handshake message";
    /// An encrypted record of type handshake: its message type is not visible.
    EncryptedHandshake = 'Z', "encrypted handshake message";
    /// `ChangeCipherSpec`.
    ChangeCipherSpec = 'I', "ChangeCipherSpec";
    /// A heartbeat record.
    Heartbeat = 'B', "Heartbeat";
    /// The first encrypted record of type application data.
    ApplicationData = 'D', "application data";
    /// `EndOfEarlyData`, read with keys.
    EndOfEarlyData = 'E', "EndOfEarlyData";
    /// `EncryptedExtensions`, read with keys.
    EncryptedExtensions = 'O', "EncryptedExtensions";
    /// `KeyUpdate`, read with keys.
    KeyUpdate = 'P', "KeyUpdate";
    /// An alert in clear.
    Alert = 'L', "Alert";
    /// An encrypted alert record.
    EncryptedAlert = 'L', "encrypted alert";
    /// QUIC Retry packet.
    QuicRetry = 'Q', "QUIC Retry";
    /// QUIC Version Negotiation packet.
    QuicVersionNegotiation = 'M', "QUIC Version Negotiation";
    /// The first QUIC 0-RTT packet.
    QuicZeroRtt = 'E', "QUIC 0-RTT packet";
    /// The first QUIC Handshake packet of a side.
    QuicHandshake = 'Z', "QUIC Handshake packet";
    /// The first QUIC short-header (1-RTT) packet of a side.
    QuicOneRtt = 'D', "QUIC 1-RTT packet";
    /// A request to begin TLS (STARTTLS, AUTH TLS, `SSLRequest`).
    StartTlsRequest = 'W', "STARTTLS request";
    /// The server agreed to begin TLS.
    StartTlsAccepted = 'W', "STARTTLS accepted";
    /// The server refused to begin TLS.
    StartTlsRefused = 'W', "STARTTLS refused";
}

/// One message of a handshake, with the frames that carried it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who sent it.
    pub dir: Dir,
    /// What it was.
    pub message: Message,
    /// When its last byte arrived.
    pub at: Timestamp,
    /// The frames that carried it.
    pub evidence: Evidence,
}
