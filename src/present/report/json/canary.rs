//! The canary test in the report as JSON.

use serde::Serialize;

use super::View;
use super::shape::{Evidence, Said};
use crate::assess::canary::{Bearing, Channel};
use crate::assess::report::{Citations, Part, Tested};
use crate::base::Dir;
use crate::present::canary::{LIMITS, METHOD};
use crate::present::report::canary::{ends, hex, told};

#[derive(Serialize)]
pub(super) struct Section {
    message_sha256: String,
    tests: Vec<Test>,
    method: &'static str,
    limits: Vec<&'static str>,
}

#[derive(Serialize)]
struct Test {
    input: u32,
    verdict: &'static str,
    text: Vec<Said>,
    reasons: Vec<Said>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Keys>,
    controls: Vec<Control>,
    channels: Vec<ChannelView>,
    quiet: usize,
}

#[derive(Serialize)]
struct Keys {
    loaded: u64,
    matched: u64,
}

#[derive(Serialize)]
struct Control {
    found: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<Evidence>,
}

#[derive(Serialize)]
struct ChannelView {
    connection: String,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refutes_claim: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    decrypted: Records,
    hits: Vec<HitView>,
    signs: Vec<&'static str>,
    text: Vec<Said>,
}

#[derive(Serialize)]
struct Records {
    records: u64,
    of: u64,
}

#[derive(Serialize)]
struct HitView {
    direction: &'static str,
    basis: &'static str,
    chain: String,
    time: String,
    excerpt: String,
    evidence: Vec<Evidence>,
}

impl View<'_> {
    pub(super) fn canary(&self) -> Option<Section> {
        let test = self.report.canary.as_ref()?;
        let tests = test.tests.iter().zip(told(self.report)).map(|(test, told)| Test {
            input: test.input,
            verdict: test.canary.verdict.word(),
            text: self.all(&told.head),
            reasons: self.all(&told.reasons),
            keys: test.keys.as_ref().map(|keys| Keys { loaded: keys.loaded, matched: keys.matched }),
            controls: test.canary.controls.iter().map(|one| self.control(test, one)).collect(),
            channels: told
                .shown
                .iter()
                .zip(&told.channels)
                .map(|(channel, told)| self.channel(test.input, channel, self.all(&told.sentences)))
                .collect(),
            quiet: told.quiet,
        });
        let tests = tests.collect();
        Some(Section { message_sha256: hex(&test.message_sha256), tests, method: METHOD, limits: LIMITS.to_vec() })
    }

    fn control(&self, test: &Tested, one: &crate::assess::canary::Control) -> Control {
        let evidence = one.evidence.as_ref().map(|evidence| super::evidence(&Citations::of(test.input, evidence))).unwrap_or_default();
        Control { found: one.evidence.is_some(), evidence }
    }

    fn channel(&self, input: u32, channel: &Channel, mut text: Vec<Said>) -> ChannelView {
        let (opened, of) = channel.records();
        let basis = if opened > 0 { "observed-with-keys" } else { "observed" };
        text.iter_mut().for_each(|said| said.basis = basis);
        let hits = channel.hits.iter().map(|hit| HitView {
            direction: if hit.dir == Dir::Client { "client-to-server" } else { "server-to-client" },
            basis,
            chain: self.quoted(&hit.chain),
            time: self.time(hit.at),
            excerpt: self.quoted(hit.excerpt.trim()),
            evidence: super::evidence(&Citations::of(input, &hit.evidence)),
        });
        let mut signs: Vec<&str> = channel.sealed.iter().map(|sealed| sealed.container.word()).collect();
        signs.sort_unstable();
        signs.dedup();
        ChannelView {
            connection: ends(channel).iter().map(|part| self.part(part)).collect(),
            verdict: channel.verdict.word(),
            refutes_claim: channel.bears_on().map(|bearing| bearing == Bearing::Refutes),
            platform: channel.connection.attribution.as_ref().map(|of| of.platform.to_string()),
            decrypted: Records { records: opened, of },
            hits: hits.collect(),
            signs,
            text,
        }
    }

    fn part(&self, part: &Part) -> String {
        match part {
            Part::Name(name) => self.name(name),
            part => self.voice.part(part),
        }
    }
}
