//! Many small files of one table into few.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Repetition;
use parquet::column::reader::ColumnReader;
use parquet::file::reader::{FileReader as _, RowGroupReader, SerializedFileReader};
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use super::SCHEMA_VERSION;
use super::row_groups::{Column, RowGroups};
use super::tables::TABLES;
use super::values::{Mark, Triplets, Values};
use super::writer::{fields, properties, schema};

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
    fields: Vec<TypePtr>,
}

/// Sorts parts into as few groups as there can be. What another version of the program wrote is kept, whatever its columns are.
///
/// # Errors
/// When a part cannot be read.
pub fn groups<P: AsRef<Path>>(table: &str, parts: Vec<P>) -> io::Result<Vec<Group<P>>> {
    let ours = TABLES.iter().find(|known| known.name == table).ok_or_else(|| io::Error::other("no such table"))?;
    let mut groups: Vec<Group<P>> = Vec::new();
    for part in parts {
        let (version, theirs) = about(part.as_ref())?;
        let joined = groups.iter_mut().filter(|group| group.version == version);
        if let Some((group, all)) = joined.filter_map(|group| union(&group.fields, &theirs).map(|all| (group, all))).next() {
            group.fields = all;
            group.parts.push(part);
            continue;
        }
        // The columns of today first, in their order, where this file agrees with them.
        let all = union(&fields(ours)?, &theirs).filter(|_| version == SCHEMA_VERSION).unwrap_or(theirs);
        groups.push(Group { parts: vec![part], version, fields: all });
    }
    Ok(groups)
}

/// The version of the schema that a file names, and its columns.
fn about(part: &Path) -> io::Result<(String, Vec<TypePtr>)> {
    let reader = SerializedFileReader::new(File::open(part)?)?;
    let about = reader.metadata().file_metadata();
    let said = about.key_value_metadata().into_iter().flatten().find(|said| said.key == "intransit.schema");
    Ok((said.and_then(|said| said.value.clone()).unwrap_or_default(), about.schema().get_fields().to_vec()))
}

/// The columns of both, those of the first one first; a column that only one has is nullable. `None` when one has two types.
fn union(first: &[TypePtr], second: &[TypePtr]) -> Option<Vec<TypePtr>> {
    let named = |list: &[TypePtr], name: &str| list.iter().find(|field| field.name() == name).cloned();
    let mut all = Vec::with_capacity(first.len());
    for field in first {
        all.push(match named(second, field.name()) {
            None => nullable(field)?,
            Some(other) if nullable(&other)? != nullable(field)? => return None,
            Some(other) if other.is_optional() => nullable(field)?,
            Some(_) => Arc::clone(field),
        });
    }
    for field in second {
        if named(first, field.name()).is_none() {
            all.push(nullable(field)?);
        }
    }
    Some(all)
}

/// The same column, whose value may lack. `None` for a type that cannot be had.
fn nullable(field: &TypePtr) -> Option<TypePtr> {
    if field.is_optional() {
        return Some(Arc::clone(field));
    }
    let about = field.get_basic_info();
    let id = about.has_id().then(|| about.id());
    let logical = about.logical_type_ref().cloned();
    let made = match field.as_ref() {
        Type::PrimitiveType { physical_type, type_length, scale, precision, .. } => {
            Type::primitive_type_builder(field.name(), *physical_type)
                .with_repetition(Repetition::OPTIONAL)
                .with_converted_type(about.converted_type())
                .with_logical_type(logical)
                .with_length(*type_length)
                .with_precision(*precision)
                .with_scale(*scale)
                .with_id(id)
                .build()
        }
        Type::GroupType { fields, .. } => Type::group_type_builder(field.name())
            .with_repetition(Repetition::OPTIONAL)
            .with_converted_type(about.converted_type())
            .with_logical_type(logical)
            .with_fields(fields.clone())
            .with_id(id)
            .build(),
    };
    made.ok().map(Arc::new)
}

/// Writes the rows of a group to `to`, in this order, those of captures that `wanted` refuses left out.
///
/// # Errors
/// When a part cannot be read, or `to` cannot be written.
pub fn merge<P: AsRef<Path>>(table: &str, group: &Group<P>, to: File, wanted: &dyn Fn(&str) -> bool) -> io::Result<(Merged, File)> {
    let schema = schema(group.fields.clone())?;
    let ours = SchemaDescriptor::new(Arc::clone(&schema));
    let mut writer = RowGroups::new(to, schema, properties(table, &group.version), GROUP_BYTES)?;
    let mut merged = Merged::default();
    for part in &group.parts {
        let reader = SerializedFileReader::new(File::open(part.as_ref())?)?;
        for at in 0..reader.num_row_groups() {
            let rows = reader.get_row_group(at)?;
            let mut ids = Ids::of(rows.as_ref())?;
            let mut sources = sources(&ours, rows.as_ref())?;
            loop {
                let runs = ids.next()?;
                if runs.is_empty() {
                    break;
                }
                let runs: Vec<(bool, usize)> = runs.into_iter().map(|(id, rows)| (merged.count(id, rows, wanted), rows)).collect();
                for (source, column) in sources.iter_mut().zip(writer.columns()) {
                    source.copy(&runs, column)?;
                }
                writer.wrote(runs.iter().filter(|(wanted, _)| *wanted).map(|(_, rows)| rows).sum())?;
            }
        }
    }
    Ok((merged, writer.finish()?))
}

