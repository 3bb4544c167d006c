//! What a failure says and what can be done about it, in words of our own: those of the server may
//! hold keys and values.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What went wrong.
pub(crate) struct Trouble {
    /// For a log.
    pub(crate) why: String,
    /// Asking again in a moment may help.
    pub(crate) passes: bool,
    /// The connection is of no use any more.
    pub(crate) hang_up: bool,
}

impl Trouble {
    pub(crate) fn of(error: &RedisError) -> Self {
        let server = |why: &str, passes| Self::new(why, passes, false);
        match error.kind() {
            ErrorKind::Io if error.is_timeout() => {
                Self::new("Redis did not answer in time", false, true)
            }
            ErrorKind::Io if error.is_connection_refusal() => {
                Self::new("Redis cannot be reached", true, true)
            }
            ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => {
                Self::new("there is no connection to Redis", true, true)
            }
            ErrorKind::AuthenticationFailed => {
                Self::new("Redis refuses this user name or password", false, true)
            }
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
                Self::new("what answered is not Redis as we know it", false, true)
            }
            ErrorKind::InvalidClientConfig => {
                Self::new("the settings for Redis do not work", false, true)
            }
            // After a failover another server may be found under the same name.
            ErrorKind::Server(ServerErrorKind::ReadOnly) => read_only(),
            ErrorKind::Server(ServerErrorKind::BusyLoading) => {
                server("Redis is still loading its data", true)
            }
            ErrorKind::Server(ServerErrorKind::NoScript | ServerErrorKind::TryAgain) => {
                server("Redis forgets its scripts or moves its keys", true)
            }
            ErrorKind::Server(ServerErrorKind::ClusterDown | ServerErrorKind::MasterDown) => {
                server("the Redis cluster is down", true)
            }
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
                server("this Redis is a cluster: connect to it as one", false)
            }
            ErrorKind::Server(ServerErrorKind::NoPerm) => {
                server("Redis does not permit this user what a store needs", false)
            }
            _ => Self::said(error),
        }
    }

    fn new(why: &str, passes: bool, hang_up: bool) -> Self {
        Self { why: why.to_owned(), passes, hang_up }
    }

    /// By the code in front of the server's words. Older servers put it inside, where a script ran.
    fn said(error: &RedisError) -> Self {
        let code = error.code().unwrap_or_default();
        let inside = error.detail().unwrap_or_default();
        let is = |name: &str| code == name || inside.contains(&format!("-{name} "));
        let known = [
            ("OOM", "Redis is full", false),
            ("WRONGTYPE", "what is stored is broken", false),
            ("NOAUTH", "Redis wants a password", false),
            ("WRONGPASS", "Redis refuses this user name or password", false),
            ("MISCONF", "Redis cannot save and takes no writes", false),
            ("NOREPLICAS", "Redis has too few replicas and takes no writes", false),
            ("BUSY", "Redis is busy with a script of somebody's", true),
        ];
        if is("READONLY") {
            return read_only();
        }
        for (name, why, passes) in known {
            if is(name) {
                return Self::new(why, passes, false);
            }
        }
        let plain = (1..=20).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase());
        match plain {
            true => Self::new(&format!("Redis answered with {code}"), false, false),
            false => Self::new("Redis answered with an error", false, false),
        }
    }
}

fn read_only() -> Trouble {
    Trouble::new("this Redis is a replica that takes no writes", true, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_the_servers_gets_out() {
        for text in [
            "-ERR unknown command 'canary'\r\n",
            "-CANARY canary\r\n",
            "-c4n4ry canary\r\n",
            "-ERR Error running script (call to f_0): @user_script:1: -OOM canary\r\n",
            "-WRONGTYPE canary\r\n",
        ] {
            let error = redis::parse_redis_value(text.as_bytes())
                .and_then(|value| value.extract_error())
                .unwrap_err();
            let why = Trouble::of(&error).why;
            assert!(!why.contains("canary") && !why.contains("c4n4ry"), "{why}");
        }
    }
}
