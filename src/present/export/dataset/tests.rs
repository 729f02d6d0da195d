//! What is written is what is read, whatever the row groups, the parts and what of them is wanted.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row as Record};
use parquet::schema::types::SchemaDescriptor;
use proptest::collection::vec;
use proptest::prelude::*;

use super::column::{Builder, Column, Type, Value};
use super::row_groups::RowGroups;
use super::tables::From;
use super::writer::{properties, schema};
use super::{groups, merge, rows_of};

const fn column(name: &'static str, kind: Type, required: bool) -> Column {
    Column { name, kind, required, help: "", from: From::Row(|_| Value::Null) }
}

/// Of every type, with and without nulls.
static COLUMNS: [Column; 9] = [
    column("file_id", Type::Text, true),
    column("text", Type::Text, false),
    column("texts", Type::Texts, false),
    column("numbers", Type::Ints, true),
    column("maybe_numbers", Type::Ints, false),
    column("is", Type::Bool, false),
    column("must_be", Type::Bool, true),
    column("small", Type::Small, false),
    column("octets", Type::Bytes, true),
];

#[derive(Clone, Debug)]
struct Row {
    id: u8,
    text: Option<String>,
    texts: Option<Vec<String>>,
    numbers: Vec<i64>,
    maybe: Option<Vec<i64>>,
    is: Option<bool>,
    small: Option<i32>,
}

impl Row {
    fn values(&self) -> [Value<'_>; 9] {
        let null = || Value::Null;
        [
            Value::Text(format!("id{}", self.id).into()),
            Value::text(self.text.as_deref()),
            self.texts.clone().map_or_else(null, Value::Texts),
            Value::Ints(self.numbers.clone()),
            self.maybe.clone().map_or_else(null, Value::Ints),
            self.is.map_or_else(null, Value::Bool),
            Value::Bool(self.numbers.len() > 1),
            self.small.map_or_else(null, Value::Small),
            Value::Bytes(vec![self.id; self.numbers.len()]),
        ]
    }

