//! `intransit compare`: what changed between two captures.

use super::output::Output;
use super::progress::Progress;
use super::report::{choose, input, read_hashed};
use super::{Failure, Grades, Outcome, Read, catalogue, file_name, keys, lock, settings, shown};
use crate::assess::report::{About, Comparison, Part, Side};
use crate::base::WireStr;
use crate::cli::{self, Global};
use crate::engine;
use crate::present::report::compare::render;
use crate::source::SourceError;

/// Writes a comparison.
///
/// # Errors
/// When a capture cannot be read, or the output not be written.
pub fn compare(options: &cli::Compare, global: &Global) -> Result<Outcome, Failure> {
    let format = choose(options.format, options.output.as_deref())?;
    let paths = [&options.first, &options.second];
    let mut out = Output::open(options.output.as_deref())?;
    lock::lock(global, &lock::reporting(&paths.map(Clone::clone), Some(&out), global))?;
    let mut read = Read::default();
    let mut failed = None;
    let equipment = keys::equipment(global)?;
    let mut sides = [0, 1].map(Side::new);
    let mut next = sides.iter_mut();
    let progress = Progress::over(paths.iter().map(|path| path.as_path()), global.quiet);
    engine::analyse_each(
        &paths,
        settings(global)?,
        |path, settings| {
            let (analysis, hash) = read_hashed(path, settings, &equipment, &mut progress.of_one())?;
            Ok((analysis, hash?))
        },
        |path, result: Result<_, SourceError>| match (result, next.next()) {
            (Ok((analysis, hash)), Some(side)) => {
                let name = WireStr::from(file_name(path));
                let mut grades = Grades::default();
                side.begin(input(&name, hash, &analysis));
                let chosen = |judged: &_| options.filter.as_ref().is_none_or(|chosen| chosen.filter.matches(judged));
                for judged in analysis.judged() {
                    grades.count(&judged);
                    if chosen(&judged) {
                        side.push(&judged);
                    } else {
                        side.leave_out();
                    }
                }
                progress.clear();
                read.note(&name, &analysis, &grades, global.quiet);
            }
            (Err(error), _) => failed = failed.take().or(Some(Failure::Input(shown(path), error.to_string()))),
            (Ok(_), None) => {}
        },
    );
    if let Some(failure) = failed {
        return Err(failure);
    }
    let [first, second] = sides;
    let mut command: Vec<Part> = vec!["intransit".into(), "compare".into()];
    command.extend(paths.iter().map(|path| Part::File(file_name(path).into())));
    if let Some(chosen) = &options.filter {
        let text = if chosen.filter.is_public() { Part::from(chosen.text.clone()) } else { Part::Quoted(chosen.text.as_str().into()) };
        command.extend(["--filter".into(), text]);
    }
    if options.redact {
        command.push("--redact".into());
    }
    let about = About {
        command,
        filter: options.filter.as_ref().map(|chosen| chosen.text.clone()),
        filter_is_public: options.filter.as_ref().is_some_and(|chosen| chosen.filter.is_public()),
        redacted: options.redact,
        ..About::default()
    };
    let comparison = Comparison::of(first, second, about, catalogue(global)?);
    let text = render(&comparison, format.name).ok_or_else(|| Failure::Usage(format!("no comparison is written as {}", format.name)))?;
    out.write(|bytes| {
        bytes.extend_from_slice(text.as_bytes());
        Ok(())
    })?;
    out.finish()?;
    Ok(read.outcome())
}
