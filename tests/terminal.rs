//! The terminal UI in a real pseudo-terminal, its screen read by a terminal emulator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/screen.rs"]
#[allow(dead_code)]
mod screen;

use std::os::unix::process::ExitStatusExt as _;

use rustix::process::Signal;
use screen::{Terminal, capture};

/// The demo capture, read to its end.
fn demo(width: u16, height: u16) -> Terminal {
    let mut t = Terminal::start(width, height, &[&capture("demo.pcapng")]);
    t.sees("In this capture,");
    t.types("2");
    t.sees("www.tiktok.com");
    t
}

#[test]
fn the_first_screen_names_the_capture_and_answers_and_q_gives_the_terminal_back() {
    let mut t = demo(80, 24);
    t.sees("demo.pcapng");
    t.sees("In this capture,");
    t.types("q");
    assert!(t.ends().success());
    t.is_given_back();
}

#[test]
fn one_connection_is_opened_with_its_ladder_and_its_frames() {
    let mut t = demo(80, 24);
    t.types("/tls 1.3\r\r");
    t.sees("Why this grade");
    t.types("\t\t\x1b[B\x1b[B");
    t.sees("ClientHello");
    t.sees("ServerHello");
    t.sees("CsidID");
    t.sees("frame.number in {");
    t.types("\x1b[D");
    t.no_longer_sees("client 192.0.2.10");
    t.types("q");
    t.ends();
}

#[test]
fn every_screen_is_opened_by_its_number_and_by_tab() {
    let mut t = demo(80, 24);
    let screens = [
        ("1", "end-to-end (claimed)"),
        ("2", "protocol"),
        ("3", "app"),
        ("4", "HTTP cookie"),
        ("5", "severity"),
        ("6", "How much could be judged"),
        ("7", "Could a phrase that you sent"),
    ];
    for (key, word) in screens {
        t.types(key);
        t.sees(word);
    }
    for (_, word) in screens {
        t.types("\t");
        t.sees(word);
    }
    t.types("\x1b[Z");
    t.sees(screens[screens.len() - 2].1);
}

#[test]
fn a_filter_is_typed_refused_mended_and_forgotten() {
    let mut t = demo(80, 24);
    t.types("fgrade:wea");
    t.sees("✗ at 7");
    t.types("k");
    t.sees("✓ 1 of 22");
    t.types("\r");
    t.sees("filter “grade:weak”");
    t.types("\x1b");
    t.sees("of 22, by first frame");
}

#[test]
fn a_replay_runs_pauses_steps_seeks_and_ends() {
    let mut t = demo(80, 24);
    t.types("r");
    t.sees("▶ 1×");
    t.sees("Up to this moment");
    t.types(" ");
    t.sees("‖ 1×");
    t.types("++++++++");
    t.sees("‖ max");
    t.types("<<<<<<<<<<<<<<<<<<<<<<");
    t.sees("1 connection ");
    let before = t.screen();
    t.types(".");
    assert_ne!(t.screen(), before);
    t.types(" ");
    t.sees("22 connections");
    // At half the bar, half of the capture.
    t.clicks((45, 22));
    t.no_longer_sees("22 connections");
    t.types("6");
    t.sees("How much could be judged");
    t.types("\x1b");
    t.sees("In this capture,");
}

#[test]
fn the_mouse_selects_opens_sorts_and_turns_to_other_screens() {
    let mut t = demo(80, 24);
    let place = t.place_of("www.tiktok.com");
    t.clicks(place);
    t.sees("● protected: TLS 1.3");
    t.clicks(place);
    t.sees("Why this grade");
    t.types("\x1b");
    t.no_longer_sees("Why this grade");
    let heading = t.place_of("bytes");
    t.clicks(heading);
    t.sees("by bytes");
    let tab = t.place_of("5 Findings");
    t.clicks(tab);
    t.sees("severity");
}

#[test]
fn a_resize_at_any_moment_is_followed() {
    let mut t = demo(80, 24);
    for (width, height) in [(160, 48), (60, 16), (200, 20), (61, 40), (20, 5), (80, 24)] {
        t.resize(width, height);
        if width >= 60 {
            t.sees("by first frame");
        }
    }
    t.types("?");
    t.sees("Keys here");
    t.resize(60, 16);
    t.sees("Keys here");
    t.types("q");
    assert!(t.ends().success());
}

