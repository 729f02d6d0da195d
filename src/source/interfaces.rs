//! The network interfaces of this computer, and which one is worth watching.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::SourceError;

/// libpcap's name for all interfaces at once.
pub const ANY: &str = "any";

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// What its frames are: `Ethernet`, `loopback`, `raw IP`; empty where the system does not say.
    pub link: &'static str,
    /// Whether it is up and has a carrier.
    pub up: bool,
    /// Whether it is a radio.
    pub wireless: bool,
    /// Whether it leads from this computer to itself.
    pub loopback: bool,
    /// Whether the default route leaves by it.
    pub default: bool,
}

impl Found {
    /// Why one would watch it, or why not.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Found { name, .. } if name == ANY => "all interfaces at once",
            Found { default: true, .. } => "the default route: what `intransit live` watches",
            Found { up: false, .. } => "down: nothing to see",
            Found { loopback: true, .. } => "programs of this computer talking to each other",
            Found { addresses, .. } if addresses.is_empty() => "no address: carries traffic of others, or none",
            _ => "up",
        }
    }

    /// Whether watching it is likely to show traffic of this computer.
    #[must_use]
    pub fn is_worth_watching(&self) -> bool {
        self.default || (self.up && !self.loopback && !self.addresses.is_empty())
    }
}

/// All interfaces, that of the default route first.
///
/// # Errors
/// What libpcap says.
pub fn list() -> Result<Vec<Found>, SourceError> {
    let default = of_default_route();
    let devices = pcap::Device::list().map_err(|e| SourceError::Interface(format!("the interfaces cannot be listed: {e}")))?;
    let mut found: Vec<Found> = devices
        .into_iter()
        .filter(|device| is_network(&device.name))
        .map(|device| Found {
            addresses: device.addresses.iter().map(|address| address.addr).filter(|ip| !ip.is_unspecified()).collect(),
            link: link_of(&device.name),
            up: device.flags.is_up() && (device.flags.is_running() || device.name == ANY),
            wireless: device.flags.is_wireless(),
            loopback: device.flags.is_loopback(),
            default: default.as_deref() == Some(device.name.as_str()),
            name: device.name,
        })
        .collect();
    found.sort_by_key(|f| (!f.default, f.name == ANY, f.loopback, !f.up, f.name.clone()));
    Ok(found)
}

/// The interface to watch when none is named: that of the default route, else the first that is up and leads out of this computer.
#[must_use]
pub fn default() -> Option<String> {
    of_default_route().or_else(|| list().ok()?.into_iter().find(|f| f.up && !f.loopback && f.name != ANY).map(|f| f.name))
}

/// The interface by which packets to unknown places leave.
#[must_use]
pub fn of_default_route() -> Option<String> {
    let v4 = fs::read_to_string("/proc/net/route").ok().and_then(|table| default_of_v4(&table));
    v4.or_else(|| fs::read_to_string("/proc/net/ipv6_route").ok().and_then(|table| default_of_v6(&table)))
}

/// Flags of a route: it is usable, and it leads nowhere.
const UP: u32 = 1;
const REJECT: u32 = 0x200;

/// From `/proc/net/route`: Iface Destination Gateway Flags RefCnt Use Metric Mask …, numbers in hexadecimal but the metric.
fn default_of_v4(table: &str) -> Option<String> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let mut words = line.split_whitespace();
        let (name, destination, flags) = (words.next()?, words.next()?, u32::from_str_radix(words.nth(1)?, 16).ok()?);
        let metric: u32 = words.nth(2)?.parse().ok()?;
        let mask = words.next()?;
        (destination == "00000000" && mask == "00000000" && flags & (UP | REJECT) == UP).then(|| (metric, name.to_owned()))
    });
    routes.min_by_key(|(metric, _)| *metric).map(|(_, name)| name)
}

