//! What is written from a screen: the report on a capture, and marks with their notes into a case file.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{Mode, OFlags};

use super::canary::Asking;
use super::open::Hands;
use super::place::Place;
use super::{Failure, file_name, report, shown};
use crate::assess::report::{About, Case, Report, ReportBuilder};
use crate::base::WireStr;
use crate::cli;
use crate::dissect::Equipment;
use crate::dissect::inside::{Gathered, Keep};
use crate::present::report::Format;
use crate::present::tui::{Answer, Mark};
use crate::source;

/// The largest case file that is read.
const LARGEST: u64 = 4 << 20;

/// A case file that grows by marks. It is opened before the program is locked in.
pub(super) struct CaseFile {
    path: PathBuf,
    kept: Mutex<(File, String)>,
}

impl CaseFile {
    /// Opens it; where there is none, makes one for the user who called this program alone. Never through a link.
    ///
    /// # Errors
    /// When it cannot be read, or is no case file.
    pub fn open(path: &Path) -> Result<CaseFile, Failure> {
        let failed = |why: String| Failure::Input(shown(path), why);
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mut text = String::new();
        let file = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(file) => {
                let mut file = File::from(file);
                let about = file.metadata().map_err(|e| failed(e.to_string()))?;
                if !about.is_file() || about.len() > LARGEST {
                    return Err(failed("is no case file".into()));
                }
                file.read_to_string(&mut text).map_err(|e| failed(format!("cannot be read: {e}")))?;
                file
            }
            Err(rustix::io::Errno::NOENT) => source::new_file(path).map_err(|e| failed(e.to_string()))?,
            Err(rustix::io::Errno::LOOP) => return Err(failed("is a symbolic link, which is not followed: name the file itself".into())),
            Err(e) => return Err(failed(format!("cannot be opened: {e}"))),
        };
        Case::parse(&text).map_err(|e| failed(format!("is no case file: {e}")))?;
        Ok(CaseFile { path: path.to_path_buf(), kept: Mutex::new((file, text)) })
    }

    /// Its name, for a screen.
    pub fn name(&self) -> WireStr {
        WireStr::from(file_name(&self.path))
    }

    /// What it states now.
    fn case(&self) -> Option<Case> {
        Case::parse(&self.kept.lock().ok()?.1).ok()
    }

    /// Adds what was noted of a moment.
    pub fn mark(&self, mark: &Mark) -> Answer {
        let frame = mark.frame.map(|frame| format!(" (frame {frame})")).unwrap_or_default();
        let entry = format!("\n[[action]]\ntime = {}\nwhat = {}\n", mark.at.seconds(), quoted(&format!("{}{frame}", mark.note)));
        let name = file_name(&self.path);
        let Ok(mut kept) = self.kept.lock() else { return Answer::Failed(format!("{name} cannot be written")) };
        let (file, text) = &mut *kept;
        let grown = format!("{text}{entry}");
        if let Err(why) = Case::parse(&grown) {
            return Answer::Told(format!("not written: with it {name} would be no case file: {why}"));
        }
        let before = file.metadata().map(|about| about.len());
        match file.write_all(entry.as_bytes()).and_then(|()| file.sync_data()) {
            Ok(()) => {
                *text = grown;
                Answer::Told(format!("marked {}, in {name}", mark.at.seconds()))
            }
            Err(e) => {
                // With half an entry it would be no case file any more. Where this fails as well, nothing more can be done.
                let _ = before.and_then(|len| file.set_len(len));
                Answer::Told(format!("{name} cannot be written: {e}"))
            }
        }
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Writes the report on a capture to a new file, or with `replace` in place of one; what there is to say of it comes back.
pub(super) fn report_to(capture: &Path, to: &str, replace: bool, hands: &Hands, asking: Option<&Asking>) -> Answer {
    let path = Path::new(to);
    let format = match report::choose(None, Some(path)) {
        Ok(format) => format,
        Err(why) => return Answer::Told(why.to_string()),
    };
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => {
            return Answer::Told(format!("{to} is a symbolic link, which is not followed: name the file itself"));
        }
        Ok(about) if !about.is_file() => return Answer::Told(format!("{to} is no file")),
        Ok(_) if !replace => return Answer::Exists(to.to_owned()),
        _ => {}
    }
    let text = match rendered(capture, path, format, hands, asking) {
        Ok(text) => text,
        Err(why) => return Answer::Told(why),
    };
    match written(path, &text, replace) {
        Ok(()) => {
            let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
            Answer::Told(format!("the report is in {}", shown(&whole)))
        }
        Err(why) => Answer::Told(format!("{why}; the program is locked in and writes only into the folder it was started in")),
    }
}

