//! Every statement names frames, and the named frames say it: checked again from their bytes alone, by code that shares
//! nothing with `src/dissect`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use common::frames_of::{Kept, Named};
use common::wire;
use intransit::base::{CipherSuite, Evidence, Fact, Kind, NamedGroup, ProtocolVersion, QuicVersion, VersionName, What, WireStr};
use intransit::engine;
use intransit::flow::{Connection, Transport};

fn all_captures() -> Vec<PathBuf> {
    let mut all = common::cabinet_captures();
    if let Some(root) = common::corpus("the corpus; only the cabinet is proven") {
        all.extend(common::corpus_captures(&root));
    }
    all
}

/// Facts that other connections of the capture helped to state, so that frames of those stand beside the connection's own.
fn is_joined(connection: &Connection, fact: &Fact) -> bool {
    let moved = connection.facts.has(Kind::QuicContinues);
    let called = connection.facts.has(Kind::MediaKeying);
    // A datagram put together from fragments is proven by all of them; its connection begins with the last.
    let told = [Kind::Looks, Kind::Ech, Kind::QuicContinues, Kind::MediaKeying, Kind::ResolvedName, Kind::ResolvedAge, Kind::SocketSigns];
    told.contains(&fact.what.kind())
        || moved && fact.what == What::Protocol("quic")
        || called && matches!(fact.what, What::Protocol("srtp") | What::Readable(_))
}

