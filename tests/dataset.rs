//! The dataset: what `one` and `batch` write, whatever happens meanwhile.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{BoolType, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::reader::RowIter;
use parquet::schema::types::{Type, TypePtr};

const TABLES: [&str; 4] = ["flows", "facts", "findings", "names"];

fn intransit(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_intransit")).env_remove("SSLKEYLOGFILE").args(arguments).output().unwrap()
}

fn batch(paths: &Path, out: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["batch", paths.to_str().unwrap(), "--out", out.to_str().unwrap(), "-q"];
    arguments.extend(more);
    intransit(&arguments)
}

fn one(file: &Path, out: &Path) -> Output {
    intransit(&["one", file.to_str().unwrap(), "--out", out.to_str().unwrap(), "-q"])
}

/// Some captures of the cabinet in a folder of their own.
fn some(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        fs::copy(common::cabinet().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

const SOME: [&str; 6] = ["tls13_aes128.pcap", "http_plain.pcap", "quic_v1_h3.pcap", "phone.pcap", "form_zst.pcap.zst", "dns_plain.pcap"];

fn parts(out: &Path, table: &str) -> Vec<PathBuf> {
    common::files_under(&out.join(table))
}

/// Every row of a table as text, sorted.
fn rows(out: &Path, table: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for part in parts(out, table) {
        let day = part.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let reader = SerializedFileReader::new(File::open(part).unwrap()).unwrap();
        rows.extend(RowIter::from_file_into(Box::new(reader)).map(|row| format!("{day} {}", row.unwrap())));
    }
    rows.sort();
    rows
}

/// By the first name: one of two captures that had the same.
fn manifests(out: &Path) -> BTreeMap<String, serde_json::Value> {
    all_manifests(out).into_iter().map(|manifest| (manifest["names"][0]["name"].as_str().unwrap().to_owned(), manifest)).collect()
}

fn all_manifests(out: &Path) -> Vec<serde_json::Value> {
    let files = common::files_under(&out.join("_files")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "json"));
    files.map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
}

/// Nothing is left over, and the manifests say how many rows there are.
fn assert_sound(out: &Path) {
    assert_eq!(fs::read_dir(out.join("_tmp")).unwrap().count(), 0, "left over in _tmp");
    for table in TABLES {
        let said: u64 = all_manifests(out).iter().filter_map(|manifest| manifest["rows"][table].as_u64()).sum();
        assert_eq!(rows(out, table).len() as u64, said, "{table}");
    }
}

#[test]
fn a_batch_is_row_for_row_what_one_capture_after_the_other_gives() {
    let captures = some(&SOME);
    let (serial, together) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in SOME {
        assert_eq!(one(&captures.path().join(name), serial.path()).status.code(), Some(0), "{name}");
    }
    assert_eq!(batch(captures.path(), together.path(), &["-j", "2"]).status.code(), Some(0));
    for table in TABLES {
        let expected = rows(serial.path(), table);
        assert!(!expected.is_empty(), "{table}");
        assert_eq!(rows(together.path(), table), expected, "{table}");
        assert!(parts(together.path(), table).len() < parts(serial.path(), table).len(), "{table} was not merged");
    }
    assert_sound(serial.path());
    assert_sound(together.path());
}

#[test]
fn the_tables_hold_what_inspect_says() {
    let out = tempfile::tempdir().unwrap();
    let capture = common::cabinet().join("phone.pcap");
    one(&capture, out.path());
    let said = String::from_utf8(intransit(&["inspect", "-q", "--format", "jsonl", capture.to_str().unwrap()]).stdout).unwrap();
    let said: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut expected: Vec<String> = said
        .iter()
        .map(|flow| format!("{} {} {}", flow["intransit"]["first_frame"], flow["network"]["community_id"], flow["intransit"]["grade"]))
        .collect();
    let mut found = Vec::new();
    let mut facts = 0;
    for part in parts(out.path(), "flows") {
        let reader = SerializedFileReader::new(File::open(part).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap().to_json_value_by_name();
            found.push(format!("{} {} {}", row["first_frame"], row["community_id"], row["grade"]));
        }
    }
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    for flow in &said {
        facts += flow["intransit"]["facts"].as_array().unwrap().len();
    }
    assert_eq!(rows(out.path(), "facts").len(), facts);
}

/// Rows as JSON by column name; the crate's own conversion is not built in.
trait ByName {
    fn to_json_value_by_name(&self) -> BTreeMap<String, serde_json::Value>;
}

impl ByName for parquet::record::Row {
    fn to_json_value_by_name(&self) -> BTreeMap<String, serde_json::Value> {
        use parquet::record::Field;
        self.get_column_iter()
            .map(|(name, field)| {
                let value = match field {
                    Field::Str(text) => text.clone().into(),
                    Field::Long(n) => (*n).into(),
                    other => other.to_string().into(),
                };
                (name.clone(), value)
            })
            .collect()
    }
}

#[test]
fn every_file_says_its_schema_and_has_the_columns_that_schema_prints() {
    let out = tempfile::tempdir().unwrap();
    one(&common::cabinet().join("phone.pcap"), out.path());
    let schema: serde_json::Value = serde_json::from_slice(&intransit(&["schema", "dataset"]).stdout).unwrap();
    for table in TABLES {
        let printed: Vec<&str> =
            schema["tables"][table]["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        for part in parts(out.path(), table) {
            let reader = SerializedFileReader::new(File::open(part).unwrap()).unwrap();
            let about = reader.metadata().file_metadata();
            let fields: Vec<&str> = about.schema().get_fields().iter().map(|field| field.name()).collect();
            assert_eq!(fields, printed, "{table}");
            let said = about.key_value_metadata().unwrap();
            assert!(said.iter().any(|kv| kv.key == "intransit.schema" && kv.value.as_deref() == Some("1")));
        }
    }
}

#[test]
fn a_capture_is_done_once_whatever_its_name() {
    let captures = some(&["tls13_aes128.pcap"]);
    let (first, second) = (captures.path().join("tls13_aes128.pcap"), captures.path().join("copy.pcap"));
    fs::copy(&first, &second).unwrap();
    let out = tempfile::tempdir().unwrap();
    assert!(String::from_utf8(one(&first, out.path()).stdout).unwrap().ends_with("\tok\tnew\n"));
    let before = rows(out.path(), "facts");
    assert!(String::from_utf8(one(&second, out.path()).stdout).unwrap().ends_with("\tok\tknown\n"));
    assert_eq!(rows(out.path(), "facts"), before);
    let manifests = manifests(out.path());
    assert_eq!(manifests.len(), 1);
    assert_eq!(manifests.values().next().unwrap()["names"].as_array().unwrap().len(), 2);
    assert_sound(out.path());
}

#[test]
fn two_at_once_write_the_same_dataset() {
    let captures = some(&SOME);
    let (alone, both) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    batch(captures.path(), alone.path(), &[]);
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_intransit"));
        command.args(["batch", captures.path().to_str().unwrap(), "--out", both.path().to_str().unwrap(), "-q"]);
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let (mut a, mut b) = (start(), start());
    assert!(a.wait().unwrap().success() && b.wait().unwrap().success());
    for table in TABLES {
        assert_eq!(rows(both.path(), table), rows(alone.path(), table), "{table}");
    }
    assert_sound(both.path());
}

/// As of two that were at it at once, when the other one was through first and had merged: a pipe is not known before it was read.
#[test]
fn a_capture_whose_rows_were_merged_meanwhile_is_not_written_again() {
    let captures = some(&SOME);
    let out = tempfile::tempdir().unwrap();
    assert_eq!(batch(captures.path(), out.path(), &[]).status.code(), Some(0));
    let before: Vec<Vec<String>> = TABLES.iter().map(|table| rows(out.path(), table)).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_intransit"));
    command.args(["one", "-", "-q", "--out", out.path().to_str().unwrap()]).stdin(File::open(captures.path().join(SOME[0])).unwrap());
    let done = command.output().unwrap();
    assert!(String::from_utf8_lossy(&done.stdout).ends_with("\tok\tknown\n"), "{}", String::from_utf8_lossy(&done.stdout));
    for (table, before) in TABLES.iter().zip(before) {
        assert_eq!(rows(out.path(), table).len(), before.len(), "{table}");
    }
    assert_sound(out.path());
    assert_eq!(all_manifests(out.path()).iter().map(|manifest| manifest["names"].as_array().unwrap().len()).max(), Some(2));
}

#[test]
fn what_cannot_be_read_has_a_manifest_and_a_status_of_its_own() {
    let folder = some(&["tls13_aes128.pcap"]);
    let out = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.pcap");
    fs::write(&text, "not a capture at all").unwrap();
    let cut = folder.path().join("cut.pcap");
    let whole = fs::read(folder.path().join("tls13_aes128.pcap")).unwrap();
    fs::write(&cut, &whole[..whole.len() - 7]).unwrap();
    assert_eq!(one(&text, out.path()).status.code(), Some(65));
    assert_eq!(one(&cut, out.path()).status.code(), Some(3));
    assert_eq!(one(&folder.path().join("absent.pcap"), out.path()).status.code(), Some(1));
    let manifests = manifests(out.path());
    assert_eq!(manifests["notes.pcap"]["status"], "unreadable");
    assert_eq!(manifests["cut.pcap"]["status"], "partial");
    assert_eq!(manifests["absent.pcap"]["status"], "unreadable");
    assert_sound(out.path());
}

#[test]
fn poisoned_captures_cost_themselves_and_nothing_else() {
    let captures = some(&SOME);
    let out = tempfile::tempdir().unwrap();
    let poison = [
        "--test-poison",
        "crash:http_plain",
        "--test-poison",
        "hang:quic_v1",
        "--test-poison",
        "memory:phone",
        "--timeout",
        "8",
        "--memory",
        "256",
    ];
    let ran = batch(captures.path(), out.path(), &poison);
    assert_eq!(ran.status.code(), Some(3), "{}", String::from_utf8_lossy(&ran.stderr));
    let manifests = manifests(out.path());
    for name in ["http_plain.pcap", "quic_v1_h3.pcap", "phone.pcap"] {
        assert_eq!(manifests[name]["status"], "crashed", "{name}");
    }
    assert_eq!(manifests.values().filter(|manifest| manifest["status"] == "ok").count(), 3);
    let table = String::from_utf8(ran.stdout).unwrap();
    assert!(table.contains("2  crashed") && table.contains("1  took too long"), "{table}");
    assert_sound(out.path());
    // Without poison they are read, and then it is as if nothing had been.
    let clean = tempfile::tempdir().unwrap();
    assert_eq!(batch(captures.path(), out.path(), &[]).status.code(), Some(0));
    batch(captures.path(), clean.path(), &[]);
    for table in TABLES {
        assert_eq!(rows(out.path(), table), rows(clean.path(), table), "{table}");
    }
}

#[test]
fn a_panic_of_ours_is_status_70_and_a_manifest() {
    let captures = some(&["tls13_aes128.pcap"]);
    let out = tempfile::tempdir().unwrap();
    let file = captures.path().join("tls13_aes128.pcap");
    let arguments = ["one", file.to_str().unwrap(), "--out", out.path().to_str().unwrap(), "-q", "--test-poison", "panic:tls13"];
    assert_eq!(intransit(&arguments).status.code(), Some(70));
    assert_eq!(manifests(out.path())["tls13_aes128.pcap"]["status"], "crashed");
}

#[test]
fn resume_opens_only_what_is_new_and_another_configuration_takes_the_place_of_the_first() {
    let captures = some(&SOME);
    let out = tempfile::tempdir().unwrap();
    let told = |more: &[&str]| {
        let mut arguments = vec!["batch", captures.path().to_str().unwrap(), "--out", out.path().to_str().unwrap()];
        arguments.extend(more);
        String::from_utf8(intransit(&arguments).stderr).unwrap()
    };
    assert!(told(&[]).contains("6 read now, 0 in the dataset already"));
    let first = rows(out.path(), "facts").len();
    assert!(told(&["--resume"]).contains("0 read now, 6 in the dataset already"));
    assert!(told(&[]).contains("0 read now, 6 in the dataset already"));
    fs::copy(common::cabinet().join("ssh.pcap"), captures.path().join("http_plain.pcap")).unwrap();
    assert!(told(&["--resume"]).contains("1 read now, 5 in the dataset already"));
    assert_ne!(rows(out.path(), "facts").len(), first);
    let before = rows(out.path(), "flows").len();
    // http_plain.pcap as it was is still there: its content was seen, under that name.
    let redone = told(&["--max-flows", "4096"]);
    assert!(redone.contains("6 read now, 0 in the dataset already") && redone.contains("6 captures were done again"), "{redone}");
    assert_eq!(rows(out.path(), "flows").len(), before);
    assert_sound(out.path());
}

#[test]
fn captures_and_apps_are_joined_to_labels_by_file_name() {
    let captures = some(&["phone.pcap", "tls13_aes128.pcap"]);
    fs::write(captures.path().join("junk.pcap"), "junk").unwrap();
    let labels = captures.path().join("labels.csv");
    fs::write(&labels, "file,device,country\nphone.pcap,\"Pixel 8, blue\",DE\nother.pcap,x,FR\n").unwrap();
    let out = tempfile::tempdir().unwrap();
    let ran = batch(captures.path(), out.path(), &["--labels", labels.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("1 rows of the labels are of none of these captures"));
    let csv = fs::read_to_string(out.path().join("captures.csv")).unwrap();
    assert!(
        csv.lines().any(|line| line.starts_with("\"phone.pcap\"")
            && line.contains("\"tiktok\",\"protected\"")
            && line.ends_with("\"Pixel 8, blue\",\"DE\"")),
        "{csv}"
    );
    assert!(csv.lines().any(|line| line.starts_with("\"junk.pcap\"") && line.contains("\"unreadable\",\"not a capture\"")), "{csv}");
}

#[test]
fn a_full_disk_is_told_and_the_rest_is_done_afterwards() {
    let captures = some(&SOME);
    let (out, clean) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Files may not grow beyond 8 KiB: as a disk that is full in the middle.
    let ran = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 8; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_intransit"),
            "batch",
            captures.path().to_str().unwrap(),
        ])
        .args(["--out", out.path().to_str().unwrap(), "-q"])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("cannot write"), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(batch(captures.path(), out.path(), &["--resume"]).status.code(), Some(0));
    batch(captures.path(), clean.path(), &[]);
    for table in TABLES {
        assert_eq!(rows(out.path(), table), rows(clean.path(), table), "{table}");
    }
    assert_sound(out.path());
}