#[test]
fn a_key_typed_in_the_moment_of_a_resize_is_not_lost() {
    let mut t = demo(80, 24);
    for round in 0..30 {
        let width = if round % 2 == 0 { 100 } else { 80 };
        t.resize(width, 24);
        t.types("5");
        t.sees("severity");
        t.resize(width + 1, 24);
        t.types("2");
        t.sees("by first frame");
    }
}

#[test]
fn several_files_are_turned_like_pages() {
    let mut t = Terminal::start(80, 24, &[&capture("http_plain.pcap"), &capture("tls13_aes128.pcap")]);
    t.sees("http_plain.pcap (1 of 2)");
    t.sees("exposed");
    t.types("]");
    t.sees("tls13_aes128.pcap (2 of 2)");
    t.sees("protected");
    t.types("q");
    assert!(t.ends().success());
}

#[test]
fn grades_wear_colours_on_a_terminal_that_has_them_and_none_under_no_color() {
    let mut t = demo(80, 24);
    let place = t.place_of("● protected");
    assert_eq!(t.colour_at(place), vt100::Color::Idx(75), "the dark palette, because the background is dark");
    let mut t = Terminal::start_with(80, 24, &[&capture("demo.pcapng")], &[("TERM", "xterm-256color"), ("NO_COLOR", "1")]);
    t.sees("In this capture,");
    t.types("2");
    t.sees("www.tiktok.com");
    let place = t.place_of("● protected");
    assert_eq!(t.colour_at(place), vt100::Color::Default);
    let mut t =
        Terminal::start_with(80, 24, &["--theme", "light", &capture("demo.pcapng")], &[("TERM", "xterm-256color"), ("NO_COLOR", "")]);
    t.sees("In this capture,");
    t.types("2");
    t.sees("www.tiktok.com");
    let place = t.place_of("● protected");
    assert_eq!(t.colour_at(place), vt100::Color::Idx(20));
}

#[test]
fn a_terminal_that_does_not_tell_its_background_wears_its_own_colours() {
    let mut t = Terminal::start_with(80, 24, &["--theme", "sixteen", &capture("demo.pcapng")], &[("TERM", "xterm"), ("NO_COLOR", "")]);
    t.sees("In this capture,");
    t.types("2");
    t.sees("www.tiktok.com");
    let place = t.place_of("● protected");
    assert_eq!(t.colour_at(place), vt100::Color::Idx(6));
}

#[test]
fn copying_goes_through_the_terminal() {
    let mut t = demo(80, 24);
    t.types("/tls 1.3\rY");
    t.sees("copied: www.tiktok.com");
    let output = t.output.lock().unwrap().clone();
    let clipboard = b"\x1b]52;c;d3d3LnRpa3Rvay5jb20=\x07";
    assert!(output.windows(clipboard.len()).any(|part| part == clipboard));
}

#[test]
fn a_closed_terminal_ends_the_program() {
    let mut t = demo(80, 24);
    t.hang_up();
    let status = t.ends();
    assert!(status.signal() == Some(1) || matches!(status.code(), Some(129 | 1)), "ended by the hangup: {status:?}");
}

#[test]
fn a_request_to_terminate_gives_the_terminal_back() {
    let mut t = demo(80, 24);
    t.signal(Signal::TERM);
    assert_eq!(t.ends().signal(), Some(15));
    t.is_given_back();
}

/// The phrase, one control, and no time: after `c`.
fn answers_what_is_asked_for_the_phrase(t: &mut Terminal) {
    t.sees("the phrase that was sent:");
    t.types("poppy-molten-79201-barley\r");
    t.sees("a control:");
    t.types("chat.example.net\r");
    t.sees("a control:");
    t.types("\r");
    t.sees("sent after:");
    t.types("\r");
    t.sees("READABLE: of 1 connection");
}

/// A capture of the cabinet whose keys are beside it, and the phrase that its row names.
fn keyed() -> Terminal {
    let keys = capture("ws_tls13_pmd.keylog");
    let mut t = Terminal::start(100, 40, &["--keylog", &keys, &capture("ws_tls13_pmd.pcap")]);
    t.sees("In this capture,");
    t
}