#[test]
fn every_fact_names_frames_of_its_connection() {
    let (wrong, counts) = (Mutex::new(Vec::new()), Mutex::new((0u64, 0u64)));
    common::each(&all_captures(), |path| {
        let Ok(analysis) = common::analyse_file(path, 1) else { return };
        for connection in analysis.connections() {
            let steps = connection.facts.steps().iter().map(|step| (format!("step {:?}", step.message), &step.evidence, false));
            let facts = connection.facts.list().iter();
            let facts = facts.map(|fact| (fact.what.kind().name().to_owned(), &fact.evidence, is_joined(&connection, fact)));
            for (name, evidence, joined) in facts.chain(steps) {
                counts.lock().unwrap().0 += 1;
                counts.lock().unwrap().1 += evidence.frames().len() as u64;
                if let Some(what) = fault(evidence, &connection, joined, analysis.capture.frames) {
                    wrong.lock().unwrap().push(format!("{} {name} {evidence:?}: {what}", common::short(path)));
                }
            }
        }
    });
    let ((facts, frames), wrong) = (counts.into_inner().unwrap(), wrong.into_inner().unwrap());
    println!("evidence: {facts} statements name {frames} frames");
    assert!(wrong.is_empty(), "{} statements:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

fn fault(evidence: &Evidence, connection: &Connection, joined: bool, frames: u64) -> Option<String> {
    let named = evidence.frames();
    if named.is_empty() {
        return Some("no frame".into());
    }
    if !named.windows(2).all(|two| two[0] < two[1]) {
        return Some("not ascending".into());
    }
    let (first, last) = if joined { (1, frames) } else { (connection.first_frame.get(), connection.last_frame.get()) };
    let inside = named.iter().all(|frame| (first..=last).contains(&frame.get()));
    (!inside || last > frames).then(|| format!("outside of {first}..={last} of {frames}"))
}

/// What became of the facts of one kind.
#[derive(Default)]
struct Score {
    seen: u64,
    proven: u64,
    /// Proven together with the client's Initials, whose connection id gives the keys.
    with_keys: u64,
    /// The connection's other frames say it too: sent again, negotiated again.
    elsewhere: u64,
}

#[test]
fn the_named_frames_alone_say_it() {
    let (wrong, scores) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::<&str, Score>::new()));
    common::each(&all_captures(), |path| prove_capture(path, &wrong, &scores));
    let (scores, mut wrong) = (scores.into_inner().unwrap(), wrong.into_inner().unwrap());
    for (kind, score) in &scores {
        let Score { seen, proven, with_keys, elsewhere } = score;
        println!(
            "proven from the named frames: {kind}: {proven} of {seen} ({with_keys} beside frames that give QUIC's keys); \
             the other frames of the connection say it for {elsewhere}"
        );
        // The check means something: what a server says once is not found just anywhere.
        let said_once = ["tls.version", "tls.cipher", "tls.curve", "tls.server.hash.sha256"].contains(kind);
        assert!(!said_once || elsewhere * 10 < *seen, "{kind}");
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{} facts are not in their frames:\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}

fn prove_capture(path: &Path, wrong: &Mutex<Vec<String>>, scores: &Mutex<BTreeMap<&str, Score>>) {
    let Ok(kept) = Kept::open(path) else { return };
    let Ok(analysis) = common::analyse_file(path, 1) else { return };
    for connection in analysis.connections() {
        for fact in connection.facts.list().iter().filter(|fact| is_checked(&fact.what)) {
            let kind = fact.what.kind().name();
            scores.lock().unwrap().entry(kind).or_default().seen += 1;
            let named: BTreeSet<u64> = fact.evidence.frames().iter().map(|frame| frame.get()).collect();
            let others = (connection.first_frame.get()..=connection.last_frame.get()).filter(|frame| !named.contains(frame)).collect();
            let elsewhere = prove(&kept, &connection, fact, &others).is_some();
            scores.lock().unwrap().entry(kind).or_default().elsewhere += u64::from(elsewhere);
            let Some(with_keys) = prove(&kept, &connection, fact, &named) else {
                let name = common::short(path);
                let text = format!("{name} {} {} {kind} = {:?} {:?}", connection.first_frame, connection.client, fact.what, fact.evidence);
                wrong.lock().unwrap().push(text);
                continue;
            };
            let mut scores = scores.lock().unwrap();
            let score = scores.entry(kind).or_default();
            score.proven += 1;
            score.with_keys += u64::from(with_keys);
        }
    }
}

fn is_checked(what: &What) -> bool {
    match what {
        What::TlsVersion(_) | What::TlsCipher(_) | What::TlsCurve(_) | What::TlsServerName(_) | What::TlsOfferedAlpn(_) => true,
        What::TlsCertSha256(_) | What::QuicVersion(_) => true,
        What::TlsSubject(subject) => wire::is_plain(subject.as_bytes()),
        _ => false,
    }
}

/// The same statement with another value, which the frames must not show.
fn altered(what: &What) -> Option<What> {
    let longer = |text: &WireStr| WireStr::new(&[text.as_bytes(), b"~"].concat());
    Some(match what {
        What::TlsVersion(_) => What::TlsVersion(VersionName(ProtocolVersion(0x0305))),
        What::TlsCipher(_) => What::TlsCipher(CipherSuite(0xfe7e)),
        What::TlsCurve(_) => What::TlsCurve(NamedGroup(0xfe7e)),
        What::TlsServerName(name) => What::TlsServerName(longer(name)),
        What::TlsOfferedAlpn(ids) => What::TlsOfferedAlpn(ids.iter().map(longer).collect()),
        What::TlsSubject(subject) => What::TlsSubject(longer(subject)),
        What::TlsCertSha256(digest) => What::TlsCertSha256(Box::new(digest.map(|octet| !octet))),
        What::QuicVersion(_) => What::QuicVersion(QuicVersion(0x7e7e_7e7e)),
        _ => return None,
    })
}

/// Whether these frames show the fact, and if so whether the client's Initials were needed beside them.
fn prove(kept: &Kept, connection: &Connection, fact: &Fact, numbers: &BTreeSet<u64>) -> Option<bool> {
    let in_quic = connection.facts.list().iter().any(|fact| matches!(fact.what, What::QuicVersion(_) | What::TlsVersionProtocol("quic")));
    if in_quic && fact.what.kind() != Kind::QuicVersion {
        return prove_quic(kept, connection, fact, numbers);
    }
    let named = Named::of(kept, numbers, connection);
    let streams = match connection.transport {
        Transport::Tcp => named.streams(),
        _ => named.datagrams(),
    };
    // OpenVPN carries TLS, not DTLS, in its datagrams.
    let dtls = connection.facts.list().iter().any(|fact| fact.what == What::TlsVersionProtocol("dtls"));
    let shows = |what: &What| streams.iter().any(|stream| wire::shows(stream, what, dtls));
    let other = altered(&fact.what).is_some_and(|other| shows(&other));
    assert!(!other, "a check that anything passes: {:?}", fact.what);
    shows(&fact.what).then_some(false)
}

/// Initial packets are encrypted with a key from the client's first connection id: the engine opens them again, given only
/// these frames, and may name no others.
fn prove_quic(kept: &Kept, connection: &Connection, fact: &Fact, numbers: &BTreeSet<u64>) -> Option<bool> {
    let again = |numbers: &BTreeSet<u64>| {
        let analysis = engine::analyse(&mut kept.only(numbers), common::options(1), &mut |_| {}).ok()?;
        let ends = BTreeSet::from([connection.client, connection.server]);
        let mut found = analysis.connections().filter(|other| BTreeSet::from([other.client, other.server]) == ends);
        found.find(|other| other.facts.list().iter().any(|other| other.what == fact.what))
    };
    if again(numbers).is_some() {
        return Some(false);
    }
    // The server's side needs what gives the keys: the client's Initials up to the frame itself, and a Retry. After a
    // HelloRetryRequest the ServerHello lies further on in the server's stream, so that the retry belongs to it.
    let last = *numbers.last()?;
    let before = Named::of(kept, &(connection.first_frame.get()..=last).collect(), connection);
    let retried = connection.facts.get(Kind::TlsHelloRetryRequest).is_some_and(|fact| fact.what == What::TlsHelloRetryRequest(true));
    let keys: BTreeSet<u64> = before.long_headers(connection, retried).into_iter().filter(|frame| !numbers.contains(frame)).collect();
    let other = again(&keys.union(numbers).copied().collect())?;
    let same = other.facts.list().iter().find(|other| other.what == fact.what)?;
    let by_these = same.evidence.frames().iter().all(|frame| numbers.contains(&frame.get()));
    // Without the named frames, the others do not say it.
    (by_these && again(&keys).is_none()).then_some(true)
}
