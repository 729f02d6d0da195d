//! `inspect --format zeek -o FOLDER`: a file for each log, in Zeek's ASCII format.

use std::io;
use std::path::Path;

use super::Failure;
use super::output::{Output, finish_all};
use crate::assess::Judged;
use crate::base::WireStr;
use crate::present::export::Writer;
use crate::present::export::zeek::{LOGS, Tsv, records};

/// The logs of a folder, each of which takes its name when all is written.
pub(super) struct Logs(Vec<(Tsv, Output)>);

impl Logs {
    /// Begins `conn.log` and the others in a folder.
    pub fn open(folder: &Path) -> Result<Logs, Failure> {
        let open = |log| {
            let mut out = Output::open(Some(&folder.join(format!("{}.log", LOGS.get::<usize>(log).map_or("", |log| log.path)))))?;
            let mut tsv = None;
            out.write(|bytes| {
                tsv = LOGS.get(log).map(|log| Tsv::begin(log, bytes));
                Ok(())
            })?;
            Ok(tsv.map(|tsv| (tsv, out)))
        };
        (0..LOGS.len()).map(open).filter_map(Result::transpose).collect::<Result<Vec<_>, Failure>>().map(Logs)
    }
}

impl Writer for Logs {
    fn connection(&mut self, _: &mut Vec<u8>, file: &WireStr, judged: &Judged) -> io::Result<()> {
        let mut failed = Ok(());
        records(file, judged, &mut |log, cells| {
            if let Some((tsv, out)) = self.0.iter_mut().find(|(tsv, _)| tsv.path() == log.path)
                && failed.is_ok()
            {
                failed = out.write(|bytes| {
                    tsv.record(bytes, cells);
                    Ok(())
                });
            }
        });
        failed.map_err(io::Error::other)
    }

    fn end(&mut self, _: &mut Vec<u8>) -> io::Result<()> {
        finish_all(self.0.drain(..).map(|(_, out)| out).collect()).map_err(io::Error::other)
    }
}
