//! A phrase that is sent readable is never "not seen": it is wrapped in random encodings, nested, in every framing, and cut into random
//! pieces; the conclusion may be "readable" or "inconclusive", and must nearly always be the first.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bombs;
#[path = "../common/mod.rs"]
mod common;
mod encodings;
mod framings;
mod quic;
mod sealed;
mod sessions;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use intransit::assess::Judged;
use intransit::assess::canary::{Asked, Bits, Canary, Lacks, Looked, Verdict};
use intransit::base::{Dir, Facts, Frame, FrameNo, LinkType, Stitched, Timestamp};
use intransit::dissect::inside::{Found, Inside, Keep, Medium, Needles, Quest, Sought};
use intransit::dissect::plain::Books;
use intransit::flow::{Connection, Endpoint, Tally, Transport};

const PHRASE: &str = "purple-otter-47112-clover";
const CONTROL: &str = "room-of-requirement";

/// How many cases: a thousand, or as many as `INTRANSIT_CASES` says (see `tests/soak`).
pub fn cases() -> u64 {
    std::env::var("INTRANSIT_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

static QUEST: LazyLock<Arc<Quest>> =
    LazyLock::new(|| Arc::new(Quest { needles: Needles::new(PHRASE, &[CONTROL.into()]).unwrap(), since: None, keep: Keep::Masked }));

/// Random numbers that are the same in every run (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.draw() % end as u64) as usize
    }

    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// What each side says, in order.
pub type Turns = Vec<(Dir, Vec<u8>)>;

/// Hands turns on, cut anywhere, each piece a frame.
fn look(medium: Medium, turns: &Turns, random: &mut Random) -> Found {
    let mut inside = Inside::new(Arc::clone(&QUEST));
    let mut number = 0;
    let most = random.pick(&[1, 2, 7, 40, 300, 1400, 100_000]);
    for (dir, bytes) in turns {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            // Datagrams and records are what they are.
            let whole = matches!(medium, Medium::Datagrams | Medium::Records);
            let len = if whole { rest.len() } else { (1 + random.below(most)).min(rest.len()) };
            let (piece, after) = rest.split_at(len);
            number += 1;
            let frame = Frame {
                number: FrameNo::new(number).unwrap(),
                at: Timestamp::from_nanos(number as i64),
                bytes: piece,
                wire_len: 0,
                link: LinkType(1),
                interface: 0,
            };
            let mut held = Stitched::new();
            held.push(&frame.window(piece));
            inside.bytes("TLS 1.3", medium, &held.window(*dir).unwrap());
            rest = after;
        }
    }
    inside.close()
}

fn connection() -> Judged {
    let end = |port| Endpoint { ip: std::net::IpAddr::from([192, 0, 2, 1]), port };
    let sent = Tally { packets: 3, bytes: 90_000, payload: 50_000 };
    Judged::from(Connection {
        transport: Transport::Tcp,
        client: end(50_000),
        server: end(443),
        guessed: false,
        first_frame: FrameNo::FIRST,
        last_frame: FrameNo::FIRST,
        start: Timestamp::ZERO,
        end: Timestamp::ZERO,
        sent: [sent, sent],
        vlan: None,
        truncated: 0,
        facts: Facts::new(),
    })
}

/// The conclusion, where everything else speaks for "not seen": all was opened, and the control is there.
fn conclude(mut found: Found) -> Canary {
    if !found.hits.iter().any(|hit| hit.sought == Sought::Control(0)) {
        let line = format!("{CONTROL} and some more text, enough to hold a phrase\n").into_bytes();
        let control = look(Medium::Stream, &vec![(Dir::Client, line)], &mut Random(1));
        found.hits.extend(control.hits);
        found.octets.client += control.octets.client;
    }
    let mut books = Books::default();
    books.client.note(Ok(()));
    let asked = Asked { bits: Bits(46), since: None, controls: 1, room: QUEST.needles.room() };
    Canary::conclude(&asked, &Lacks::default(), vec![Looked { connection: connection(), found, books, goes_on: false }])
}

#[derive(Default)]
struct Count {
    readable: u64,
    not_seen: Vec<String>,
    /// By the wrapping that was not undone.
    inconclusive: BTreeMap<String, u64>,
    example: BTreeMap<String, (u64, Vec<String>)>,
}

fn case(seed: u64, count: &mut Count) {
    let mut random = Random(seed);
    let (content, wrappings) = encodings::wrap(PHRASE, &mut random);
    let (medium, framing, turns) = framings::frame(&content, &mut random);
    let name = format!("{framing} > {}", wrappings.join(" > "));
    let canary = conclude(look(medium, &turns, &mut random));
    match canary.verdict {
        Verdict::Readable => count.readable += 1,
        Verdict::Inconclusive => {
            *count.inconclusive.entry(name.clone()).or_default() += 1;
            count.example.entry(name).or_insert((seed, canary.reasons));
        }
        Verdict::NotSeen => count.not_seen.push(format!("seed {seed}: {name}")),
    }
}

