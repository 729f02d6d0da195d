//! The developer corpus: agreement with its ground truth, its evil inputs, cut files, other containers, several workers.
//! All of it is skipped where `INTRANSIT_CORPUS` names no corpus; the cabinet's captures are used in any case.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Dice, container};

const BINARY: &str = env!("CARGO_BIN_EXE_intransit");

/// What score.py judges, without the names of messengers, which are recognised by a later feature.
const FIELDS: &str = "flow,orientation,tls.version_protocol,tls.version,tls.cipher,tls.curve,tls.next_protocol,tls.resumed,\
    tls.hello_retry_request,tls.starttls,tls.client.server_name,tls.client.alpn,tls.client.supported_versions,tls.client.ech,\
    tls.client.psk_offered,tls.early_data_offered,tls.client.ja3,tls.client.ja4,tls.server.ja3s,tls.server.hash.sha256,\
    tls.server.hash.sha1,tls.server.subject,tls.server.issuer,tls.server.not_before,tls.server.not_after,\
    tls.server.x509.alternative_names,tls.server.x509.serial_number,tls.server.x509.signature_algorithm,\
    tls.server.x509.public_key_algorithm,tls.server.x509.public_key_size,tls.server.certificate_chain_length,\
    tls.client.hash.sha256,tls.client.subject,quic.version,quic.retry";

fn score(root: &Path, more: &[&str]) -> (bool, String) {
    let run = format!("{BINARY} inspect -q --workers 1 --format jsonl {{capture}}");
    let script = root.join("score.py");
    let done = Command::new("python3").arg(script).args(["--run", &run]).args(more).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    println!("{said}");
    (done.status.success(), said)
}

#[test]
fn every_judged_field_agrees_with_the_ground_truth() {
    let Some(root) = common::corpus("agreement with the ground truth") else { return };
    let (agrees, said) = score(&root, &["--fields", FIELDS, "--show", "3", "--fail-under", "0.99"]);
    assert!(agrees, "{}", said.lines().last().unwrap_or_default());
}

#[test]
fn no_evil_input_crashes_or_hangs() {
    let Some(root) = common::corpus("the evil inputs") else { return };
    let (survives, said) = score(&root, &["--evil", "--timeout", "30", "--mem-mb", "1024"]);
    assert!(survives && said.contains(" 0 bad"), "{said}");
}

/// Captures of the corpus, every `n`th, and those of the cabinet.
fn sample(root: Option<&Path>, n: usize) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = root.map(common::corpus_captures).unwrap_or_default().into_iter().step_by(n).collect();
    all.extend(common::cabinet_captures().into_iter().step_by(if root.is_some() { n.div_ceil(2) } else { 1 }));
    all
}

