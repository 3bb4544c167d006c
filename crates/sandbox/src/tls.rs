//! HTTPS with an authority that lives as long as the sandbox, and servers that are wrong about TLS, for tests.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::{Sandbox, hosts};

/// A handshake that takes longer is given up.
const HANDSHAKE: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A way in which a server can be wrong about TLS; give it to [`Builder::bad_tls`](crate::Builder::bad_tls). A client
/// that is right about it refuses before it sends a byte of its request, so the journal stays empty.
///
/// Certificates are dated by the machine's clock, never by the sandbox's: it is the machine's that clients judge by. A
/// revoked certificate is not among them, because there is nobody here whom a client could ask.
///
/// ```
/// use dingtalk_sandbox::{BadTls, Sandbox};
///
/// let sandbox = Sandbox::builder().bad_tls(BadTls::Expired).start()?;
/// assert!(sandbox.origin().starts_with("https://127.0.0.1:"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTls {
    /// The certificate ended yesterday.
    Expired,
    /// The certificate begins tomorrow.
    NotYetValid,
    /// The certificate is for `elsewhere.invalid`.
    WrongHost,
    /// The certificate is signed by its own key, and by no authority.
    SelfSigned,
    /// The certificate comes from another authority than [`Sandbox::ca_certificate`](crate::Sandbox::ca_certificate).
    UnknownCa,
    /// The server chooses TLS 1.0. It can do nothing further with it: rustls has nothing below 1.2.
    OldVersion,
    /// The connection ends in the middle of the server's part of the handshake.
    Cut,
    /// The server speaks HTTP without TLS.
    PlainText,
}

impl BadTls {
    /// All of them, in the order of their declaration.
    pub const ALL: &[Self] = &[
        Self::Expired,
        Self::NotYetValid,
        Self::WrongHost,
        Self::SelfSigned,
        Self::UnknownCa,
        Self::OldVersion,
        Self::Cut,
        Self::PlainText,
    ];
}

/// As the program's `--https=` takes it.
impl fmt::Display for BadTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongHost => "wrong-host",
            Self::SelfSigned => "self-signed",
            Self::UnknownCa => "unknown-ca",
            Self::OldVersion => "old-version",
            Self::Cut => "cut",
            Self::PlainText => "plain-text",
        })
    }
}

impl FromStr for BadTls {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|bad| bad.to_string() == text).ok_or_else(|| {
            let known: Vec<String> = Self::ALL.iter().map(Self::to_string).collect();
            format!("not one of {}", known.join(", "))
        })
    }
}

impl Sandbox {
    /// The certificate, in PEM form, of the authority behind this server's HTTPS; none without it. It is made at the
    /// start and its key is kept nowhere, so a client that trusts it trusts this sandbox and nothing else.
    ///
    /// ```
    /// use dingtalk_sandbox::Sandbox;
    ///
    /// let sandbox = Sandbox::builder().https().start()?;
    /// let ca = sandbox.ca_certificate().expect("it serves HTTPS");
    /// assert!(ca.starts_with("-----BEGIN CERTIFICATE-----"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn ca_certificate(&self) -> Option<&str> {
        self.server.as_ref().and_then(|server| server.ca())
    }
}

/// What a server needs to speak TLS, or to be wrong about it.
#[derive(Clone)]
pub(crate) struct Tls {
    manner: Manner,
    /// The authority's certificate.
    ca: Arc<str>,
}

#[derive(Clone)]
enum Manner {
    Right(Arc<ServerConfig>),
    Old,
    Cut(Arc<ServerConfig>),
    Plain,
}

/// A connection after its beginning.
pub(crate) enum Accepted<S> {
    Tls(Box<TlsStream<S>>),
    Plain(S),
}

impl Tls {
    /// `bound` is the address that the server listens on; the certificate is for it too.
    pub(crate) fn new(bad: Option<BadTls>, bound: IpAddr) -> io::Result<Self> {
        let authority = Authority::new().map_err(io::Error::other)?;
        let ca = Arc::from(authority.pem.as_str());
        let config = || {
            let certified = authority.certify(bad, bound).map_err(io::Error::other)?;
            certified.config().map_err(io::Error::other)
        };
        let manner = match bad {
            Some(BadTls::PlainText) => Manner::Plain,
            Some(BadTls::OldVersion) => Manner::Old,
            Some(BadTls::Cut) => Manner::Cut(config()?),
            _ => Manner::Right(config()?),
        };
        Ok(Self { manner, ca })
    }

    pub(crate) fn ca(&self) -> &str {
        &self.ca
    }

