//! Tries what a locked program must not be able to do. For tests, and for whoever does not believe it.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{TcpStream, UdpSocket};
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Uid, setuid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType};
use rustix::process::Pid;

/// Each attempt, and whether it was denied. Nothing of it does harm where it is not.
#[must_use]
pub fn attempts() -> Vec<(&'static str, bool)> {
    let io = |e: std::io::Error| e.kind() == ErrorKind::PermissionDenied;
    let errno = |e: Errno| matches!(e, Errno::PERM | Errno::ACCESS);
    let nix = |e: nix::errno::Errno| matches!(e, nix::errno::Errno::EPERM | nix::errno::Errno::EACCES);
    let temporary = std::env::temp_dir().join(format!("intransit-attempt-{}", std::process::id()));
    let made = File::create(&temporary).err().is_some_and(io);
    // Where it could be made, it goes again.
    let _ = std::fs::remove_file(&temporary);
    let first = Pid::from_raw(1);
    vec![
        ("read /etc/shadow", File::open("/etc/shadow").err().is_some_and(io)),
        ("read /etc/passwd", File::open("/etc/passwd").err().is_some_and(io)),
        ("make a temporary file", made),
        ("start a program", Command::new("/bin/true").status().err().is_some_and(io)),
        ("open a TCP connection", TcpStream::connect(("127.0.0.1", 9)).err().is_some_and(io)),
        ("open a UDP socket", UdpSocket::bind(("127.0.0.1", 0)).err().is_some_and(io)),
        ("open another packet socket", rustix::net::socket(AddressFamily::PACKET, SocketType::RAW, None).err().is_some_and(errno)),
        ("signal process 1", first.is_none_or(|first| rustix::process::test_kill_process(first).err().is_some_and(errno))),
        ("become root", setuid(Uid::from_raw(0)).err().is_some_and(nix)),
        ("read the environment of process 1", std::fs::read("/proc/1/environ").err().is_some_and(io)),
        (
            "trace process 1",
            first.is_none_or(|first| nix::sys::ptrace::attach(nix::unistd::Pid::from_raw(first.as_raw_pid())).err().is_some_and(nix)),
        ),
        ("make a namespace", unshare(CloneFlags::CLONE_NEWNS).err().is_some_and(nix)),
        (
            "mount something",
            nix::mount::mount(Some("none"), "/nowhere", Some("tmpfs"), nix::mount::MsFlags::empty(), None::<&str>).err().is_some_and(nix),
        ),
    ]
}
