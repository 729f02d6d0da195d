//! The line-based protocols in which TLS may begin: one state machine, one table of languages.

use super::super::lines::{Front, Lines};
use super::super::{Next, Payload, Probe, Protocol};
use super::overheard::{Mode, Overheard};
use super::{Upgrade, ftp, imap, irc, nntp, pop3, sieve, smtp, tls_at_front};
use crate::base::{Dir, Evidence, Facts, Stitched, What, Window};

/// A language: how a line of each side reads in it. `None`: not a line of this language.
pub(super) struct Language {
    /// The name in `network.protocol` and `intransit.starttls`.
    pub(super) name: &'static str,
    /// A line that a client sent.
    pub(super) client: for<'a> fn(&'a [u8]) -> Option<Said<'a>>,
    /// A line that a server sent.
    pub(super) server: for<'a> fn(&'a [u8]) -> Option<Said<'a>>,
    /// How the agreement to TLS is told from other answers.
    pub(super) agreement: Agreement,
    /// States what can be read of a line. Returns whether it was no command, though it may look like one: part of a login, say.
    pub(super) overhear: fn(&mut Overheard, &Window<'_>, &mut Facts) -> bool,
}

/// How the agreement to TLS is told from other answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreement {
    /// It has a code or tag of its own.
    Unmistakable,
    /// It reads like the greeting.
    LikeTheGreeting,
    /// It reads like any other: the k-th answer belongs to the k-th command.
    Counted,
}

/// How much a line says about which language it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Its shape is right; so is that of much else.
    Fits,
    /// Enough to listen, not enough to name it.
    Likely,
    /// Only this language says so.
    Surely,
}

/// What a line does to the negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act<'a> {
    /// Nothing: a command, or a line of a longer answer.
    Line,
    /// An answer that neither agrees nor refuses.
    Reply,
    /// Asks for TLS; with the tag that its answer will carry, where the language has tags.
    Ask(&'a [u8]),
    /// Agrees, if TLS was asked for; with the tag.
    Agree(&'a [u8]),
    /// Refuses, if TLS was asked for; with the tag.
    Refuse(&'a [u8]),
    /// The dialogue is past the point where TLS may be asked for.
    Past,
}

/// A line as a language understands it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) weight: Weight,
    pub(super) act: Act<'a>,
}

impl<'a> Said<'a> {
    pub(super) fn fits(act: Act<'a>) -> Option<Said<'a>> {
        Some(Said { weight: Weight::Fits, act })
    }

    pub(super) fn likely(act: Act<'a>) -> Option<Said<'a>> {
        Some(Said { weight: Weight::Likely, act })
    }

    pub(super) fn surely(act: Act<'a>) -> Option<Said<'a>> {
        Some(Said { weight: Weight::Surely, act })
    }
}

/// The languages; a set of them is a bit mask by position.
const LANGUAGES: [&Language; 7] =
    [&smtp::LANGUAGE, &imap::LANGUAGE, &pop3::LANGUAGE, &ftp::LANGUAGE, &nntp::LANGUAGE, &sieve::LANGUAGE, &irc::LANGUAGE];
const ALL: u8 = (1 << LANGUAGES.len()) - 1;

/// Lines that may go by without the language becoming clear.
const PATIENCE: u32 = 64;
/// A first line longer than this is none of these languages.
const LONGEST_OPENING: usize = 1024;
/// A tag longer than this is not remembered (RFC 9051 sets no limit).
const LONGEST_TAG: usize = 64;
/// Lines that are kept until the language is clear.
const MOST_EARLY: usize = 8;

/// A connection in SMTP, IMAP, POP3, FTP, NNTP, `ManageSieve` or IRC.
#[derive(Debug)]
pub struct Dialogue {
    lines: Lines,
    /// Languages that all lines so far fit.
    candidates: u8,
    language: Option<&'static Language>,
    /// The line that opened the dialogue, until the language is clear.
    opening: Option<Evidence>,
    patience: u32,
    upgrade: Upgrade,
    tag: Vec<u8>,
    /// Commands whose answers have not come.
    open_commands: u32,
    /// Answers that will come before the one to the request for TLS.
    answers_ahead: u32,
    /// Whether a whole answer of the server was seen: its greeting is not the answer to a hasty client.
    heard: bool,
    /// TLS may not be asked for any more.
    past: bool,
    /// Lines from before the language was clear.
    early: Vec<(Dir, Stitched)>,
    overheard: Overheard,
}

impl std::fmt::Debug for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Default for Dialogue {
    fn default() -> Dialogue {
        Dialogue {
            lines: Lines::default(),
            candidates: ALL,
            language: None,
            opening: None,
            patience: PATIENCE,
            upgrade: Upgrade::default(),
            tag: Vec::new(),
            open_commands: 0,
            answers_ahead: 0,
            heard: false,
            past: false,
            early: Vec::new(),
            overheard: Overheard::default(),
        }
    }
}

impl Protocol for Dialogue {
    fn probe(window: &Window<'_>) -> Probe {
        let telling = telling(window);
        match Lines::default().front(&telling) {
            Front::Line(line, _) if opening(&line).is_some() => Probe::Yes,
            Front::Partial if window.bytes.len() <= LONGEST_OPENING && telling.bytes.iter().all(|&b| is_text(b)) => Probe::More,
            _ => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        let Front::Line(line, _) = Lines::default().front(&telling(window)) else { return None };
        opening(&line).map(|opening| opening.from)
    }
}

impl Payload for Dialogue {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.upgrade.is_over() {
            let rest = window.from(taken);
            if *self.overheard.mode.of(rest.dir) != Mode::Lines && !rest.bytes.is_empty() {
                let Some(n) = self.overheard.content(&rest, &mut self.lines, facts) else { break };
                taken = taken.saturating_add(n);
                continue;
            }
            match tls_at_front(rest.bytes) {
                Some(true) => {
                    self.upgrade.infer(self.language.map(|l| l.name), &rest, facts);
                    break;
                }
                None => break,
                Some(false) => {}
            }
            match self.lines.front(&rest) {
                Front::Line(line, n) => {
                    taken = taken.saturating_add(n);
                    self.hear(&line, facts);
                }
                Front::Skip(n) => {
                    taken = taken.saturating_add(n);
                    self.lose_patience();
                }
                Front::Partial => break,
            }
        }
        taken
    }

    fn gap(&mut self, dir: Dir, missing: u64, _facts: &mut Facts) {
        self.lines.gap(dir);
        self.overheard.gap(dir, missing);
    }

    fn close(&mut self, facts: &mut Facts) {
        self.overheard.close(facts);
    }

    fn next(&self) -> Next {
        self.upgrade.next()
    }
}

/// How a set of languages understands a line.
#[derive(Debug)]
struct Understood<'a> {
    /// Those that do; where some are sure, only these.
    by: u8,
    said: Said<'a>,
    from: Dir,
}

/// The window from the first line on that says which language it is: the password that comes first in IRC (RFC 2812 §3.1.1) does not.
fn telling<'a>(window: &Window<'a>) -> Window<'a> {
    match Lines::default().front(window) {
        Front::Line(line, n) if line.bytes.len() > 5 && line.bytes.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"PASS ")) => {
            window.from(n)
        }
        _ => *window,
    }
}

