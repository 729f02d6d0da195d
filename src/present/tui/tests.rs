//! Screens as text, and every key.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use ratatui::style::Color;

use super::fixture;
use super::keys::{self, Action, BINDINGS, Edit};
use super::looking::{Answer, Look, Question};
use super::model::{Effect, Message, Model};
use super::prompt::Ask;
use super::screens::{Place, Screen as Number};
use super::session::Session;
use super::theme::{ColorChoice, Palette, Theme};
use crate::assess::{Ledger, State};
use crate::base::WireStr;

struct Screen {
    session: Session,
    size: Size,
}

impl Screen {
    fn new(ledger: Ledger, width: u16, height: u16) -> Screen {
        Screen::with_theme(ledger, width, height, Theme::new(Palette::Dark))
    }

    fn with_theme(ledger: Ledger, width: u16, height: u16, theme: Theme) -> Screen {
        let size = Size { width, height };
        let mut screen = Screen { session: Session::of("demo.pcapng", ledger, theme, size), size };
        screen.write("2");
        screen
    }

    fn model(&self) -> &Model {
        self.session.model().unwrap()
    }

    fn cursor(&self) -> usize {
        self.model().list().cursor
    }

    fn rows(&self) -> usize {
        self.model().rows.len(self.model().screen)
    }

    fn send(&mut self, message: Message) -> Option<Effect> {
        self.session.update(message)
    }

