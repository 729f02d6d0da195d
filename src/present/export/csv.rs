//! Comma-separated values (RFC 4180), one row per connection, safe to open in a spreadsheet.

use std::io::{self, Write as _};

use crate::assess::{Identity, Judged};
use crate::base::{Dir, Kind, WireStr};

use super::Writer;

/// The columns that are facts.
const FACTS: &[Kind] = &[
    Kind::TlsVersion,
    Kind::TlsCipher,
    Kind::TlsCurve,
    Kind::TlsNextProtocol,
    Kind::TlsResumed,
    Kind::Handshake,
    Kind::StartTls,
    Kind::QuicVersion,
    Kind::TlsServerName,
    Kind::TlsJa3,
    Kind::TlsJa4,
    Kind::TlsSubject,
    Kind::TlsIssuer,
    Kind::TlsNotBefore,
    Kind::TlsNotAfter,
    Kind::TlsCertSha256,
];

/// Rows of values; what is not known is an empty cell. The frames of each fact stand in the last column.
#[derive(Debug, Default)]
pub struct Csv;

impl Writer for Csv {
    fn begin(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(
            b"file,first_frame,last_frame,start,end,transport,client_ip,client_port,server_ip,server_port,packets,bytes,protocol,grade,exposed,identity,why,findings,platform,role,confidence",
        );
        for kind in FACTS {
            write!(out, ",{}", kind.name())?;
        }
        out.extend_from_slice(b",frames\r\n");
        Ok(())
    }

    fn connection(&mut self, out: &mut Vec<u8>, file: &WireStr, judged: &Judged) -> io::Result<()> {
        let (c, judgement) = (&judged.connection, &judged.judgement);
        cell(out, &file.to_string());
        let (client, server) = (c.tally(Dir::Client), c.tally(Dir::Server));
        write!(
            out,
            ",{},{},{},{},{},{},{},{},{},{},{},{}",
            c.first_frame,
            c.last_frame,
            c.start,
            c.end,
            c.transport.name(),
            c.client.ip,
            c.client.port,
            c.server.ip,
            c.server.port,
            client.packets + server.packets,
            client.bytes + server.bytes,
            c.protocol().unwrap_or_default()
        )?;
        let exposed: Vec<&str> = judgement.exposed.iter().map(|kind| kind.word()).collect();
        let findings: Vec<&str> = judgement.findings.iter().map(|finding| finding.rule.id).collect();
        let identity = judgement.identity.map_or("", Identity::word);
        write!(out, ",{},{},{identity},", judgement.grade.word(), exposed.join("+"))?;
        cell(out, &judgement.why);
        write!(out, ",{}", findings.join(" "))?;
        match &judged.attribution {
            Some(of) => write!(out, ",{},{},{}", of.platform, of.role.word(), of.confidence.word())?,
            None => out.extend_from_slice(b",,,"),
        }
        let mut frames = String::new();
        for kind in FACTS {
            out.push(b',');
            if let Some(fact) = c.facts.get(*kind) {
                cell(out, &fact.what.shown().to_string());
                let list: Vec<String> = fact.evidence.frames().iter().map(ToString::to_string).collect();
                frames.push_str(if frames.is_empty() { "" } else { "; " });
                frames.push_str(kind.name());
                frames.push('=');
                frames.push_str(&list.join(" "));
            }
        }
        out.push(b',');
        cell(out, &frames);
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

/// A quoted cell. One that a spreadsheet would take for a formula begins with an apostrophe.
pub fn cell(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        out.push(b'\'');
    }
    for b in text.bytes() {
        if b == b'"' {
            out.push(b'"');
        }
        out.push(b);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_would_be_a_formula_is_text() {
        let mut out = Vec::new();
        cell(&mut out, "=HYPERLINK(\"x\")");
        assert_eq!(out, b"\"'=HYPERLINK(\"\"x\"\")\"");
    }
}
