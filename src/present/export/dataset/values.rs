//! Values of one column as Parquet stores them: those that are there, and two levels for each entry. The definition level says how much of
//! the way to it is there, and is at its highest where the value is; the repetition level is zero where a row begins.

use std::ops::Range;

use bytes::Bytes;
use parquet::basic::Type as Physical;
use parquet::column::reader::ColumnReader;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type, Int96Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescriptor;

/// Everything that differs from one physical type to the other, in one place.
macro_rules! physical {
    ($($name:ident: $physical:ident, $data:ty, $reader:ident, $writer:ident;)*) => {
        /// Values of one physical type.
        pub(super) enum Values {
            $($name(Vec<<$data as DataType>::T>),)*
        }

        impl Values {
            fn new(of: Physical) -> Values {
                match of {
                    $(Physical::$physical => Values::$name(Vec::new()),)*
                }
            }

            pub fn len(&self) -> usize {
                match self {
                    $(Values::$name(values) => values.len(),)*
                }
            }

            fn clear(&mut self) {
                match self {
                    $(Values::$name(values) => values.clear(),)*
                }
            }

            fn read(&mut self, from: &mut ColumnReader, rows: usize, def: &mut Vec<i16>, rep: &mut Vec<i16>) -> Result<usize> {
                match (self, from) {
                    $((Values::$name(values), ColumnReader::$reader(from)) => Ok(from.read_records(rows, Some(def), Some(rep), values)?.0),)*
                    _ => Err(another_type()),
                }
            }

            fn write(&self, to: &mut ColumnWriter<'_>, which: Range<usize>, def: Option<&[i16]>, rep: Option<&[i16]>) -> Result<usize> {
                match (self, to) {
                    $((Values::$name(values), ColumnWriter::$writer(to)) => {
                        to.write_batch(values.get(which).unwrap_or_default(), def, rep)
                    })*
                    _ => Err(another_type()),
                }
            }
        }
    };
}

physical! {
    Bool: BOOLEAN, BoolType, BoolColumnReader, BoolColumnWriter;
    Int32: INT32, Int32Type, Int32ColumnReader, Int32ColumnWriter;
    Int64: INT64, Int64Type, Int64ColumnReader, Int64ColumnWriter;
    Int96: INT96, Int96Type, Int96ColumnReader, Int96ColumnWriter;
    Float: FLOAT, FloatType, FloatColumnReader, FloatColumnWriter;
    Double: DOUBLE, DoubleType, DoubleColumnReader, DoubleColumnWriter;
    Octets: BYTE_ARRAY, ByteArrayType, ByteArrayColumnReader, ByteArrayColumnWriter;
    Fixed: FIXED_LEN_BYTE_ARRAY, FixedLenByteArrayType, FixedLenByteArrayColumnReader, FixedLenByteArrayColumnWriter;
}

fn another_type() -> ParquetError {
    ParquetError::General("a value of another type than its column".to_owned())
}

/// Some rows of one column.
pub(super) struct Triplets {
    pub values: Values,
    pub def: Vec<i16>,
    pub rep: Vec<i16>,
    max_def: i16,
    max_rep: i16,
    /// Where the octets lie that the values are part of, when they lie together.
    together: Option<Bytes>,
}

/// A part of [`Triplets`]: so many entries, and so many values among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub entry: usize,
    pub value: usize,
}

impl Triplets {
    pub fn new(of: &ColumnDescriptor) -> Triplets {
        Triplets {
            values: Values::new(of.physical_type()),
            def: Vec::new(),
            rep: Vec::new(),
            max_def: of.max_def_level(),
            max_rep: of.max_rep_level(),
            together: None,
        }
    }

    pub fn clear(&mut self) {
        self.values.clear();
        self.def.clear();
        self.rep.clear();
        self.together = None;
    }

    /// The level of an entry whose value is there.
    pub fn max_def(&self) -> i16 {
        self.max_def
    }

    /// Whether it is the column of a list.
    pub fn repeats(&self) -> bool {
        self.max_rep > 0
    }

    /// Takes these octets as values, each ending where `ends` says.
    pub fn take(&mut self, octets: Vec<u8>, ends: &[usize]) -> Result<()> {
        let Values::Octets(values) = &mut self.values else { return Err(another_type()) };
        let octets = Bytes::from(octets);
        let mut begin = 0;
        for end in ends {
            values.push(ByteArray::from(octets.slice(begin..*end)));
            begin = *end;
        }
        self.together = Some(octets);
        Ok(())
    }

    /// Reads so many rows, or as many as there are; says how many.
    pub fn read(&mut self, from: &mut ColumnReader, rows: usize) -> Result<usize> {
        self.clear();
        let rows = self.values.read(from, rows, &mut self.def, &mut self.rep)?;
        // What is read is part of whole pages: a dictionary that keeps one value of each would keep them all.
        if let Values::Octets(values) = &mut self.values {
            let mut octets = Vec::with_capacity(values.iter().map(ByteArray::len).sum());
            let mut ends = Vec::with_capacity(values.len());
            for value in values.drain(..) {
                octets.extend_from_slice(value.data());
                ends.push(octets.len());
            }
            self.take(octets, &ends)?;
        }
        Ok(rows)
    }

    /// So many rows without a value.
    pub fn nulls(&mut self, rows: usize) {
        self.clear();
        self.def.resize(rows, 0);
        if self.repeats() {
            self.rep.resize(rows, 0);
        }
    }

    /// What was read of so many rows from a column in which every row has a value, as one in which that need not be.
    pub fn lift(&mut self, rows: usize) {
        if self.def.is_empty() {
            // One that is no list had no levels.
            self.def.resize(rows, self.max_def);
        } else {
            self.def.iter_mut().for_each(|level| *level += 1);
        }
    }

    /// The end of so many more rows, from here.
    pub fn after(&self, from: Mark, rows: usize) -> Mark {
        let mut at = from;
        let mut begun = 0;
        let entries = self.entries();
        while at.entry < entries {
            if self.rep.get(at.entry).is_none_or(|level| *level == 0) {
                if begun == rows {
                    break;
                }
                begun += 1;
            }
            at.value += usize::from(self.max_def == 0 || self.def.get(at.entry) == Some(&self.max_def));
            at.entry += 1;
        }
        at
    }

    /// Everything.
    pub fn all(&self) -> Range<Mark> {
        Mark::default()..Mark { entry: self.entries(), value: self.values.len() }
    }

    fn entries(&self) -> usize {
        // A list has such levels, too, also one that is always there.
        if self.max_def == 0 { self.values.len() } else { self.def.len() }
    }

    /// Writes a part.
    pub fn write(&self, to: &mut ColumnWriter<'_>, which: Range<Mark>) -> Result<()> {
        let entries = which.start.entry..which.end.entry;
        let def = if self.max_def > 0 { self.def.get(entries.clone()) } else { None };
        let rep = if self.max_rep > 0 { self.rep.get(entries) } else { None };
        self.values.write(to, which.start.value..which.end.value, def, rep)?;
        Ok(())
    }

    /// Forgets them after they were written. The writer may keep some of them for its dictionary: gives back the octets they are part of, or
    /// says how many octets the numbers take.
    pub fn forget(&mut self) -> (Option<Bytes>, usize) {
        let numbers = self.values.len() * 8;
        let together = self.together.take();
        if let Values::Octets(values) = &mut self.values {
            // Each is larger than most of what it stands for: room for them is not kept for every column.
            *values = Vec::new();
        }
        self.clear();
        let numbers = if together.is_none() { numbers } else { 0 };
        (together, numbers)
    }
}
