//! Connections of other devices: counted, and shown only where that is asked for. They are seen in monitor mode, on a bridge, by whoever
//! forwards for others, on a mirrored port.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::open::Hides;
use crate::engine::live::Event;
use crate::flow::ConnectionId;
use crate::source::addresses::OwnAddresses;

/// Connections of other devices are neither reported nor named by the canary test where they are not shown.
pub(super) fn hiding(own: Arc<OwnAddresses>) -> Hides {
    Arc::new(move |judged| own.are_others(judged.client.ip, judged.server.ip))
}

/// Whose connections are shown, and how many are not.
pub(super) struct Others {
    /// The addresses of this computer; `None` where those of everybody are shown.
    own: Option<Arc<OwnAddresses>>,
    /// Those that go on; at most as many as are tracked at once.
    open: HashSet<ConnectionId>,
    over: u64,
    count: Arc<AtomicU64>,
}

impl Others {
    pub fn new(own: Option<Arc<OwnAddresses>>) -> Others {
        Others { own, open: HashSet::new(), over: 0, count: Arc::default() }
    }

    /// Whether an event is to be passed on; what is not is counted.
    pub fn shows(&mut self, event: &Event<'_>) -> bool {
        let Some(own) = &self.own else { return true };
        let (judged, over) = match event {
            Event::Changed(judged) => (judged, false),
            Event::Over(judged) => (judged, true),
            Event::Come => {
                own.listen();
                return true;
            }
            Event::Tick(_) => return true,
        };
        let c = &judged.connection;
        let known = self.open.contains(&c.id());
        // One that was told stays told, also when an address of this computer becomes known later.
        if !known && !own.are_others(c.client.ip, c.server.ip) {
            return true;
        }
        match over {
            true => {
                self.open.remove(&c.id());
                self.over = self.over.saturating_add(1);
            }
            false => drop(self.open.insert(c.id())),
        }
        self.count.store(self.over.saturating_add(self.open.len() as u64), Ordering::Relaxed);
        false
    }

    /// How many there were so far, for whoever shows it.
    pub fn count(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.count)
    }
}

/// `3 connections of other devices, counted and not shown (--show-others)`.
pub(super) fn sentence(count: u64) -> Option<String> {
    let connections = if count == 1 { "connection" } else { "connections" };
    (count > 0).then(|| format!("{count} {connections} of other devices, counted and not shown (--show-others shows them)"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::assess::Judged;
    use crate::present::tui::fixture;

    #[test]
    fn each_connection_of_others_is_counted_once_however_often_it_changes() {
        let mine = Judged::from(fixture::http(1, "x.example"));
        let own = OwnAddresses::of(&[mine.connection.client.ip]);
        let mut theirs = [fixture::http(2, "y.example"), fixture::http(3, "z.example")];
        for connection in &mut theirs {
            connection.client.ip = "203.0.113.77".parse().unwrap();
        }
        let mut others = Others::new(Some(Arc::new(own)));
        let count = others.count();
        let judged = |at: usize| Judged::from(theirs.get(at).unwrap().clone());
        assert!(others.shows(&Event::Changed(mine.clone())));
        for _ in 0..3 {
            assert!(!others.shows(&Event::Changed(judged(0))));
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(!others.shows(&Event::Over(judged(0))));
        assert!(!others.shows(&Event::Over(judged(1))));
        assert_eq!(count.load(Ordering::Relaxed), 2);
        assert!(others.shows(&Event::Over(mine)));
        assert_eq!(sentence(0), None);
        assert!(sentence(count.load(Ordering::Relaxed)).unwrap().starts_with("2 connections of other devices"));
        let mut everybody = Others::new(None);
        assert!(everybody.shows(&Event::Over(judged(1))));
    }
}
