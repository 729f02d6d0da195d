//! Many small files of one table into few.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, RecordBatch, new_null_array};
use arrow_schema::{FieldRef, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::SCHEMA_VERSION;
use super::tables::TABLES;
use super::writer::{properties, schema};

/// Octets held back of a row group that is not yet written.
const GROUP_BYTES: usize = 32 << 20;
/// Rows read at once.
const BATCH: usize = 4096;

/// What a merge came to.
#[derive(Debug, Default)]
pub struct Merged {
    /// Rows written.
    pub rows: u64,
    /// Rows left out, because their capture was done again by another version or configuration.
    pub left_out: u64,
    /// How many rows of which capture.
    pub of: BTreeMap<String, u64>,
}

/// Parts that can be one file: the same version of the schema, and no column of two types. Columns that some of them lack are null there.
#[derive(Debug)]
pub struct Group<P> {
    /// The files, in the order they were given.
    pub parts: Vec<P>,
    version: String,
    fields: Vec<FieldRef>,
}

/// Sorts parts into as few groups as there can be. What another version of the program wrote is kept, whatever its columns are.
///
/// # Errors
/// When a part cannot be read.
pub fn groups<P: AsRef<Path>>(table: &str, parts: Vec<P>) -> io::Result<Vec<Group<P>>> {
    let ours = TABLES.iter().find(|known| known.name == table).ok_or_else(|| io::Error::other("no such table"))?;
    let mut groups: Vec<Group<P>> = Vec::new();
    for part in parts {
        let (version, fields) = about(part.as_ref())?;
        let joins = |group: &&mut Group<P>| group.version == version && union(&group.fields, &fields).is_some();
        if let Some(group) = groups.iter_mut().find(joins) {
            group.fields = union(&group.fields, &fields).unwrap_or_default();
            group.parts.push(part);
            continue;
        }
        // The columns of today first, in their order, where this file agrees with them.
        let own: Vec<FieldRef> = schema(ours).fields().iter().cloned().collect();
        let fields = union(&own, &fields).filter(|_| version == SCHEMA_VERSION).unwrap_or(fields);
        groups.push(Group { parts: vec![part], version, fields });
    }
    Ok(groups)
}

/// The version of the schema that a file names, and its columns.
fn about(part: &Path) -> io::Result<(String, Vec<FieldRef>)> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(part)?)?;
    let said = builder.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    let version = said.into_iter().find(|said| said.key == "intransit.schema").and_then(|said| said.value.clone()).unwrap_or_default();
    Ok((version, builder.schema().fields().iter().cloned().collect()))
}

/// The columns of both, those of the first one first; a column that only one has is nullable. `None` when one has two types.
fn union(first: &[FieldRef], second: &[FieldRef]) -> Option<Vec<FieldRef>> {
    let named = |list: &[FieldRef], name: &str| list.iter().find(|field| field.name() == name).cloned();
    let nullable = |field: &FieldRef| Arc::new(field.as_ref().clone().with_nullable(true));
    let mut all = Vec::with_capacity(first.len());
    for field in first {
        all.push(match named(second, field.name()) {
            None => nullable(field),
            Some(other) if other.data_type() != field.data_type() => return None,
            Some(other) if other.is_nullable() => nullable(field),
            Some(_) => Arc::clone(field),
        });
    }
    all.extend(second.iter().filter(|field| named(first, field.name()).is_none()).map(nullable));
    Some(all)
}

/// Writes the rows of a group to `to`, in this order, those of captures that `wanted` refuses left out.
///
/// # Errors
/// When a part cannot be read, or `to` cannot be written.
pub fn merge<P: AsRef<Path>>(table: &str, group: &Group<P>, to: File, wanted: &dyn Fn(&str) -> bool) -> io::Result<(Merged, File)> {
    let schema = Arc::new(Schema::new(group.fields.clone()));
    let mut writer = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties(table, &group.version)))?;
    let mut merged = Merged::default();
    for part in &group.parts {
        for batch in open(part.as_ref())? {
            let batch = batch.map_err(io::Error::other)?;
            let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
                Some(column) => Arc::clone(column),
                None => new_null_array(field.data_type(), batch.num_rows()),
            };
            let batch = RecordBatch::try_new(Arc::clone(&schema), group.fields.iter().map(column).collect()).map_err(io::Error::other)?;
            for (id, from, rows) in runs(&batch)? {
                let count = u64::try_from(rows).unwrap_or(u64::MAX);
                if wanted(&id) {
                    writer.write(&batch.slice(from, rows))?;
                    merged.rows += count;
                    *merged.of.entry(id).or_default() += count;
                } else {
                    merged.left_out += count;
                }
            }
            if writer.in_progress_size() >= GROUP_BYTES {
                writer.flush()?;
            }
        }
    }
    Ok((merged, writer.into_inner()?))
}

/// How many rows of which capture stand in a file.
///
/// # Errors
/// When it cannot be read.
pub fn rows_of(part: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut of: BTreeMap<String, u64> = BTreeMap::new();
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(part)?)?;
    let at = builder.schema().index_of("file_id").map_err(io::Error::other)?;
    let first = parquet::arrow::ProjectionMask::roots(builder.parquet_schema(), [at]);
    for batch in builder.with_projection(first).with_batch_size(BATCH).build()? {
        for (id, _, rows) in runs(&batch.map_err(io::Error::other)?)? {
            *of.entry(id).or_default() += u64::try_from(rows).unwrap_or(u64::MAX);
        }
    }
    Ok(of)
}

fn open(part: &Path) -> io::Result<ParquetRecordBatchReader> {
    Ok(ParquetRecordBatchReaderBuilder::try_new(File::open(part)?)?.with_batch_size(BATCH).build()?)
}

/// The captures in a batch: id, first row, rows. The rows of one stand together.
fn runs(batch: &RecordBatch) -> io::Result<Vec<(String, usize, usize)>> {
    let ids = batch.column_by_name("file_id").and_then(|column| column.as_string_opt::<i32>());
    let ids = ids.ok_or_else(|| io::Error::other("there is no file_id"))?;
    let mut runs: Vec<(String, usize, usize)> = Vec::new();
    for at in 0..ids.len() {
        let id = ids.value(at);
        match runs.last_mut() {
            Some((last, _, rows)) if last == id => *rows += 1,
            _ => runs.push((id.to_owned(), at, 1)),
        }
    }
    Ok(runs)
}
