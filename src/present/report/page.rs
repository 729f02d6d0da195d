//! A page of HTML: what is written into it is escaped here, and every sentence carries what it rests on.

use super::notes::{Mark, Notes};
use crate::assess::Grade;
use crate::assess::report::{Citations, Ground, Part, Report, Sentence, Voice};
use crate::present::glyph;

/// A page being written.
pub struct Page<'r> {
    /// What it is about.
    pub report: &'r Report,
    /// How it speaks.
    pub voice: Voice,
    /// Its footnotes so far.
    pub notes: Notes,
    out: String,
}

impl<'r> Page<'r> {
    /// An empty page.
    #[must_use]
    pub fn new(report: &'r Report) -> Page<'r> {
        Page::spoken(report, report.voice())
    }

    /// An empty page that speaks so.
    #[must_use]
    pub fn spoken(report: &'r Report, voice: Voice) -> Page<'r> {
        Page { report, voice, notes: Notes::default(), out: String::new() }
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }

    /// Mark-up of ours, as it is.
    pub fn raw(&mut self, markup: &str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// Text, escaped.
    pub fn text(&mut self, text: &str) -> &mut Self {
        escape_into(&mut self.out, text);
        self
    }

    /// An element with text in it.
    pub fn element(&mut self, tag: &str, class: &str, text: &str) -> &mut Self {
        self.open(tag, class).text(text).close(tag)
    }

    /// The start of an element.
    pub fn open(&mut self, tag: &str, class: &str) -> &mut Self {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.raw("<").raw(tag).raw(&class).raw(">")
    }

    /// The start of an element whose whole content rests on this.
    pub fn open_on(&mut self, tag: &str, class: &str, ground: &Ground) -> &mut Self {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let attribute = attribute(ground);
        self.raw("<").raw(tag).raw(&class).raw(&attribute).raw(">")
    }

    /// The end of an element, on a line of its own for those that are blocks.
    pub fn close(&mut self, tag: &str) -> &mut Self {
        self.raw("</").raw(tag).raw(">");
        if matches!(
            tag,
            "p" | "h2" | "h3" | "h4" | "li" | "ul" | "ol" | "tr" | "table" | "section" | "div" | "dd" | "dl" | "thead" | "tbody"
        ) {
            self.raw("\n");
        }
        self
    }

    /// A sentence with its mark.
    pub fn sentence(&mut self, sentence: &Sentence) -> &mut Self {
        self.open_on("span", "st", &sentence.ground).parts(sentence);
        self.mark(&sentence.ground).close("span")
    }

    /// The words of a sentence without its mark.
    pub fn parts(&mut self, sentence: &Sentence) -> &mut Self {
        sentence.parts.iter().for_each(|part| {
            self.part(part);
        });
        self
    }

    /// A part of a sentence; what strangers chose is set apart, and its direction does not leak.
    pub fn part(&mut self, part: &Part) -> &mut Self {
        let said = self.voice.part(part);
        match part {
            Part::Words(_) | Part::Time(_) => self.text(&said),
            Part::Name(_) | Part::Address(_) | Part::File(_) => self.raw("<bdi class=\"v\">").text(&said).raw("</bdi>"),
            Part::Quoted(_) => self.raw("<bdi class=\"q\">").text(&said).raw("</bdi>"),
        }
    }

    /// Sentences as a paragraph.
    pub fn paragraph(&mut self, class: &str, sentences: &[Sentence]) -> &mut Self {
        if sentences.is_empty() {
            return self;
        }
        self.open("p", class);
        for (i, sentence) in sentences.iter().enumerate() {
            self.raw(if i > 0 { " " } else { "" }).sentence(sentence);
        }
        self.close("p")
    }

    /// The mark behind a sentence.
    pub fn mark(&mut self, ground: &Ground) -> &mut Self {
        match self.notes.mark(ground) {
            Mark::Note(n) => self.raw(&format!("<a class=\"n\" href=\"#n{n}\">{n}</a>")),
            Mark::Sources(list) => {
                for n in list {
                    self.raw(&format!("<a class=\"n\" href=\"#s{n}\">S{n}</a>"));
                }
                self
            }
            Mark::Whole => self.raw("<a class=\"n\" href=\"#inputs\">all</a>"),
            Mark::Operator => self.raw("<a class=\"n\" href=\"#case\">op</a>"),
            Mark::File(input) => self.raw(&format!("<a class=\"n\" href=\"#i{}\">file</a>", input + 1)),
            Mark::Rule(_) | Mark::Nothing => self,
        }
    }

    /// The mark of frames.
    pub fn cite(&mut self, cited: &Citations) -> &mut Self {
        self.mark(&Ground::Frames(cited.clone()))
    }

    /// A grade: sign, word and colour.
    pub fn grade(&mut self, grade: Grade) -> &mut Self {
        self.raw(&format!("<span class=\"g {0}\"><span aria-hidden=\"true\">{1}</span> {0}</span>", grade.word(), glyph(grade)))
    }
}

/// What an element rests on, for programs and for the test that walks every sentence: `data-frames="0:12,14;1:3"`.
#[must_use]
pub fn attribute(ground: &Ground) -> String {
    let on = |what: &str| format!(" data-ground=\"{what}\"");
    match ground {
        Ground::Frames(cited) if cited.is_empty() => on("whole"),
        Ground::Frames(cited) => {
            let inputs: Vec<String> = cited
                .by_input()
                .iter()
                .map(|(input, frames)| {
                    let frames: Vec<String> = frames.iter().map(ToString::to_string).collect();
                    format!("{input}:{}", frames.join(","))
                })
                .collect();
            format!(" data-frames=\"{}{}\"", inputs.join(";"), if cited.more() { "+" } else { "" })
        }
        Ground::Sources(keys) if keys.is_empty() => on("none-found"),
        Ground::Sources(keys) => {
            let mut escaped = String::new();
            escape_into(&mut escaped, &keys.join(" "));
            format!(" data-source=\"{escaped}\"")
        }
        Ground::Whole => on("whole"),
        Ground::Operator => on("operator"),
        Ground::File(_) => on("file"),
        Ground::Rule(id) => format!(" data-rule=\"{id}\""),
        Ground::Method => on("method"),
    }
}

/// Escapes text for HTML, in elements and in quoted attributes.
pub fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}
