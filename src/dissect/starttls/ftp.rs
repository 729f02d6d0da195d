//! FTP's control connection (RFC 959) and its AUTH TLS (RFC 4217).

use super::super::lines::{contains_ignoring_case, is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said, reply};
use super::overheard::Overheard;
use crate::base::{Dir, Exposed, Facts, Window};

pub(super) const LANGUAGE: Language = Language { name: "ftp", client, server, agreement: Agreement::Unmistakable, overhear };

/// The user is nobody in particular (RFC 1635): [`Overheard::step`].
const ANONYMOUS: u8 = 1;

fn client(line: &[u8]) -> Option<Said<'_>> {
    let (verb, rest) = word(line);
    if verb.eq_ignore_ascii_case(b"AUTH") {
        // `TLS-C` and `TLS-P` are the names of the drafts that came before RFC 4217.
        return match is_one_of(rest, &["TLS", "SSL", "TLS-C", "TLS-P"]) {
            true => Said::surely(Act::Ask(b"")),
            false => Said::fits(Act::Line),
        };
    }
    if verb.eq_ignore_ascii_case(b"USER") && !rest.is_empty() && !rest.contains(&b' ') {
        return Said::likely(Act::Line);
    }
    if is_one_of(verb, &["FEAT", "SYST", "PASV", "EPSV", "PORT", "EPRT", "CWD", "PWD", "PBSZ", "PROT", "RETR", "STOR", "MLSD"]) {
        return Said::likely(Act::Line);
    }
    if is_one_of(verb, &["PASS", "ACCT", "TYPE", "OPTS", "LIST", "NOOP", "HELP", "STAT", "QUIT", "HOST", "CLNT", "SITE", "NLST", "SIZE"]) {
        return Said::fits(Act::Line);
    }
    None
}

fn server(line: &[u8]) -> Option<Said<'_>> {
    let (code, more, text) = reply(line)?;
    match code {
        220 if greets_as_ftp(text) => Said::surely(if more { Act::Line } else { Act::Reply }),
        220 => Said::likely(if more { Act::Line } else { Act::Reply }),
        234 => Said::likely(if more { Act::Line } else { Act::Agree(b"") }),
        230 | 331 | 227 | 229 => Said::likely(if more { Act::Line } else { Act::Reply }),
        _ if more => Said::fits(Act::Line),
        400..600 => Said::fits(Act::Refuse(b"")),
        _ => Said::fits(Act::Reply),
    }
}

/// Whether a greeting says FTP: `(vsFTPd 3.0.3)`, `ProFTPD Server`, `Microsoft FTP Service`; a host's name does not count.
fn greets_as_ftp(text: &[u8]) -> bool {
    !contains_ignoring_case(text, b"SMTP")
        && (contains_ignoring_case(text, b"FileZilla")
            || text.split(u8::is_ascii_whitespace).any(|word| contains_ignoring_case(word, b"FTP") && !word.contains(&b'.')))
}

fn overhear(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) -> bool {
    if line.dir == Dir::Server {
        return false;
    }
    let (verb, rest) = word(line.bytes);
    let mut state = |kind, what| facts.readable(kind, what, rest, line.all());
    if verb.eq_ignore_ascii_case(b"USER") {
        let anonymous = is_one_of(rest, &["ANONYMOUS", "FTP"]);
        o.step = u8::from(anonymous) * ANONYMOUS;
        if !anonymous && !rest.is_empty() {
            state(Exposed::Identifiers, "FTP user name");
        }
    } else if is_one_of(verb, &["PASS", "ACCT"]) && o.step != ANONYMOUS && !rest.is_empty() {
        state(Exposed::Credentials, "FTP password");
    } else if is_one_of(verb, &["RETR", "STOR", "APPE", "DELE", "RNFR", "RNTO", "MKD", "RMD"]) && !rest.is_empty() {
        state(Exposed::Content, "FTP file name");
    }
    false
}
