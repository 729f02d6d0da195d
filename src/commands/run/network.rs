//! The way out of a network of its own: by `pasta` for a user, by a pair of virtual interfaces and address translation for root.
//!
//! What root changes on the computer is undone at the end, also after a signal. The interfaces end with the network; the tables of nftables
//! belong to a process that ends with this one, and everything else is taken back by another one (see `undo`), also when this one is killed.
//!
//! Addresses of IPv6 are unique local ones (RFC 4193) with a random global identifier. Where the computer itself has no way out by IPv6, they
//! lead as far as the computer; resolvers of names prefer IPv4 to them (RFC 6724 §2.1).

use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::PAUSE;
use super::undo::Undo;
use crate::source::space;

/// The interface in the network of its own.
pub(super) const INNER: &str = "eth0";
/// What `pasta` forwards to the computer's own resolver, when that cannot be asked from another network.
pub(super) const RESOLVER: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);

/// How the network is connected.
#[derive(Debug)]
pub(super) enum Way {
    /// In user mode: <https://passt.top>.
    Pasta(PathBuf),
    /// A pair of virtual interfaces, and address translation by one of these.
    Veth { nft: bool, iptables: bool },
}

/// Two addresses of a network of four, and where the computer has IPv6, two of a network of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    network: Ipv4Addr,
    six: Option<Six>,
}

/// A network of IPv6, with a prefix of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Six {
    network: Ipv6Addr,
    /// It leads out of the computer.
    out: bool,
}

impl Addresses {
    fn at(self, n: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network) + n)
    }

    /// `10.213.0.4,fd12:3456:789a::,out`: the networks, as the process inside is told.
    pub fn text(self) -> String {
        let six = self.six.map(|six| format!(",{}{}", six.network, if six.out { ",out" } else { "" }));
        format!("{}{}", self.network, six.unwrap_or_default())
    }

    pub fn parse(text: &str) -> Option<Addresses> {
        let mut words = text.split(',');
        let network = words.next()?.parse().ok()?;
        let six = match words.next() {
            Some(six) => Some(Six { network: six.parse().ok()?, out: words.next() == Some("out") }),
            None => None,
        };
        Some(Addresses { network, six })
    }

    /// That of the program, and that of its way out.
    pub fn pair(self) -> (Ipv4Addr, Ipv4Addr) {
        (self.at(2), self.at(1))
    }
}

impl Six {
    /// One that nothing else leads to; `None` where the computer has no IPv6.
    fn choose() -> Option<Six> {
        let has = |whose: &str| std::fs::read_to_string(format!("{IPV6}/{whose}/disable_ipv6")).is_ok_and(|off| off.trim() == "0");
        if !has("all") || !has("default") {
            return None;
        }
        let routes = std::fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
        let out = !default_interfaces_of_6(&routes).is_empty();
        // Each state of the hasher is another one, by the system's random numbers.
        let mut all = (0..64).map(|n: u8| {
            let global = u128::from(RandomState::new().hash_one(n) >> 24);
            Six { network: Ipv6Addr::from(0xfd << 120 | global << 80), out }
        });
        all.find(|six| !is_routed_by_6(&routes, six.network))
    }

    fn pair(self) -> (Ipv6Addr, Ipv6Addr) {
        let at = |n: u128| Ipv6Addr::from(u128::from(self.network) + n);
        (at(2), at(1))
    }
}

/// Where the kernel keeps its switches of IPv6, for all interfaces, for new ones, and for each.
const IPV6: &str = "/proc/sys/net/ipv6/conf";

impl Way {
    /// What this system and this user have; else what is missing.
    pub fn choose() -> Result<Way, String> {
        let nft = find("nft").is_some();
        let iptables = find("iptables").is_some();
        if rustix::process::geteuid().is_root() {
            return match (find("ip").is_some(), nft || iptables) {
                (true, true) => Ok(Way::Veth { nft, iptables }),
                (false, _) => Err("as root, `run` needs `ip` (Debian and Ubuntu: apt install iproute2)".to_owned()),
                (true, false) => Err("as root, `run` needs `nft` or `iptables` (Debian and Ubuntu: apt install nftables)".to_owned()),
            };
        }
        find("pasta").map(Way::Pasta).ok_or_else(|| {
            "`run` needs pasta (Debian and Ubuntu: apt install passt; Fedora: dnf install passt), or to be called with sudo".to_owned()
        })
    }

    pub fn forwards_names(&self) -> bool {
        matches!(self, Way::Pasta(_))
    }

