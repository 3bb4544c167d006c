//! The way to the server: one, or a cluster of them.

use std::time::{Duration, Instant};

use redis::{Client, Connection, ConnectionLike, RedisResult, ScriptInvocation};

pub(crate) enum Target {
    One(Box<Client>),
    #[cfg(feature = "cluster")]
    Cluster(Box<redis::cluster::ClusterClient>),
}

pub(crate) enum Link {
    One(Box<Connection>),
    #[cfg(feature = "cluster")]
    Cluster(Box<redis::cluster::ClusterConnection>),
}

impl Target {
    /// The link that is there, or a new one.
    pub(crate) fn link<'a>(
        &self,
        link: &'a mut Option<Link>,
        left: Duration,
    ) -> RedisResult<&'a mut Link> {
        let open = match link.take() {
            Some(open) => open,
            None => self.open(left)?,
        };
        Ok(link.insert(open))
    }

    fn open(&self, left: Duration) -> RedisResult<Link> {
        match self {
            Self::One(client) => Ok(Link::One(Box::new(client.get_connection_with_timeout(left)?))),
            #[cfg(feature = "cluster")]
            Self::Cluster(client) => Ok(Link::Cluster(Box::new(client.get_connection()?))),
        }
    }
}

impl Link {
    pub(crate) fn ask(
        &mut self,
        question: &ScriptInvocation<'_>,
        until: Instant,
    ) -> RedisResult<Vec<Vec<u8>>> {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let connection: &mut dyn ConnectionLike = match self {
            Self::One(connection) => {
                connection.set_read_timeout(Some(left))?;
                connection.set_write_timeout(Some(left))?;
                &mut **connection
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => {
                connection.set_read_timeout(Some(left))?;
                connection.set_write_timeout(Some(left))?;
                &mut **connection
            }
        };
        question.invoke(connection)
    }
}