fn rendered(capture: &Path, to: &Path, format: Format, hands: &Hands, asking: Option<&Asking>) -> Result<String, String> {
    let Hands { settings, equipment, case, global, hides, .. } = hands;
    let case = case.as_deref();
    let gathered = Gathered::default();
    let sinks = asking.map(|asking| asking.sinks(&gathered, Keep::Masked));
    let equipment = Equipment { sinks, ..equipment.clone() };
    let (analysis, hash) = report::read_hashed(capture, *settings, &equipment, &mut |_| {}).map_err(|e| e.to_string())?;
    let hash = hash.map_err(|e| format!("the capture cannot be read to its end: {e}"))?;
    let mut builder = ReportBuilder::new();
    builder.begin(report::input(&WireStr::from(file_name(capture)), hash, &analysis));
    for judged in analysis.judged() {
        match hides.as_ref().is_some_and(|hides| hides(&judged)) {
            true => builder.leave_out(),
            false => builder.push(&judged),
        }
    }
    let options = cli::Report {
        files: vec![capture.to_path_buf()],
        output: Some(to.to_path_buf()),
        format: None,
        filter: None,
        phrase: asking.map(Asking::stand_in).unwrap_or_default(),
        case: case.map(|case| case.path.clone()),
        redact: false,
        stamp: false,
    };
    let about = About { command: report::command(&options, global, format), unmasked: global.unmask, ..About::default() };
    let case = case.and_then(CaseFile::case);
    let canary = asking.map(|asking| {
        let mut tested = asking.tested(0, &analysis, &gathered);
        if let Some(hides) = hides {
            tested.canary.hide(|judged| hides(judged));
        }
        asking.section(vec![tested])
    });
    Ok(format.render(&Report { summary: builder.finish(), about, case, canary, catalogue: settings.catalogue }))
}

/// A new file is made as a capture is; one that is there is replaced when the new one is whole.
fn written(path: &Path, text: &str, replace: bool) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("cannot write {}: {e}", shown(path));
    if !replace {
        let mut file = source::new_file(path).map_err(|e| e.to_string())?;
        return file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed);
    }
    let mut whole = Place::of(path).and_then(|place| place.make(Mode::RUSR | Mode::WUSR)).map_err(failed)?;
    whole.file.write_all(text.as_bytes()).and_then(|()| whole.file.sync_all()).map_err(failed)?;
    whole.take_name().map(drop).map_err(failed)
}

/// After an internal error of the screen: the report under a name of its own, where that is free.
pub(super) fn rescue(capture: &Path, hands: &Hands) -> Option<String> {
    let stem = capture.file_name()?.to_string_lossy().into_owned();
    let names = std::iter::once(format!("{stem}.report.html")).chain((2..100).map(|n| format!("{stem}.report-{n}.html")));
    let name = names.into_iter().find(|name| std::fs::symlink_metadata(name).is_err())?;
    match report_to(capture, &name, false, hands, None) {
        Answer::Told(said) => Some(said),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::base::{FrameNo, Timestamp};

    #[test]
    fn marks_of_any_words_are_actions_of_the_case_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.toml");
        std::fs::write(&path, "device = \"Pixel 8\"\n").unwrap();
        let file = CaseFile::open(&path).unwrap();
        for note in ["sent “hello”", "a \"quote\" \\ and\ta tab", "]]\n[x]"] {
            let mark = Mark { at: Timestamp::from_secs(1_700_000_000), frame: FrameNo::new(7), note: note.into() };
            assert!(matches!(file.mark(&mark), Answer::Told(said) if said.contains("in case.toml")), "{note}");
        }
        let case = Case::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(case.device.as_deref(), Some("Pixel 8"));
        let noted: Vec<&str> = case.actions.iter().map(|action| action.what.as_str()).collect();
        assert_eq!(noted, ["sent “hello” (frame 7)", "a \"quote\" \\ and\ta tab (frame 7)", "]]\n[x] (frame 7)"]);
        assert_eq!(file.case(), Some(case));
    }

    #[test]
    fn a_case_file_is_made_new_and_never_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("new.toml"), folder.path().join("link.toml"));
        drop(CaseFile::open(&path).unwrap());
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(CaseFile::open(&link).is_err());
        std::fs::write(&path, "acount = 1\n").unwrap();
        assert!(CaseFile::open(&path).is_err(), "what is no case file is not added to");
    }
}