#[test]
fn a_phrase_is_asked_for_on_the_screen_and_found_with_its_layers() {
    let mut t = keyed();
    t.types("7");
    t.sees("1 key loaded, 1 matched");
    t.types("c");
    answers_what_is_asked_for_the_phrase(&mut t);
    t.sees("TLS 1.3 › WebSocket message 3 › inflate › JSON $.text");
    t.sees("Control 1: found");
    t.no_longer_sees("poppy-molten");
    t.types("u");
    t.sees("poppy-molten-79201-barley");
    t.types("q");
    assert!(t.ends().success());
    t.is_given_back();
}

#[test]
fn what_a_connection_carries_is_opened_and_unmasked() {
    let mut t = keyed();
    t.types("2");
    t.sees("by first frame");
    t.types("\rd");
    t.sees("WebSocket message 1");
    t.types("G");
    t.sees("WebSocket message 3");
    t.sees("inflate");
    t.no_longer_sees("poppy-molten");
    t.types("u");
    t.sees("poppy-molten-79201-barley");
    t.types("\x1b");
    t.sees("Why this grade");
}

#[test]
fn a_phrase_on_the_command_line_is_tested_at_once_for_every_file() {
    let keys = capture("ws_tls13_pmd.keylog");
    let args = ["--keylog", &keys, "--message", "poppy-molten-79201-barley", &capture("http_plain.pcap"), &capture("ws_tls13_pmd.pcap")];
    let mut t = Terminal::start(100, 40, &args);
    t.sees("In this capture,");
    t.types("7");
    t.sees("no control was given");
    t.types("]7");
    t.sees("READABLE: of 1 connection");
}

/// The demo capture on a screen that was opened in this folder.
fn in_folder(folder: &std::path::Path, args: &[&str]) -> Terminal {
    let env = [("TERM", "xterm-256color"), ("NO_COLOR", ""), ("FOLDER", folder.to_str().unwrap())];
    let demo = capture("demo.pcapng");
    let args: Vec<&str> = args.iter().copied().chain([demo.as_str()]).collect();
    Terminal::start_with(100, 30, &args, &env)
}

#[test]
fn the_report_is_written_where_it_is_said_and_no_file_is_lost_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("victim"), "precious").unwrap();
    std::os::unix::fs::symlink(at("victim"), at("link.html")).unwrap();
    let mut t = in_folder(folder.path(), &[]);
    t.sees("In this capture,");
    t.types("w");
    t.sees("write the report to: demo.html");
    t.types("\r");
    t.sees("the report is in ");
    let page = std::fs::read_to_string(at("demo.html")).unwrap();
    assert!(page.contains("<html") && page.contains("TikTok"), "{}", page.len());
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(at("demo.html")).unwrap().permissions()) & 0o777, 0o600);
    // One that is there stays, unless one says yes.
    std::fs::write(at("demo.html"), "mine").unwrap();
    for (answer, said, kept) in [("no", "demo.html stays as it is", true), ("yes", "the report is in ", false)] {
        t.types("w\r");
        t.sees("there is such a file; replace it?");
        t.types(&format!("{answer}\r"));
        t.sees(said);
        assert_eq!(std::fs::read_to_string(at("demo.html")).unwrap() == "mine", kept, "{answer}");
    }
    // Neither the folder it was started in nor that of temporary files.
    let elsewhere = format!("/var/tmp/intransit-test-{}.html", std::process::id());
    for (name, said) in [("link.html", "is a symbolic link"), (&elsewhere, "cannot make"), ("x.pdf", "its suffix is none of")] {
        t.types("w\x15");
        t.types(&format!("{name}\r"));
        t.sees(said);
    }
    assert!(!std::path::Path::new(&elsewhere).exists());
    assert_eq!(std::fs::read_to_string(at("victim")).unwrap(), "precious");
    t.types("6");
    t.sees("SHA-256");
    t.types("q");
    assert!(t.ends().success());
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["demo.html", "link.html", "victim"]);
}

#[test]
fn the_report_written_from_the_screen_tells_of_the_canary_test_that_was_made_there() {
    let folder = tempfile::tempdir().unwrap();
    let env = [("TERM", "xterm-256color"), ("NO_COLOR", ""), ("FOLDER", folder.path().to_str().unwrap())];
    let keys = capture("ws_tls13_pmd.keylog");
    let mut t = Terminal::start_with(100, 40, &["--keylog", &keys, &capture("ws_tls13_pmd.pcap")], &env);
    t.sees("In this capture,");
    t.types("w\x15before.md\r");
    t.sees("the report is in ");
    t.types("7c");
    answers_what_is_asked_for_the_phrase(&mut t);
    t.types("w\x15after.md\r");
    t.sees("/after.md");
    t.types("q");
    assert!(t.ends().success());
    let [before, after] = ["before.md", "after.md"].map(|name| std::fs::read_to_string(folder.path().join(name)).unwrap());
    let meaning = "The server end of this connection could read the phrase.";
    assert!(!before.contains(meaning), "before there was a test: {before}");
    for told in [meaning, "the phrase was readable in 1", "TLS 1.3 › WebSocket message 3 › inflate › JSON $.text", "Keys were used"] {
        assert!(after.contains(told), "{told}: {after}");
    }
    assert!(!after.contains("poppy-molten"), "the phrase itself is in no report");
}