    /// Addresses that lead nowhere else from here.
    pub fn addresses(&self) -> Option<Addresses> {
        let Way::Veth { .. } = self else { return None };
        let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
        // Another one that runs at the same time takes others.
        let first = std::process::id() % 16_384;
        let mut all = (0..16_384).map(|n| Ipv4Addr::from(0x0ad5_0000 | ((first + n) % 16_384) << 2));
        let network = all.find(|network| !is_routed(&routes, *network))?;
        Some(Addresses { network, six: Six::choose() })
    }
}

/// Whether some route other than the default one leads there (`/proc/net/route`: numbers in hexadecimal, in the machine's order of octets).
fn is_routed(table: &str, network: Ipv4Addr) -> bool {
    let address = u32::from_ne_bytes(network.octets());
    table.lines().skip(1).any(|line| {
        let number = |n: usize| u32::from_str_radix(line.split_whitespace().nth(n)?, 16).ok();
        matches!((number(1), number(7)), (Some(to), Some(mask)) if mask != 0 && address & mask == to)
    })
}

/// The same of `/proc/net/ipv6_route`: destination and length of its prefix come first, in hexadecimal.
fn is_routed_by_6(table: &str, network: Ipv6Addr) -> bool {
    table.lines().any(|line| {
        let mut words = line.split_whitespace();
        let to = words.next().and_then(|word| u128::from_str_radix(word, 16).ok());
        let length = words.next().and_then(|word| u32::from_str_radix(word, 16).ok());
        let (Some(to), Some(length @ 1..)) = (to, length) else { return false };
        // Whichever of both is the wider one.
        let shift = 128_u32.saturating_sub(length.min(64));
        u128::from(network) >> shift == to >> shift
    })
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Of root's own folders, which a user's path may leave out.
    let all = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    all.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// A network that is connected, until this is dropped.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// Programs that keep it up.
    helpers: Vec<Child>,
    /// What takes back what was changed, the last change first.
    undo: Option<Undo>,
    /// What the program lacks, in a sentence.
    pub lacks: Option<String>,
}

impl Network {
    /// Connects the network of a process.
    pub fn connect(way: &Way, addresses: Option<&Addresses>, pid: u32) -> Result<Network, String> {
        let mut network = Network::default();
        match (way, addresses) {
            (Way::Pasta(pasta), _) => network.pasta(pasta, pid)?,
            (Way::Veth { nft, iptables }, Some(addresses)) => network.veth(*addresses, pid, *nft, *iptables)?,
            (Way::Veth { .. }, None) => return Err("no network of 10.213.0.0/16 is free".to_owned()),
        }
        Ok(network)
    }

    /// No port of either side is reached from the other: what the program sends goes by its interface, where it is seen.
    fn pasta(&mut self, pasta: &PathBuf, pid: u32) -> Result<(), String> {
        let mut command = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
        command.args(["run", "--part", "helper", "--"]).arg(pasta).args([
            "--config-net",
            "-f",
            "-q",
            "-t",
            "none",
            "-u",
            "none",
            "-T",
            "none",
            "-U",
            "none",
            "--no-map-gw",
        ]);
        command.args(["--dns-forward", &RESOLVER.to_string(), &pid.to_string()]);
        // Ctrl-C is for the capture.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(|e| format!("pasta: {e}"))?;
        // Where it cannot, it says so and ends at once.
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(300) {
            if child.try_wait().ok().flatten().is_some() {
                let mut said = String::new();
                let _ = child.stderr.take().map(|mut err| err.read_to_string(&mut said));
                let why: Vec<&str> = said.lines().filter(|line| !line.contains("to syslog")).collect();
                return Err(format!("pasta gave the program no network: {}", why.join("; ")));
            }
            std::thread::sleep(PAUSE);
        }
        self.helpers.push(child);
        Ok(())
    }