#[test]
fn a_cut_capture_says_what_its_whole_frames_say_and_where_it_breaks() {
    let root = common::corpus("cutting the corpus; only the cabinet is cut");
    let (cuts, inside, headers, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let per_capture = if root.is_some() { 50 } else { 10 };
    common::each(&sample(root.as_deref(), 20), |path| {
        let bytes = std::fs::read(path).unwrap();
        let Some(ends) = container::boundaries(&bytes) else { return };
        let mut dice = Dice(bytes.len() as u64);
        let mut places: Vec<usize> = (0..per_capture).map(|_| dice.below(bytes.len() as u64) as usize).collect();
        // A few cuts that chance does not find: inside the file header, at its end, and between records.
        places.extend([0, 3, ends[0] - 1, ends[0], ends[ends.len() / 2], ends[ends.len() - 1]]);
        for cut in places {
            cuts.fetch_add(1, Ordering::Relaxed);
            let what = check_cut(&bytes, cut, &ends, &inside, &headers);
            wrong.lock().unwrap().extend(what.map(|what| format!("{} cut at {cut} of {}: {what}", common::short(path), bytes.len())));
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!("cut: {cuts:?} cuts, {inside:?} inside a record, {headers:?} inside the file header");
    assert!(wrong.is_empty(), "{} cuts:\n{}", wrong.len(), wrong.join("\n"));
}

fn check_cut(bytes: &[u8], cut: usize, ends: &[usize], inside: &AtomicUsize, headers: &AtomicUsize) -> Option<String> {
    let result = common::analyse(bytes[..cut].to_vec(), 1);
    let Some(&whole) = ends.iter().rev().find(|end| **end <= cut) else {
        headers.fetch_add(1, Ordering::Relaxed);
        return result.is_ok().then(|| "read, though its header is cut".into());
    };
    let (got, prefix) = match (result, common::analyse(bytes[..whole].to_vec(), 1)) {
        (Ok(got), Ok(prefix)) => (got, prefix),
        (got, prefix) => return Some(format!("{:?}, its whole frames {:?}", got.map(|_| ()), prefix.map(|_| ()))),
    };
    if prefix.capture.damage.is_some() {
        // The record is whole, and what is wrong with it is inside: the same must be said.
        return (got.capture.damage != prefix.capture.damage).then(|| format!("{:?} {:?}", got.capture.damage, prefix.capture.damage));
    }
    if common::jsonl(&got, "x") != common::jsonl(&prefix, "x") {
        return Some("other connections than its whole frames have".into());
    }
    if whole == cut {
        return got.capture.damage.is_some().then(|| format!("damage where there is none: {:?}", got.capture.damage));
    }
    inside.fetch_add(1, Ordering::Relaxed);
    match &got.capture.damage {
        None => Some("no damage told".into()),
        Some(damage) => (damage.at != whole as u64).then(|| format!("damage at {}, the record starts at {whole}", damage.at)),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn through_a_pipe(bytes: &[u8]) -> String {
    let mut child = Command::new(BINARY)
        .args(["inspect", "-q", "--workers", "1", "--format", "jsonl", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let done = std::thread::scope(|scope| {
        scope.spawn(move || {
            for part in bytes.chunks(7001) {
                stdin.write_all(part).unwrap();
            }
        });
        child.wait_with_output().unwrap()
    });
    assert!(done.status.success());
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn the_container_does_not_change_what_is_said() {
    let root = common::corpus("the corpus in other containers; only the cabinet");
    let mut all: Vec<PathBuf> = root.as_deref().map(common::corpus_captures).unwrap_or_default();
    all.retain(|path| path.extension().is_some_and(|e| e == "pcap"));
    let mut all: Vec<PathBuf> = all.into_iter().step_by(10).collect();
    all.extend(common::cabinet_captures().into_iter().filter(|path| path.extension().is_some_and(|e| e == "pcap")));
    let (compared, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    common::each(&all, |path| {
        let bytes = std::fs::read(path).unwrap();
        let Some(taken_apart) = container::pcap(&bytes) else { return };
        let expected = common::jsonl(&common::analyse(bytes.clone(), 1).unwrap(), "-");
        let pcapng = container::pcapng(&taken_apart);
        let containers = [
            ("pcapng", pcapng.clone()),
            ("pcap.gz", gzip(&bytes)),
            ("pcap.zst", zstd(&bytes)),
            ("pcap.xz", xz(&bytes)),
            ("pcapng.gz", gzip(&pcapng)),
        ];
        for (name, packed) in containers {
            if common::jsonl(&common::analyse(packed, 1).unwrap(), "-") != expected {
                wrong.lock().unwrap().push(format!("{} as {name}", common::short(path)));
            }
        }
        if through_a_pipe(&bytes) != expected {
            wrong.lock().unwrap().push(format!("{} through a pipe", common::short(path)));
        }
        compared.fetch_add(1, Ordering::Relaxed);
    });
    println!("containers: {compared:?} captures in six containers each");
    assert!(compared.into_inner() > 50);
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_cut_compressed_capture_is_told_wherever_it_is_cut() {
    let bytes = std::fs::read(common::cabinet().join("tls12_gcm.pcap")).unwrap();
    let whole = common::jsonl(&common::analyse(bytes.clone(), 1).unwrap(), "-");
    for (name, packed) in [("gzip", gzip(&bytes)), ("zstd", zstd(&bytes)), ("xz", xz(&bytes))] {
        for cut in (0..packed.len()).step_by(7).chain(packed.len() - 13..packed.len()) {
            // Refused, or read as far as it goes and the damage told.
            if let Ok(analysis) = common::analyse(packed[..cut].to_vec(), 1) {
                let damage = analysis.capture.damage.as_ref().map(ToString::to_string);
                assert!(damage.as_ref().is_some_and(|text| text.contains(name)), "{name} cut at {cut} of {}: {damage:?}", packed.len());
            }
        }
        assert_eq!(common::jsonl(&common::analyse(packed, 1).unwrap(), "-"), whole);
    }
}

#[test]
fn the_number_of_workers_does_not_change_a_byte() {
    let root = common::corpus("the corpus with several workers; only the cabinet");
    let mut all = root.as_deref().map(common::corpus_captures).unwrap_or_default();
    all.extend(root.iter().flat_map(|root| common::files_under(&root.join("evil"))));
    all.extend(common::cabinet_captures());
    let wrong = Mutex::new(Vec::new());
    common::each(&all, |path| {
        let name = common::short(path);
        let said = |workers| match common::analyse_file(path, workers) {
            Ok(analysis) => format!("{:?}\n{:?}\n{}", analysis.capture.damage, analysis.link, common::jsonl(&analysis, &name)),
            Err(error) => error.to_string(),
        };
        let one = said(1);
        wrong.lock().unwrap().extend([2, 8].into_iter().filter(|&workers| said(workers) != one).map(|n| format!("{name}: {n} workers")));
    });
    println!("workers: {} captures the same with 1, 2 and 8", all.len());
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
