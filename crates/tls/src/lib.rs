//! What the blocking and the async client have in common in TLS: rustls on ring, certificates
//! judged by the platform, with authorities of the program's own added. There is no way to turn
//! verification off.
//!
//! core may not depend on rustls, and said twice it would drift; so it stands here. It is no
//! interface for programs: use the clients' options.
//!
//! With the feature `web-socket` it also holds what their Stream has in common: the handshake's
//! request, the bounds, and the words for what goes wrong.

#[cfg(feature = "web-socket")]
pub mod web_socket;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use dingtalk_core::{Error, TransportError, bare_host};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// The configuration of every connection of one transport, made when the first one needs it:
/// reading the platform's roots costs milliseconds that plain connections never pay back.
pub struct Tls {
    alpn: &'static [&'static [u8]],
    extra: Vec<CertificateDer<'static>>,
    config: OnceLock<Result<Arc<ClientConfig>, TransportError>>,
}

impl Tls {
    /// Takes PEM files of extra authorities, and the protocols to offer, the best first.
    ///
    /// # Errors
    /// When a file holds no certificate or one that cannot be used.
    pub fn new(pems: &[Vec<u8>], alpn: &'static [&'static [u8]]) -> Result<Self, Error> {
        let unusable = || Error::invalid("an extra CA certificate cannot be used");
        let mut extra = Vec::new();
        for pem in pems {
            let before = extra.len();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|_| unusable())?;
                RootCertStore::empty().add(certificate.clone()).map_err(|_| unusable())?;
                extra.push(certificate);
            }
            if extra.len() == before {
                return Err(Error::invalid("an extra CA file holds no certificate in PEM form"));
            }
        }
        Ok(Self { alpn, extra, config: OnceLock::new() })
    }

    /// The same authorities, with other protocols to offer.
    #[must_use]
    pub fn with_alpn(&self, alpn: &'static [&'static [u8]]) -> Self {
        Self { alpn, extra: self.extra.clone(), config: OnceLock::new() }
    }

    /// The configuration, loaded once.
    ///
    /// # Errors
    /// When this machine has no certificates to judge by.
    pub fn config(&self) -> Result<Arc<ClientConfig>, TransportError> {
        self.config.get_or_init(|| self.load().map(Arc::new)).clone()
    }

    fn load(&self) -> Result<ClientConfig, TransportError> {
        // Never the process-wide default: another library of the program may have set it.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            Verifier::new_with_extra_roots(self.extra.iter().cloned(), Arc::clone(&provider))
                .map_err(|_| TransportError::not_sent("TLS: no CA certificates on this machine"))?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|_| TransportError::not_sent("TLS: no usable version"))?
            // "Dangerous" is the name of the door for any verifier of one's own; this one is the
            // platform's, which verifies.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = self.alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(config)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("extra_authorities", &self.extra.len()).finish_non_exhaustive()
    }
}

/// The name that a server's certificate must bear, from a host as written in a URL.
///
/// # Errors
/// When no certificate could bear it.
pub fn server_name(host: &str) -> Result<ServerName<'static>, TransportError> {
    ServerName::try_from(bare_host(host).to_owned())
        .map_err(|_| TransportError::not_sent("TLS: the host is not a valid name"))
}

/// What rustls found wrong, in words that quote nothing from the wire.
pub fn words(error: &rustls::Error) -> Cow<'static, str> {
    use rustls::Error as E;
    let text = match error {
        E::InvalidCertificate(fault) => match fault {
            CertificateError::UnknownIssuer => {
                "TLS: the server's certificate comes from an authority that is not trusted"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "TLS: the server's certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "TLS: the server's certificate is not valid yet: check this machine's clock"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "TLS: the server's certificate is for another name"
            }
            CertificateError::Revoked => "TLS: the server's certificate was revoked",
            _ => "TLS: the server's certificate was refused",
        },
        E::AlertReceived(alert) => return format!("TLS: the server refused with {alert:?}").into(),
        E::PeerIncompatible(_) => "TLS: the server offers neither TLS 1.2 nor 1.3 as we need it",
        E::InvalidMessage(_) => "TLS: the server does not speak TLS",
        _ => "TLS: the handshake failed",
    };
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extra_authority_must_be_a_certificate() {
        for bad in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(Tls::new(&[bad.as_bytes().to_vec()], &[]).is_err(), "{bad}");
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
        let two = [ca.pem(), ca.pem()].concat();
        assert_eq!(Tls::new(&[two.into_bytes()], &[]).unwrap().extra.len(), 2);
    }
}
