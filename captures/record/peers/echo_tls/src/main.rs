//! `echo_tls server ADDR CHAIN KEY` answers HTTP-like requests; `echo_tls client ADDR NAME ROOT TEXT` sends one line.
//! The server compresses its certificate with what the client accepts; the client accepts zlib.
use rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, KeyLogFile, RootCertStore, ServerConfig, ServerConnection, Stream};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let a: Vec<String> = std::env::args().collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    if a[1] == "server" {
        let chain = CertificateDer::pem_file_iter(&a[3])?.collect::<Result<Vec<_>, _>>()?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_file(&a[4])?)?;
        let config = Arc::new(config);
        for sock in TcpListener::bind(&a[2])?.incoming() {
            let (mut sock, mut conn) = (sock?, ServerConnection::new(config.clone())?);
            let mut tls = Stream::new(&mut conn, &mut sock);
            let mut buf = [0; 4096];
            if matches!(tls.read(&mut buf), Ok(n) if n > 0) {
                let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n");
            }
            conn.send_close_notify();
            let _ = conn.complete_io(&mut sock);
        }
    } else {
        let mut roots = RootCertStore::empty();
        for c in CertificateDer::pem_file_iter(&a[4])? {
            roots.add(c?)?;
        }
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.key_log = Arc::new(KeyLogFile::new());
        config.cert_decompressors = vec![rustls::compress::ZLIB_DECOMPRESSOR];
        let mut conn = ClientConnection::new(Arc::new(config), ServerName::try_from(a[3].clone())?)?;
        let mut sock = TcpStream::connect(&a[2])?;
        let mut tls = Stream::new(&mut conn, &mut sock);
        tls.write_all(format!("{}\n", a[5]).as_bytes())?;
        let mut answer = vec![];
        let _ = tls.read_to_end(&mut answer);
        println!("{}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}
