//! One exact question to the kernel: which socket has these two ends (`sock_diag(7)`, `inet_diag_req_v2`)?

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};

use super::plain;

/// A socket, as the kernel describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Its number in the file system of sockets: `socket:[inode]`.
    pub inode: u32,
    /// It has no one peer: listening, or UDP that was not connected.
    pub unconnected: bool,
}

/// The way to ask.
#[derive(Debug)]
pub struct Sockets {
    netlink: OwnedFd,
    sequence: u32,
}

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// `TCP_LISTEN`.
const LISTEN: u8 = 10;
const HEADER: usize = 16;
const QUESTION: usize = HEADER + 56;

impl Sockets {
    /// Opens the way to ask.
    ///
    /// # Errors
    /// When the kernel has none.
    pub fn open() -> std::io::Result<Sockets> {
        let netlink = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?;
        Ok(Sockets { netlink, sequence: 0 })
    }

    /// The socket on this computer whose own end is `local`.
    pub fn find(&mut self, udp: bool, local: SocketAddr, remote: SocketAddr) -> Option<Socket> {
        // Of UDP the kernel takes the ends the other way round, "for historical reasons" (net/ipv4/udp_diag.c).
        let (source, destination) = if udp { (remote, local) } else { (local, remote) };
        self.sequence = self.sequence.wrapping_add(1);
        let question = question(udp, source, destination, self.sequence)?;
        send(&self.netlink, &question, SendFlags::DONTWAIT).ok()?;
        let mut reply = [0; 1024];
        // The kernel has answered when it returns. What an earlier question left behind is passed over.
        for _ in 0..4 {
            let (_, n) = recv(&self.netlink, &mut reply, RecvFlags::DONTWAIT).ok()?;
            let reply = reply.get(..n)?;
            if word(reply, 8)? == self.sequence {
                return read(reply, local, remote);
            }
        }
        None
    }
}

fn question(udp: bool, source: SocketAddr, destination: SocketAddr, sequence: u32) -> Option<Vec<u8>> {
    let ((from, from_port), (to, to_port)) = (plain(source), plain(destination));
    let family = if from.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    if from.is_ipv4() != to.is_ipv4() {
        return None;
    }
    let mut out = Vec::with_capacity(QUESTION);
    out.extend_from_slice(&u32::try_from(QUESTION).ok()?.to_ne_bytes());
    out.extend_from_slice(&BY_FAMILY.to_ne_bytes());
    out.extend_from_slice(&REQUEST.to_ne_bytes());
    out.extend_from_slice(&sequence.to_ne_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[u8::try_from(family.as_raw()).ok()?, if udp { 17 } else { 6 }, 0, 0]);
    // Sockets in any state.
    out.extend_from_slice(&u32::MAX.to_ne_bytes());
    out.extend_from_slice(&from_port.to_be_bytes());
    out.extend_from_slice(&to_port.to_be_bytes());
    out.extend_from_slice(&octets(from));
    out.extend_from_slice(&octets(to));
    // Any interface, any cookie.
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[0xff; 8]);
    Some(out)
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(six) => six.octets(),
    }
}

fn word(reply: &[u8], at: usize) -> Option<u32> {
    reply.get(at..)?.first_chunk().map(|octets| u32::from_ne_bytes(*octets))
}

/// `inet_diag_msg` behind its header. A socket without an inode is one that no process holds any more.
fn read(reply: &[u8], local: SocketAddr, remote: SocketAddr) -> Option<Socket> {
    let kind = reply.get(4..)?.first_chunk().map(|octets| u16::from_ne_bytes(*octets))?;
    let body = reply.get(HEADER..).filter(|_| kind == BY_FAMILY)?;
    let port = |at: usize| body.get(at..)?.first_chunk().map(|octets| u16::from_be_bytes(*octets));
    let (state, own, peer) = (*body.get(1)?, port(4)?, port(6)?);
    let inode = word(body, 68)?;
    let unconnected = state == LISTEN || peer == 0;
    // What answers must be what was asked for.
    let fits = own == local.port() && (unconnected || peer == remote.port());
    (fits && inode != 0).then_some(Socket { inode, unconnected })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn the_kernel_names_the_socket_of_each_end() {
        let mut sockets = Sockets::open().unwrap();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let there = listener.local_addr().unwrap();
            let client = TcpStream::connect(there).unwrap();
            let here = client.local_addr().unwrap();
            let open = sockets.find(false, here, there).unwrap();
            assert!(!open.unconnected);
            let (_server, _) = listener.accept().unwrap();
            assert_ne!(sockets.find(false, there, here).unwrap().inode, open.inode);
            let nobody = SocketAddr::new(there.ip(), 9);
            assert_eq!(sockets.find(false, nobody, here), None);
            assert!(sockets.find(false, there, nobody).unwrap().unconnected, "the listener");
        }
        let (one, other) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let (here, there) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        assert!(sockets.find(true, here, there).unwrap().unconnected);
        one.connect(there).unwrap();
        assert!(!sockets.find(true, here, there).unwrap().unconnected);
    }
}
