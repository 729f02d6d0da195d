//! What is overheard of dialogues in clear.

use super::*;

/// What could be read: kind, name, count, excerpt and frames; nothing of a secret.
fn overheard<P: Payload>(turns: &[Turn<'_>]) -> Vec<String> {
    let talk = dialogue::<P>(turns);
    assert!(!format!("{:?}", talk.said()).contains("open"), "the password: {:?}", talk.said());
    talk.facts.readables().map(|(r, e)| format!("{} {} {} {} {e:?}", r.kind.word(), r.what, r.count, r.excerpt)).collect()
}

const SMTP: [Turn<'_>; 3] =
    [(S, b"220 mx.example ESMTP\r\n"), (C, b"EHLO a.example\r\n"), (S, b"250-mx\r\n250-AUTH PLAIN LOGIN\r\n250 OK\r\n")];

fn smtp(turns: &[Turn<'_>]) -> Vec<String> {
    overheard::<Dialogue>(&[&SMTP[..], turns].concat())
}

#[test]
fn greetings_and_capabilities_say_nothing_of_people() {
    assert!(smtp(&[(C, b"STARTTLS\r\n"), (S, b"454 no\r\n"), (C, b"QUIT\r\n"), (S, b"221 bye\r\n")]).is_empty());
    let imap: [Turn<'_>; 3] = [(S, b"* OK IMAP4rev1 ready\r\n"), (C, b"a CAPABILITY\r\n"), (S, b"* CAPABILITY IMAP4rev1\r\na OK\r\n")];
    assert!(overheard::<Dialogue>(&imap).is_empty());
    assert!(overheard::<Dialogue>(&[(S, b"+OK POP3 ready\r\n"), (C, b"CAPA\r\n"), (S, b"+OK\r\nSTLS\r\nUSER\r\n.\r\n")]).is_empty());
    assert!(overheard::<Dialogue>(&[(S, b"220 (vsFTPd 3.0.3)\r\n"), (C, b"FEAT\r\n"), (S, b"211-x\r\n MDTM\r\n211 End\r\n")]).is_empty());
    assert!(
        overheard::<Dialogue>(&[(S, b"200 INN NNRP (posting ok)\r\n"), (C, b"CAPABILITIES\r\n"), (S, b"101 l\r\nREADER\r\n.\r\n")])
            .is_empty()
    );
}

#[test]
fn the_envelope_and_the_message_of_mail_are_readable() {
    let found = smtp(&[
        (C, b"MAIL FROM:<al@a.example>\r\nRCPT TO:<bo@b.example>\r\nDATA\r\n"),
        (S, b"250 ok\r\n250 ok\r\n354 go on\r\n"),
        (C, b"Subject: hello\r\n\r\nMAIL FROM: is not a command here\r\n..dots\r\n"),
        (C, b".\r\nQUIT\r\n"),
        (S, b"250 ok\r\n"),
    ]);
    assert_eq!(found[0], "identifiers mail envelope 2 <al@a.ex•••••> [#4]");
    assert!(found[1].starts_with("content mail message 1 Su•••••: he•••"), "{found:?}");
    assert_eq!(found.len(), 2, "{found:?}");
    let chunks = smtp(&[(C, b"BDAT 14 LAST\r\nSTARTTLS plain"), (S, b"250 ok\r\n"), (C, b"MAIL FROM:<x@y>\r\n")]);
    assert_eq!(chunks, ["content mail message 1 ST•••••• pl••• [#4]", "identifiers mail envelope 1 <x@y> [#6]"]);
    // The server's direction is missing.
    let alone = overheard::<Dialogue>(&[(C, b"EHLO a\r\nMAIL FROM:<x@y>\r\nDATA\r\nhello you\r\n.\r\nQUIT\r\n")]);
    assert_eq!(alone.len(), 2, "{alone:?}");
}

#[test]
fn logins_by_sasl_show_name_and_password() {
    let both = ["identifiers SMTP user name 1 al [#4]".to_owned(), "credentials SMTP password 1 •••••• [#4]".to_owned()];
    assert_eq!(smtp(&[(C, b"AUTH PLAIN AGFsAG9wZW4=\r\n"), (S, b"235 ok\r\n")]), both);
    assert_eq!(smtp(&[(C, b"AUTH LOGIN YWw=\r\nb3Blbg==\r\n"), (S, b"235 ok\r\n")]), both);
    let asked =
        smtp(&[(C, b"AUTH LOGIN\r\n"), (S, b"334 VXNlcm5hbWU6\r\n"), (C, b"YWw=\r\n"), (S, b"334 UGFzc3dvcmQ6\r\n"), (C, b"b3Blbg==\r\n")]);
    assert_eq!(asked, ["identifiers SMTP user name 1 al [#6]", "credentials SMTP password 1 •••••• [#8]"]);
    let challenge =
        smtp(&[(C, b"AUTH CRAM-MD5\r\n"), (S, b"334 PDE+\r\n"), (C, b"YWwgMDEyMw==\r\n"), (S, b"235 ok\r\n"), (C, b"MAIL FROM:<x@y>\r\n")]);
    assert_eq!(challenge, ["identifiers SMTP user name 1 al [#6]", "identifiers mail envelope 1 <x@y> [#8]"]);
    assert!(smtp(&[(C, b"AUTH PLAIN\r\n"), (S, b"334 \r\n"), (C, b"*\r\n"), (S, b"501 off\r\n")]).is_empty());
    assert!(smtp(&[(C, b"AUTH GSSAPI YII=\r\n"), (S, b"334 \r\n"), (C, b"AGFsAG9wZW4=\r\n")]).is_empty());
}

#[test]
fn imap() {
    let greeting: Turn<'_> = (S, b"* OK IMAP4rev1 ready\r\n");
    let both = ["identifiers IMAP user name 1 al", "credentials IMAP password 1 ••••••"];
    for login in [
        &b"a1 LOGIN al open\r\n"[..],
        b"a1 login \"al\" \"open\"\r\n",
        b"a1 LOGIN {2+}\r\nal {4+}\r\nopen\r\n",
        b"a1 LOGIN al {4+}\r\nopen\r\n",
    ] {
        let found = overheard::<Dialogue>(&[greeting, (C, login), (S, b"a1 OK\r\n"), (C, b"a2 SELECT INBOX\r\n"), (S, b"a2 OK\r\n")]);
        assert!(found.len() == 2 && found.iter().zip(both).all(|(got, want)| got.starts_with(want)), "{found:?}");
    }
    let fetched = overheard::<Dialogue>(&[
        greeting,
        (C, b"a3 FETCH 1 (FLAGS BODY[])\r\n"),
        (S, b"* 1 FETCH (FLAGS (\\Seen) BODY[] {20}\r\nSubject: hi\r\n\r\na OK"),
        (S, b"no)\r\n* LIST () \"/\" {5}\r\nINBOX\r\na3 OK done\r\n"),
    ]);
    // Twenty octets, up to the first of the next frame.
    assert_eq!(fetched, ["content mail message 1 Su•••••: hi\r\n\r\na OK•".replace("\r\n", "\\x0d\\x0a") + " [#3, #4]"]);
    let appended = overheard::<Dialogue>(&[
        greeting,
        (C, b"a4 APPEND Sent (\\Seen) {7}\r\n"),
        (S, b"+ go\r\n"),
        (C, b"hi you!\r\n"),
        (S, b"a4 OK\r\n"),
    ]);
    assert_eq!(appended, ["content mail message 1 hi yo•! [#4]"]);
    let compressed = overheard::<Dialogue>(&[greeting, (C, b"a5 COMPRESS DEFLATE\r\n"), (S, b"a5 OK\r\n"), (C, b"\x12\x34\x56")]);
    assert!(compressed.len() == 1 && compressed[0].starts_with("content compressed mail session"), "{compressed:?}");
}

#[test]
fn pop3() {
    let greeting: Turn<'_> = (S, b"+OK POP3 ready\r\n");
    let found = overheard::<Dialogue>(&[
        greeting,
        (C, b"USER al\r\n"),
        (S, b"+OK\r\n"),
        (C, b"PASS open sesame\r\n"),
        (S, b"+OK\r\n"),
        (C, b"LIST\r\nRETR 1\r\n"),
        (S, b"+OK 1 message\r\n1 9\r\n.\r\n+OK 9 octets\r\nhi there\r\n.\r\n"),
    ]);
    let expected = [
        "identifiers POP3 user name 1 al [#2]",
        "credentials POP3 password 1 •••••• [#4]",
        "content mail message 1 hi th•••\\x0d\\x0a [#7]",
    ];
    assert_eq!(found, expected);
    // Before the language was clear: a client without its server.
    let alone = overheard::<Dialogue>(&[(C, b"USER al\r\n"), (C, b"PASS open\r\n"), (C, b"UIDL\r\n"), (C, b"CAPA\r\n")]);
    assert_eq!(alone.len(), 2, "{alone:?}");
}

#[test]
fn nntp() {
    let found = overheard::<Dialogue>(&[
        (S, b"200 news.example InterNetNews NNRP (posting ok)\r\n"),
        (C, b"AUTHINFO USER al\r\n"),
        (S, b"381 more\r\n"),
        (C, b"AUTHINFO PASS open\r\n"),
        (S, b"281 ok\r\n"),
        (C, b"LIST\r\n"),
        (S, b"215 groups\r\na.b 1 1 y\r\n.\r\n"),
        (C, b"POST\r\n"),
        (S, b"340 go\r\n"),
        (C, b"Subject: x\r\n\r\nhello\r\n.\r\n"),
        (S, b"240 ok\r\n"),
        (C, b"BODY 1\r\n"),
        (S, b"222 1 <a@b>\r\nhello\r\n.\r\n"),
    ]);
    assert_eq!(found[..2], ["identifiers NNTP user name 1 al [#2]", "credentials NNTP password 1 •••••• [#4]"]);
    assert!(found.len() == 3 && found[2].starts_with("content news article 2 ") && found[2].ends_with("[#10, #13]"), "{found:?}");
}

#[test]
fn manage_sieve() {
    let greeting: Turn<'_> = (S, b"\"IMPLEMENTATION\" \"Example 1.0\"\r\n\"SASL\" \"PLAIN\"\r\nOK\r\n");
    for login in [&b"AUTHENTICATE \"PLAIN\" \"AGFsAG9wZW4=\"\r\n"[..], b"Authenticate \"PLAIN\" {12+}\r\nAGFsAG9wZW4=\r\n"] {
        let script = b"PUTSCRIPT \"x\" {9+}\r\nkeep; # a\r\n";
        let found = overheard::<Dialogue>(&[greeting, (C, login), (S, b"OK\r\n"), (C, script), (S, b"OK\r\n")]);
        assert!(found.iter().any(|line| line.starts_with("credentials ManageSieve password 1 ")), "{found:?}");
        assert!(found.contains(&"content mail filter 1 ke••; # a [#4]".to_owned()), "{found:?}");
    }
}

#[test]
fn ftp() {
    let greeting: Turn<'_> = (S, b"220 (vsFTPd 3.0.3)\r\n");
    let found = overheard::<Dialogue>(&[
        greeting,
        (C, b"USER al\r\n"),
        (S, b"331 x\r\n"),
        (C, b"PASS open\r\n"),
        (S, b"230 ok\r\n"),
        (C, b"STOR letter.txt\r\n"),
    ]);
    let expected =
        ["identifiers FTP user name 1 al [#2]", "credentials FTP password 1 •••••• [#4]", "content FTP file name 1 le••••.tx• [#6]"];
    assert_eq!(found, expected);
    let anonymous =
        overheard::<Dialogue>(&[greeting, (C, b"USER anonymous\r\n"), (S, b"331 x\r\n"), (C, b"PASS guest@\r\n"), (S, b"230 ok\r\n")]);
    assert!(anonymous.is_empty(), "{anonymous:?}");
}

#[test]
fn irc() {
    let found = overheard::<Dialogue>(&[
        (C, b"PASS open\r\nNICK al\r\nUSER al 0 * :Al\r\n"),
        (S, b":irc.example NOTICE * :*** Looking up your hostname\r\n:irc.example 001 al :Welcome\r\n"),
        (C, b"PRIVMSG NickServ :IDENTIFY open\r\nJOIN #x\r\n"),
        (S, b":bo!b@host PRIVMSG #x :see you\r\n"),
        (C, b"PRIVMSG #x :at seven\r\n"),
    ]);
    let expected = [
        "credentials IRC password 2 •••••• [#1, #3]",
        "identifiers IRC user name 2 al [#1]",
        "identifiers IRC names and channels 1 #x [#3]",
        "content IRC message 2 se• yo• [#4, #5]",
    ];
    assert_eq!(found, expected);
    assert_eq!(probe::<Dialogue>(b"PASS open\r\n"), Probe::More);
    assert_eq!(probe::<Dialogue>(b"PASS open\r\nNICK al\r\n"), Probe::Yes);
    assert_eq!(probe::<Dialogue>(b"PASS open\r\n\x16\x03"), Probe::No);
    let sasl = overheard::<Dialogue>(&[
        (C, b"CAP REQ :sasl\r\nAUTHENTICATE PLAIN\r\n"),
        (S, b":irc.example CAP * ACK :sasl\r\nAUTHENTICATE +\r\n"),
        (C, b"AUTHENTICATE AGFsAG9wZW4=\r\n"),
        (S, b":irc.example 903 al :ok\r\n"),
    ]);
    assert_eq!(sasl, ["identifiers IRC account 1 al [#3]", "credentials IRC password 1 •••••• [#3]"]);
}

/// A message of PostgreSQL.
fn typed(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &(body.len() as u32 + 4).to_be_bytes()[..], body].concat()
}

#[test]
fn postgres() {
    let startup: Turn<'_> = (C, b"\0\0\0\x1d\0\x03\0\0user\0al\0database\0db\0\0");
    let row = [typed(b'T', b"x"), typed(b'D', b"\0\x01\0\0\0\x07see you"), typed(b'C', b"SELECT 1\0")].concat();
    let session = |how: u8, answer: &[u8]| {
        let turns = [
            (S, typed(b'R', &[0, 0, 0, how])),
            (C, typed(b'p', answer)),
            (S, typed(b'R', &[0; 4])),
            (C, typed(b'Q', b"SELECT a\0")),
            (S, row.clone()),
        ];
        let turns: Vec<Turn<'_>> = turns.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
        overheard::<Postgres>(&[&[startup][..], &turns].concat())
    };
    let expected = [
        "identifiers SQL user name 1 al [#1]",
        "identifiers SQL database name 1 db [#1]",
        "credentials SQL password 1 •••••• [#3]",
        r"content SQL statement 1 SE•••• a\x00 [#5]",
        r"content SQL answer 1 \x00\x01\x00\x00\x00\x07se• yo• [#6]",
    ];
    assert_eq!(session(3, b"open\0"), expected);
    assert!(session(5, b"md50123456789abcdef0123456789abcdef\0").iter().all(|line| !line.contains("password")));
    assert!(session(10, b"SCRAM-SHA-256\0\0\0\0\x01n").iter().all(|line| !line.contains("password")));
    let alone = overheard::<Postgres>(&[startup, (C, &typed(b'p', b"open\0"))]);
    assert_eq!(alone[2], "credentials SQL password 1 •••••• [#2]");
}

/// A packet of MySQL.
fn numbered(sequence: u8, body: &[u8]) -> Vec<u8> {
    [&[body.len() as u8, 0, 0, sequence], body].concat()
}

#[test]
fn mysql() {
    let greeting = mysql_greeting(0xffdf & !(1 << 11));
    let login = |plugin: &[u8], secret: &[u8]| {
        let capabilities: u32 = 1 << 9 | 1 << 15 | 1 << 19 | 1 << 3;
        let head = [&capabilities.to_le_bytes()[..], &[0; 28], b"al\0", &[secret.len() as u8], secret, b"db\0", plugin, b"\0"].concat();
        numbered(1, &head)
    };
    let ok = numbered(2, &[0, 0, 0, 2, 0, 0, 0]);
    let query = numbered(0, b"\x03SELECT a");
    let answer = [
        numbered(1, &[1]),
        numbered(2, b"\x03def\0"),
        numbered(3, &[0xfe, 0, 0, 2, 0]),
        numbered(4, b"\x07see you"),
        numbered(5, &[0xfe, 0, 0, 2, 0]),
    ]
    .concat();
    let native =
        overheard::<Mysql>(&[(S, &greeting), (C, &login(b"mysql_native_password", &[7; 20])), (S, &ok), (C, &query), (S, &answer)]);
    let expected = [
        "identifiers SQL user name 1 al [#2]",
        "identifiers SQL database name 1 db [#2]",
        "content SQL statement 1 SE•••• a [#4]",
        r"content SQL answer 1 \x07se• yo• [#5]",
    ];
    assert_eq!(native, expected);
    let clear = overheard::<Mysql>(&[(S, &greeting), (C, &login(b"mysql_clear_password", b"open\0")), (S, &ok)]);
    assert!(clear.contains(&"credentials SQL password 1 •••••• [#2]".to_owned()), "{clear:?}");
    let switch = numbered(2, b"\xfemysql_clear_password\0");
    let switched = overheard::<Mysql>(&[
        (S, &greeting),
        (C, &login(b"x", &[7; 20])),
        (S, &switch),
        (C, &numbered(3, b"open\0")),
        (S, &numbered(4, &[0; 7])),
    ]);
    assert!(switched.contains(&"credentials SQL password 1 •••••• [#4]".to_owned()), "{switched:?}");
    let compressed = [&(1u32 << 9 | 1 << 15 | 1 << 5).to_le_bytes()[..], &[0; 28], b"al\0\0"].concat();
    let greeting = mysql_greeting(!(1 << 11));
    let compressed = overheard::<Mysql>(&[(S, &greeting), (C, &numbered(1, &compressed)), (S, &ok), (C, b"\x09\0\0\0\0\0\0abcdefghi")]);
    assert!(compressed.iter().any(|line| line.starts_with("content compressed SQL session 1 ")), "{compressed:?}");
}

/// An LDAP message with this operation.
fn operation(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[0x30, body.len() as u8 + 5, 2, 1, 1, tag, body.len() as u8][..], body].concat()
}

#[test]
fn ldap() {
    let bind = operation(0x60, b"\x02\x01\x03\x04\x05cn=al\x80\x04open");
    let search = operation(0x63, b"\x04\x04dc=x\x0a\x01\x02");
    let entry = operation(0x64, b"\x04\x05cn=bo\x30\x03\x30\x01x");
    let answer = operation(0x61, b"\x0a\x01\0\x04\0\x04\0");
    let found = overheard::<Ldap>(&[(C, &bind), (S, &answer), (C, &search), (S, &entry)]);
    let expected = [
        "identifiers LDAP name 1 cn=al [#1]",
        "credentials LDAP password 1 •••••• [#1]",
        "content directory search 1 dc=x [#3]",
        "content directory entry 1 cn=bo [#4]",
    ];
    assert_eq!(found, expected);
    let anonymous = operation(0x60, b"\x02\x01\x03\x04\0\x80\0");
    let root = operation(0x63, b"\x04\0\x0a\x01\0");
    assert!(overheard::<Ldap>(&[(C, &anonymous), (S, &answer), (C, &root), (S, &operation(0x64, b"\x04\0\x30\0"))]).is_empty());
}

proptest::proptest! {
    #[test]
    fn any_dialogue_is_overheard_the_same_in_any_pieces(
        lines in proptest::collection::vec((proptest::bool::ANY, "(220 x ESMTP|EHLO x|354|AUTH LOGIN|AUTH PLAIN YQBiAGM=|DATA|\\.|\\* OK IMAP|a LOGIN x|a LOGIN \\{3\\}|\\* 1 FETCH \\(BODY \\{5\\}|a OK|\\+OK POP3|RETR 1|USER x|PASS y|200 NNRP|ARTICLE|222|PRIVMSG a :b|NICK x|PUTSCRIPT \\{4\\+\\})[ -]?[a-zA-Z ]{0,6}\r?\n"), 0..10),
    ) {
        let turns: Vec<Turn<'_>> = lines.iter().map(|(client, line)| (if *client { C } else { S }, line.as_bytes())).collect();
        dialogue::<Dialogue>(&turns);
    }

    #[test]
    fn any_bytes_after_a_true_beginning_never_panic(random: Vec<(bool, Vec<u8>)>, piece in 1usize..9) {
        let begins = |dir: Dir, bytes: &[u8]| [&[(dir == C, bytes.to_vec())][..], &random].concat();
        survives::<Postgres>(&begins(C, b"\0\0\0\x10\0\x03\0\0user\0a\0\0"), piece);
        survives::<Ldap>(&begins(C, &operation(0x60, b"\x02\x01\x03\x04\0\x80\0")), piece);
        survives::<Mysql>(&begins(S, &[mysql_greeting(0xf7ff), numbered(2, &[0; 7])].concat()), piece);
        survives::<Xmpp>(&begins(C, b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams'><message to='a@b'><body>"), piece);
        survives::<Dialogue>(&begins(S, b"220 x ESMTP\r\n354 go\r\n"), piece);
    }
}