#[test]
fn marks_with_notes_go_into_the_case_file_and_from_there_into_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case.toml");
    std::fs::write(&case, "device = \"Pixel 8\"\n").unwrap();
    let mut t = in_folder(folder.path(), &["--case", "case.toml"]);
    t.sees("In this capture,");
    t.types("msent “hello”\r");
    t.sees(", in case.toml");
    t.types("w\x15out.md\r");
    t.sees("the report is in ");
    t.types("q");
    assert!(t.ends().success());
    let text = std::fs::read_to_string(&case).unwrap();
    assert!(text.starts_with("device = \"Pixel 8\"\n\n[[action]]\ntime = 20") && text.contains("what = \"sent “hello” (frame "), "{text}");
    let report = std::fs::read_to_string(folder.path().join("out.md")).unwrap();
    assert!(report.contains("Pixel 8") && report.contains("sent “hello”"));
}

#[test]
fn a_fault_of_the_program_gives_the_terminal_back_and_saves_the_report() {
    for place in ["draw", "parse", "thread"] {
        let folder = tempfile::tempdir().unwrap();
        let mut t = in_folder(folder.path(), &["--test-panic", place]);
        if place != "draw" {
            // Whoever looks sees that not all was read, and leaves.
            t.sees("the analysis ended early");
            t.types("q");
        }
        let status = t.ends();
        assert_eq!(status.code(), Some(101), "{place}: {}", t.screen());
        t.is_given_back();
        let said = t.screen();
        assert!(said.contains("internal error at ") && said.contains("the report is in "), "{place}: {said}");
        let page = std::fs::read_to_string(folder.path().join("demo.pcapng.report.html")).unwrap();
        assert!(page.contains("TikTok"), "{place}");
    }
}

#[test]
fn on_a_small_terminal_what_is_said_of_an_app_is_said_to_its_end() {
    let mut t = Terminal::start(80, 24, &[&capture("demo.pcapng")]);
    t.sees("In this capture,");
    t.sees("TikTok");
    // What was seen is there at once, the rest of what is claimed a key away.
    t.sees("This says nothing about what TikTok can");
    t.sees("J: more");
    t.types("J");
    t.sees("K: back");
    t.sees("The claim was last checked on");
    t.types("K");
    t.no_longer_sees("K: back");
    t.types("J");
    t.sees("K: back");
    // The next app is read from its beginning.
    t.types("j");
    t.no_longer_sees("K: back");
}

#[test]
fn ctrl_z_and_its_signal_give_the_terminal_back_and_it_is_taken_again() {
    let script =
        format!("set -m; {} {}; echo it stopped; read answer; fg; echo it ended", env!("CARGO_BIN_EXE_intransit"), capture("demo.pcapng"));
    for how in ["ctrl-z", "TSTP", "STOP"] {
        let mut t = Terminal::start_program(80, 24, "sh", &["-c", &script], &[("TERM", "xterm-256color")]);
        t.sees("In this capture,");
        match how {
            "ctrl-z" => t.types("\x1a"),
            "TSTP" => t.signal_job(Signal::TSTP),
            _ => t.signal_job(Signal::STOP),
        }
        // Where nobody asked, the shell writes over the screen as it stands.
        t.sees(if how == "STOP" { "stopped" } else { "it stopped" });
        if how != "STOP" {
            // Nobody asks before that one stops a program.
            t.is_given_back();
            assert!(!t.screen().contains("In this capture,"), "{how}: {}", t.screen());
        }
        t.types("\r\n");
        t.sees("In this capture,");
        t.no_longer_sees("stopped");
        t.types("2");
        t.sees("www.tiktok.com");
        t.types("q");
        t.sees("it ended");
        assert!(t.ends().success());
        t.is_given_back();
    }
}