    /// What a file without the last columns has of it.
    fn shown(&self, columns: usize) -> String {
        let shown = self.values().into_iter().enumerate().map(|(at, value)| match value {
            _ if at >= columns => "-".to_owned(),
            Value::Text(text) => text.into_owned(),
            Value::Texts(texts) => format!("{texts:?}"),
            Value::Ints(numbers) => format!("{numbers:?}"),
            Value::Bool(is) => is.to_string(),
            Value::Small(n) => n.to_string(),
            Value::Bytes(octets) => format!("{octets:?}"),
            _ => "-".to_owned(),
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

fn a_row() -> impl Strategy<Value = Row> {
    let texts = proptest::option::of(vec("[a-c]{0,3}", 0..3));
    let rest = (vec(-2i64..3, 0..3), proptest::option::of(vec(0i64..9, 0..3)), any::<Option<bool>>(), any::<Option<i32>>());
    (0u8..4, proptest::option::of("[a-z]{0,9}"), texts, rest).prop_map(|(id, text, texts, (numbers, maybe, is, small))| Row {
        id,
        text,
        texts,
        numbers,
        maybe,
        is,
        small,
    })
}

/// Writes rows with so many columns, in batches of so many; a row group ends when it holds `most` octets.
fn write(to: &Path, rows: &[Row], columns: usize, batch: usize, most: usize) {
    let schema = schema(COLUMNS[..columns].iter().map(|column| column.field().unwrap()).collect()).unwrap();
    let described = SchemaDescriptor::new(schema.clone());
    let mut builders: Vec<Builder> = COLUMNS.iter().zip(described.columns()).map(|(column, of)| Builder::new(column, of)).collect();
    let mut file = RowGroups::new(File::create(to).unwrap(), schema, properties("names", "1"), most).unwrap();
    for rows in rows.chunks(batch) {
        for row in rows {
            for (builder, value) in builders.iter_mut().zip(row.values()) {
                builder.push(value).unwrap();
            }
        }
        for (builder, column) in builders.iter_mut().zip(file.columns()) {
            builder.encode(column).unwrap();
        }
        file.wrote(rows.len()).unwrap();
    }
    file.finish().unwrap();
}

fn shown(record: &Record) -> String {
    let of = |name: &str| record.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field);
    let item = |field: &Field| match field {
        Field::Str(text) => format!("{text:?}"),
        Field::Long(n) => n.to_string(),
        other => panic!("{other}"),
    };
    let cells = COLUMNS.iter().map(|column| match of(column.name) {
        None | Some(Field::Null) => "-".to_owned(),
        Some(Field::Str(text)) => text.clone(),
        Some(Field::Bool(is)) => is.to_string(),
        Some(Field::Int(n)) => n.to_string(),
        Some(Field::Bytes(octets)) => format!("{:?}", octets.data()),
        Some(Field::ListInternal(list)) => format!("[{}]", list.elements().iter().map(item).collect::<Vec<_>>().join(", ")),
        Some(other) => panic!("{other}"),
    });
    cells.collect::<Vec<_>>().join(" ")
}

fn read(from: &Path) -> Vec<String> {
    let reader = SerializedFileReader::new(File::open(from).unwrap()).unwrap();
    reader.get_row_iter(None).unwrap().map(|row| shown(&row.unwrap())).collect()
}

/// How long a part is, how many columns it has, how many rows are written at once, and how many octets make a row group.
type Part = (Vec<Row>, usize, usize, usize);

fn a_part() -> impl Strategy<Value = Part> {
    (vec(a_row(), 0..40), 1usize..=COLUMNS.len(), 1usize..20, prop_oneof![Just(1), Just(100), Just(1 << 20)])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn parts_are_merged_row_for_row_without_what_is_not_wanted(parts in vec(a_part(), 1..4), unwanted in 0u8..5) {
        let folder = tempfile::tempdir().unwrap();
        let mut paths: Vec<PathBuf> = Vec::new();
        let mut expected = Vec::new();
        for (at, (rows, columns, batch, most)) in parts.iter().enumerate() {
            let path = folder.path().join(format!("{at}.parquet"));
            write(&path, rows, *columns, *batch, *most);
            prop_assert_eq!(read(&path), rows.iter().map(|row| row.shown(*columns)).collect::<Vec<_>>());
            prop_assert_eq!(rows_of(&path).unwrap().values().sum::<u64>(), rows.len() as u64);
            expected.extend(rows.iter().filter(|row| row.id != unwanted).map(|row| row.shown(*columns)));
            paths.push(path);
        }
        let groups = groups("names", paths).unwrap();
        prop_assert_eq!(groups.len(), 1);
        let target = folder.path().join("merged.parquet");
        let id = format!("id{unwanted}");
        let (merged, _) = merge("names", &groups[0], File::create(&target).unwrap(), &|of| of != id).unwrap();
        prop_assert_eq!(read(&target), expected.clone());
        prop_assert_eq!(merged.rows, expected.len() as u64);
        prop_assert_eq!(rows_of(&target).unwrap(), merged.of);
    }
}

#[test]
fn a_row_group_ends_when_it_holds_enough() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.parquet");
    let row = |n: i64| Row { id: 1, text: Some(format!("{n:01000}")), texts: None, numbers: vec![n], maybe: None, is: None, small: None };
    let rows: Vec<Row> = (0..2000).map(row).collect();
    write(&path, &rows, COLUMNS.len(), 50, 500_000);
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    // A kilobyte a row, and 50 of them more at the most.
    let of: Vec<i64> = (0..reader.num_row_groups()).map(|at| reader.metadata().row_group(at).num_rows()).collect();
    assert!(of.len() >= 4 && of.iter().all(|rows| *rows <= 550), "{of:?}");
    assert_eq!(of.iter().sum::<i64>(), 2000);
}

#[test]
fn a_value_that_does_not_fit_its_column_is_an_error() {
    let [id, ..] = &COLUMNS;
    let schema = schema(vec![id.field().unwrap()]).unwrap();
    let mut builder = Builder::new(id, SchemaDescriptor::new(schema).columns().first().unwrap());
    assert!(builder.push(Value::Null).is_err());
    assert!(builder.push(Value::Int(1)).is_err());
    assert!(builder.push(Value::Text("x".into())).is_ok());
}