impl Merged {
    /// Counts rows of a capture; says whether they are wanted.
    fn count(&mut self, id: String, rows: usize, wanted: &dyn Fn(&str) -> bool) -> bool {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        let wanted = wanted(&id);
        if wanted {
            self.rows += rows;
            *self.of.entry(id).or_default() += rows;
        } else {
            self.left_out += rows;
        }
        wanted
    }
}

/// Where the values of a column come from.
struct Source {
    /// Nowhere, where the file lacks it.
    from: Option<ColumnReader>,
    /// Every row has a value there, and that need not be where it is written.
    lifted: bool,
    values: Triplets,
}

/// Where each of our columns comes from in these rows.
fn sources(ours: &SchemaDescriptor, rows: &dyn RowGroupReader) -> io::Result<Vec<Source>> {
    let theirs = rows.metadata().schema_descr();
    let mut sources: Vec<Source> = Vec::with_capacity(ours.num_columns());
    for (at, column) in ours.columns().iter().enumerate() {
        let root = ours.get_column_root_idx(at);
        // A column of ours may be several of Parquet's, and they are the same there: it has the same type.
        let inner = (0..at).rev().take_while(|before| ours.get_column_root_idx(*before) == root).count();
        let first = (0..theirs.num_columns()).find(|other| theirs.get_column_root(*other).name() == ours.get_column_root(at).name());
        let there = first.map(|first| first + inner).filter(|other| *other < theirs.num_columns());
        sources.push(Source {
            from: there.map(|other| rows.get_column_reader(other)).transpose()?,
            lifted: there.is_some_and(|other| theirs.column(other).max_def_level() < column.max_def_level()),
            values: Triplets::new(column),
        });
    }
    Ok(sources)
}

impl Source {
    /// Copies the next rows, those that are wanted of each run.
    fn copy(&mut self, runs: &[(bool, usize)], to: &mut Column) -> io::Result<()> {
        let rows = runs.iter().map(|(_, rows)| rows).sum();
        match &mut self.from {
            None => self.values.nulls(rows),
            Some(from) => {
                if self.values.read(from, rows)? != rows {
                    return Err(io::Error::other("a column has fewer rows than others"));
                }
                if self.lifted {
                    self.values.lift(rows);
                }
            }
        }
        if runs.iter().all(|(wanted, _)| *wanted) {
            return Ok(to.write(&mut self.values)?);
        }
        let mut begin = Mark::default();
        for (wanted, rows) in runs {
            let end = self.values.after(begin, *rows);
            if *wanted {
                to.write_part(&self.values, begin..end)?;
            }
            begin = end;
        }
        to.wrote(&mut self.values);
        Ok(())
    }
}

/// How many rows of which capture stand in a file.
///
/// # Errors
/// When it cannot be read.
pub fn rows_of(part: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut of: BTreeMap<String, u64> = BTreeMap::new();
    let reader = SerializedFileReader::new(File::open(part)?)?;
    for at in 0..reader.num_row_groups() {
        let mut ids = Ids::of(reader.get_row_group(at)?.as_ref())?;
        loop {
            let runs = ids.next()?;
            if runs.is_empty() {
                break;
            }
            for (id, rows) in runs {
                *of.entry(id).or_default() += u64::try_from(rows).unwrap_or(u64::MAX);
            }
        }
    }
    Ok(of)
}

/// The captures that rows are of.
struct Ids {
    from: ColumnReader,
    values: Triplets,
}

impl Ids {
    fn of(rows: &dyn RowGroupReader) -> io::Result<Ids> {
        let columns = rows.metadata().schema_descr().columns();
        let found = columns.iter().enumerate().find(|(_, column)| column.path().parts() == ["file_id"]);
        let (at, column) = found.ok_or_else(no_id)?;
        Ok(Ids { values: Triplets::new(column), from: rows.get_column_reader(at)? })
    }

    /// The next rows: id and how many of it follow each other. The rows of one stand together. None at the end.
    fn next(&mut self) -> io::Result<Vec<(String, usize)>> {
        let rows = self.values.read(&mut self.from, BATCH)?;
        let Values::Octets(ids) = &self.values.values else { return Err(no_id()) };
        if ids.len() != rows {
            return Err(no_id());
        }
        let mut runs: Vec<(String, usize)> = Vec::new();
        for id in ids {
            let id = id.as_utf8()?;
            match runs.last_mut() {
                Some((last, rows)) if last == id => *rows += 1,
                _ => runs.push((id.to_owned(), 1)),
            }
        }
        Ok(runs)
    }
}

fn no_id() -> io::Error {
    io::Error::other("there is no file_id")
}