/// What the first line of a side says, if it is worth listening to.
fn opening<'a>(line: &Window<'a>) -> Option<Understood<'a>> {
    let spoken_by = |dir| understood(ALL, &line.with_dir(dir));
    let (client, server) = (spoken_by(Dir::Client), spoken_by(Dir::Server));
    let best = if server.as_ref().map(|s| s.said.weight) > client.as_ref().map(|c| c.said.weight) { server } else { client };
    best.filter(|best| best.said.weight >= Weight::Likely)
}

fn understood<'a>(languages: u8, line: &Window<'a>) -> Option<Understood<'a>> {
    let mut best: Option<Understood<'a>> = None;
    for (i, language) in LANGUAGES.iter().enumerate().filter(|(i, _)| languages & (1 << i) != 0) {
        let reading = if line.dir == Dir::Client { language.client } else { language.server };
        let Some(said) = reading(line.bytes) else { continue };
        let alone = Understood { by: 1 << i, said, from: line.dir };
        best = Some(match best {
            None => alone,
            Some(best) if said.weight > best.said.weight && said.weight == Weight::Surely => alone,
            Some(best) if best.said.weight == Weight::Surely && said.weight < Weight::Surely => best,
            Some(best) if said.weight > best.said.weight => Understood { by: best.by | alone.by, ..alone },
            Some(best) => Understood { by: best.by | alone.by, ..best },
        });
    }
    best
}

impl Dialogue {
    fn hear(&mut self, line: &Window<'_>, facts: &mut Facts) {
        // Part of a login or the like is no command, whatever it looks like.
        if let Some(language) = self.language
            && self.overhear(language, line, facts)
        {
            return;
        }
        let Some(heard) = understood(self.candidates, line) else {
            self.lose_patience();
            self.keep_early(line);
            return;
        };
        if self.language.is_none() {
            self.candidates = heard.by;
            self.name_it(heard.said.weight, line, facts);
            match self.language {
                Some(language) => self.catch_up(language, line, facts),
                None => self.keep_early(line),
            }
        }
        match line.dir {
            Dir::Client => self.client_acts(heard.said.act, line, facts),
            Dir::Server => self.server_acts(heard.said.act, line, facts),
        }
    }

