//! Every target in one program: the environment variable `TARGET` names the one to run.
#![no_main]

use std::sync::OnceLock;

use intransit::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();
    let run = TARGET.get_or_init(|| {
        let name = std::env::var("TARGET").unwrap_or_default();
        fuzzing::target(&name).unwrap_or_else(|| {
            let known: Vec<&str> = fuzzing::TARGETS.iter().map(|(name, _)| *name).collect();
            eprintln!("TARGET must be one of {}", known.join(" "));
            std::process::exit(2)
        })
    });
    run(bytes);
});