/// A column: as the file describes it, the values that are there, and the levels that say where.
#[derive(Clone)]
struct Column {
    field: TypePtr,
    values: Arc<dyn Values>,
    def: Vec<i16>,
    rep: Vec<i16>,
}

trait Values {
    fn write(&self, column: &Column, to: &mut SerializedRowGroupWriter<'_, File>);
}

struct Of<T: DataType>(Vec<T::T>);

impl<T: DataType> Values for Of<T> {
    fn write(&self, column: &Column, to: &mut SerializedRowGroupWriter<'_, File>) {
        let mut writer = to.next_column().unwrap().unwrap();
        // A column that is always there, or no list, has no such levels.
        let levels = |levels: &'_ [i16]| (!levels.is_empty()).then(|| levels.to_vec());
        let (def, rep) = (levels(&column.def), levels(&column.rep));
        writer.typed::<T>().write_batch(&self.0, def.as_deref(), rep.as_deref()).unwrap();
        writer.close().unwrap();
    }
}

fn read<T: DataType>(rows: &dyn RowGroupReader, at: usize) -> Column {
    let (mut values, mut def, mut rep) = (Vec::new(), Vec::new(), Vec::new());
    let many = usize::try_from(rows.metadata().num_rows()).unwrap();
    let mut reader = get_typed_column_reader::<T>(rows.get_column_reader(at).unwrap());
    reader.read_records(many, Some(&mut def), Some(&mut rep), &mut values).unwrap();
    Column { field: rows.metadata().schema_descr().get_column_root_ptr(at), values: Arc::new(Of::<T>(values)), def, rep }
}

/// The same values under another name, as text.
fn text(name: &str, like: &Column) -> Column {
    let field = Type::primitive_type_builder(name, Physical::BYTE_ARRAY).with_logical_type(Some(LogicalType::String));
    Column { field: field.with_repetition(Repetition::REQUIRED).build().unwrap().into(), ..like.clone() }
}

fn named<'a>(columns: &'a [Column], name: &str) -> &'a Column {
    columns.iter().find(|column| column.field.name() == name).unwrap()
}

