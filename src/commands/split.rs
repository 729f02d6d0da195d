//! `intransit split`: one large capture into parts, each a task of its own for whatever runs `one`.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::output::{Output, closed_pipe, finish_all};
use super::progress::Progress;
use super::{Failure, Outcome, file_name, lock, shown};
use crate::base::{WireStr, escape_into};
use crate::cli::{self, Global};
use crate::engine;
use crate::source::sandbox::Needs;
use crate::source::{self, Parts, Source as _, SourceError};

/// Writes the parts of a capture; on standard output, their paths.
///
/// # Errors
/// When a part cannot be written. None is left then.
pub fn split(options: &cli::Split, global: &Global) -> Result<Outcome, Failure> {
    let path = &options.file;
    let name = if path == Path::new("-") { "standard-input".to_owned() } else { file_name(path) };
    fs::create_dir_all(&options.out).map_err(|e| Failure::Output(shown(&options.out), e))?;
    let places: Vec<_> = (1..=options.parts).map(|part| options.out.join(part_name(&name, part, options.parts))).collect();
    let mut outputs = places.iter().map(|place| Output::open(Some(place))).collect::<Result<Vec<_>, Failure>>()?;
    let needs = Needs { read: vec![path.clone()], write: outputs.iter().filter_map(Output::folder).collect(), ..Needs::default() };
    lock::lock(global, &needs)?;
    let refuse = |why: &str| {
        let mut safe = String::new();
        // Writing to a String cannot fail; standard error may be closed.
        let _ = escape_into(&mut safe, why.as_bytes());
        let _ = writeln!(io::stderr(), "intransit: {}: {safe}", shown(path));
        Ok(Outcome::Nothing)
    };
    let opened = if path == Path::new("-") { source::read(io::stdin(), None) } else { source::open(path) };
    let mut source = match opened {
        Ok(source) => source,
        Err(error) => return refuse(&error.to_string()),
    };
    if let Some(part) = source.capture().part {
        return Err(Failure::Usage(format!("{} is {part} of a capture already: split the whole into more parts", shown(path))));
    }
    let progress = Progress::over([path.as_path()], global.quiet);
    let parts = Parts { of: options.parts, name: WireStr::from(name.as_str()).to_string() };
    let mut put = |part: usize, fill: &mut dyn FnMut(&mut Vec<u8>)| match outputs.get_mut(part) {
        Some(output) => {
            let filled = output.write(|bytes| {
                fill(bytes);
                Ok(())
            });
            filled.map_err(Stopped::Output)
        }
        None => Ok(()),
    };
    let done = match engine::split::split(&mut source, &parts, &mut put, &mut progress.of_one()) {
        Ok(done) => done,
        Err(Stopped::Output(failure)) => return Err(failure),
        Err(Stopped::Source(error)) => return refuse(&error.to_string()),
    };
    drop(progress);
    finish_all(outputs)?;
    // For `batch -`, a path as it is; for a terminal, safe to print.
    let line = |place: &PathBuf| match io::stdout().is_terminal() {
        true => shown(place).into_bytes(),
        false => place.as_os_str().as_encoded_bytes().to_vec(),
    };
    let list: Vec<u8> = places.iter().flat_map(|place| [line(place), vec![b'\n']].concat()).collect();
    io::stdout().write_all(&list).or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    let capture = source.capture();
    let mut err = io::stderr().lock();
    // Standard error may be closed; the parts are there.
    if !global.quiet {
        let (least, most) = (done.frames.iter().min().unwrap_or(&0), done.frames.iter().max().unwrap_or(&0));
        let _ = writeln!(
            err,
            "intransit: {} frames in {} parts of {least} to {most}; {} frames stand in several parts, because connections of others need them",
            capture.frames, options.parts, done.copied
        );
    }
    if done.not_copied > 0 {
        let _ = writeln!(
            err,
            "intransit: {} frames that may be needed in other parts were not copied there, because copies would have taken more than the \
             capture: names from DNS and the like may be missing",
            done.not_copied
        );
    }
    if let Some(damage) = &capture.damage {
        let mut what = String::new();
        let _ = escape_into(&mut what, damage.to_string().as_bytes());
        let _ = writeln!(err, "intransit: {}: {what}; the {} frames before it are in the parts", shown(path), capture.frames);
        return Ok(Outcome::Partial);
    }
    Ok(Outcome::Done)
}

enum Stopped {
    Source(SourceError),
    Output(Failure),
}

impl From<SourceError> for Stopped {
    fn from(error: SourceError) -> Stopped {
        Stopped::Source(error)
    }
}

/// `day.pcap.gz` → `day.part-03-of-08.pcapng`.
fn part_name(whole: &str, number: u8, of: u8) -> String {
    let bare = [".gz", ".zst", ".xz"].iter().find_map(|suffix| whole.strip_suffix(suffix)).unwrap_or(whole);
    let stem = [".pcapng", ".pcap", ".cap"].iter().find_map(|suffix| bare.strip_suffix(suffix)).unwrap_or(bare);
    format!("{stem}.part-{number:02}-of-{of:02}.pcapng")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_called_as_the_whole_and_sort_by_number() {
        assert_eq!(part_name("day.pcap.gz", 3, 8), "day.part-03-of-08.pcapng");
        assert_eq!(part_name("day.pcapng", 12, 64), "day.part-12-of-64.pcapng");
        assert_eq!(part_name("dump", 1, 2), "dump.part-01-of-02.pcapng");
    }
}