/// One case, for looking at it: `INTRANSIT_SEED=48 cargo test --test wrapped one_case -- --nocapture`.
#[test]
fn one_case() {
    if let Ok(text) = std::env::var("INTRANSIT_TEXT") {
        println!("{:#?}", look(Medium::Datagrams, &vec![(Dir::Client, text.into_bytes())], &mut Random(1)));
    }
    let Some(seed) = std::env::var("INTRANSIT_SEED").ok().and_then(|seed| seed.parse().ok()) else { return };
    let mut random = Random(seed);
    let (content, wrappings) = encodings::wrap(PHRASE, &mut random);
    let (medium, framing, turns) = framings::frame(&content, &mut random);
    let found = look(medium, &turns, &mut random);
    println!("{framing} > {wrappings:?}\n{}\n{found:#?}", String::from_utf8_lossy(&content));
}

#[test]
fn a_phrase_sent_readable_is_never_not_seen() {
    let counts: Vec<Count> = std::thread::scope(|scope| {
        let work = |half: u64| {
            let mut count = Count::default();
            (0..cases() / 2).for_each(|n| case(n * 2 + half, &mut count));
            count
        };
        let handles = [scope.spawn(move || work(0)), scope.spawn(move || work(1))];
        handles.into_iter().map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let readable: u64 = counts.iter().map(|count| count.readable).sum();
    let missed: Vec<_> = counts.iter().flat_map(|count| &count.example).collect();
    for (name, (seed, reasons)) in missed.iter().take(40) {
        println!("inconclusive, seed {seed}: {name}: {reasons:?}");
    }
    let not_seen: Vec<&String> = counts.iter().flat_map(|count| &count.not_seen).collect();
    assert!(
        not_seen.is_empty(),
        "{} times the phrase was there and was not seen: {:#?}",
        not_seen.len(),
        &not_seen[..not_seen.len().min(30)]
    );
    let all = cases() / 2 * 2;
    println!("{readable} of {all} were readable, the others inconclusive");
    assert!(readable * 100 >= all * 98, "{readable} of {all} were readable; {} kinds were not", missed.len());
}

/// Random bytes in the places where an app puts what it encrypted itself.
fn sealed(random: &mut Random) -> Vec<u8> {
    let noise: Vec<u8> = (0..PHRASE.len() + random.below(120)).map(|_| random.draw() as u8).collect();
    let base64 = |url| encodings::base64(&noise, url);
    match random.below(7) {
        0 => noise,
        1 => format!("{{\"room\":7,\"m\":\"{}\"}}", base64(false).replace('/', "\\/")).into_bytes(),
        2 => format!("{{\"room\":7,\"m\":\"{}\"}}", base64(true)).into_bytes(),
        3 => encodings::protobuf(&noise),
        4 => noise.iter().map(|b| format!("{b:02x}")).collect::<String>().into_bytes(),
        5 => format!("<m>{}</m>", base64(false)).into_bytes(),
        _ => format!("a=1&m={}", base64(false).replace('+', "%2B").replace('/', "%2F")).into_bytes(),
    }
}

#[test]
fn content_that_an_app_encrypted_itself_is_never_passed_over() {
    for seed in 0..cases() {
        let mut random = Random(seed.wrapping_mul(77));
        let content = sealed(&mut random);
        let canary = conclude(look(Medium::Datagrams, &vec![(Dir::Client, content.clone())], &mut random));
        let what = String::from_utf8_lossy(&content);
        assert_eq!(canary.verdict, Verdict::Inconclusive, "seed {seed}: {what}");
        assert!(canary.reasons.iter().any(|reason| reason.contains("could not be read")), "seed {seed}: {what}: {:?}", canary.reasons);
    }
}

#[test]
fn the_control_alone_is_not_seen() {
    // The same without the phrase: the test can say "not seen" at all.
    let mut random = Random(7);
    let mut not_seen = 0;
    for _ in 0..200 {
        let (content, _) = encodings::wrap("a quite ordinary sentence", &mut random);
        let (medium, _, turns) = framings::frame(&content, &mut random);
        not_seen += u32::from(conclude(look(medium, &turns, &mut random)).verdict == Verdict::NotSeen);
    }
    println!("{not_seen} of 200 were not seen");
    assert!(not_seen >= 150, "{not_seen}");
}