/// Writes a file of the dataset anew, as another version of the program would have written it. Those before had Arrow's schema in it too.
fn rewrite(part: &Path, version: &str, change: impl Fn(Vec<Column>) -> Vec<Column>) {
    let reader = SerializedFileReader::new(File::open(part).unwrap()).unwrap();
    assert_eq!(reader.num_row_groups(), 1);
    let rows = reader.get_row_group(0).unwrap();
    let columns = rows.metadata().columns().iter().enumerate().map(|(at, column)| match column.column_type() {
        Physical::BOOLEAN => read::<BoolType>(rows.as_ref(), at),
        Physical::INT32 => read::<Int32Type>(rows.as_ref(), at),
        Physical::INT64 => read::<Int64Type>(rows.as_ref(), at),
        Physical::BYTE_ARRAY => read::<ByteArrayType>(rows.as_ref(), at),
        other => panic!("{other}"),
    });
    let columns = change(columns.collect());
    let fields = columns.iter().map(|column| Arc::clone(&column.field)).collect();
    let schema = Type::group_type_builder("arrow_schema").with_fields(fields).build().unwrap();
    let said = [("intransit.schema", version), ("ARROW:schema", "a schema of Arrow")];
    let said = said.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned())).collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(said)).build();
    let mut writer = SerializedFileWriter::new(File::create(part).unwrap(), schema.into(), properties.into()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    columns.iter().for_each(|column| column.values.write(column, &mut group));
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn files_of_other_versions_are_merged_with_nulls_or_stand_beside() {
    let captures = some(&["tls13_aes128.pcap", "tls12_client_cert.pcap", "quic_v1_h3.pcap", "ssl3.pcap", "tls12_gcm.pcap"]);
    let out = tempfile::tempdir().unwrap();
    assert_eq!(batch(captures.path(), out.path(), &["--no-compaction"]).status.code(), Some(0));
    // All in one partition, so that they would be merged.
    let mut files = parts(out.path(), "flows");
    assert_eq!(files.len(), 5);
    let day = files[0].parent().unwrap().to_path_buf();
    for file in &mut files {
        let to = day.join(file.file_name().unwrap());
        fs::rename(&*file, &to).unwrap();
        *file = to;
    }
    let before = rows(out.path(), "flows").len();
    let without = |names: &'static [&'static str]| {
        move |mut columns: Vec<Column>| {
            columns.retain(|column| !names.contains(&column.field.name()));
            columns
        }
    };
    // An older one lacks columns, one of them always filled since; a newer one has a column more; the order of columns is another.
    rewrite(&files[0], "1", without(&["confidence", "keys_used"]));
    rewrite(&files[1], "1", |mut columns| {
        columns.push(text("of_tomorrow", named(&columns, "file_id")));
        columns.reverse();
        columns
    });
    // In another version of the schema, a column means something else.
    rewrite(&files[2], "2", |mut columns| {
        let instead = text("keys_used", named(&columns, "file_id"));
        columns.iter_mut().filter(|column| column.field.name() == "keys_used").for_each(|column| *column = instead.clone());
        columns
    });
    let merged = batch(captures.path(), out.path(), &["--resume"]);
    assert_eq!(merged.status.code(), Some(0), "{}", String::from_utf8_lossy(&merged.stderr));
    let files: Vec<PathBuf> = parts(out.path(), "flows").into_iter().filter(|path| path.parent() == Some(&day)).collect();
    let mut shapes = BTreeMap::new();
    let mut tomorrow = 0;
    for file in &files {
        let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
        let about = reader.metadata().file_metadata();
        let said = about.key_value_metadata().unwrap().iter().find(|said| said.key == "intransit.schema");
        let version = said.unwrap().value.clone().unwrap();
        let columns: Vec<String> = about.schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
        shapes.insert(version, (columns, about.num_rows()));
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let value = |name: &str| row.get_column_iter().find(|(column, _)| *column == name).map(|(_, value)| value.to_string());
            tomorrow += usize::from(value("of_tomorrow").is_some_and(|value| value != "null"));
        }
    }
    assert_eq!(shapes.keys().collect::<Vec<_>>(), ["1", "2"], "one file of each version");
    assert_eq!(shapes["1"].0[0], "file_id");
    assert_eq!(shapes["1"].0.last().unwrap(), "of_tomorrow");
    assert_eq!(shapes["1"].0.len(), shapes["2"].0.len() + 1);
    assert!(tomorrow > 0);
    assert_eq!(rows(out.path(), "flows").len(), before, "no row is lost");
    // Once more changes nothing.
    assert_eq!(batch(captures.path(), out.path(), &["--resume"]).status.code(), Some(0));
    assert_eq!(rows(out.path(), "flows").len(), before);
    assert_sound(out.path());
}

#[test]
fn a_manifest_names_the_build_that_read_it() {
    let out = tempfile::tempdir().unwrap();
    one(&common::cabinet().join("tls13_aes128.pcap"), out.path());
    let manifest = &all_manifests(out.path())[0];
    let build = manifest["build"].as_str().unwrap();
    assert!(build.len() == 16 && build.bytes().all(|b| b.is_ascii_hexdigit()), "{build}");
}
