//! What cannot be seen in a connection, said aloud in place of a blank (contract §2).

use crate::assess::{Family, Outcome};
use crate::base::{Kind, What};
use crate::flow::Connection;

use super::{row, text};

/// Why there is no version, and what the connection does not show: sentences, most important first.
#[must_use]
pub fn sentences(connection: &Connection) -> Vec<String> {
    let facts = &connection.facts;
    let mut said = Vec::new();
    match Outcome::of(connection) {
        Outcome::Failed(family) => {
            let alerts = row::value(connection, Kind::TlsAlerts).map(|a| format!(": {a}")).unwrap_or_default();
            said.push(format!("The {} handshake failed{alerts}. Nothing was protected by it.", family.name()));
        }
        Outcome::Unanswered(family) => said.push(format!(
            "Only the client's half of the {} handshake was seen. What it offered is below; what was negotiated, if anything, is not known.",
            family.name()
        )),
        Outcome::Unseen(family) => said.push(unseen(family, connection)),
        Outcome::GoogleQuic => said.push("This is Google's own QUIC, with a handshake that is not TLS: its cipher is not judged here.".to_owned()),
        Outcome::Other(name) => said.push(format!("No TLS, DTLS or QUIC was recognised; {name} encrypts by itself and is not judged here.")),
        Outcome::Nothing => {
            let packets = text::counted(row::packets(connection), "packet");
            said.push(format!("No encryption was recognised in the {packets} of this connection."));
        }
        Outcome::Negotiated(..) => {}
    }
    if let Some(What::StartTlsRefused(name)) = facts.get(Kind::StartTlsRefused).map(|f| &f.what) {
        said.push(format!("The {name} client asked for TLS and the server refused."));
    }
    if matches!(facts.get(Kind::TlsEch).map(|f| &f.what), Some(What::TlsEch("present"))) {
        said.push(
            "The ECH extension is present: the real and the padding kind cannot be told apart from outside; the name shown may be an outer name."
                .to_owned(),
        );
    }
    let is_1_3 = matches!(facts.get(Kind::TlsVersion).map(|f| &f.what), Some(What::TlsVersion(v)) if v.0.is_1_3());
    if is_1_3 && !facts.has(Kind::TlsCertSha256) {
        said.push("TLS 1.3 encrypts the certificate; not visible without keys.".to_owned());
    }
    if connection.truncated > 0 {
        said.push(format!("The capture cut {} of this connection short.", text::counted(connection.truncated, "packet")));
    }
    said
}

fn unseen(family: Family, connection: &Connection) -> String {
    let name = family.name();
    match row::value(connection, Kind::Handshake).as_deref() {
        Some("server-only") => {
            format!("Only the server's half of the {name} handshake was seen, and no version in it: what was negotiated is not known.")
        }
        _ => {
            let records = match row::value(connection, Kind::TlsRecordVersions) {
                Some(versions) if versions == "1.2" => {
                    " Its records bear the number 1.2, which TLS 1.3 uses too: it does not tell.".to_owned()
                }
                Some(versions) => format!(" Its records bear the number {versions}."),
                None => String::new(),
            };
            format!(
                "The {name} handshake was not seen: it came before the capture began, or was lost. What was negotiated is not known.{records}"
            )
        }
    }
}
