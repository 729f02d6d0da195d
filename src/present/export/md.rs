//! A Markdown table (GitHub Flavored Markdown §4.10), one row per connection, safe to paste anywhere.

use std::fmt::Write as _;
use std::io;

use crate::assess::{Attribution, Judged};
use crate::base::{Kind, WireStr};

use super::Writer;

/// Rows of a table. What is not known is an empty cell.
#[derive(Debug, Default)]
pub struct Markdown;

impl Writer for Markdown {
    fn begin(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(
            b"| frame | client | server | name | app | grade | protocol | why | frames |\n|---|---|---|---|---|---|---|---|---|\n",
        );
        Ok(())
    }

    fn connection(&mut self, out: &mut Vec<u8>, _file: &WireStr, judged: &Judged) -> io::Result<()> {
        let (c, judgement) = (&judged.connection, &judged.judgement);
        let name = c.facts.get(Kind::TlsServerName).or_else(|| c.facts.get(Kind::HttpHost)).map(|fact| fact.what.shown().to_string());
        let frames = judgement.evidence.as_ref().map(|evidence| {
            let list: Vec<String> = evidence.frames().iter().map(ToString::to_string).collect();
            format!("{}{}", list.join(" "), if evidence.truncated() { " …" } else { "" })
        });
        let exposed: Vec<&str> = judgement.exposed.iter().map(|kind| kind.word()).collect();
        let grade = if exposed.is_empty() { judgement.grade.word().to_owned() } else { format!("exposed ({})", exposed.join(", ")) };
        let cells = [
            c.first_frame.to_string(),
            c.client.to_string(),
            c.server.to_string(),
            name.unwrap_or_default(),
            judged.attribution.as_ref().map(Attribution::label).unwrap_or_default(),
            grade,
            c.protocol().unwrap_or_else(|| c.transport.name()).to_owned(),
            WireStr::from(judgement.why.as_ref()).to_string(),
            frames.unwrap_or_default(),
        ];
        let mut line = String::from("|");
        for cell in cells {
            line.push(' ');
            escape(&mut line, &cell);
            line.push_str(" |");
        }
        line.push('\n');
        out.extend_from_slice(line.as_bytes());
        Ok(())
    }
}

/// Text in which nothing is markup: every ASCII punctuation character that could begin some is escaped (CommonMark §2.4), and angle
/// brackets and ampersands are entities, so that no HTML begins.
pub fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '!' | '#' | '~' | '@' => {
                out.push('\\');
                out.push(c);
            }
            ':' if out.ends_with("http") || out.ends_with("https") || out.ends_with("www") => out.push_str("\\:"),
            c if WireStr::steers(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_neither_a_cell_nor_a_link_nor_html() {
        let mut out = String::new();
        escape(&mut out, "a|b <img src=x> [x](https://evil) *_`\u{202e}\n");
        assert_eq!(out, "a\\|b &lt;img src=x&gt; \\[x\\]\\(https\\://evil\\) \\*\\_\\`\\\\u{202e}\\\\u{a}");
    }
}