    /// Shakes hands as far as the manner goes; none if there is nothing to talk about afterwards.
    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> Option<Accepted<S>> {
        let handshake = async {
            match &self.manner {
                Manner::Right(config) => {
                    let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await.ok()?;
                    Some(Accepted::Tls(Box::new(stream)))
                }
                Manner::Plain => Some(Accepted::Plain(stream)),
                Manner::Old => {
                    // A caller who left early misses nothing.
                    let _ = choose_tls_1_0(stream).await;
                    None
                }
                Manner::Cut(config) => {
                    let _ = half_a_flight(stream, config).await;
                    None
                }
            }
        };
        tokio::time::timeout(HANDSHAKE, handshake).await.ok().flatten()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// An authority of this sandbox alone; its key is never written anywhere.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with its key.
struct Certified {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // A name of its own, so that no client takes one authority for another.
        let id: String =
            params.key_identifier(&key).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("DingTalk sandbox {id}, thrown away");
        params.distinguished_name.push(DnType::CommonName, name);
        live(&mut params, now().saturating_sub(DAY), now() + DAY * 90);
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// The server's certificate, with what is to be wrong with it.
    fn certify(&self, bad: Option<BadTls>, bound: IpAddr) -> Result<Certified, rcgen::Error> {
        let names = match bad {
            Some(BadTls::WrongHost) => vec!["elsewhere.invalid".to_owned()],
            _ => names(bound),
        };
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name.push(DnType::CommonName, "DingTalk sandbox");
        let (from, to) = match bad {
            Some(BadTls::Expired) => (now().saturating_sub(DAY * 30), now().saturating_sub(DAY)),
            Some(BadTls::NotYetValid) => (now() + DAY, now() + DAY * 30),
            _ => (now().saturating_sub(DAY), now() + DAY * 89),
        };
        live(&mut params, from, to);
        let certificate = match bad {
            Some(BadTls::SelfSigned) => params.self_signed(&key)?,
            Some(BadTls::UnknownCa) => params.signed_by(&key, &Self::new()?.issuer)?,
            _ => params.signed_by(&key, &self.issuer)?,
        };
        Ok(Certified { certificate, key })
    }
}

impl Certified {
    fn config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        // Never the process-wide default: the program that tests may have set it.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(self.key.serialize_der().into());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Whom the certificate is for: this machine, and the platform's hosts, for whoever makes their names point here.
fn names(bound: IpAddr) -> Vec<String> {
    let mut names: Vec<String> =
        ["127.0.0.1", "::1", "localhost"].map(str::to_owned).into_iter().collect();
    names.extend(hosts::names().map(str::to_owned));
    let bound = bound.to_string();
    if !names.contains(&bound) {
        names.push(bound);
    }
    names
}

/// Sets the life of a certificate, in time since 1970.
fn live(params: &mut CertificateParams, from: Duration, to: Duration) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + from;
    params.not_after = epoch + to;
}

/// The machine's time: what a client judges a certificate by.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Answers as a server that has nothing newer than TLS 1.0 (RFC 2246, 7.4.1.3).
async fn choose_tls_1_0<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> io::Result<()> {
    let _ = client_hello(&mut stream).await?;
    // Version 3.1, 32 bytes of randomness that nobody will use, no session, RSA with AES-128-CBC and SHA, no
    // compression.
    let hello = [&[3, 1][..], &[7; 32], &[0, 0x00, 0x2f, 0]].concat();
    let length = u8::try_from(hello.len()).unwrap_or(u8::MAX);
    stream.write_all(&[0x16, 3, 1, 0, length + 4, 2, 0, 0, length]).await?;
    stream.write_all(&hello).await?;
    // The other side says what it thinks of that.
    let _ = stream.read(&mut [0; 64]).await?;
    Ok(())
}

/// Sends the first half of what a server sends, and leaves.
async fn half_a_flight<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    config: &Arc<ServerConfig>,
) -> io::Result<()> {
    let hello = client_hello(&mut stream).await?;
    let mut session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    session.read_tls(&mut hello.as_slice())?;
    session.process_new_packets().map_err(io::Error::other)?;
    let mut flight = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut flight)?;
    }
    flight.truncate(flight.len() / 2);
    stream.write_all(&flight).await?;
    stream.shutdown().await
}

/// The client's first record, whole.
async fn client_hello<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Vec<u8>> {
    let mut record = vec![0; 5];
    stream.read_exact(&mut record).await?;
    let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
    record.resize(5 + length, 0);
    stream.read_exact(&mut record[5..]).await?;
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_be_wrong_is_read_back_from_its_name() {
        for bad in BadTls::ALL {
            assert_eq!(bad.to_string().parse(), Ok(*bad));
        }
        assert!("broken".parse::<BadTls>().is_err_and(|said| said.contains("not-yet-valid")));
    }

    #[test]
    fn each_sandbox_has_an_authority_of_its_own_and_tells_no_key() {
        let tls = || Tls::new(None, IpAddr::from([127, 0, 0, 1])).unwrap();
        let (one, two) = (tls(), tls());
        assert_ne!(one.ca(), two.ca());
        assert!(one.ca().starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(!one.ca().contains("KEY") && !format!("{one:?}").contains("KEY"));
    }
}
