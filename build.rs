//! Turns the catalogue of platforms into JSON, says what the program is made of, and looks for libpcap: `have_libpcap` turns live capture
//! on. Never fails for want of libpcap.
//!
//! With the development package the linker finds `libpcap.so` by itself. With only the runtime library, a symlink of that name in
//! `OUT_DIR` is enough to link. Saved captures need neither.

use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rustc-check-cfg=cfg(have_libpcap)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=WEBPKI_ROOTS_VERSION={}", locked_version("webpki-roots"));
    println!("cargo::rustc-env=INTRANSIT_BUILD={}", build_identity());
    catalogue_as_json()?;
    println!("cargo::rerun-if-env-changed=LIBPCAP_LIBDIR");
    println!("cargo::rerun-if-env-changed=INTRANSIT_NO_LIBPCAP");
    if std::env::var_os("INTRANSIT_NO_LIBPCAP").is_some() {
        return Ok(());
    }
    let named = std::env::var_os("LIBPCAP_LIBDIR").map(PathBuf::from);
    let folders: Vec<PathBuf> = named.into_iter().chain(library_folders()).collect();
    if let Some(folder) = folders.iter().find(|folder| folder.join("libpcap.so").exists() || folder.join("libpcap.dylib").exists()) {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-cfg=have_libpcap");
    } else if let Some(runtime) = folders.iter().find_map(|folder| runtime_library(folder))
        && let Some(out) = std::env::var_os("OUT_DIR").map(PathBuf::from)
        && link(&runtime, &out.join("libpcap.so"))
    {
        println!("cargo::rustc-link-search=native={}", out.display());
        println!("cargo::rustc-cfg=have_libpcap");
    }
    Ok(())
}

/// Writes the catalogue as JSON into `OUT_DIR`. People read and check TOML; the program reads JSON in a fifth of the time, at every start.
fn catalogue_as_json() -> Result<(), Box<dyn std::error::Error>> {
    let catalogue: serde_json::Value = toml::from_str(&std::fs::read_to_string("src/assess/platforms.toml")?)?;
    let folder = std::env::var_os("OUT_DIR").map(PathBuf::from).ok_or("cargo sets OUT_DIR")?;
    std::fs::write(folder.join("platforms.json"), catalogue.to_string())?;
    Ok(())
}

/// The version of a dependency in `Cargo.lock`: the list of public roots is dated by it.
fn locked_version(name: &str) -> String {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    let package = format!("name = \"{name}\"\nversion = \"");
    lock.split_once(&package).and_then(|(_, rest)| rest.split('"').next()).unwrap_or("unknown").to_owned()
}

/// What the program is made of, in 16 hexadecimal digits: its sources, the catalogue and the rules among them, and `Cargo.lock`. The same
/// sources give the same, whatever the machine; datasets of development builds are told apart by it.
fn build_identity() -> String {
    println!("cargo::rerun-if-changed=src");
    let mut files = vec![PathBuf::from("Cargo.lock")];
    files_under(Path::new("src"), &mut files);
    files.sort();
    // FNV-1a: nobody has to be kept from finding collisions.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| bytes.iter().for_each(|b| hash = (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    for file in files {
        let content = std::fs::read(&file).unwrap_or_default();
        add(file.to_string_lossy().replace('\\', "/").as_bytes());
        add(&(content.len() as u64).to_be_bytes());
        add(&content);
    }
    format!("{hash:016x}")
}

fn files_under(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files_under(&path, into);
        } else if path.extension().is_none_or(|suffix| suffix != "snap") {
            into.push(path);
        }
    }
}

/// Where Linux distributions and Homebrew keep shared libraries.
fn library_folders() -> Vec<PathBuf> {
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let multiarch = [format!("/usr/lib/{arch}-linux-gnu"), format!("/lib/{arch}-linux-gnu")];
    let fixed = ["/usr/lib64", "/lib64", "/usr/lib", "/lib", "/usr/local/lib", "/opt/homebrew/opt/libpcap/lib"];
    multiarch.into_iter().chain(fixed.map(String::from)).map(PathBuf::from).filter(|folder| folder.is_dir()).collect()
}

fn runtime_library(folder: &Path) -> Option<PathBuf> {
    ["libpcap.so.0.8", "libpcap.so.1"].iter().map(|name| folder.join(name)).find(|path| path.exists())
}

#[cfg(unix)]
fn link(target: &Path, name: &Path) -> bool {
    let _ = std::fs::remove_file(name);
    std::os::unix::fs::symlink(target, name).is_ok()
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> bool {
    false
}
