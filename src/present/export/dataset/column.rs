//! Columns: their types, the values that go in, and how they are collected.

use std::borrow::Cow;
use std::io;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::{ColumnDescPtr, Type as Parquet, TypePtr};

use super::row_groups;
use super::tables::From;
use super::values::{Triplets, Values};

/// Everything that differs from type to type but for how a value is added: what `intransit schema dataset` calls it, what a value is, and
/// as what Parquet has it.
macro_rules! types {
    ($($(#[$doc:meta])* $name:ident($value:ty) = $word:literal, $physical:ident, $logical:expr, $is_list:literal;)*) => {
        /// The type of a column: those that DuckDB, Polars, pyarrow and Spark all read. Counts are signed, because Spark knows no unsigned ones.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Type {
            $($(#[$doc])* $name,)*
        }

        /// One value. What is not known is `Null`, never empty or zero.
        #[derive(Debug)]
        pub enum Value<'a> {
            /// Not known.
            Null,
            $($(#[$doc])* $name($value),)*
        }

        impl Type {
            /// As `intransit schema dataset` calls it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Type::$name => $word,)*
                }
            }

            /// As what Parquet stores it, what that means, and whether it is a list of them.
            fn parquet(self) -> (Physical, Option<LogicalType>, bool) {
                match self {
                    $(Type::$name => (Physical::$physical, $logical, $is_list),)*
                }
            }
        }

        impl Value<'_> {
            fn kind(&self) -> Option<Type> {
                match self {
                    Value::Null => None,
                    $(Value::$name(_) => Some(Type::$name),)*
                }
            }
        }
    };
}

types! {
    /// UTF-8.
    Text(Cow<'a, str>) = "utf8", BYTE_ARRAY, Some(LogicalType::String), false;
    /// A list of UTF-8.
    Texts(Vec<String>) = "list<utf8>", BYTE_ARRAY, Some(LogicalType::String), true;
    /// 64 bits, signed.
    Int(i64) = "int64", INT64, None, false;
    /// A list of 64 bits, signed.
    Ints(Vec<i64>) = "list<int64>", INT64, None, true;
    /// 32 bits, signed.
    Small(i32) = "int32", INT32, None, false;
    /// True or false.
    Bool(bool) = "bool", BOOLEAN, None, false;
    /// Nanoseconds since 1970-01-01T00:00:00Z, UTC.
    Time(i64) = "timestamp[ns, UTC]", INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS)), false;
    /// Octets.
    Bytes(Vec<u8>) = "binary", BYTE_ARRAY, None, false;
}

impl<'a> Value<'a> {
    /// Text, or not known.
    pub(super) fn text(text: Option<impl Into<Cow<'a, str>>>) -> Value<'a> {
        text.map_or(Value::Null, |text| Value::Text(text.into()))
    }

    /// A count; beyond 63 bits the highest there is.
    pub(super) fn count(n: u64) -> Value<'a> {
        Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

/// Collects the values of one column.
pub(super) struct Builder {
    kind: Type,
    required: bool,
    values: Triplets,
    /// Octets of the values that are octets, one after the other, and where each ends.
    octets: Vec<u8>,
    ends: Vec<usize>,
}

impl Builder {
    pub fn new(column: &Column, of: &ColumnDescPtr) -> Builder {
        Builder { kind: column.kind, required: column.required, values: Triplets::new(of), octets: Vec::new(), ends: Vec::new() }
    }

    /// Adds a value; returns about how many octets it takes.
    pub fn push(&mut self, value: Value<'_>) -> io::Result<usize> {
        match value.kind() {
            None if self.required => return Err(io::Error::other("a value is missing where there has to be one")),
            Some(kind) if kind != self.kind => {
                return Err(io::Error::other(format!("a value of another type than its column: {value:?}")));
            }
            _ => {}
        }
        Ok(match value {
            Value::Null => {
                self.levels(0, false);
                4
            }
            Value::Text(text) => self.one(|to| to.octets(text.as_bytes())),
            Value::Bytes(octets) => self.one(|to| to.octets(&octets)),
            Value::Int(n) | Value::Time(n) => self.one(|to| to.number(n)),
            Value::Small(n) => self.one(|to| {
                if let Values::Int32(values) = &mut to.values.values {
                    values.push(n);
                }
                4
            }),
            Value::Bool(is) => self.one(|to| {
                if let Values::Bool(values) = &mut to.values.values {
                    values.push(is);
                }
                1
            }),
            Value::Texts(list) => self.list(list.iter(), |to, text| to.octets(text.as_bytes())),
            Value::Ints(list) => self.list(list.iter(), |to, n| to.number(*n)),
        })
    }

    fn levels(&mut self, def: i16, goes_on: bool) {
        if self.values.max_def() > 0 {
            self.values.def.push(def);
        }
        if self.values.repeats() {
            self.values.rep.push(goes_on.into());
        }
    }

    fn one(&mut self, push: impl FnOnce(&mut Builder) -> usize) -> usize {
        self.levels(self.values.max_def(), false);
        push(self)
    }

    fn list<T>(&mut self, list: impl ExactSizeIterator<Item = T>, push: impl Fn(&mut Builder, T) -> usize) -> usize {
        if list.len() == 0 {
            // The list is there, and no item of it.
            self.levels(self.values.max_def() - 1, false);
        }
        let mut took = 4;
        for (at, item) in list.enumerate() {
            self.levels(self.values.max_def(), at > 0);
            took += push(self, item);
        }
        took
    }

    fn octets(&mut self, octets: &[u8]) -> usize {
        self.octets.extend_from_slice(octets);
        self.ends.push(self.octets.len());
        octets.len() + 4
    }

    fn number(&mut self, n: i64) -> usize {
        if let Values::Int64(values) = &mut self.values.values {
            values.push(n);
        }
        8
    }

    /// Moves what was collected to the column of a row group.
    pub fn encode(&mut self, to: &mut row_groups::Column) -> Result<()> {
        if matches!(self.values.values, Values::Octets(_)) {
            // The next rows will take about as much.
            let empty = Vec::with_capacity(self.octets.len());
            self.values.take(std::mem::replace(&mut self.octets, empty), &self.ends)?;
            self.ends.clear();
        }
        to.write(&mut self.values)
    }
}

/// A column of a table: how it is called, what it holds and where its value comes from.
pub struct Column {
    /// Snake case; never used again for something else.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// Whether every row has a value.
    pub required: bool,
    /// One line for the guide.
    pub help: &'static str,
    /// Where its value comes from.
    pub(super) from: From,
}

impl Column {
    /// As Parquet describes it.
    pub(super) fn field(&self) -> Result<TypePtr> {
        let (physical, logical, is_list) = self.kind.parquet();
        let repetition = if self.required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        let one = |name, repetition| {
            Parquet::primitive_type_builder(name, physical).with_logical_type(logical).with_repetition(repetition).build()
        };
        if !is_list {
            return Ok(one(self.name, repetition)?.into());
        }
        // As every reader knows lists: three levels, with these names. An item is never null.
        let item = one("element", Repetition::REQUIRED)?;
        let items = Parquet::group_type_builder("list").with_fields(vec![item.into()]).with_repetition(Repetition::REPEATED).build()?;
        let list = Parquet::group_type_builder(self.name).with_fields(vec![items.into()]).with_logical_type(Some(LogicalType::List));
        Ok(list.with_repetition(repetition).build()?.into())
    }
}
