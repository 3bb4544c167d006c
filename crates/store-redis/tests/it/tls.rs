//! A server under TLS, with an authority of the test's own.

use std::fs;
use std::net::TcpListener;

use dingtalk_store_redis::OpenError;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::*;
use crate::server::Server;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }
}

#[test]
fn a_server_is_believed_if_the_authority_is_and_else_not() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.0).unwrap();
    let place = std::env::temp_dir().join(format!("dt-redis-tls-{}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    let file = |name: &str, text: String| {
        let path = place.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let certificate = file("certificate", certificate.pem());
    let key = file("key", key.serialize_pem());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let server = Server::start(&[
        "--bind",
        "127.0.0.1",
        "--tls-port",
        &port,
        "--tls-auth-clients",
        "no",
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &certificate,
    ]);
    if server.is_some() {
        let url = format!("rediss://127.0.0.1:{port}");
        let good = RedisStore::builder(&url).authority(authority.pem()).build().unwrap();
        let version = written(good.ask(write("a", 0)));
        written(good.ask(write(&"x".repeat(1 << 20), version)));
        assert_eq!(value(&good).unwrap().len(), 1 << 20);
        for wrong in [
            RedisStore::builder(&url).authority(Authority::new().pem()),
            RedisStore::builder(&url),
            RedisStore::builder(format!("rediss://localhost:{port}")).authority(authority.pem()),
        ] {
            let wrong = wrong.limit(Duration::from_millis(300)).build().unwrap();
            why(wrong.ask(write("canary", 0)));
        }
        // Without TLS it is no way in.
        let plain = RedisStore::builder(format!("redis://127.0.0.1:{port}"));
        why(plain.limit(Duration::from_millis(300)).build().unwrap().ask(load()));
    }
    fs::remove_dir_all(&place).unwrap();
}

#[test]
fn an_authority_that_cannot_be_used_is_told_at_once() {
    let open = |url: &str, pem: &str| RedisStore::builder(url).authority(pem).build().err();
    assert_eq!(open("redis://h", &Authority::new().pem()), Some(OpenError::Authority));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(open("rediss://h", broken), Some(OpenError::Authority));
}
