use super::*;

const RANDOM: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn random() -> [u8; 32] {
    let mut random = [0; 32];
    random.iter_mut().enumerate().for_each(|(i, b)| *b = u8::try_from(i % 16).unwrap() * 0x11);
    random
}

#[test]
fn every_label_of_a_key_log_is_filed_where_it_is_looked_for() {
    let keys = Keys::default();
    let labels = [
        "CLIENT_RANDOM",
        "PMS_CLIENT_RANDOM",
        "CLIENT_EARLY_TRAFFIC_SECRET",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_3",
    ];
    let text: String = labels.iter().enumerate().map(|(n, label)| format!("{label} {RANDOM} {n:02x}\r\n")).collect();
    keys.add_log(text.as_bytes());
    keys.add_log(format!("RSA 0102030405060708 ff\nEXPORTER_SECRET {RANDOM} 00\n# a comment\n\n").as_bytes());
    let session = keys.session(&random()).unwrap();
    let octet = |secret: Option<&Arc<Secret>>| secret.unwrap().octets().to_vec();
    assert_eq!(octet(session.master.as_ref()), [0]);
    assert_eq!(octet(session.pre_master.as_ref()), [1]);
    assert_eq!(octet(session.early.as_ref()), [2]);
    assert_eq!(octet(session.handshake.client.as_ref()), [3]);
    assert_eq!(octet(session.handshake.server.as_ref()), [4]);
    assert_eq!(octet(session.traffic(Dir::Client, 0)), [5]);
    assert_eq!(octet(session.traffic(Dir::Server, 0)), [6]);
    assert_eq!(octet(session.traffic(Dir::Server, 3)), [7]);
    assert!(session.traffic(Dir::Client, 3).is_none());
    assert_eq!(keys.pre_master(&[1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap().1.octets(), [0xff]);
    assert_eq!((keys.loaded(), keys.counts(&Usage::default()).not_understood), (2, 0));
}

#[test]
fn lines_that_are_no_secrets_are_counted_and_the_others_are_read() {
    let keys = Keys::default();
    let bad = ["CLIENT_RANDOM 00 11", "NONSENSE", "CLIENT_RANDOM zz 00", "CLIENT_TRAFFIC_SECRET_x", "-----BEGIN PRIVATE KEY-----"];
    keys.add_log(format!("{}\nCLIENT_RANDOM {RANDOM} 0a", bad.join("\n")).as_bytes());
    assert_eq!((keys.loaded(), keys.counts(&Usage::default()).not_understood), (1, 5));
    assert!(keys.session(&random()).unwrap().master.is_some());
}

#[test]
fn nothing_of_a_secret_shows_when_keys_are_printed() {
    let keys = Keys::default();
    keys.add_log(format!("CLIENT_RANDOM {RANDOM} 5ec2e7").as_bytes());
    let shown = format!("{keys:?} {:?}", keys.session(&random()).unwrap());
    assert_eq!(shown, "Keys(1) Session");
}

#[test]
fn a_key_that_matches_nothing_is_told_with_the_reason() {
    let keys = Keys::default();
    keys.add_log(format!("CLIENT_RANDOM {RANDOM} 5ec2e7").as_bytes());
    let usage = Usage::default();
    let none = "1 key loaded, 0 matched, because no encrypted connection with TLS, DTLS or QUIC is in the capture";
    assert_eq!(keys.counts(&usage).sentence(), none);
    usage.without(Lack::Key);
    usage.without(Lack::Key);
    usage.without(Lack::Hello);
    let lacking = "1 key loaded, 0 matched, because of 3 encrypted connections not opened (1: the ClientHello is not in the capture; \
                   2: no key has its client random)";
    assert_eq!(keys.counts(&usage).sentence(), lacking);
    usage.with(KeyId::Random(random()));
    assert!(keys.counts(&usage).sentence().starts_with("1 key loaded, 1 matched; 3 encrypted connections not opened ("));
}

#[test]
fn a_server_key_is_read_in_both_pem_forms_and_anything_else_is_refused() {
    let mut keys = Keys::default();
    assert_eq!(keys.add_server_key(b"CLIENT_RANDOM 00 11"), Err(KeyError::NotPem));
    let ec = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n";
    assert_eq!(keys.add_server_key(ec.as_bytes()), Err(KeyError::NotRsa));
}
