//! Putting the connections of a capture in the order that a screen shows them in. Its cost grows with their number, so of very many it is
//! done [beside](super::beside) the loop that hears keys, from a copy of the list: what it makes is the same either way.

use std::sync::Arc;

use super::screens::Screen;
use super::sparks::Sparks;
use super::table::{self, Key, Sort};
use super::tables::apps::{self, App};
use super::tables::connections::COLUMNS;
use super::tables::endpoints::{self, Endpoint};
use super::tables::exposure::{self, Shown};
use super::tables::findings;
use crate::assess::report::RuleCount;
use crate::assess::{Catalogue, Filter, Judged};
use crate::base::Timestamp;

/// What rows are made of, beside connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Manner {
    /// What lets connections through; `None` lets all.
    pub filter: Option<Filter>,
    /// The order.
    pub sort: Sort,
}

/// Rows that somebody is to make.
#[derive(Debug)]
pub struct Order {
    /// Of this screen.
    pub screen: Screen,
    /// In this manner.
    pub manner: Manner,
    /// From these connections, which are those of the ledger, in its order.
    pub connections: Vec<Arc<Judged>>,
    /// Their first and last moment.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Whose claims are told.
    pub catalogue: &'static Catalogue,
    /// How often rows had become stale when this was asked.
    pub turn: u64,
}

/// Rows that were made.
#[derive(Debug)]
pub struct Ordered {
    /// In this manner.
    pub manner: Manner,
    /// The rows.
    pub table: Table,
    /// Octets over time, of all connections.
    pub sparks: Sparks,
    /// The turn of the order.
    pub turn: u64,
}

/// The rows of a screen.
#[derive(Debug)]
pub enum Table {
    /// App by app.
    Apps(Vec<App>),
    /// Connections, as places in the ledger.
    Connections(Vec<u32>),
    /// Servers.
    Endpoints(Vec<Endpoint>),
    /// What was readable.
    Exposure(Vec<Shown>),
    /// The rules that fired.
    Findings(Vec<RuleCount>),
    /// A screen without rows.
    None,
}

impl Order {
    /// Makes the rows.
    #[must_use]
    pub fn fill(self) -> Ordered {
        let table = Table::of(self.screen, &self.connections, &self.manner, self.catalogue);
        Ordered { sparks: Sparks::of(&self.connections, self.span), manner: self.manner, table, turn: self.turn }
    }
}

impl Table {
    /// The rows of a screen.
    #[must_use]
    pub fn of(screen: Screen, all: &[Arc<Judged>], manner: &Manner, catalogue: &'static Catalogue) -> Table {
        let filter = manner.filter.as_ref();
        let matching = || all.iter().map(|judged| &**judged).filter(move |judged| filter.is_none_or(|filter| filter.matches(judged)));
        match screen {
            Screen::Apps => {
                let mut rows = apps::gather(matching(), catalogue);
                table::sort(&mut rows, apps::COLUMNS, manner.sort);
                Table::Apps(rows)
            }
            Screen::Connections => Table::Connections(connections(all, filter, manner.sort)),
            Screen::Endpoints => {
                let mut rows = endpoints::gather(matching());
                table::sort(&mut rows, endpoints::COLUMNS, manner.sort);
                Table::Endpoints(rows)
            }
            Screen::Exposure => {
                let mut rows = exposure::gather(matching());
                table::sort(&mut rows, exposure::COLUMNS, manner.sort);
                Table::Exposure(rows)
            }
            Screen::Findings => {
                let mut rows = findings::gather(matching());
                table::sort(&mut rows, findings::COLUMNS, manner.sort);
                Table::Findings(rows)
            }
            Screen::Capture | Screen::Canary => Table::None,
        }
    }

