//! Many small files of one table into few.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

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

/// Writes the rows of `parts` to `to`, in this order, those of captures that `wanted` refuses left out.
///
/// # Errors
/// When a part cannot be read or has another schema, or `to` cannot be written.
pub fn merge(table: &str, parts: &[impl AsRef<Path>], to: File, wanted: &dyn Fn(&str) -> bool) -> io::Result<(Merged, File)> {
    let table = TABLES.iter().find(|known| known.name == table).ok_or_else(|| io::Error::other("no such table"))?;
    let schema = schema(table);
    let mut writer = ArrowWriter::try_new(to, std::sync::Arc::clone(&schema), Some(properties(table.name)))?;
    let mut merged = Merged::default();
    for part in parts {
        for batch in open(part.as_ref())? {
            let batch = batch.map_err(io::Error::other)?;
            if batch.schema_ref().fields() != schema.fields() {
                return Err(io::Error::other(format!("{} was written by a version with other columns", part.as_ref().display())));
            }
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
    let first = parquet::arrow::ProjectionMask::roots(builder.parquet_schema(), [0]);
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
    let ids = batch.columns().first().and_then(|column| column.as_string_opt::<i32>());
    let ids = ids.ok_or_else(|| io::Error::other("the first column is no file_id"))?;
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
