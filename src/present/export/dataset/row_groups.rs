//! Row groups, encoded column by column while their rows come in, with bounded memory.
//!
//! A row group holds its columns one after the other, and rows come with all of them at once: what is encoded of a column waits in memory
//! until the row group is written. It is encoded and compressed then, and its values are gone but for those in a dictionary.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::column::writer::{ColumnWriter, get_column_writer};
use parquet::errors::Result;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, TypePtr};

use super::values::{Mark, Triplets};

/// Rows of a row group, and a batch more at the most.
const ROWS: usize = 1 << 17;

/// A file that row groups are written to.
pub(super) struct RowGroups<W: Write + Send> {
    file: SerializedFileWriter<W>,
    properties: WriterPropertiesPtr,
    columns: Vec<Column>,
    rows: usize,
    most: usize,
}

impl<W: Write + Send> RowGroups<W> {
    /// Begins a file whose row groups hold about `most` octets back before they are written.
    pub fn new(to: W, schema: TypePtr, properties: WriterProperties, most: usize) -> Result<RowGroups<W>> {
        let properties = Arc::new(properties);
        let file = SerializedFileWriter::new(to, schema, Arc::clone(&properties))?;
        let mut groups = RowGroups { file, properties, columns: Vec::new(), rows: 0, most };
        groups.begin();
        Ok(groups)
    }

    fn begin(&mut self) {
        self.rows = 0;
        let columns = self.file.schema_descr().columns();
        self.columns = columns.iter().map(|of| Column::new(Arc::clone(of), Arc::clone(&self.properties))).collect();
    }

    /// The columns, one for each value that is not a list of others, in the order of the schema.
    pub fn columns(&mut self) -> &mut [Column] {
        &mut self.columns
    }

    /// So many rows were written to every column.
    pub fn wrote(&mut self, rows: usize) -> Result<()> {
        self.rows += rows;
        let held = || self.columns.iter().map(Column::held).sum::<usize>();
        if self.rows >= ROWS || held() >= self.most {
            self.put()?;
            self.begin();
        }
        Ok(())
    }

    fn put(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for column in self.columns.drain(..) {
            let closed = column.writer.close()?;
            group.append_column(&column.pages.taken(), closed)?;
        }
        group.close()?;
        Ok(())
    }

    /// Where it writes to.
    pub fn inner_mut(&mut self) -> &mut W {
        self.file.inner_mut()
    }

    /// Ends the file; gives back where it was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.put()?;
        Ok(self.file.into_inner()?)
    }
}

/// A column of a row group.
pub(super) struct Column {
    writer: ColumnWriter<'static>,
    pages: Pages,
    /// Octets that values in the dictionary are part of, and how many octets of numbers may be in it.
    kept: Vec<Bytes>,
    numbers: usize,
}

impl Column {
    fn new(of: ColumnDescPtr, properties: WriterPropertiesPtr) -> Column {
        let pages = Pages::default();
        let writer = get_column_writer(of, properties, Box::new(pages.clone()));
        Column { writer, pages, kept: Vec::new(), numbers: 0 }
    }

    /// Writes everything of `values`, and forgets it there.
    pub fn write(&mut self, values: &mut Triplets) -> Result<()> {
        self.write_part(values, values.all())?;
        self.wrote(values);
        Ok(())
    }

    /// Writes a part of `values`.
    pub fn write_part(&mut self, values: &Triplets, which: Range<Mark>) -> Result<()> {
        values.write(&mut self.writer, which)
    }

    /// All parts were written.
    pub fn wrote(&mut self, values: &mut Triplets) {
        let (octets, numbers) = values.forget();
        self.kept.extend(octets);
        self.kept.retain(|octets| !octets.is_empty() && !octets.is_unique());
        self.numbers += numbers;
    }

    /// About how many octets are held: pages that are written, and the dictionary before. As long as there is one its pages wait behind it, and
    /// they are small.
    fn held(&self) -> usize {
        let written = self.pages.with(|pages| pages.bytes_written());
        let numbers = if written == 0 { self.numbers } else { 0 };
        written + numbers + self.kept.iter().map(Bytes::len).sum::<usize>()
    }
}

/// Pages in memory: the writer of a column writes them, and they are taken from here afterwards.
#[derive(Clone)]
struct Pages(Arc<Mutex<TrackedWrite<Vec<u8>>>>);

impl Default for Pages {
    fn default() -> Pages {
        Pages(Arc::new(Mutex::new(TrackedWrite::new(Vec::new()))))
    }
}

impl Pages {
    fn with<T>(&self, then: impl FnOnce(&mut TrackedWrite<Vec<u8>>) -> T) -> T {
        then(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn taken(&self) -> Bytes {
        // The writer was closed, and has flushed them.
        self.with(|pages| Bytes::from(std::mem::take(pages.inner_mut())))
    }
}

impl PageWriter for Pages {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        self.with(|pages| SerializedPageWriter::new(pages).write_page(page))
    }

    fn close(&mut self) -> Result<()> {
        self.with(|pages| SerializedPageWriter::new(pages).close())
    }
}
