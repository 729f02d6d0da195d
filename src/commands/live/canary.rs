//! The canary test of a capture that runs: what `intransit canary` says of the file that keeps its packets, without that file.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::super::canary::Asking;
use super::super::open::Hides;
use crate::assess::canary::{Lacks, Looked, looked};
use crate::assess::{Catalogue, Judged};
use crate::base::WireStr;
use crate::dissect::Equipment;
use crate::dissect::inside::{Found, Gathered, Keep};
use crate::dissect::keys::KeyCounts;
use crate::dissect::plain::{Books, Identity};
use crate::engine::live::{Event, Tick, Watched};
use crate::flow::ConnectionId;
use crate::present::canary::{Format, Sheet, summary};
use crate::present::tui::Tested;

/// Connections that are kept for the conclusion, some 10 KiB each; more are counted, and leave it open.
const MOST: usize = 20_000;
/// While the capture runs, the conclusion is drawn anew at most so often, and takes at most this part of the time.
const PAUSE: Duration = Duration::from_secs(1);
const MOST_OF_TIME: u32 = 20;

/// A phrase that is looked for while packets come.
pub(super) struct Test {
    asking: Asking,
    gathered: Gathered,
    equipment: Equipment,
    catalogue: &'static Catalogue,
    /// Tell while it runs, too.
    while_running: bool,
    /// Whose connections are not shown.
    hides: Option<Hides>,
    /// Connections that are over and carried something.
    over: Vec<Judged>,
    /// Those that go on, as far as they are told of.
    open: HashMap<ConnectionId, Judged>,
    not_kept: u64,
    /// What was found, and how many connections there were, when it was told last.
    told: Option<(u64, usize, usize)>,
    next: Instant,
}

impl Test {
    /// Nothing was read yet. `while_running`: for a screen.
    pub fn new(asking: Asking, equipment: Equipment, catalogue: &'static Catalogue, while_running: bool, hides: Option<Hides>) -> Test {
        let gathered = Gathered::default();
        let keep = if while_running { Keep::Hits } else { Keep::Masked };
        let equipment = Equipment { sinks: Some(asking.sinks(&gathered, keep)), ..equipment };
        Test {
            asking,
            gathered,
            equipment,
            catalogue,
            while_running,
            hides,
            over: Vec::new(),
            open: HashMap::new(),
            not_kept: 0,
            told: None,
            next: Instant::now(),
        }
    }

    /// What was asked.
    pub fn asking(&self) -> &Asking {
        &self.asking
    }

    /// What the dissectors are given: the keys, and those who look inside.
    pub fn equipment(&self) -> Equipment {
        self.equipment.clone()
    }

    /// Takes in what the capture tells.
    pub fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Over(judged) => {
                self.open.remove(&judged.connection.id());
                if !carries(judged) {
                } else if self.over.len() < MOST {
                    self.over.push(judged.clone());
                } else {
                    self.not_kept += 1;
                }
            }
            Event::Changed(judged) if carries(judged) => {
                let (id, room) = (judged.connection.id(), self.open.len() < MOST);
                if room || self.open.contains_key(&id) {
                    self.open.insert(id, judged.clone());
                }
            }
            Event::Changed(_) | Event::Come | Event::Tick(_) => {}
        }
    }

    /// How things stand, where that is new and wanted.
    pub fn news(&mut self, tick: &Tick<'_>) -> Option<Tested> {
        let now = Instant::now();
        let state = (self.gathered.changes(), self.over.len(), self.open.len());
        if !self.while_running || now < self.next || self.told == Some(state) {
            return None;
        }
        let lost = tick.status.map_or(0, |status| status.drops.lost());
        let lacks = Lacks {
            damaged_at: None,
            evicted: tick.counts.evicted + tick.counts.unread,
            failed: tick.counts.failed,
            lost,
            not_kept: self.not_kept,
            running: true,
        };
        let (found, hits) = self.gathered.so_far();
        let mut hits: Vec<_> = hits;
        let mut over = self.over.clone();
        over.sort_by_key(|judged| judged.first_frame);
        let mut all = looked(over.into_iter(), found);
        all.extend(self.open.values().map(|judged| {
            let identity = Identity::of(judged);
            let own = hits.iter().position(|(known, _)| *known == identity).map(|at| hits.swap_remove(at).1);
            let found = Found { hits: own.unwrap_or_default(), ..Found::default() };
            Looked { connection: judged.clone(), found, books: Books::default(), goes_on: true }
        }));
        all.sort_by_key(|one| one.connection.first_frame);
        let tested = self.conclude(&lacks, all, self.equipment.counts());
        self.told = Some(state);
        self.next = Instant::now() + PAUSE.max(now.elapsed().saturating_mul(MOST_OF_TIME));
        Some(tested)
    }

    /// The capture is over: the conclusion.
    pub fn end(mut self, watched: &Watched) -> Conclusion {
        let counts = watched.counts;
        let lacks = Lacks {
            damaged_at: watched.capture.damage.as_ref().map(|damage| damage.at),
            evicted: counts.evicted + counts.unread,
            failed: counts.failed,
            lost: watched.status.as_ref().map_or(0, |status| status.drops.lost()),
            not_kept: self.not_kept,
            running: false,
        };
        let mut over = std::mem::take(&mut self.over);
        over.sort_by_key(|judged| judged.first_frame);
        let tested = self.conclude(&lacks, looked(over.into_iter(), self.gathered.take()), watched.keys.clone());
        Conclusion { message_sha256: self.asking.message_sha256, tested, catalogue: self.catalogue }
    }

    fn conclude(&self, lacks: &Lacks, looked: Vec<Looked>, keys: Option<KeyCounts>) -> Tested {
        let mut canary = self.asking.conclude_of(lacks, looked);
        if let Some(hides) = &self.hides {
            canary.hide(|judged| hides(judged));
        }
        Tested { canary, keys, keys_in_capture: false, running: true }
    }
}

fn carries(judged: &Judged) -> bool {
    judged.connection.sent.iter().any(|sent| sent.payload > 0)
}

/// The conclusion of a capture that is over.
pub(super) struct Conclusion {
    message_sha256: [u8; 32],
    catalogue: &'static Catalogue,
    /// As a screen shows it.
    pub tested: Tested,
}

impl Conclusion {
    /// Writes it as `intransit canary` does.
    pub fn write(&self, out: &mut Vec<u8>, format: Format, name: &WireStr) {
        let Tested { canary, keys, keys_in_capture, .. } = &self.tested;
        let (message_sha256, keys_in_capture) = (self.message_sha256, *keys_in_capture);
        format.write(out, &Sheet { file: name, message_sha256, canary, keys: keys.as_ref(), keys_in_capture, catalogue: self.catalogue });
    }

    /// In one line.
    pub fn sentence(&self) -> String {
        format!("canary test: {}", summary(&self.tested.canary))
    }
}