    /// The screen whose rows these are.
    #[must_use]
    pub fn screen(&self) -> Option<Screen> {
        match self {
            Table::Apps(_) => Some(Screen::Apps),
            Table::Connections(_) => Some(Screen::Connections),
            Table::Endpoints(_) => Some(Screen::Endpoints),
            Table::Exposure(_) => Some(Screen::Exposure),
            Table::Findings(_) => Some(Screen::Findings),
            Table::None => None,
        }
    }
}

/// The connections to show. Rows that are equal in the column stand by first frame.
fn connections(all: &[Arc<Judged>], filter: Option<&Filter>, sort: Sort) -> Vec<u32> {
    let Some(column) = COLUMNS.get(sort.column) else { return Vec::new() };
    let matching = (0_u32..).zip(all).filter(|(_, judged)| filter.is_none_or(|filter| filter.matches(judged)));
    let mut rows: Vec<(Key<'_>, u64, u32)> = matching.map(|(id, judged)| ((column.key)(judged), judged.first_frame.get(), id)).collect();
    rows.sort_unstable_by(|a, b| a.0.compare(&b.0, sort.reversed).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    rows.into_iter().map(|(.., id)| id).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::layout::Size;

    use crate::present::tui::fixture;
    use crate::present::tui::model::Message;
    use crate::present::tui::session::Session;
    use crate::present::tui::theme::{Palette, Theme};

    const SIZE: Size = Size { width: 160, height: 48 };

    fn session() -> Session {
        Session::of("demo.pcapng", fixture::session(), Theme::new(Palette::Dark), SIZE)
    }

    fn session_with_rows_made_beside() -> Session {
        let mut session = session();
        session.order_beside(0);
        session
    }

    fn types(session: &mut Session, c: char) {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        session.update(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    /// As the loop does it: what is to be made beside is made, and taken in.
    fn beside(session: &mut Session) {
        while let Some(order) = session.order() {
            session.ordered(session.current(), order.fill());
        }
    }

    fn text(session: &Session) -> String {
        let mut terminal = Terminal::new(TestBackend::new(SIZE.width, SIZE.height)).unwrap();
        terminal.draw(|frame| session.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn rows_made_beside_are_those_made_at_once() {
        let (mut at_once, mut other) = (session(), session_with_rows_made_beside());
        for c in "2sssSjj3sj45s12jjjSfproto:tls\n31\u{1b}2\u{1b}/tls\nn\nnn\u{1b}1r.,..2.3,r123".chars() {
            types(&mut at_once, c);
            types(&mut other, c);
            beside(&mut other);
            assert_eq!(text(&at_once), text(&other), "after {c:?}");
        }
    }

    #[test]
    fn while_rows_are_made_the_screen_says_so_and_shows_no_count_of_others() {
        let mut session = session_with_rows_made_beside();
        types(&mut session, '3');
        assert!(text(&session).contains("in order…"), "{}", text(&session));
        let late = session.order().unwrap();
        "2fproto:tls".chars().for_each(|c| types(&mut session, c));
        assert!(text(&session).contains("✓ …"), "{}", text(&session));
        beside(&mut session);
        let shown = text(&session);
        assert!(shown.contains("✓ ") && !shown.contains("✓ …"), "{shown}");
        // What was asked for before is not what is shown now.
        session.ordered(0, late.fill());
        assert_eq!(text(&session), shown);
    }

    #[test]
    fn before_anything_is_read_nothing_is_said_to_be_put_in_order() {
        let mut session = Session::new(&["demo.pcapng".into()], Theme::new(Palette::Dark), SIZE);
        session.order_beside(4_000);
        assert!(text(&session).contains("Reading."), "{}", text(&session));
    }

    #[test]
    fn rows_of_the_whole_capture_never_stand_in_its_replay() {
        let mut session = session_with_rows_made_beside();
        types(&mut session, '2');
        beside(&mut session);
        types(&mut session, 's');
        let late = session.order().unwrap();
        types(&mut session, 'r');
        session.ordered(0, late.fill());
        assert!(text(&session).contains("in order…"), "{}", text(&session));
    }
}
