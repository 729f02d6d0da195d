//! How a running capture stands: what came, what was lost, and whether the interface is up.

use crate::base::{OwnerCounts, Timestamp, WireStr};

/// How a running capture stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The interface.
    pub interface: WireStr,
    /// What came and what was lost.
    pub drops: Drops,
    /// Since when the interface has been down; `None` while it is up.
    pub down_since: Option<Timestamp>,
}

/// What a screen says of the capture itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capturing {
    /// The interface, and what was lost.
    pub status: Status,
    /// What a capture there can see: `this computer's traffic only; …`.
    pub sees: &'static str,
    /// How far the program is locked in; `None` where that was switched off.
    pub lock: Option<String>,
    /// The file that keeps the packets.
    pub kept_in: Option<WireStr>,
    /// Who looks for the programs of connections; `None` where nobody does.
    pub onlooker: Option<&'static str>,
    /// For how many connections a program was found.
    pub programs: Option<OwnerCounts>,
    /// Connections of other devices, which are counted and not shown.
    pub others: u64,
}

/// Packets since the capture began. The program has no queue that drops: what it cannot take in time waits in the kernel's ring, and what
/// finds no room there is counted by the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Received by the kernel's filter, those dropped for want of room included.
    pub received: u64,
    /// Dropped by the kernel because the ring was full.
    pub kernel: u64,
    /// Dropped by the interface or its driver before the kernel saw them, as far as it counts them.
    pub interface: u64,
}

impl Drops {
    /// Packets lost, wherever.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.kernel.saturating_add(self.interface)
    }

    /// Whether more than one packet in a thousand was lost: enough to doubt what is said of single connections.
    #[must_use]
    pub fn is_serious(&self) -> bool {
        self.lost().saturating_mul(1000) > self.received.saturating_add(self.interface)
    }
}

/// `1200 packets received, 3 dropped by the kernel (0.25 %), none by the interface`.
impl std::fmt::Display for Drops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let share = |part: u64| {
            // Hundredths of a percent, rounded up, so that a loss never reads 0.00 %.
            let all = self.received.saturating_add(self.interface).max(1);
            let hundredths = part.saturating_mul(10_000).div_ceil(all);
            format!("{}.{:02} %", hundredths / 100, hundredths % 100)
        };
        let dropped = |n: u64| if n == 0 { "none".to_owned() } else { format!("{n} ({})", share(n)) };
        write!(
            f,
            "{} packets received, {} dropped by the kernel, {} by the interface",
            self.received,
            dropped(self.kernel),
            dropped(self.interface)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_thousand_is_not_yet_serious_and_a_loss_never_reads_zero() {
        let drops = |received, kernel, interface| Drops { received, kernel, interface };
        assert!(!drops(0, 0, 0).is_serious());
        assert!(!drops(1000, 1, 0).is_serious());
        assert!(drops(1000, 2, 0).is_serious());
        assert!(drops(1000, 0, 2).is_serious());
        assert!(drops(0, 0, 1).is_serious());
        let told = drops(10_000_000, 1, 0).to_string();
        assert_eq!(told, "10000000 packets received, 1 (0.01 %) dropped by the kernel, none by the interface");
    }
}
