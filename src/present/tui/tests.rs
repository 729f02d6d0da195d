//! Screens as text, and every key.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use ratatui::style::Color;

use super::fixture;
use super::keys::{self, Action, BINDINGS};
use super::model::{Effect, Message, Model, Place};
use super::theme::{ColorChoice, Theme};
use crate::assess::{Ledger, State};
use crate::base::WireStr;

struct Screen {
    model: Model,
    ledger: Ledger,
}

impl Screen {
    fn new(ledger: Ledger, width: u16, height: u16) -> Screen {
        Screen::with_theme(ledger, width, height, Theme::new(true))
    }

    fn with_theme(ledger: Ledger, width: u16, height: u16, theme: Theme) -> Screen {
        let mut model = Model::new(WireStr::from("demo.pcapng"), theme, Size { width, height });
        model.update(Message::Ledger, &ledger);
        Screen { model, ledger }
    }

    fn send(&mut self, message: Message) -> Option<Effect> {
        self.model.update(message, &self.ledger)
    }

    fn press(&mut self, code: KeyCode) -> Option<Effect> {
        self.send(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    fn write(&mut self, text: &str) -> Option<Effect> {
        text.chars().fold(None, |_, c| self.press(KeyCode::Char(c)))
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        self.send(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    }

    fn buffer(&self) -> Buffer {
        let size = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(size.width, size.height)).unwrap();
        terminal.draw(|frame| super::draw(frame, &self.model, &self.ledger)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn text(&self) -> String {
        let buffer = self.buffer();
        let mut out = String::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..buffer.area.width {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                skip = super::text::width(symbol).saturating_sub(1);
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

const SIZES: [(u16, u16); 3] = [(60, 16), (80, 24), (160, 48)];

macro_rules! snapshot_at_each_size {
    ($name:literal, $ledger:expr, $steps:expr) => {
        for (width, height) in SIZES {
            let mut screen = Screen::new($ledger, width, height);
            let steps: fn(&mut Screen) = $steps;
            steps(&mut screen);
            insta::assert_snapshot!(format!("{}_{width}x{height}", $name), screen.text());
        }
    };
}

#[test]
fn the_table_shows_a_connection_of_each_kind() {
    snapshot_at_each_size!("table", fixture::session(), |_| {});
}

#[test]
fn one_connection_shows_its_ladder_and_its_facts() {
    snapshot_at_each_size!("detail_tls13", fixture::session(), |s| {
        s.press(KeyCode::Enter);
    });
    snapshot_at_each_size!("detail_tls12", fixture::session(), |s| {
        s.press(KeyCode::Down);
        s.press(KeyCode::Down);
        s.press(KeyCode::Enter);
        s.press(KeyCode::Tab);
        s.press(KeyCode::Tab);
        s.press(KeyCode::Down);
    });
}

#[test]
fn the_whole_value_of_a_selected_fact_can_be_read() {
    let mut ledger = fixture::session();
    ledger.push(fixture::tls13(400, &"long.".repeat(60)));
    let mut s = Screen::new(ledger, 80, 24);
    s.press(KeyCode::End);
    s.press(KeyCode::Enter);
    s.press(KeyCode::Tab);
    s.press(KeyCode::Tab);
    (0..5).for_each(|_| drop(s.press(KeyCode::Down)));
    assert_eq!(s.text().matches("long.").count() / 60, 1, "{}", s.text());
    insta::assert_snapshot!("detail_long_value", s.text());
}

#[test]
fn a_connection_without_a_version_says_why() {
    snapshot_at_each_size!("detail_missing", fixture::session(), |s| {
        s.write("/993");
        s.press(KeyCode::Enter);
        s.press(KeyCode::Enter);
    });
    snapshot_at_each_size!("detail_failed", fixture::session(), |s| {
        s.write("/failed");
        s.press(KeyCode::Enter);
        s.press(KeyCode::Enter);
    });
    snapshot_at_each_size!("detail_plain", fixture::session(), |s| {
        s.write("/plain");
        s.press(KeyCode::Enter);
        s.press(KeyCode::Enter);
    });
}

#[test]
fn the_help_page_shows_every_key() {
    snapshot_at_each_size!("help", fixture::session(), |s| {
        s.write("?");
    });
}

#[test]
fn filtering_shows_only_rows_with_all_the_words() {
    snapshot_at_each_size!("filtering", fixture::session(), |s| {
        s.write("/EXAMPLE tls 1.2");
    });
    snapshot_at_each_size!("filtered_to_nothing", fixture::session(), |s| {
        s.write("/no such thing");
        s.press(KeyCode::Enter);
    });
}

#[test]
fn hostile_names_neither_steer_nor_shift_the_screen() {
    snapshot_at_each_size!("hostile", fixture::hostile(), |_| {});
    snapshot_at_each_size!("hostile_detail", fixture::hostile(), |s| {
        s.press(KeyCode::End);
        s.press(KeyCode::Enter);
    });
    for (width, height) in SIZES {
        let text = Screen::new(fixture::hostile(), width, height).text();
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn an_empty_capture_says_so() {
    let done = |frames, state| {
        let mut ledger = Ledger::default();
        (ledger.frames, ledger.state) = (frames, state);
        ledger
    };
    insta::assert_snapshot!("empty", Screen::new(done(0, State::Done), 80, 24).text());
    insta::assert_snapshot!("no_connections", Screen::new(done(12, State::Done), 80, 24).text());
    let failed = State::Failed("x.txt: not a capture file: expected pcap or pcapng, found text".to_owned());
    insta::assert_snapshot!("not_a_capture", Screen::new(done(0, failed), 80, 24).text());
}

#[test]
fn progress_is_shown_while_reading() {
    let mut ledger = fixture::session();
    (ledger.state, ledger.read, ledger.total) = (State::Reading, 123_000_000, Some(270_000_000));
    insta::assert_snapshot!("reading", Screen::new(ledger, 80, 24).text());
}

#[test]
fn the_footer_and_the_help_page_come_from_the_key_table() {
    for binding in BINDINGS {
        assert!(keys::GROUPS.iter().any(|(places, _)| *places == binding.places), "{:?} is in no group of the help page", binding.action);
    }
    let mut help = Screen::new(fixture::session(), 160, 200);
    help.write("?");
    let help = help.text();
    for binding in BINDINGS {
        let names = binding.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let line = help.lines().find(|l| l.contains(binding.long) && l.contains(&names));
        assert!(line.is_some(), "{names}: {} is not in the help page:\n{help}", binding.long);
    }
    let mut screen = Screen::new(fixture::session(), 160, 48);
    for (place, go) in [(Place::Connections, ""), (Place::Filter, "/"), (Place::Help, "?")] {
        screen.write(go);
        assert_eq!(screen.model.place(), place);
        let text = screen.text();
        let footer = text.lines().last().unwrap();
        for binding in keys::of(place).filter(|b| !b.short.is_empty()) {
            assert!(footer.contains(&format!("{} {}", binding.keys[0], binding.short)), "{footer}");
        }
        screen.press(KeyCode::Esc);
    }
}

#[test]
fn no_key_means_two_things_in_one_place() {
    for (i, one) in BINDINGS.iter().enumerate() {
        for other in &BINDINGS[i + 1..] {
            let place = one.places.iter().find(|p| other.places.contains(p));
            let key = one.keys.iter().find(|k| other.keys.contains(k));
            assert!(place.is_none() || key.is_none(), "{key:?} means {:?} and {:?} in {place:?}", one.action, other.action);
        }
    }
}

/// Presses every key of the table in every place where it works, and looks at what it did.
#[test]
fn every_key_does_what_the_table_says() {
    let mut pressed = 0;
    for binding in BINDINGS {
        for (place, key) in binding.places.iter().flat_map(|p| binding.keys.iter().map(move |k| (*p, *k))) {
            let mut s = Screen::new(fixture::session(), 80, 24);
            // Somewhere in the middle, so that both directions are free.
            s.write("jj");
            match place {
                Place::Connections => {}
                Place::Filter => drop(s.write("/example")),
                Place::Detail => drop((s.press(KeyCode::Enter), s.write("jj"))),
                Place::Help => drop((s.write("?"), s.write("jj"))),
            }
            assert_eq!(s.model.place(), place);
            let was = (s.model.table.cursor, s.model.open, s.model.help, s.model.table.sort, s.model.table.rows.len());
            let modifiers = if key.ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
            let effect = s.send(Message::Key(KeyEvent::new(key.code, modifiers)));
            let m = &s.model;
            let moved = match place {
                Place::Connections | Place::Filter => m.table.cursor.cmp(&was.0),
                Place::Detail => m.open.unwrap_or(was.1.unwrap()).cursor.cmp(&was.1.unwrap().cursor),
                Place::Help => m.help.cmp(&was.2),
            };
            let ok = match binding.action {
                Action::Quit => effect == Some(Effect::Quit),
                Action::Suspend => effect == Some(Effect::Suspend),
                Action::Copy => matches!(effect, Some(Effect::Copy(_))) && m.status.is_some(),
                Action::Back if place == Place::Help => m.help.is_none(),
                Action::Back => m.open.is_none(),
                Action::Help => m.help == Some(0),
                Action::Open => m.open.is_some_and(|o| Some(o.id) == m.selected()),
                Action::Filter => m.table.typing,
                Action::Accept => !m.table.typing && m.table.filter == "example",
                Action::Clear => !m.table.typing && m.table.filter.is_empty() && m.table.rows.len() == 9,
                Action::Erase => m.table.filter == "exampl",
                Action::NextColumn => m.table.sort.column == was.3.column + 1,
                Action::PreviousColumn => m.table.sort.column == super::columns::COLUMNS.len() - 1,
                Action::Reverse => m.table.sort.reversed,
                Action::Section => m.open.unwrap().cursor == 13,
                Action::Next => m.table.cursor == was.0 + 1 && m.open.map(|o| o.id) == m.selected(),
                Action::Previous => m.table.cursor == was.0 - 1 && m.open.map(|o| o.id) == m.selected(),
                Action::Down | Action::PageDown | Action::Last => moved.is_gt(),
                Action::Up | Action::PageUp | Action::First => moved.is_lt(),
            };
            assert!(ok, "{key} in {place:?} did not: {}", binding.long);
            pressed += 1;
        }
    }
    assert!(pressed > 50);
}

#[test]
fn no_color_draws_no_colour() {
    assert!(ColorChoice::Auto.colours(None, Some("xterm-256color")) && ColorChoice::Auto.colours(Some(""), None));
    assert!(!ColorChoice::Auto.colours(Some("1"), None) && !ColorChoice::Auto.colours(None, Some("dumb")));
    assert!(ColorChoice::Always.colours(Some("1"), Some("dumb")) && !ColorChoice::Never.colours(None, None));
    let coloured = |theme, keys: &str| {
        let mut screen = Screen::with_theme(fixture::session(), 160, 48, theme);
        screen.write(keys);
        if keys.is_empty() {
            screen.press(KeyCode::Enter);
        }
        screen.buffer().content().iter().filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).count()
    };
    for keys in ["", "j", "/x", "?"] {
        assert_eq!(coloured(Theme::new(false), keys), 0, "{keys}");
        assert!(coloured(Theme::new(true), keys) > 0, "{keys}");
    }
}

#[test]
fn no_size_is_too_small_to_draw() {
    for ledger in [fixture::session, fixture::hostile, Ledger::default] {
        for (width, height) in (0..70).step_by(3).flat_map(|w| (0..30).map(move |h| (w, h))) {
            let mut s = Screen::new(ledger(), width, height);
            s.buffer();
            s.press(KeyCode::End);
            s.press(KeyCode::Enter);
            s.press(KeyCode::End);
            s.buffer();
            s.mouse(MouseEventKind::Down(MouseButton::Left), width / 2, height / 2);
            s.write("?G");
            s.buffer();
        }
    }
}

#[test]
fn the_mouse_scrolls_selects_opens_and_sorts() {
    let mut s = Screen::new(fixture::session(), 80, 24);
    let text = s.text();
    let line_of = |word: &str| u16::try_from(text.lines().position(|l| l.contains(word)).unwrap()).unwrap();
    let click = MouseEventKind::Down(MouseButton::Left);
    s.mouse(MouseEventKind::ScrollDown, 10, 10);
    assert_eq!(s.model.table.cursor, 3);
    s.mouse(click, 10, line_of("old.example.net"));
    assert_eq!(s.model.table.cursor, 5);
    s.mouse(click, 78, line_of("handshake"));
    assert_eq!(super::columns::COLUMNS[s.model.table.sort.column].title, "bytes");
    assert!(!s.model.table.sort.reversed);
    s.mouse(click, 78, line_of("handshake"));
    assert!(s.model.table.sort.reversed);
    let row = line_of("handshake") + 1 + u16::try_from(s.model.table.cursor).unwrap();
    s.mouse(click, 10, row);
    assert_eq!(s.model.place(), Place::Detail);
    let text = s.text();
    let alert = u16::try_from(text.lines().position(|l| l.contains("── Alert") || l.contains(" Alert ──")).unwrap()).unwrap();
    s.mouse(click, 20, alert);
    assert_eq!(s.write("y"), Some(Effect::Copy("frame.number in {184}".to_owned())));
}

#[test]
fn copying_names_the_frames_of_what_is_selected() {
    let mut s = Screen::new(fixture::session(), 80, 24);
    let whole =
        "ip.addr == 10.0.0.2 && ip.addr == 203.0.113.9 && tcp.port == 51001 && tcp.port == 443 && frame.number >= 1 && frame.number <= 31";
    assert_eq!(s.write("y"), Some(Effect::Copy(whole.to_owned())));
    assert!(s.text().contains("copied: ip.addr == 10.0.0.2"));
    s.press(KeyCode::Enter);
    assert_eq!(s.write("y"), Some(Effect::Copy(whole.to_owned())));
    assert_eq!(s.write("jy"), Some(Effect::Copy("frame.number in {4,5}".to_owned())));
    s.press(KeyCode::Tab);
    assert_eq!(s.write("y"), Some(Effect::Copy("frame.number in {6}".to_owned())));
    s.write("j");
    assert!(!s.text().contains("copied"));
}

#[test]
fn unknowns_stand_last_whichever_way_the_order_is_turned() {
    let mut s = Screen::new(fixture::session(), 160, 48);
    let group = super::columns::COLUMNS.iter().position(|c| c.title == "group").unwrap();
    (0..group).for_each(|_| drop(s.write("s")));
    for _ in 0..2 {
        let known: Vec<bool> = s
            .model
            .table
            .rows
            .iter()
            .map(|id| super::order::connection(&s.ledger, *id).unwrap().facts.has(crate::base::Kind::TlsCurve))
            .collect();
        assert!(known.is_sorted_by(|a, b| a >= b), "{known:?}");
        s.write("r");
    }
}

#[test]
fn the_cursor_stays_on_its_connection_while_others_come_in() {
    let mut s = Screen::new(fixture::session(), 80, 24);
    s.write("jj");
    let selected = s.model.selected();
    s.ledger.push(fixture::http(50, "late.example"));
    s.send(Message::Ledger);
    assert_eq!(s.model.selected(), selected);
    assert_eq!(s.model.table.cursor, 3);
}

/// Not a measurement of record: prints how long a key takes with a hundred thousand rows. `cargo test --release -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn a_key_is_on_the_screen_in_fifty_milliseconds_with_a_hundred_thousand_connections() {
    let mut ledger = Ledger::default();
    let one = fixture::tls13(1, "host.example");
    for n in 0..100_000_u64 {
        let mut c = one.clone();
        let port = u16::try_from(n % 60_000).unwrap();
        c.client.port = port;
        c.start = fixture::at(i64::try_from(n).unwrap());
        c.facts.replace(crate::base::Fact {
            what: crate::base::What::TlsServerName(WireStr::from(format!("host{}.example", n * 7919 % 100_003))),
            basis: crate::base::Basis::Observed,
            evidence: fixture::frames(&[4]),
        });
        ledger.push(c);
    }
    let clock = std::time::Instant::now;
    let before = clock();
    let mut s = Screen::new(ledger, 160, 48);
    println!("first order: {:?}", before.elapsed());
    for (name, keys) in [
        ("sort by start", "s"),
        ("by client", "s"),
        ("by server", "s"),
        ("by address", "s"),
        ("by protocol", "s"),
        ("reverse", "r"),
        ("down", "j"),
        ("filter", "/"),
        ("a letter", "h"),
        ("another", "9"),
    ] {
        let before = clock();
        s.write(keys);
        s.buffer();
        println!("{name}: {:?}, {} rows", before.elapsed(), s.model.table.rows.len());
    }
}
