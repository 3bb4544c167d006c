//! Where the server is, and what else is to be known before anything is asked.

use std::fmt;
use std::time::Duration;

use dingtalk_core::Secret;
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::RedisStore;
use crate::engine::{Engine, Settings};
use crate::link::Target;

/// Why a store cannot be made. Nothing of the URL is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is none that Redis has.
    Url,
    /// The URL wants TLS, and this program was built without the feature `tls`.
    NoTls,
    /// The URL wants certificates to go unchecked.
    Unchecked,
    /// An authority's certificate cannot be read, or the URL wants no TLS.
    Authority,
    /// The prefix is empty, longer than 64 bytes, or holds braces.
    Prefix,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => {
                "this is no URL of a Redis: redis://[user][:password@]host[:port][/database], \
                 rediss:// for TLS, or unix:///path/of/the/socket"
            }
            Self::NoTls => "rediss:// needs this crate's feature `tls`",
            Self::Unchecked => "a server's certificate is always checked: drop #insecure",
            Self::Authority => {
                "the authority's certificate is no PEM, or the URL is none of rediss://"
            }
            Self::Prefix => "a prefix has 1 to 64 bytes and no braces",
        })
    }
}

impl std::error::Error for OpenError {}

/// Options of a [`RedisStore`].
///
/// ```
/// use dingtalk_store_redis::RedisStore;
/// use std::time::Duration;
///
/// let store = RedisStore::builder("redis://redis.internal:6379/3")
///     .user("dingtalk")
///     .password("what the server wants")
///     .prefix("staging")
///     .limit(Duration::from_secs(1))
///     .build()?;
/// assert_eq!(format!("{store:?}"), "RedisStore { .. }");
/// # Ok::<(), dingtalk_store_redis::OpenError>(())
/// ```
#[must_use]
pub struct Builder {
    urls: Vec<Secret>,
    cluster: bool,
    user: Option<String>,
    password: Option<Secret>,
    authority: Option<Vec<u8>>,
    prefix: String,
    limit: Duration,
    offset: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            urls: vec![Secret::from(url)],
            cluster: false,
            user: None,
            password: None,
            authority: None,
            prefix: "dingtalk".into(),
            limit: Duration::from_secs(2),
            offset: Box::new(|| 0),
        }
    }

    /// The user name, instead of one in the URL.
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// The password, instead of one in the URL.
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// What all keys in Redis begin with, `dingtalk` if nothing else is said: for several stages of a
    /// program over one Redis.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The longest time for an answer, two seconds if nothing else is said; between a tenth of a
    /// second and a minute. Async clients give up by themselves after their policy's time.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit.clamp(Duration::from_millis(100), Duration::from_secs(60));
        self
    }

    /// The server is a cluster; further nodes of it are asked where the first cannot be reached.
    #[cfg(feature = "cluster")]
    pub fn cluster<'a>(mut self, further: impl IntoIterator<Item = &'a str>) -> Self {
        self.cluster = true;
        self.urls.extend(further.into_iter().map(Secret::from));
        self
    }

    /// Trusts this certificate authority, in PEM, instead of the platform's.
    #[cfg(feature = "tls")]
    pub fn authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authority = Some(pem.into());
        self
    }

    /// Adds this to the server's time, in milliseconds: for tests that count their time up. It must not
    /// become less, and everybody who shares the store must add the same.
    pub fn clock_offset(mut self, millis: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.offset = Box::new(millis);
        self
    }

    /// Makes the store. Nothing goes out: a server that is away is a failure of questions, which calls
    /// go on without where they can.
    ///
    /// # Errors
    /// When an option cannot be used.
    pub fn build(self) -> Result<RedisStore, OpenError> {
        let prefix_fits = (1..=64).contains(&self.prefix.len());
        if !prefix_fits || self.prefix.contains(['{', '}']) {
            return Err(OpenError::Prefix);
        }
        let infos: Vec<_> = self.urls.iter().map(|url| self.info(url)).collect::<Result<_, _>>()?;
        let tls = infos.iter().any(|info| matches!(info.addr(), ConnectionAddr::TcpTls { .. }));
        if tls {
            provide();
        } else if self.authority.is_some() {
            return Err(OpenError::Authority);
        }
        let target = match self.cluster {
            true => self.cluster_of(infos)?,
            false => self.server(infos)?,
        };
        let Self { prefix, limit, offset, .. } = self;
        Ok(RedisStore::of(Engine::new(Settings { target, prefix, limit, offset })))
    }

    fn info(&self, url: &Secret) -> Result<ConnectionInfo, OpenError> {
        let url = url.expose();
        let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if cfg!(not(feature = "tls")) && matches!(scheme.as_str(), "rediss" | "valkeys") {
            return Err(OpenError::NoTls);
        }
        let info = url.into_connection_info().map_err(|_| OpenError::Url)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err(OpenError::Unchecked);
        }
        let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
        if let Some(name) = &self.user {
            settings = settings.set_username(name);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password.expose());
        }
        Ok(info.set_redis_settings(settings))
    }

    fn server(&self, mut infos: Vec<ConnectionInfo>) -> Result<Target, OpenError> {
        let info = infos.pop().ok_or(OpenError::Url)?;
        #[cfg(feature = "tls")]
        if let Some(pem) = &self.authority {
            let trusted = redis::TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) };
            let client = Client::build_with_tls(info, trusted);
            return Ok(Target::One(Box::new(client.map_err(|_| OpenError::Authority)?)));
        }
        Ok(Target::One(Box::new(Client::open(info).map_err(|_| OpenError::Url)?)))
    }

    #[cfg(feature = "cluster")]
    fn cluster_of(&self, infos: Vec<ConnectionInfo>) -> Result<Target, OpenError> {
        let builder = redis::cluster::ClusterClient::builder(infos)
            .retries(3)
            .min_retry_wait(20)
            .max_retry_wait(200)
            .connection_timeout(self.limit / 2)
            .response_timeout(self.limit);
        #[cfg(feature = "tls")]
        let builder = match &self.authority {
            Some(pem) => builder
                .certs(redis::TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) }),
            None => builder,
        };
        let client = builder.build().map_err(|_| match self.authority {
            Some(_) => OpenError::Authority,
            None => OpenError::Url,
        })?;
        Ok(Target::Cluster(Box::new(client)))
    }

    #[cfg(not(feature = "cluster"))]
    fn cluster_of(&self, _: Vec<ConnectionInfo>) -> Result<Target, OpenError> {
        Err(OpenError::Url)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("prefix", &self.prefix)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The client takes the program's own provider of algorithms; where there is none, ring becomes it.
#[cfg(feature = "tls")]
fn provide() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have been faster, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[cfg(not(feature = "tls"))]
fn provide() {}
