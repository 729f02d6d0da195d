//! Columns: their types, the values that go in, and the Arrow arrays that come out.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Int32Builder, Int64Builder, ListBuilder, StringBuilder, TimestampNanosecondBuilder,
};
use arrow_schema::{DataType, Field, TimeUnit};

use super::tables::Row;

/// The type of a column: those that DuckDB, Polars, pyarrow and Spark all read. Counts are signed, because Spark knows no unsigned ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// UTF-8.
    Text,
    /// A list of UTF-8.
    Texts,
    /// 64 bits, signed.
    Int,
    /// A list of 64 bits, signed.
    Ints,
    /// 32 bits, signed.
    Small,
    /// True or false.
    Bool,
    /// Nanoseconds since 1970-01-01T00:00:00Z, UTC.
    Time,
    /// Octets.
    Bytes,
}

impl Type {
    /// As `intransit schema dataset` calls it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Type::Text => "utf8",
            Type::Texts => "list<utf8>",
            Type::Int => "int64",
            Type::Ints => "list<int64>",
            Type::Small => "int32",
            Type::Bool => "bool",
            Type::Time => "timestamp[ns, UTC]",
            Type::Bytes => "binary",
        }
    }

    fn arrow(self) -> DataType {
        let list = |item| DataType::List(Arc::new(Field::new("element", item, false)));
        match self {
            Type::Text => DataType::Utf8,
            Type::Texts => list(DataType::Utf8),
            Type::Int => DataType::Int64,
            Type::Ints => list(DataType::Int64),
            Type::Small => DataType::Int32,
            Type::Bool => DataType::Boolean,
            Type::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Type::Bytes => DataType::Binary,
        }
    }
}

/// One value. What is not known is `Null`, never empty or zero.
#[derive(Debug)]
pub enum Value<'a> {
    /// Not known.
    Null,
    /// For [`Type::Text`].
    Text(Cow<'a, str>),
    /// For [`Type::Texts`].
    Texts(Vec<String>),
    /// For [`Type::Int`].
    Int(i64),
    /// For [`Type::Ints`].
    Ints(Vec<i64>),
    /// For [`Type::Small`].
    Small(i32),
    /// For [`Type::Bool`].
    Bool(bool),
    /// For [`Type::Time`].
    Time(i64),
    /// For [`Type::Bytes`].
    Bytes(Vec<u8>),
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
    /// Its value in a row.
    pub(super) value: for<'a> fn(&Row<'a>) -> Value<'a>,
}

impl Column {
    pub(super) fn field(&self) -> Field {
        Field::new(self.name, self.kind.arrow(), !self.required)
    }
}

/// Collects the values of one column.
pub(super) enum Builder {
    Text(StringBuilder),
    Texts(ListBuilder<StringBuilder>),
    Int(Int64Builder),
    Ints(ListBuilder<Int64Builder>),
    Small(Int32Builder),
    Bool(BooleanBuilder),
    Time(TimestampNanosecondBuilder),
    Bytes(BinaryBuilder),
}

impl Builder {
    pub fn new(kind: Type) -> Builder {
        let item = |of: DataType| Field::new("element", of, false);
        match kind {
            Type::Text => Builder::Text(StringBuilder::new()),
            Type::Texts => Builder::Texts(ListBuilder::new(StringBuilder::new()).with_field(item(DataType::Utf8))),
            Type::Int => Builder::Int(Int64Builder::new()),
            Type::Ints => Builder::Ints(ListBuilder::new(Int64Builder::new()).with_field(item(DataType::Int64))),
            Type::Small => Builder::Small(Int32Builder::new()),
            Type::Bool => Builder::Bool(BooleanBuilder::new()),
            Type::Time => Builder::Time(TimestampNanosecondBuilder::new().with_timezone("UTC")),
            Type::Bytes => Builder::Bytes(BinaryBuilder::new()),
        }
    }

    /// Adds a value; returns about how many octets it takes.
    pub fn push(&mut self, value: Value<'_>) -> io::Result<usize> {
        Ok(match (self, value) {
            (Builder::Text(b), Value::Text(text)) => {
                b.append_value(&text);
                text.len() + 4
            }
            (Builder::Texts(b), Value::Texts(list)) => {
                list.iter().for_each(|text| b.values().append_value(text));
                b.append(true);
                list.iter().map(|text| text.len() + 4).sum::<usize>() + 4
            }
            (Builder::Int(b), Value::Int(n)) => {
                b.append_value(n);
                8
            }
            (Builder::Ints(b), Value::Ints(list)) => {
                b.values().append_slice(&list);
                b.append(true);
                list.len() * 8 + 4
            }
            (Builder::Small(b), Value::Small(n)) => {
                b.append_value(n);
                4
            }
            (Builder::Bool(b), Value::Bool(is)) => {
                b.append_value(is);
                1
            }
            (Builder::Time(b), Value::Time(nanos)) => {
                b.append_value(nanos);
                8
            }
            (Builder::Bytes(b), Value::Bytes(bytes)) => {
                b.append_value(&bytes);
                bytes.len() + 4
            }
            (builder, Value::Null) => {
                builder.push_null();
                4
            }
            (_, value) => return Err(io::Error::other(format!("a value of another type than its column: {value:?}"))),
        })
    }

    fn push_null(&mut self) {
        match self {
            Builder::Text(b) => b.append_null(),
            Builder::Texts(b) => b.append(false),
            Builder::Int(b) => b.append_null(),
            Builder::Ints(b) => b.append(false),
            Builder::Small(b) => b.append_null(),
            Builder::Bool(b) => b.append_null(),
            Builder::Time(b) => b.append_null(),
            Builder::Bytes(b) => b.append_null(),
        }
    }

    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(b) => Arc::new(b.finish()),
            Builder::Texts(b) => Arc::new(b.finish()),
            Builder::Int(b) => Arc::new(b.finish()),
            Builder::Ints(b) => Arc::new(b.finish()),
            Builder::Small(b) => Arc::new(b.finish()),
            Builder::Bool(b) => Arc::new(b.finish()),
            Builder::Time(b) => Arc::new(b.finish()),
            Builder::Bytes(b) => Arc::new(b.finish()),
        }
    }
}