    fn veth(&mut self, addresses: Addresses, pid: u32, nft: bool, iptables: bool) -> Result<(), String> {
        let mut undo = Undo::start()?;
        let (outer, (_, gateway)) = (format!("itr{pid}"), addresses.pair());
        // It would go with the network anyway, a moment later.
        undo.by(&["ip", "link", "del", &outer])?;
        self.undo = Some(undo);
        // The program may send as soon as the interface is there: a connection that began without translation would stay without.
        self.translate(&FOUR, pid, &format!("{}/30", addresses.network), &outer, nft, iptables)?;
        default_interfaces().iter().try_for_each(|interface| self.switch(&four(interface), "1"))?;
        if let Some(six) = addresses.six.filter(|six| six.out) {
            let source = format!("{}/64", six.network);
            let six = self.translate(&SIX, pid, &source, &outer, nft, find("ip6tables").is_some()).and_then(|()| self.forward_6());
            self.lacks = six.err().map(no_six);
        }
        ip(&["link", "add", &outer, "type", "veth", "peer", "name", INNER, "netns", &pid.to_string()])?;
        self.switch(&four(&outer), "1")?;
        if let Some(six) = addresses.six {
            quiet(&outer);
            let there = ip(&["-6", "addr", "add", &format!("{}/64", six.pair().1), "dev", &outer, "nodad"]);
            // Where there is no such switch, that of all interfaces counts.
            let _ = std::fs::write(six_of(&outer, "force_forwarding"), if six.out { "1" } else { "0" });
            self.lacks = self.lacks.take().or(there.err().map(no_six));
        }
        ip(&["addr", "add", &format!("{gateway}/30"), "dev", &outer])?;
        ip(&["link", "set", &outer, "up"])
    }

    /// Packets of the program get the computer's address.
    fn translate(&mut self, family: &Family, pid: u32, source: &str, outer: &str, nft: bool, iptables: bool) -> Result<(), String> {
        let tables = family.iptables;
        if !(nft && (self.owned_table(family, pid, source) || self.table(family, pid, source))) {
            if !iptables {
                return Err("nftables has no address translation here".to_owned());
            }
            self.change(&[tables, "-t", "nat", "-A", "POSTROUTING", "-s", source, "!", "-o", outer, "-j", "MASQUERADE"], "-A", "-D")?;
        }
        // Where everything that is not allowed is refused, this is allowed.
        if iptables && output(&[tables, "-S", "FORWARD"]).is_ok_and(|rules| rules.starts_with("-P FORWARD DROP")) {
            for side in ["-i", "-o"] {
                self.change(&[tables, "-I", "FORWARD", side, outer, "-j", "ACCEPT"], "-I", "-D")?;
            }
        }
        Ok(())
    }

    fn switch(&mut self, switch: &Path, value: &str) -> Result<(), String> {
        let undo = self.undo.as_mut().ok_or("nothing would take the change back")?;
        undo.switch(switch, value).map(drop)
    }

    /// Packets of IPv6 may come back to an interface that is not there yet. Newer kernels (from 6.17 on) have a switch for each interface that is
    /// that and nothing else. Older ones have one for all, which makes a router of the computer: routers hear of no way out by the announcements
    /// of others, unless they are told to (`accept_ra` 2).
    fn forward_6(&mut self) -> Result<(), String> {
        let is = |switch: &Path, value: &str| std::fs::read_to_string(switch).is_ok_and(|now| now.trim() == value);
        if is(&six_of("all", "forwarding"), "1") {
            return Ok(());
        }
        if six_of("lo", "force_forwarding").exists() {
            let routes = std::fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
            let all = default_interfaces_of_6(&routes);
            return all.iter().try_for_each(|interface| self.switch(&six_of(interface, "force_forwarding"), "1"));
        }
        let all = std::fs::read_dir(IPV6).into_iter().flatten().flatten();
        let names = all.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name != "all");
        for name in names {
            if name != "default" && is(&six_of(&name, "accept_ra"), "1") {
                self.switch(&six_of(&name, "accept_ra"), "2")?;
            }
            // The switch for all turns those of each when it is turned back.
            if let (true, Some(undo)) = (is(&six_of(&name, "forwarding"), "1"), self.undo.as_mut()) {
                undo.keep(&six_of(&name, "forwarding"), "1")?;
            }
        }
        self.switch(&six_of("all", "forwarding"), "1")
    }

    /// A table that ends with the process that made it, which ends with this one.
    fn owned_table(&mut self, family: &Family, pid: u32, source: &str) -> bool {
        let mut command = Command::new("nft");
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let Ok(mut child) = command.arg("-i").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
            return false;
        };
        let rules = rules(family, pid, source, " { flags owner; }");
        let written = child.stdin.as_mut().is_some_and(|input| input.write_all(rules.as_bytes()).and_then(|()| input.flush()).is_ok());
        let since = Instant::now();
        while written && since.elapsed() < Duration::from_secs(2) && child.try_wait().ok().flatten().is_none() {
            if output(&["nft", "list", "table", family.nft, &table(pid)]).is_ok_and(|table| table.contains("masquerade")) {
                self.helpers.push(child);
                return true;
            }
            std::thread::sleep(PAUSE);
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    /// A table of an older nftables, which must be taken away.
    fn table(&mut self, family: &Family, pid: u32, source: &str) -> bool {
        let Some(undo) = &mut self.undo else { return false };
        let remembered = undo.by(&["nft", "delete", "table", family.nft, &table(pid)]);
        remembered.is_ok() && rules(family, pid, source, "").lines().all(|rule| output(&["nft", rule]).is_ok())
    }

    /// Runs a command that is undone by the same one with another flag.
    fn change(&mut self, command: &[&str], flag: &str, back: &str) -> Result<(), String> {
        let undo = self.undo.as_mut().ok_or("nothing would take the change back")?;
        let reverse: Vec<&str> = command.iter().map(|word| if *word == flag { back } else { *word }).collect();
        undo.by(&reverse)?;
        output(command).map(drop)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for helper in &mut self.helpers {
            let _ = helper.kill();
            let _ = helper.wait();
        }
        self.undo = None;
    }
}

