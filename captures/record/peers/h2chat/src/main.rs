//! `h2chat server ADDR CHAIN KEY` answers every request with {"ok":true};
//! `h2chat client ADDR NAME ROOT TEXT` posts {"room":"garden","text":TEXT} and reads the answer.
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, KeyLogFile, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let a: Vec<String> = std::env::args().collect();
    let provider = Arc::new(default_provider());
    if a[1] == "server" {
        let chain = CertificateDer::pem_file_iter(&a[3])?.collect::<Result<Vec<_>, _>>()?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_file(&a[4])?)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(&a[2]).await?;
        loop {
            let (sock, _) = listener.accept().await?;
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Err(e) = serve(acceptor, sock).await {
                    eprintln!("{e}");
                }
            });
        }
    }
    let mut roots = RootCertStore::empty();
    for c in CertificateDer::pem_file_iter(&a[4])? {
        roots.add(c?)?;
    }
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.key_log = Arc::new(KeyLogFile::new());
    config.alpn_protocols = vec![b"h2".to_vec()];
    let sock = TcpStream::connect(&a[2]).await?;
    let tls = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(a[3].clone())?, sock).await?;
    let (mut h2, connection) = h2::client::handshake(tls).await?;
    let driver = tokio::spawn(connection);
    let request = Request::post(format!("https://{}/rooms/garden/send", a[3])).header("content-type", "application/json").body(())?;
    let (answer, mut body) = h2.send_request(request, false)?;
    body.send_data(Bytes::from(format!(r#"{{"room":"garden","text":"{}"}}"#, a[5])), true)?;
    let mut answer = answer.await?.into_body();
    while let Some(piece) = answer.data().await {
        let piece = piece?;
        answer.flow_control().release_capacity(piece.len())?;
        println!("{}", String::from_utf8_lossy(&piece));
    }
    drop((h2, body, answer));
    driver.await??;
    Ok(())
}

async fn serve(acceptor: TlsAcceptor, sock: TcpStream) -> Done {
    let mut connection = h2::server::handshake(acceptor.accept(sock).await?).await?;
    while let Some(request) = connection.accept().await {
        let (request, mut reply) = request?;
        tokio::spawn(async move {
            let mut body = request.into_body();
            while let Some(piece) = body.data().await {
                let piece = piece?;
                body.flow_control().release_capacity(piece.len())?;
                println!("{}", String::from_utf8_lossy(&piece));
            }
            let answer = Response::builder().header("content-type", "application/json").body(())?;
            reply.send_response(answer, false)?.send_data(Bytes::from_static(br#"{"ok":true}"#), true)?;
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        });
    }
    Ok(())
}
