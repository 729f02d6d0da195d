//! Rows into Parquet, with bounded memory.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::SCHEMA_VERSION;
use super::column::Builder;
use super::tables::{Row, Table};
use crate::assess::Judged;

/// Rows collected before they are encoded.
const BATCH_ROWS: usize = 2048;
/// Octets collected before they are encoded.
const BATCH_BYTES: usize = 1 << 20;
/// Rows of a row group.
const GROUP_ROWS: usize = 1 << 17;
/// Octets held back of a row group that is not yet written.
const GROUP_BYTES: usize = 8 << 20;

/// Writes a table as Parquet, compressed with zstd.
pub struct TableWriter<W: Write + Send> {
    table: &'static Table,
    schema: SchemaRef,
    writer: ArrowWriter<W>,
    builders: Vec<Builder>,
    waiting: usize,
    waiting_bytes: usize,
    rows: u64,
}

/// How the files are written, and what they say of themselves.
pub(super) fn properties(table: &str, schema: &str) -> WriterProperties {
    let said = [("intransit.schema", schema), ("intransit.table", table), ("intransit.version", env!("CARGO_PKG_VERSION"))];
    let said = said.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned())).collect();
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("intransit ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_key_value_metadata(Some(said))
        .build()
}

/// The Arrow schema of a table.
pub(super) fn schema(table: &Table) -> SchemaRef {
    Arc::new(Schema::new(table.all_columns().map(super::column::Column::field).collect::<Vec<_>>()))
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(table: &'static Table, to: W) -> io::Result<TableWriter<W>> {
        let schema = schema(table);
        let writer = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties(table.name, SCHEMA_VERSION)))?;
        let builders = table.all_columns().map(|column| Builder::new(column.kind)).collect();
        Ok(TableWriter { table, schema, writer, builders, waiting: 0, waiting_bytes: 0, rows: 0 })
    }

    /// Adds the rows of a connection: the `flow`th of the capture `file`. Returns how many there were.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn connection(&mut self, file: &str, flow: u64, judged: &Judged) -> io::Result<u64> {
        let before = self.rows;
        let flow = i64::try_from(flow).unwrap_or(i64::MAX);
        let mut failed = None;
        (self.table.items)(judged, &mut |item| {
            if failed.is_none() {
                failed = self.row(&Row { file, flow, judged, item }).err();
            }
        });
        failed.map_or(Ok(self.rows - before), Err)
    }

    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        for (builder, column) in self.builders.iter_mut().zip(self.table.all_columns()) {
            self.waiting_bytes += builder.push(column.from.value(row))?;
        }
        self.rows += 1;
        self.waiting += 1;
        if self.waiting >= BATCH_ROWS || self.waiting_bytes >= BATCH_BYTES { self.encode() } else { Ok(()) }
    }

    fn encode(&mut self) -> io::Result<()> {
        (self.waiting, self.waiting_bytes) = (0, 0);
        let arrays = self.builders.iter_mut().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(io::Error::other)?;
        self.writer.write(&batch)?;
        if self.writer.in_progress_size() >= GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    /// Where it writes to.
    pub fn inner_mut(&mut self) -> &mut W {
        self.writer.inner_mut()
    }

    /// Ends the file; gives back where it was written to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        if self.waiting > 0 {
            self.encode()?;
        }
        Ok(self.writer.into_inner()?)
    }
}
