//! `inspect --format parquet`: the connections as one file, without the folders of a dataset.

use std::io;

use super::{TABLES, TableWriter};
use crate::assess::Judged;
use crate::base::WireStr;
use crate::present::export::Writer;

/// One Parquet file of connections. `file_id` is the name of the capture here.
#[derive(Default)]
pub struct Parquet {
    writer: Option<TableWriter<Vec<u8>>>,
    file: Option<WireStr>,
    flow: u64,
}

impl Writer for Parquet {
    fn begin(&mut self, _: &mut Vec<u8>) -> io::Result<()> {
        let [flows, ..] = &TABLES;
        self.writer = Some(TableWriter::new(flows, Vec::new())?);
        Ok(())
    }

    fn connection(&mut self, out: &mut Vec<u8>, file: &WireStr, judged: &Judged) -> io::Result<()> {
        if self.file.as_ref() != Some(file) {
            self.file = Some(file.clone());
            self.flow = 0;
        }
        self.flow += 1;
        let Some(writer) = &mut self.writer else { return Err(io::Error::other("the file was not begun")) };
        writer.connection(&file.to_string(), self.flow, judged)?;
        // What is encoded already leaves; the writer only counts it.
        out.append(writer.inner_mut());
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if let Some(writer) = self.writer.take() {
            out.append(&mut writer.finish()?);
        }
        Ok(())
    }
}