/// From `/proc/net/ipv6_route`: destination, its prefix length, source, its length, next hop, metric, two counters, flags, name.
fn default_of_v6(table: &str) -> Option<String> {
    let routes = table.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (destination, length) = (words.next()?, words.next()?);
        let metric = u32::from_str_radix(words.nth(3)?, 16).ok()?;
        let flags = u32::from_str_radix(words.nth(2)?, 16).ok()?;
        let name = words.next()?;
        let all = length == "00" && destination.bytes().all(|b| b == b'0');
        (all && name != "lo" && flags & (UP | REJECT) == UP).then(|| (metric, name.to_owned()))
    });
    routes.min_by_key(|(metric, _)| *metric).map(|(_, name)| name)
}

fn attributes(name: &str) -> PathBuf {
    Path::new("/sys/class/net").join(name)
}

/// libpcap also lists Bluetooth monitors, D-Bus and netfilter queues, which carry no connections that are read here.
fn is_network(name: &str) -> bool {
    name == ANY || !cfg!(target_os = "linux") || !["bluetooth", "nflog", "nfqueue", "dbus-", "usbmon"].iter().any(|p| name.starts_with(p))
}

/// By the kernel's hardware type (`ARPHRD_*` of `if_arp.h`), which needs no right to capture.
fn link_of(name: &str) -> &'static str {
    let hardware = fs::read_to_string(attributes(name).join("type")).ok().and_then(|text| text.trim().parse::<u32>().ok());
    match hardware {
        Some(1) => "Ethernet",
        Some(772) => "loopback",
        Some(65534 | 768 | 769 | 776) => "raw IP",
        Some(512) => "PPP",
        Some(801..=803) => "Wi-Fi",
        Some(32) => "InfiniBand",
        Some(778 | 823) => "GRE",
        Some(_) => "other",
        None if name == ANY => "cooked",
        None => "",
    }
}

/// The folder of an interface's own counters.
#[must_use]
pub fn counters(name: &str) -> Option<PathBuf> {
    attributes(name).canonicalize().ok()
}

/// What a capture on this interface can see, for the first line: "this computer's traffic only; …".
#[must_use]
pub fn what_it_sees(name: &str) -> &'static str {
    let is = |file: &str| attributes(name).join(file).exists();
    let forwards = || {
        let on = |path: &str| fs::read_to_string(path).is_ok_and(|text| text.trim() == "1");
        on("/proc/sys/net/ipv4/ip_forward") || on("/proc/sys/net/ipv6/conf/all/forwarding")
    };
    if fs::read_to_string(attributes(name).join("type")).is_ok_and(|text| text.trim() == "772") {
        "traffic between programs of this computer only"
    } else if is("bridge") || is("brport") || forwards() {
        "this computer's traffic, and what it forwards for others"
    } else {
        "this computer's traffic only; other devices are not visible here"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_default_routes_the_one_with_the_lowest_metric_counts() {
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
        let wifi = "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n";
        let cable = "eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
        let rejects = "gone0\t00000000\t00000000\t0201\t0\t0\t1\t00000000\t0\t0\t0\n";
        let net = "eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(default_of_v4(&[head, wifi, cable, rejects, net].concat()).as_deref(), Some("eth0"));
        assert_eq!(default_of_v4(&[head, net].concat()), None);
        assert_eq!(default_of_v4(""), None);
    }

    #[test]
    fn an_ipv6_default_route_counts_where_it_leads_somewhere() {
        let zero = "00000000000000000000000000000000";
        let line = |len: &str, metric: &str, flags: &str, name: &str| {
            format!("{zero} {len} {zero} 00 fe800000000000000000000000000001 {metric} 00000001 00000000 {flags} {name:>8}\n")
        };
        let table = [
            line("00", "ffffffff", "00200200", "lo"),
            line("00", "00000400", "00450003", "wlan0"),
            line("00", "00000064", "00450003", "eth0"),
            line("40", "00000001", "00000001", "eth1"),
        ];
        assert_eq!(default_of_v6(&table.concat()).as_deref(), Some("eth0"));
        assert_eq!(default_of_v6(&line("00", "ffffffff", "00200200", "lo")), None);
    }
}
