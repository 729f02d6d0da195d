//! The way out of a network of its own: by `pasta` for a user, by a pair of virtual interfaces and address translation for root.
//!
//! What root changes on the computer is undone at the end, also after a signal. The interfaces end with the network; the table of nftables
//! belongs to a process that ends with this one, so that both go even when this process is killed.

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::PAUSE;
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

/// Two addresses of a network of four.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    network: Ipv4Addr,
}

impl Addresses {
    fn at(self, n: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network) + n)
    }

    /// `10.213.0.4`: the network, as the process inside is told.
    pub fn text(self) -> String {
        self.network.to_string()
    }

    pub fn parse(text: &str) -> Option<Addresses> {
        text.parse().ok().map(|network| Addresses { network })
    }

    /// That of the program, and that of its way out.
    pub fn pair(self) -> (Ipv4Addr, Ipv4Addr) {
        (self.at(2), self.at(1))
    }
}

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
        let all = (0..16_384).map(|n| Addresses { network: Ipv4Addr::from(0x0ad5_0000 | ((first + n) % 16_384) << 2) });
        all.into_iter().find(|addresses| !is_routed(&routes, addresses.network))
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
    undo: Vec<Undo>,
}

#[derive(Debug)]
enum Undo {
    Run(Vec<String>),
    Write(PathBuf, String),
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
        let (outer, (_, gateway)) = (format!("itr{pid}"), addresses.pair());
        ip(&["link", "add", &outer, "type", "veth", "peer", "name", INNER, "netns", &pid.to_string()])?;
        // It would go with the network anyway, a moment later.
        self.undo.push(Undo::Run(words(&["ip", "link", "del", &outer])));
        ip(&["addr", "add", &format!("{gateway}/30"), "dev", &outer])?;
        ip(&["link", "set", &outer, "up"])?;
        for interface in std::iter::once(outer.clone()).chain(default_interfaces()) {
            self.forward(&interface)?;
        }
        let source = format!("{}/30", addresses.text());
        if !(nft && (self.owned_table(pid, &source) || self.table(pid, &source))) {
            if !iptables {
                return Err("nftables has no address translation here".to_owned());
            }
            self.change(&["iptables", "-t", "nat", "-A", "POSTROUTING", "-s", &source, "!", "-o", &outer, "-j", "MASQUERADE"], "-A", "-D")?;
        }
        // Where everything that is not allowed is refused, this is allowed.
        if iptables && output(&["iptables", "-S", "FORWARD"]).is_ok_and(|rules| rules.starts_with("-P FORWARD DROP")) {
            for side in ["-i", "-o"] {
                self.change(&["iptables", "-I", "FORWARD", side, &outer, "-j", "ACCEPT"], "-I", "-D")?;
            }
        }
        Ok(())
    }

    /// Packets from this interface may go on to others.
    fn forward(&mut self, interface: &str) -> Result<(), String> {
        let switch = PathBuf::from(format!("/proc/sys/net/ipv4/conf/{interface}/forwarding"));
        let before = std::fs::read_to_string(&switch).map_err(|e| format!("{}: {e}", switch.display()))?;
        if before.trim() == "0" {
            std::fs::write(&switch, "1").map_err(|e| format!("{}: {e}", switch.display()))?;
            self.undo.push(Undo::Write(switch, before));
        }
        Ok(())
    }

    /// A table that ends with the process that made it, which ends with this one.
    fn owned_table(&mut self, pid: u32, source: &str) -> bool {
        let mut command = Command::new("nft");
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let Ok(mut child) = command.arg("-i").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
            return false;
        };
        let rules = rules(pid, source, " { flags owner; }");
        let written = child.stdin.as_mut().is_some_and(|input| input.write_all(rules.as_bytes()).and_then(|()| input.flush()).is_ok());
        let since = Instant::now();
        while written && since.elapsed() < Duration::from_secs(2) && child.try_wait().ok().flatten().is_none() {
            if output(&["nft", "list", "table", "ip", &table(pid)]).is_ok_and(|table| table.contains("masquerade")) {
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
    fn table(&mut self, pid: u32, source: &str) -> bool {
        let each = rules(pid, source, "");
        let made = each.lines().all(|rule| output(&["nft", rule]).is_ok());
        self.undo.push(Undo::Run(words(&["nft", "delete", "table", "ip", &table(pid)])));
        made
    }

    /// Runs a command that is undone by the same one with another flag.
    fn change(&mut self, command: &[&str], flag: &str, back: &str) -> Result<(), String> {
        output(command)?;
        self.undo.push(Undo::Run(command.iter().map(|word| if *word == flag { back } else { word }.to_owned()).collect()));
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for helper in &mut self.helpers {
            let _ = helper.kill();
            let _ = helper.wait();
        }
        for undo in self.undo.drain(..).rev() {
            match undo {
                Undo::Run(command) => {
                    let words: Vec<&str> = command.iter().map(String::as_str).collect();
                    // Gone already, or nothing that can be done about it.
                    let _ = output(&words);
                }
                Undo::Write(file, before) => {
                    let _ = std::fs::write(file, before);
                }
            }
        }
    }
}

fn table(pid: u32) -> String {
    format!("intransit_{pid}")
}

fn rules(pid: u32, source: &str, flags: &str) -> String {
    let table = table(pid);
    format!(
        "add table ip {table}{flags}\nadd chain ip {table} out {{ type nat hook postrouting priority 100; }}\n\
         add rule ip {table} out ip saddr {source} masquerade\n"
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

/// Inside: gives the interface its address, once it is there.
pub(super) fn configure(addresses: Addresses) -> Result<(), String> {
    let (own, gateway) = addresses.pair();
    let own = format!("{own}/30");
    ip(&["link", "set", "lo", "up"])?;
    // What the system itself says on a new interface is not the program's; the way out has no IPv6.
    let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{INNER}/disable_ipv6"), "1");
    ip(&["addr", "add", &own, "dev", INNER])?;
    ip(&["link", "set", INNER, "up"])?;
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

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}

/// What a command says on standard output; else what it says is wrong.
fn output(command: &[&str]) -> Result<String, String> {
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
    fn the_addresses_survive_the_command_line() {
        let addresses = Addresses::parse("10.213.0.4");
        assert_eq!(addresses.map(Addresses::pair), Some((Ipv4Addr::new(10, 213, 0, 6), Ipv4Addr::new(10, 213, 0, 5))));
        assert!(Addresses::parse("10.213.0.4; reboot").is_none());
    }
}
