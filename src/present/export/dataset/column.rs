//! Columns: their types, the values that go in, and the Arrow arrays that come out.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Int32Builder, Int64Builder, ListBuilder, StringBuilder, TimestampNanosecondBuilder,
};
use arrow_schema::{DataType, Field, TimeUnit};

use super::tables::From;

/// Everything that differs from type to type, in one place: what `intransit schema dataset` calls it, what a value is, how it is collected,
/// and how one, or none, is added.
macro_rules! types {
    ($($(#[$doc:meta])* $name:ident($value:ty) = $word:literal, $arrow:expr, $builder:ty: $new:expr, $push:expr, $null:expr;)*) => {
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

        /// Collects the values of one column.
        pub(super) enum Builder {
            $($name($builder),)*
        }

        impl Type {
            /// As `intransit schema dataset` calls it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Type::$name => $word,)*
                }
            }

            fn arrow(self) -> DataType {
                match self {
                    $(Type::$name => $arrow,)*
                }
            }
        }

        impl Builder {
            pub fn new(kind: Type) -> Builder {
                match kind {
                    $(Type::$name => Builder::$name($new),)*
                }
            }

            /// Adds a value; returns about how many octets it takes.
            pub fn push(&mut self, value: Value<'_>) -> io::Result<usize> {
                match (self, value) {
                    $((Builder::$name(builder), Value::$name(value)) => Ok($push(builder, value)),)*
                    $((Builder::$name(builder), Value::Null) => {
                        $null(builder);
                        Ok(4)
                    })*
                    (_, value) => Err(io::Error::other(format!("a value of another type than its column: {value:?}"))),
                }
            }

            pub fn finish(&mut self) -> ArrayRef {
                match self {
                    $(Builder::$name(builder) => Arc::new(builder.finish()),)*
                }
            }
        }
    };
}

types! {
    /// UTF-8.
    Text(Cow<'a, str>) = "utf8", DataType::Utf8, StringBuilder: StringBuilder::new(),
        |to: &mut StringBuilder, text: Cow<'_, str>| { to.append_value(&text); text.len() + 4 }, StringBuilder::append_null;
    /// A list of UTF-8.
    Texts(Vec<String>) = "list<utf8>", list(DataType::Utf8),
        ListBuilder<StringBuilder>: ListBuilder::new(StringBuilder::new()).with_field(item(DataType::Utf8)), texts, ListBuilder::append_null;
    /// 64 bits, signed.
    Int(i64) = "int64", DataType::Int64, Int64Builder: Int64Builder::new(),
        |to: &mut Int64Builder, n| { to.append_value(n); 8 }, Int64Builder::append_null;
    /// A list of 64 bits, signed.
    Ints(Vec<i64>) = "list<int64>", list(DataType::Int64),
        ListBuilder<Int64Builder>: ListBuilder::new(Int64Builder::new()).with_field(item(DataType::Int64)), ints, ListBuilder::append_null;
    /// 32 bits, signed.
    Small(i32) = "int32", DataType::Int32, Int32Builder: Int32Builder::new(),
        |to: &mut Int32Builder, n| { to.append_value(n); 4 }, Int32Builder::append_null;
    /// True or false.
    Bool(bool) = "bool", DataType::Boolean, BooleanBuilder: BooleanBuilder::new(),
        |to: &mut BooleanBuilder, is| { to.append_value(is); 1 }, BooleanBuilder::append_null;
    /// Nanoseconds since 1970-01-01T00:00:00Z, UTC.
    Time(i64) = "timestamp[ns, UTC]", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        TimestampNanosecondBuilder: TimestampNanosecondBuilder::new().with_timezone("UTC"),
        |to: &mut TimestampNanosecondBuilder, nanos| { to.append_value(nanos); 8 }, TimestampNanosecondBuilder::append_null;
    /// Octets.
    Bytes(Vec<u8>) = "binary", DataType::Binary, BinaryBuilder: BinaryBuilder::new(),
        |to: &mut BinaryBuilder, bytes: Vec<u8>| { to.append_value(&bytes); bytes.len() + 4 }, BinaryBuilder::append_null;
}

/// An item of a list, as every reader calls it.
fn item(of: DataType) -> Field {
    Field::new("element", of, false)
}

fn list(of: DataType) -> DataType {
    DataType::List(Arc::new(item(of)))
}

fn texts(to: &mut ListBuilder<StringBuilder>, list: Vec<String>) -> usize {
    list.iter().for_each(|text| to.values().append_value(text));
    to.append(true);
    list.iter().map(|text| text.len() + 4).sum::<usize>() + 4
}

fn ints(to: &mut ListBuilder<Int64Builder>, list: Vec<i64>) -> usize {
    to.values().append_slice(&list);
    to.append(true);
    list.len() * 8 + 4
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
    /// Where its value comes from.
    pub(super) from: From,
}

impl Column {
    pub(super) fn field(&self) -> Field {
        Field::new(self.name, self.kind.arrow(), !self.required)
    }
}
