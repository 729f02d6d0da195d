//! What is known of captures from elsewhere: a CSV with a column `file`.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

use super::super::dataset::Identity;
use super::super::{Failure, shown};

/// Labels by file.
#[derive(Debug)]
pub(super) struct Labels {
    /// The other columns.
    pub columns: Vec<String>,
    rows: BTreeMap<String, Vec<String>>,
}

impl Labels {
    pub fn read(path: &Path) -> Result<Labels, Failure> {
        let failed = |why: String| Failure::Input(shown(path), why);
        let text = std::fs::read_to_string(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
        Labels::parse(&text).map_err(failed)
    }

    fn parse(text: &str) -> Result<Labels, String> {
        // Rows may differ in length for the reader, so that it is said here which one is wrong and how.
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let wrong = |error: csv::Error| format!("is no CSV: {error}");
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
        let mut columns = cells(reader.headers().map_err(wrong)?);
        let file = columns.iter().position(|column| column == "file").ok_or("has no column `file`")?;
        columns.remove(file);
        let mut labels = Labels { columns, rows: BTreeMap::new() };
        for (n, record) in reader.records().enumerate() {
            let record = record.map_err(wrong)?;
            let mut row = cells(&record);
            if row.iter().all(String::is_empty) {
                continue;
            }
            if row.len() != labels.columns.len() + 1 {
                return Err(format!("row {} has {} values, and there are {} columns", n + 2, row.len(), labels.columns.len() + 1));
            }
            let name = row.remove(file);
            if labels.rows.insert(name.clone(), row).is_some() {
                return Err(format!("names {} twice", name.escape_debug()));
            }
        }
        Ok(labels)
    }

    /// The labels of a capture: by its path, else by its own name.
    pub fn of(&self, id: &Identity) -> Option<&[String]> {
        self.rows.get(&id.path).or_else(|| self.rows.get(&id.name)).map(Vec::as_slice)
    }

    /// Says which labels are of no capture.
    pub fn tell_unused(&self, all: &[Identity]) {
        let unused = self.rows.keys().filter(|name| !all.iter().any(|id| id.path == **name || id.name == **name)).count();
        if unused > 0 {
            let _ = writeln!(io::stderr(), "intransit: {unused} rows of the labels are of none of these captures");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_by_path_or_by_name_and_quotes_are_understood() {
        let labels = Labels::parse("device,file,country\r\n\"Pixel, 8\",a.pcap,DE\r\niPhone,/x/b.pcap,\"a \"\"b\"\"\"\r\n").unwrap();
        let id = |path: &str, name: &str| Identity { path: path.into(), name: name.into(), bytes: None, modified: None };
        assert_eq!(labels.of(&id("/y/a.pcap", "a.pcap")).unwrap(), ["Pixel, 8", "DE"]);
        assert_eq!(labels.of(&id("/x/b.pcap", "b.pcap")).unwrap(), ["iPhone", "a \"b\""]);
        assert!(labels.of(&id("/y/b.pcap", "b.pcap")).is_none());
    }

    #[test]
    fn what_is_wrong_with_labels_is_told() {
        assert!(Labels::parse("name,country\na,DE\n").is_err());
        assert_eq!(Labels::parse("file,country\nb,DE\n\na\n").unwrap_err(), "row 3 has 1 values, and there are 2 columns");
        assert!(Labels::parse("file,country\na,DE\na,FR\n").is_err());
    }
}
