//! Rows into Parquet, with bounded memory.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use super::SCHEMA_VERSION;
use super::column::{Builder, Column};
use super::row_groups::RowGroups;
use super::tables::{Row, Table};
use crate::assess::Judged;

/// Rows collected before they are encoded.
const BATCH_ROWS: usize = 2048;
/// Octets collected before they are encoded.
const BATCH_BYTES: usize = 1 << 20;
/// Octets held back of a row group that is not yet written.
const GROUP_BYTES: usize = 16 << 20;

/// Writes a table as Parquet, compressed with zstd.
pub struct TableWriter<W: Write + Send> {
    table: &'static Table,
    groups: RowGroups<W>,
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
        .set_key_value_metadata(Some(said))
        .build()
}

/// The columns of a table as Parquet describes them.
pub(super) fn fields(table: &Table) -> Result<Vec<TypePtr>> {
    table.all_columns().map(Column::field).collect()
}

/// Columns as the schema of a file.
pub(super) fn schema(fields: Vec<TypePtr>) -> Result<TypePtr> {
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?))
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(table: &'static Table, to: W) -> io::Result<TableWriter<W>> {
        let schema = schema(fields(table)?)?;
        // Every column of ours is one of Parquet's too: a list has one kind of items.
        let described = SchemaDescriptor::new(Arc::clone(&schema));
        let builders = table.all_columns().zip(described.columns()).map(|(column, of)| Builder::new(column, of)).collect();
        let groups = RowGroups::new(to, schema, properties(table.name, SCHEMA_VERSION), GROUP_BYTES)?;
        Ok(TableWriter { table, groups, builders, waiting: 0, waiting_bytes: 0, rows: 0 })
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
        for (builder, column) in self.builders.iter_mut().zip(self.groups.columns()) {
            builder.encode(column)?;
        }
        self.groups.wrote(self.waiting)?;
        (self.waiting, self.waiting_bytes) = (0, 0);
        Ok(())
    }

    /// Where it writes to.
    pub fn inner_mut(&mut self) -> &mut W {
        self.groups.inner_mut()
    }

    /// Ends the file; gives back where it was written to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        if self.waiting > 0 {
            self.encode()?;
        }
        self.groups.finish()
    }
}