    /// States the protocol once only one is left and the line says enough.
    fn name_it(&mut self, weight: Weight, line: &Window<'_>, facts: &mut Facts) {
        if self.candidates.is_power_of_two() && weight >= Weight::Likely {
            let index = usize::try_from(self.candidates.trailing_zeros()).unwrap_or(usize::MAX);
            self.language = LANGUAGES.get(index).copied();
        }
        match self.language {
            Some(language) => {
                let mut evidence = line.all();
                if let Some(opening) = self.opening.take() {
                    evidence.join(&opening);
                }
                facts.observe(What::Protocol(language.name), evidence);
            }
            None => {
                self.opening.get_or_insert_with(|| line.all());
                self.lose_patience();
            }
        }
    }

    fn overhear(&mut self, language: &'static Language, line: &Window<'_>, facts: &mut Facts) -> bool {
        let data = (language.overhear)(&mut self.overheard, line, facts);
        *self.overheard.spoke.of_mut(line.dir) = true;
        data
    }

    /// Overhears the lines from before the language was clear, and the one that made it clear.
    fn catch_up(&mut self, language: &'static Language, line: &Window<'_>, facts: &mut Facts) {
        for (dir, early) in std::mem::take(&mut self.early) {
            if let Some(early) = early.window(dir) {
                self.overhear(language, &early, facts);
            }
        }
        self.overhear(language, line, facts);
    }

    fn keep_early(&mut self, line: &Window<'_>) {
        if self.language.is_none() && self.early.len() < MOST_EARLY && !line.bytes.is_empty() {
            let mut early = Stitched::new();
            early.push(line);
            self.early.push((line.dir, early));
        }
    }

    fn client_acts(&mut self, act: Act<'_>, line: &Window<'_>, facts: &mut Facts) {
        match act {
            Act::Ask(tag) if !self.past => {
                self.answers_ahead = self.open_commands;
                self.tag.clear();
                self.tag.extend(tag.iter().take(LONGEST_TAG));
                self.upgrade.ask(line, facts);
            }
            Act::Past => self.past = true,
            _ => {}
        }
        self.open_commands = self.open_commands.saturating_add(1);
    }

    fn server_acts(&mut self, act: Act<'_>, line: &Window<'_>, facts: &mut Facts) {
        match act {
            Act::Agree(tag) if self.is_the_answer(tag) => {
                if let Some(language) = self.language {
                    self.upgrade.agree(language.name, line, facts);
                }
            }
            Act::Refuse(tag) if self.is_the_answer(tag) => {
                if let Some(language) = self.language {
                    self.upgrade.refuse(language.name, line, facts);
                }
            }
            Act::Past => self.past = true,
            _ => {}
        }
        if matches!(act, Act::Reply | Act::Agree(_) | Act::Refuse(_)) {
            self.heard = true;
            self.open_commands = self.open_commands.saturating_sub(1);
            self.answers_ahead = self.answers_ahead.saturating_sub(1);
        }
    }

    /// Whether an answer with this tag, coming now, answers the request for TLS.
    fn is_the_answer(&self, tag: &[u8]) -> bool {
        let in_turn = match self.language.map(|language| language.agreement) {
            Some(Agreement::Counted) => self.answers_ahead == 0,
            // To a client that did not wait for the greeting, the greeting agrees to nothing.
            Some(Agreement::LikeTheGreeting) => self.heard || self.answers_ahead == 0,
            Some(Agreement::Unmistakable) | None => true,
        };
        self.upgrade.asked() && in_turn && tag.iter().take(LONGEST_TAG).eq(&self.tag)
    }

    fn lose_patience(&mut self) {
        self.patience = self.patience.saturating_sub(1);
        if self.patience == 0 && self.language.is_none() {
            self.upgrade.give_up();
        }
    }
}

fn is_text(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f || byte == b'\t' || byte == b'\r'
}

/// A three-digit reply line (RFC 5321 §4.2, RFC 959 §4.2, RFC 3977 §3.2): its code, whether more lines follow, its text.
pub(super) fn reply(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code = digits.iter().try_fold(0u16, |n, d| d.is_ascii_digit().then(|| n * 10 + u16::from(d - b'0')))?;
    match rest.split_first() {
        None => Some((code, false, rest)),
        Some((b' ', text)) => Some((code, false, text)),
        Some((b'-', text)) => Some((code, true, text)),
        _ => None,
    }
    .filter(|_| (100..600).contains(&code))
}