/// Whether packets of IPv4 from an interface may go on to others.
fn four(interface: &str) -> PathBuf {
    PathBuf::from(format!("/proc/sys/net/ipv4/conf/{interface}/forwarding"))
}

/// A switch of IPv6 of an interface.
fn six_of(interface: &str, name: &str) -> PathBuf {
    PathBuf::from(format!("{IPV6}/{interface}/{name}"))
}

/// What is called otherwise in IPv4 and IPv6.
struct Family {
    nft: &'static str,
    iptables: &'static str,
}

const FOUR: Family = Family { nft: "ip", iptables: "iptables" };
const SIX: Family = Family { nft: "ip6", iptables: "ip6tables" };

fn table(pid: u32) -> String {
    format!("intransit_{pid}")
}

fn rules(family: &Family, pid: u32, source: &str, flags: &str) -> String {
    let (family, table) = (family.nft, table(pid));
    format!(
        "add table {family} {table}{flags}\nadd chain {family} {table} out {{ type nat hook postrouting priority 100; }}\n\
         add rule {family} {table} out {family} saddr {source} masquerade\n"
    )
}

/// The interfaces of default routes.
fn default_interfaces() -> Vec<String> {
    let table = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    let all = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut names: Vec<String> =
        all.filter_map(|words| (words.get(1) == Some(&"00000000")).then(|| words.first().map(|name| (*name).to_owned()))?).collect();
    names.dedup();
    names
}

