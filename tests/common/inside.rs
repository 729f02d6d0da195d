//! Somebody who looks inside connections and remembers all bytes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use intransit::base::{Dir, Window};
use intransit::dissect::Equipment;
use intransit::dissect::keys::Keys;
use intransit::dissect::plain::{Books, Channel, Identity, PlainSink};
use intransit::engine;
use intransit::source::Source;

/// What was seen inside a connection.
#[derive(Clone, Debug, Default)]
pub struct Inside {
    /// The bytes of each channel, the client's and the server's.
    pub bytes: BTreeMap<Channel, [Vec<u8>; 2]>,
    /// The same of all channels together, as it came.
    pub all: [Vec<u8>; 2],
    /// The lengths of the windows they came in, and their frames.
    pub windows: Vec<(Channel, usize, Vec<u64>)>,
    pub gaps: usize,
    pub books: Books,
    pub closed: bool,
}

struct Memory {
    of: u64,
    all: Arc<Mutex<BTreeMap<u64, Inside>>>,
}

impl Memory {
    fn with(&self, work: impl FnOnce(&mut Inside)) {
        work(self.all.lock().unwrap().entry(self.of).or_default());
    }
}

impl PlainSink for Memory {
    fn bytes(&mut self, channel: Channel, window: &Window<'_>) {
        let frames = window.all().frames().iter().map(|frame| frame.get()).collect();
        self.with(|inside| {
            inside.all[window.dir.index()].extend_from_slice(window.bytes);
            inside.bytes.entry(channel).or_default()[window.dir.index()].extend_from_slice(window.bytes);
            inside.windows.push((channel, window.bytes.len(), frames));
        });
    }

    fn gap(&mut self, _channel: Channel, _dir: Dir, _missing: Option<u64>) {
        self.with(|inside| inside.gaps += 1);
    }

    fn swap_sides(&mut self) {
        self.with(|inside| inside.bytes.values_mut().for_each(|sides| sides.swap(0, 1)));
    }

    fn close(&mut self, books: &Books) {
        self.with(|inside| {
            inside.books = *books;
            inside.closed = true;
        });
    }
}

/// What is inside the connections of a capture, by the frame that began each.
pub fn look<S: Source>(open: impl FnMut() -> Result<S, intransit::source::SourceError>, keylog: &[u8]) -> BTreeMap<u64, Inside> {
    let keys = Keys::default();
    keys.add_log(keylog);
    look_with(open, keys)
}

/// The same with any keys.
pub fn look_with<S: Source>(open: impl FnMut() -> Result<S, intransit::source::SourceError>, keys: Keys) -> BTreeMap<u64, Inside> {
    let all = Arc::new(Mutex::new(BTreeMap::new()));
    let makes = Arc::clone(&all);
    let make = move |connection: &Identity| -> Box<dyn PlainSink> {
        Box::new(Memory { of: connection.first_frame.get(), all: Arc::clone(&makes) })
    };
    let equipment = Equipment { sinks: Some(Arc::new(make)), ..Equipment::with_keys(Arc::new(keys)) };
    engine::analyse_twice(open, super::options(1), &equipment, &mut |_| {}).unwrap();
    let mut found = all.lock().unwrap();
    std::mem::take(&mut *found)
}

/// What is inside the connections of a file, with the keys beside it.
pub fn look_into(path: &Path) -> BTreeMap<u64, Inside> {
    look(|| intransit::source::open(path), &super::keylog(path).unwrap_or_default())
}
