//! Redis (its serialization protocol, RESP): recognised by a client's first command, an array of strings.

use super::telltale::{Named, Telltale, Unlike, require};
use crate::base::{Dir, Reader};

/// Redis, until it is recognised.
pub type Redis = Named<Command>;

/// A command.
#[derive(Clone, Copy, Debug, Default)]
pub struct Command;

/// What a connection may begin with: nothing else is believed.
const COMMANDS: [&[u8]; 28] = [
    b"AUTH",
    b"CLIENT",
    b"CLUSTER",
    b"COMMAND",
    b"CONFIG",
    b"DEL",
    b"ECHO",
    b"EVAL",
    b"EVALSHA",
    b"EXISTS",
    b"EXPIRE",
    b"FLUSHALL",
    b"GET",
    b"HELLO",
    b"HGETALL",
    b"HSET",
    b"INCR",
    b"INFO",
    b"KEYS",
    b"LPUSH",
    b"MULTI",
    b"PING",
    b"PSYNC",
    b"PUBLISH",
    b"REPLCONF",
    b"SELECT",
    b"SET",
    b"SUBSCRIBE",
];
/// Digits of the numbers in front of the command.
const MOST_DIGITS: usize = 4;

impl Telltale for Command {
    const NAME: &'static str = "redis";

    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        let mut r = Reader::new(bytes);
        number(&mut r, b'*')?;
        let length = number(&mut r, b'$')?;
        let command = COMMANDS.iter().filter(|command| command.len() == length);
        let seen = r.rest().get(..length).unwrap_or(r.rest());
        require(command.into_iter().any(|command| seen.iter().zip(*command).all(|(a, b)| a.eq_ignore_ascii_case(b))))?;
        r.skip(length)?;
        require(r.array()? == *b"\r\n").map(|()| r.position())
    }

    fn sender(_: &[u8]) -> Option<Dir> {
        Some(Dir::Client)
    }
}

/// A type's octet, a positive number and the end of the line.
fn number(r: &mut Reader<'_>, kind: u8) -> Result<usize, Unlike> {
    require(r.u8()? == kind)?;
    let mut number = 0usize;
    for digits in 0..=MOST_DIGITS {
        match r.u8()? {
            digit @ b'0'..=b'9' if digits < MOST_DIGITS && (digit != b'0' || digits > 0) => {
                number = number.saturating_mul(10).saturating_add(usize::from(digit.wrapping_sub(b'0')));
            }
            b'\r' if digits > 0 => return require(r.u8()? == b'\n').map(|()| number),
            _ => return Err(Unlike::Other),
        }
    }
    Err(Unlike::Other)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, dialogue, probe, survives};
    use super::super::{Next, Probe};
    use super::*;

    #[test]
    fn a_command_names_redis() {
        for command in [b"*1\r\n$4\r\nPING\r\n".as_slice(), b"*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n"] {
            let talk = dialogue::<Redis>(&[(C, command)]);
            assert_eq!(talk.said(), [r#"network.protocol Text("redis") observed [#1]"#]);
            assert_eq!(talk.next, Next::Done);
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        for other in
            [b"*1\r\n$4\r\nPONG\r\n".as_slice(), b"* OK IMAP ready\r\n", b"*0\r\n$4\r\n", b"*1\r\n+OK\r\n", b"*12345\r\n", b"*1\n$4\n"]
        {
            assert_eq!(probe::<Redis>(other), Probe::No);
        }
        assert_eq!(probe::<Redis>(b"*1\r\n$4\r\nPI"), Probe::More);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>, piece in 1usize..9) {
            survives::<Redis>(&random, piece);
            survives::<Redis>(&[(true, [b"*1\r\n$".as_slice(), &tail].concat())], piece);
        }
    }
}