    fn press(&mut self, code: KeyCode) -> Option<Effect> {
        self.send(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    /// Types; a line break is Enter.
    fn write(&mut self, text: &str) -> Option<Effect> {
        let code = |c| if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
        text.chars().fold(None, |_, c| self.press(code(c)))
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        self.send(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    }

    /// A canary test was made.
    fn is_tested(&mut self) {
        let answer = fixture::tested(self.session.ledger_mut());
        self.send(Message::Answer(answer));
    }

    /// What the open connection carries was asked for, and read.
    fn carries(&mut self) {
        self.press(KeyCode::Enter);
        if let Some(Effect::Look(Look::Inside(identity))) = self.write("d") {
            self.send(Message::Answer(fixture::carried(identity)));
        }
    }

    fn carried(&self) -> Option<usize> {
        self.model().inside.as_ref().map(|page| page.list.cursor)
    }

    fn buffer(&self) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(self.size.width, self.size.height)).unwrap();
        terminal.draw(|frame| self.session.draw(frame)).unwrap();
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

/// A capture in which there is something to read, to look up and to find fault with.
fn leaky() -> Ledger {
    let mut ledger = fixture::session();
    ledger.push(fixture::dns(55, "video.example.com"));
    ledger.push(fixture::http(320, "plain.example.net"));
    ledger
}

#[test]
fn every_screen_can_be_read() {
    snapshot_at_each_size!("apps", fixture::apps(), |s| drop(s.write("1")));
    snapshot_at_each_size!("endpoints", leaky(), |s| drop(s.write("3")));
    snapshot_at_each_size!("exposure", leaky(), |s| drop(s.write("4j")));
    snapshot_at_each_size!("findings", leaky(), |s| drop(s.write("5")));
    snapshot_at_each_size!("capture", leaky(), |s| drop(s.write("6")));
    snapshot_at_each_size!("canary_nothing", leaky(), |s| drop(s.write("7")));
}

#[test]
fn a_replay_shows_every_screen_as_it_was_at_the_moment() {
    snapshot_at_each_size!("replay", leaky(), |s| {
        s.write("r ");
        s.write(">>>>>>>");
    });
    let mut s = Screen::new(leaky(), 80, 24);
    s.write("r ");
    let shown = |s: &mut Screen, screen: &str| {
        s.write(screen);
        s.text()
    };
    assert!(s.text().contains("203.0.113.9:443") && !s.text().contains("video.example.com"), "{}", s.text());
    assert!(!shown(&mut s, "3").contains("video.example.com"));
    assert!(!shown(&mut s, "4").contains("HTTP request"));
    assert!(!shown(&mut s, "5").contains("TLS 1.0 was negotiated"));
    s.write("<>>>>>>>>>>>>>>>>>>>>");
    assert!(shown(&mut s, "3").contains("video.example.com"));
    assert!(shown(&mut s, "4").contains("HTTP request"));
    let end = shown(&mut s, "2");
    s.write("r");
    let table = |text: &str| text.lines().skip_while(|line| !line.contains("in transit")).take(10).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(table(&end), table(&s.text()));
}

#[test]
fn time_passes_only_while_a_replay_plays() {
    let mut s = Screen::new(leaky(), 80, 24);
    let at = |s: &Screen| s.model().time.replay.unwrap().at;
    s.write("r");
    s.send(Message::Tick(500_000_000));
    assert_eq!(at(&s), fixture::at(510));
    s.write("+");
    s.send(Message::Tick(500_000_000));
    assert_eq!(at(&s), fixture::at(1510));
    s.write(" ");
    s.send(Message::Tick(500_000_000));
    assert_eq!(at(&s), fixture::at(1510));
    s.write(",");
    assert!(at(&s) < fixture::at(1510));
    s.press(KeyCode::Esc);
    assert!(s.model().time.replay.is_none() && !s.session.is_moving());
    s.mouse(MouseEventKind::Down(MouseButton::Left), 40, 22);
    assert!(s.model().time.replay.is_none());
    s.write("r");
    s.mouse(MouseEventKind::Down(MouseButton::Left), 24 + 43, 22);
    assert_eq!(s.model().time.replay.unwrap().thousandths(), 1000);
    s.mouse(MouseEventKind::Drag(MouseButton::Left), 24, 22);
    assert_eq!(s.model().time.replay.unwrap().thousandths(), 0);
}

#[test]
fn what_cannot_be_replayed_says_so() {
    let mut ledger = fixture::session();
    ledger.state = State::Reading;
    let mut s = Screen::new(ledger, 80, 24);
    s.write("r");
    assert!(s.text().contains("nothing to replay yet"));
    let mut s = Screen::new(Ledger::default(), 80, 24);
    s.write("r.,<>+");
    assert!(s.model().time.replay.is_none());
}

#[test]
fn a_filter_that_is_not_understood_says_where_and_changes_nothing() {
    let mut s = Screen::new(leaky(), 80, 24);
    s.write("fgrade:weak");
    assert_eq!(s.rows(), 1);
    s.write("er");
    assert_eq!(s.rows(), 1, "the last filter that was understood still works");
    assert!(s.text().contains("✗ at 7: "), "{}", s.text());
    s.write("\n");
    assert_eq!(s.model().place(), Place::Prompt(Ask::Filter), "it stays to be mended");
    (0..2).for_each(|_| drop(s.press(KeyCode::Backspace)));
    s.write("\n");
    assert_eq!((s.rows(), s.model().typing.filter.as_str()), (1, "grade:weak"));
    s.write("f");
    s.press(KeyCode::Backspace);
    s.press(KeyCode::Esc);
    assert_eq!((s.rows(), s.model().typing.filter.as_str()), (1, "grade:weak"), "what was kept before");
    s.press(KeyCode::Esc);
    assert_eq!(s.rows(), 11);
    s.write("f");
    s.press(KeyCode::Up);
    assert_eq!(s.model().typing.prompt.as_ref().unwrap().text(), "grade:weak");
}

#[test]
fn finding_goes_to_the_next_row_with_the_word_and_begins_anew_at_the_end() {
    let mut s = Screen::new(leaky(), 80, 24);
    s.write("/plain\n");
    let first = s.cursor();
    s.write("n");
    let second = s.cursor();
    assert!(second > first);
    s.write("n");
    assert_eq!(s.cursor(), first);
    assert!(s.text().contains("from the other end on"));
    s.write("N");
    assert_eq!(s.cursor(), second);
    s.write("/no such word\n");
    assert_eq!(s.cursor(), second);
    assert!(s.text().contains("is in no row"));
}

#[test]
fn what_is_opened_on_a_screen_shows_its_connections() {
    for (screen, word, rows) in [("3", "old.example.net", 1), ("4", "HTTP request", 2), ("5", "tls-obsolete-version", 1)] {
        let mut s = Screen::new(leaky(), 160, 48);
        s.write(&format!("{screen}/{word}\n\n"));
        assert_eq!((s.model().place(), s.rows()), (Place::Screen(Number::Connections), rows), "{word}: {}", s.model().typing.filter);
        s.press(KeyCode::Esc);
        assert_eq!(s.rows(), 11);
    }
}

#[test]
fn several_captures_are_turned_like_pages() {
    let size = Size { width: 80, height: 24 };
    let names = [WireStr::from("one.pcap"), WireStr::from("two.pcap")];
    let mut s = Screen { session: Session::new(&names, Theme::new(Palette::Dark), size), size };
    s.session.take(1, super::Update::Connections(vec![fixture::tls13(1, "second.example").into()]));
    s.session.take(1, super::Update::Done { notes: Vec::new() });
    assert!(s.text().contains("one.pcap (1 of 2)"));
    s.write("]2");
    assert!(s.text().contains("two.pcap (2 of 2)") && s.text().contains("second.example"), "{}", s.text());
    s.write("]");
    assert!(s.text().contains("one.pcap (1 of 2)"));
    s.write("[");
    assert!(s.text().contains("two.pcap (2 of 2)"));
    s.session.ended();
    assert!(matches!(s.session.states().collect::<Vec<_>>()[..], [State::Failed(_), State::Done]));
}

#[test]
fn a_moment_is_marked_with_a_note() {
    let mut s = Screen::new(leaky(), 80, 24);
    s.write("mthe message was sent now\n");
    assert_eq!(s.model().time.marks.len(), 1);
    s.write("6G");
    assert!(s.text().contains("the message was sent now"), "{}", s.text());
}

#[test]
fn while_the_screen_stands_still_nothing_on_it_changes() {
    let mut s = Screen::new(leaky(), 80, 24);
    s.write(" ");
    s.session.take(0, super::Update::Connections(vec![fixture::http(5, "late.example").into()]));
    s.session.refresh();
    assert_eq!(s.rows(), 11);
    assert!(!s.text().contains("late.example"));
    s.write(" ");
    assert_eq!(s.rows(), 12);
}

#[test]
fn a_tab_is_opened_by_a_click() {
    let mut s = Screen::new(leaky(), 80, 24);
    let text = s.text();
    let y = text.lines().position(|l| l.contains("3 Endpoints")).unwrap();
    let line = text.lines().nth(y).unwrap();
    let x = line[..line.find("5 Findings").unwrap()].chars().count();
    s.mouse(MouseEventKind::Down(MouseButton::Left), u16::try_from(x).unwrap(), u16::try_from(y).unwrap());
    assert_eq!(s.model().screen, Number::Findings);
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
    (0..3).for_each(|_| drop(s.press(KeyCode::Tab)));
    (0..4).for_each(|_| drop(s.press(KeyCode::Down)));
    assert_eq!(s.text().matches("long.").count() / 60, 1, "{}", s.text());
    insta::assert_snapshot!("detail_long_value", s.text());
}

#[test]
fn a_connection_without_a_version_says_why() {
    snapshot_at_each_size!("detail_missing", fixture::session(), |s| {
        s.write("f993");
        s.press(KeyCode::Enter);
        s.press(KeyCode::Enter);
    });
    snapshot_at_each_size!("detail_failed", fixture::session(), |s| {
        s.write("fhandshake:failed");
        s.press(KeyCode::Enter);
        s.press(KeyCode::Enter);
    });
    snapshot_at_each_size!("detail_plain", fixture::session(), |s| {
        s.write("fplain");
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
        s.write("fEXAMPLE tls:1.2");
    });
    snapshot_at_each_size!("filtered_to_nothing", fixture::session(), |s| {
        s.write("fno such thing");
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
    let mut told = String::new();
    for go in ["1?", "2?", "3?", "4?", "5?", "6?", "7?", "2\n?", "2\nd?"] {
        let mut help = Screen::new(fixture::session(), 160, 200);
        help.write(go);
        told.push_str(&help.text());
    }
    for binding in BINDINGS {
        let names = binding.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let start: String = binding.long.chars().take(30).collect();
        let line = told.lines().find(|l| l.contains(&start) && l.contains(&names));
        assert!(line.is_some(), "{names}: {} is not in the help page:\n{told}", binding.long);
    }
    let mut screen = Screen::new(fixture::session(), 160, 48);
    for (place, go) in [(Place::Screen(Number::Connections), ""), (Place::Prompt(Ask::Filter), "f"), (Place::Help, "?")] {
        screen.write(go);
        assert_eq!(screen.model().place(), place);
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

#[test]
fn the_canary_test_is_asked_for_shown_masked_and_unmasked() {
    snapshot_at_each_size!("canary_tested", fixture::session(), |s| {
        s.write("7");
        s.is_tested();
    });
    let mut s = Screen::new(fixture::session(), 160, 60);
    s.write("7c  \n");
    assert!(s.text().contains("no letter or digit"), "{}", s.text());
    s.press(KeyCode::Esc);
    s.write("clantern-otter-40713-poppy\nmy.login\n\n");
    assert_eq!(s.model().place(), Place::Prompt(Ask::SentAfter));
    let asked = Question {
        message: "lantern-otter-40713-poppy".into(),
        controls: vec!["my.login".into()],
        since: crate::base::Timestamp::parse("2024-05-01T09:02:03Z"),
    };
    assert_eq!(s.write("09:02:03\n"), Some(Effect::Look(Look::Canary(asked))));
    assert!(s.text().contains("being read once more") && s.session.is_reading());
    s.session.take(0, super::Update::Answer(Answer::Failed("the file is gone".into())));
    assert!(s.text().contains("could not be made: the file is gone") && !s.session.is_reading());
    s.is_tested();
    let text = s.text();
    assert!(text.contains("READABLE: of 3 connections, readable in 1, not seen in 1, inconclusive in 1"), "{text}");
    assert!(text.contains("[phrase]") && !text.contains("lantern-otter") && text.contains("no key for its 5 encrypted records"), "{text}");
    s.write("u");
    assert!(s.text().contains("lantern-otter-40713-poppy"));
    s.write("u");
    assert!(!s.text().contains("lantern-otter-40713-poppy"));
    let line = s.text().lines().position(|line| line.contains("sent to the server")).unwrap();
    let top = s.text().lines().position(|line| line.contains("7 Canary")).unwrap() + 1;
    (0..line - top).for_each(|_| drop(s.press(KeyCode::Down)));
    assert_eq!(s.write("y"), Some(Effect::Copy("frame.number in {9,10}".to_owned())));
}

#[test]
fn what_a_connection_carries_is_a_tree_masked_until_asked() {
    snapshot_at_each_size!("inside", fixture::session(), |s| {
        s.carries();
        s.write("jjjj");
    });
    let mut s = Screen::new(fixture::session(), 160, 48);
    s.press(KeyCode::Enter);
    s.write("d");
    assert!(s.text().contains("being read once more"), "{}", s.text());
    s.press(KeyCode::Esc);
    s.carries();
    let text = s.text();
    assert!(text.contains("HTTP/1 request 1") && text.contains("JSON $.text") && text.contains("base64"), "{text}");
    assert!(!text.contains("lantern") && text.contains("did not authenticate"), "{text}");
    s.write("u");
    let text = s.text();
    assert!(text.contains("the lantern is") && text.contains("lantern-otter-40713-poppy") && !text.contains('\x1b'), "{text}");
    assert_eq!(s.write("y"), None, "a layer that only carries others has no frames of its own");
    assert_eq!(s.write("jjy"), Some(Effect::Copy("frame.number in {9}".to_owned())));
}

/// Presses every key of the table in every place where it works, and looks at what it did.
#[test]
fn every_key_does_what_the_table_says() {
    let mut pressed = 0;
    for binding in BINDINGS {
        for (place, key) in binding.places.iter().flat_map(|p| binding.keys.iter().map(move |k| (*p, *k))) {
            let apps = place == Place::Screen(Number::Apps);
            let mut s = Screen::new(if apps { fixture::apps() } else { fixture::session() }, 60, 16);
            // Somewhere in the middle, so that both directions are free.
            s.write("jj");
            match place {
                Place::Screen(Number::Canary) => {
                    s.is_tested();
                    s.write("7");
                    (0..9).for_each(|_| drop(s.press(KeyCode::Down)));
                }
                Place::Screen(screen) => drop(s.write(&format!("{}jj", screen.index() + 1))),
                Place::Detail => drop((s.press(KeyCode::Enter), s.write("jj"))),
                Place::Inside => {
                    s.carries();
                    s.write("jjj");
                }
                Place::Help => drop((s.write("?"), s.write("jj"))),
                Place::Prompt(ask) => {
                    s.write("/tls\n");
                    s.write("ffor\n");
                    s.press(KeyCode::Esc);
                    s.write(match ask {
                        Ask::Filter => "f",
                        Ask::Find => "/",
                        Ask::Note => "m",
                        Ask::Phrase => "7c",
                        Ask::Control => "7ctwo words\n",
                        Ask::SentAfter => "7ctwo words\n\n",
                        Ask::Report => "w",
                        Ask::Replace => "wx.html\n",
                    });
                    if ask == Ask::Replace {
                        s.send(Message::Answer(Answer::Exists("x.html".into())));
                    }
                    s.send(Message::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
                    s.write("two words");
                    s.press(KeyCode::Left);
                }
            }
            match binding.action {
                Action::StepForward | Action::StepBack | Action::SkipForward | Action::SkipBack | Action::Faster | Action::Slower => {
                    s.write("r>>  +");
                }
                Action::FindNext | Action::FindPrevious => drop(s.write("/e\n")),
                _ => {}
            }
            assert_eq!(s.model().place(), place, "{binding:?}");
            let replay = s.model().time.replay;
            let was = (s.cursor(), s.model().open, s.model().help, s.model().list().sort, s.model().typing.prompt.clone(), s.carried());
            let modifiers = if key.ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
            let effect = s.send(Message::Key(KeyEvent::new(key.code, modifiers)));
            let m = s.model();
            let moved = match place {
                Place::Screen(_) | Place::Prompt(_) => s.cursor().cmp(&was.0),
                Place::Detail => m.open.unwrap_or(was.1.unwrap()).cursor.cmp(&was.1.unwrap().cursor),
                Place::Inside => m.inside.as_ref().map(|page| page.list.cursor).cmp(&was.5),
                Place::Help => m.help.cmp(&was.2),
            };
            let at = |r: Option<super::replay::Replay>| r.unwrap().at;
            let ok = match binding.action {
                Action::Quit => effect == Some(Effect::Quit),
                Action::Suspend => effect == Some(Effect::Suspend),
                Action::CopyFilter => matches!(&effect, Some(Effect::Copy(text)) if text.contains("==") || text.contains("frame.number")),
                Action::CopyValue => matches!(effect, Some(Effect::Copy(_))) && m.status.is_some(),
                Action::Back if place == Place::Help => m.help.is_none(),
                Action::Back if place == Place::Inside => m.inside.is_none() && m.open.is_some(),
                Action::Inside => matches!(effect, Some(Effect::Look(Look::Inside(_)))) && m.place() == Place::Inside,
                Action::Unmask => m.canary.unmasked || m.inside.as_ref().is_some_and(|page| page.unmasked),
                Action::Back => m.open.is_none(),
                Action::Help => m.help == Some(0),
                Action::Go(screen) => m.place() == Place::Screen(screen),
                Action::NextScreen => m.place() != place,
                Action::PreviousScreen => m.place() != place,
                Action::Open if place == Place::Screen(Number::Canary) => m.open.is_some_and(|o| o.id == 0),
                Action::Open if place == Place::Screen(Number::Connections) => m.open.is_some_and(|o| Some(o.id) == m.selected()),
                Action::Open => m.place() == Place::Screen(Number::Connections) && !m.typing.filter.is_empty(),
                Action::Ask(ask) => m.place() == Place::Prompt(ask),
                Action::Accept if place == Place::Prompt(Ask::Phrase) => m.place() == Place::Prompt(Ask::Control),
                Action::Accept if place == Place::Prompt(Ask::Control) => m.place() == place && m.typing.question.controls.len() == 1,
                // Two words are no time.
                Action::Accept if place == Place::Prompt(Ask::SentAfter) => m.place() == place && m.typing.said.is_some(),
                Action::Accept | Action::Cancel => m.typing.prompt.is_none(),
                Action::Edit(edit) => {
                    let (now, was) = (m.typing.prompt.clone().unwrap(), was.4.unwrap());
                    match edit {
                        Edit::Backspace => now.text() == "two wors",
                        Edit::Delete => now.text() == "two word",
                        Edit::Word => now.text() == "two s",
                        Edit::Line => now.text() == "s",
                        Edit::Left => now.before() == "two wor",
                        Edit::Right | Edit::End => now.before() == "two words",
                        Edit::Home => now.before().is_empty(),
                        Edit::Older => now.text() != was.text(),
                        Edit::Newer => now.text() == was.text(),
                    }
                }
                Action::FindNext | Action::FindPrevious => s.cursor() != was.0,
                Action::NextColumn => m.list().sort.column == was.3.column + 1,
                Action::PreviousColumn => m.list().sort.column == super::tables::titles(m.screen).len() - 1,
                Action::MoreSaid | Action::LessSaid => m.said.0 == (m.screen, m.list().cursor),
                Action::Reverse => m.list().sort.reversed,
                Action::Section => m.open.unwrap().cursor > was.1.unwrap().cursor,
                Action::Next | Action::Previous => m.open.map(|o| o.id) != was.1.map(|o| o.id) && m.open.map(|o| o.id) == m.selected(),
                Action::Replay => m.time.replay.is_some() && s.session.is_moving(),
                Action::Pause => m.time.frozen && s.text().contains("standing still"),
                Action::StepForward | Action::SkipForward => at(m.time.replay) > at(replay),
                Action::StepBack | Action::SkipBack => at(m.time.replay) < at(replay),
                Action::Faster => m.time.replay.unwrap().speed() == "5×",
                Action::Slower => m.time.replay.unwrap().speed() == "1×",
                Action::Follow => m.time.follow && s.cursor() == s.rows() - 1,
                Action::NextFile | Action::PreviousFile => m.status.as_deref() == Some("only one capture is open"),
                Action::Down | Action::PageDown | Action::Last => moved.is_gt(),
                Action::Up | Action::PageUp | Action::First => moved.is_lt(),
            };
            assert!(ok, "{key} in {place:?} did not: {}\n{}", binding.long, s.text());
            pressed += 1;
        }
    }
    assert!(pressed > 150, "{pressed}");
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
    for keys in ["", "j", "fx", "?", "1", "3", "4", "5", "6", "7", "r>> "] {
        assert_eq!(coloured(Theme::new(Palette::Mono), keys), 0, "{keys}");
        assert!(coloured(Theme::new(Palette::Dark), keys) > 0, "{keys}");
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
            s.press(KeyCode::Esc);
            s.write("7cphrase of mine");
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
    assert_eq!(s.cursor(), 3);
    s.mouse(click, 10, line_of("old.example.net"));
    assert_eq!(s.cursor(), 5);
    s.mouse(click, 78, line_of("in transit"));
    assert_eq!(super::tables::titles(Number::Connections)[s.model().list().sort.column].0, "bytes");
    assert!(!s.model().list().sort.reversed);
    s.mouse(click, 78, line_of("in transit"));
    assert!(s.model().list().sort.reversed);
    let row = line_of("in transit") + 1 + u16::try_from(s.cursor()).unwrap();
    s.mouse(click, 10, row);
    assert_eq!(s.model().place(), Place::Detail);
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
    assert_eq!(s.write("jy"), Some(Effect::Copy("frame.number in {6}".to_owned())), "why");
    s.press(KeyCode::Tab);
    assert_eq!(s.write("y"), Some(Effect::Copy("frame.number in {4,5}".to_owned())), "the ClientHello");
    s.press(KeyCode::Tab);
    assert_eq!(s.write("y"), Some(Effect::Copy("frame.number in {6}".to_owned())), "the version");
    assert_eq!(s.write("Y"), Some(Effect::Copy("1.3".to_owned())));
    s.write("j");
    assert!(!s.text().contains("copied"));
}

#[test]
fn unknowns_stand_last_whichever_way_the_order_is_turned() {
    let mut s = Screen::new(fixture::session(), 160, 48);
    let group = super::tables::connections::COLUMNS.iter().position(|c| c.title == "group").unwrap();
    (0..group).for_each(|_| drop(s.write("s")));
    for _ in 0..2 {
        let ledger = fixture::session();
        let has = |id: &u32| super::rows::connection(&ledger, *id).unwrap().facts.has(crate::base::Kind::TlsCurve);
        let known: Vec<bool> = s.model().rows.connections.iter().map(has).collect();
        assert!(known.is_sorted_by(|a, b| a >= b), "{known:?}");
        s.write("i");
    }
}

#[test]
fn the_cursor_stays_on_its_connection_while_others_come_in() {
    let mut s = Screen::new(fixture::session(), 80, 24);
    s.write("jj");
    let selected = s.model().selected();
    s.session.ledger_mut().push(fixture::http(50, "late.example"));
    s.send(Message::Ledger);
    assert_eq!(s.model().selected(), selected);
    assert_eq!(s.cursor(), 3);
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
        println!("{name}: {:?}, {} rows", before.elapsed(), s.rows());
    }
}