/// The same of IPv6 (`/proc/net/ipv6_route`: destination, its length, source, its length, next hop, metric, two counters, flags, name).
fn default_interfaces_of_6(table: &str) -> Vec<String> {
    let mut names: Vec<String> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.get(1) == Some(&"00") && words.get(3) == Some(&"00"))
        // Where there is none, a route says so: it leads to the loopback interface.
        .filter_map(|words| words.get(9).filter(|name| **name != "lo").map(|name| (*name).to_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn no_six(why: String) -> String {
    format!("The program has no way out by IPv6: {why}")
}

/// What the system itself says by IPv6 on a new interface is not the program's, and nobody at its other end is a router to be heard.
fn quiet(interface: &str) {
    // No link-local address, so nothing is asked or announced from it; what cannot be turned off stays on.
    for (name, value) in [("accept_ra", "0"), ("autoconf", "0"), ("router_solicitations", "0"), ("addr_gen_mode", "1")] {
        let _ = std::fs::write(format!("{IPV6}/{interface}/{name}"), value);
    }
}

/// Inside: gives the interface its addresses, once it is there.
pub(super) fn configure(addresses: Addresses) -> Result<(), String> {
    let (own, gateway) = addresses.pair();
    let own = format!("{own}/30");
    ip(&["link", "set", "lo", "up"])?;
    match addresses.six {
        None => drop(std::fs::write(format!("{IPV6}/{INNER}/disable_ipv6"), "1")),
        Some(six) => {
            quiet(INNER);
            // Without it there is IPv4.
            let _ = ip(&["-6", "addr", "add", &format!("{}/64", six.pair().0), "dev", INNER, "nodad"]);
        }
    }
    ip(&["addr", "add", &own, "dev", INNER])?;
    ip(&["link", "set", INNER, "up"])?;
    if let Some(six) = addresses.six.filter(|six| six.out) {
        let _ = ip(&["-6", "route", "add", "default", "via", &six.pair().1.to_string(), "dev", INNER]);
    }
    // Last: whoever waits for a way out finds everything else done.
    ip(&["route", "add", "default", "via", &gateway.to_string()])
}

/// Inside: puts a resolver in reach where the computer's own one listens only on its own loopback interface.
pub(super) fn resolver(forwarded: bool) -> Result<(), String> {
    // Programs would ask these, outside, and the question would not be seen.
    for socket in ["/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket", "/var/run/nscd/socket"] {
        let _ = space::put_over(std::path::Path::new("/dev/null"), std::path::Path::new(socket));
    }
    let place = std::path::Path::new("/etc/resolv.conf");
    let Ok(text) = std::fs::read_to_string(place) else { return Ok(()) };
    let mut servers = text.lines().filter_map(|line| line.strip_prefix("nameserver")?.trim().parse::<std::net::IpAddr>().ok()).peekable();
    if servers.peek().is_none() || servers.any(|server| !server.is_loopback()) {
        return Ok(());
    }
    let failed = |e: std::io::Error| format!("names cannot be resolved in it: {e}");
    if forwarded {
        let rest: String = text.lines().filter(|line| !line.starts_with("nameserver")).map(|line| format!("{line}\n")).collect();
        let mut file =
            tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644)).tempfile().map_err(failed)?;
        file.write_all(format!("nameserver {RESOLVER}\n{rest}").as_bytes()).map_err(failed)?;
        return space::put_over(file.path(), place).map_err(failed);
    }
    let upstream = std::path::Path::new("/run/systemd/resolve/resolv.conf");
    match upstream.exists() {
        true => space::put_over(upstream, place).map_err(failed),
        false => Err("names cannot be resolved in it: /etc/resolv.conf names a resolver that only this computer reaches".to_owned()),
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    output(&[&["ip"], arguments].concat()).map(drop)
}

/// What a command says on standard output; else what it says is wrong.
pub(super) fn output(command: &[&str]) -> Result<String, String> {
    let (program, arguments) = command.split_first().ok_or("nothing to run")?;
    let program = find(program).unwrap_or_else(|| PathBuf::from(program));
    let done = Command::new(&program).args(arguments).stdin(Stdio::null()).output().map_err(|e| format!("{}: {e}", program.display()))?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        false => Err(format!("`{}`: {}", command.join(" "), String::from_utf8_lossy(&done.stderr).trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_something_else_leads_to_is_not_taken() {
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
        let default = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        let corporate = format!(
            "tun0\t{:08X}\t00000000\t0001\t0\t0\t0\t{:08X}\t0\t0\t0\n",
            u32::from_ne_bytes([10, 0, 0, 0]),
            u32::from_ne_bytes([255, 0, 0, 0])
        );
        let ours = Ipv4Addr::new(10, 213, 0, 4);
        assert!(!is_routed(&[head, default].concat(), ours));
        assert!(is_routed(&[head, default, &corporate].concat(), ours));
    }

    #[test]
    fn a_network_of_ipv6_is_of_this_computer_alone_and_nothing_else_leads_to_it() {
        let (zero, one) = ("0".repeat(32), format!("fd{}", "0".repeat(30)));
        let rest = format!("{zero} 00 {zero} 00000400 00000002 00000000 00000003     eth0\n");
        let default = format!("{zero} 00 {rest}");
        let none = format!("{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n");
        assert_eq!(default_interfaces_of_6(&[default.clone(), none.clone()].concat()), ["eth0"]);
        assert!(default_interfaces_of_6(&none).is_empty());
        let ours = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0);
        assert!(!is_routed_by_6(&default, ours), "the default route leads everywhere");
        for length in ["07", "08", "30", "40", "80"] {
            assert!(is_routed_by_6(&format!("{one} {length} {rest}"), ours), "{length}");
        }
        assert!(!is_routed_by_6(&format!("fe80{} 40 {rest}", "0".repeat(28)), ours));
        if let Some(six) = Six::choose() {
            assert_eq!((six.network.octets()[0], six.network.octets()[6..].iter().max()), (0xfd, Some(&0)), "RFC 4193: {six:?}");
        }
    }

    #[test]
    fn the_addresses_survive_the_command_line() {
        let addresses = Addresses::parse("10.213.0.4");
        assert_eq!(addresses.map(Addresses::pair), Some((Ipv4Addr::new(10, 213, 0, 6), Ipv4Addr::new(10, 213, 0, 5))));
        assert!(Addresses::parse("10.213.0.4; reboot").is_none());
        for out in [true, false] {
            let six = Some(Six { network: Ipv6Addr::new(0xfd12, 0x3456, 0x789a, 0, 0, 0, 0, 0), out });
            let both = Addresses { network: Ipv4Addr::new(10, 213, 0, 4), six };
            assert_eq!(Addresses::parse(&both.text()), Some(both), "{}", both.text());
        }
        assert!(Addresses::parse("10.213.0.4,fd12::; reboot").is_none());
    }
}
