//! A cluster of three on loopback.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::*;

struct Cluster {
    dir: PathBuf,
    nodes: Vec<(u16, Child)>,
}

impl Cluster {
    fn start() -> Option<Self> {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if found.is_err() {
            assert!(std::env::var_os("CI").is_none(), "a skipped check fails in CI");
            eprintln!("SKIPPED: apt-get install redis-server");
            return None;
        }
        // Somebody else may take a port that was just free.
        (0..5).find_map(Self::try_start).or_else(|| panic!("no cluster"))
    }

    fn try_start(attempt: u32) -> Option<Self> {
        let name = format!("dt-redis-cluster-{}-{attempt}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&dir);
        let mut cluster = Self { dir, nodes: Vec::new() };
        let free: Vec<TcpListener> =
            (0..6).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = free.iter().map(|one| one.local_addr().unwrap().port()).collect();
        drop(free);
        for pair in ports.chunks(2) {
            let dir = cluster.dir.join(pair[0].to_string());
            fs::create_dir_all(&dir).unwrap();
            let child = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--save", "", "--cluster-enabled", "yes"])
                .args(["--port", &pair[0].to_string(), "--cluster-port", &pair[1].to_string()])
                .arg("--dir")
                .arg(dir)
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            cluster.nodes.push((pair[0], child));
        }
        let end = Instant::now() + Duration::from_secs(30);
        for (port, child) in &mut cluster.nodes {
            while std::net::TcpStream::connect(("127.0.0.1", *port)).is_err() {
                if child.try_wait().unwrap().is_some() || Instant::now() > end {
                    return None;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        let addresses = cluster.nodes.iter().map(|(port, _)| format!("127.0.0.1:{port}"));
        let made = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-yes"])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        made.success().then_some(cluster)
    }

    fn url(&self, node: usize) -> String {
        format!("redis://127.0.0.1:{}", self.nodes[node].0)
    }

    fn keys(&self, node: usize) -> Vec<String> {
        let client = redis::Client::open(self.url(node)).unwrap();
        redis::cmd("KEYS").arg("*").query(&mut client.get_connection().unwrap()).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for (_, child) in &mut self.nodes {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn a_cluster_does_what_every_store_must_and_no_script_leaves_its_node() {
    let Some(mut cluster) = Cluster::start() else { return };
    // Found from any node, also where the first that is named is away.
    let store = || RedisStore::builder("redis://127.0.0.1:1").limit(Duration::from_secs(20));
    let (first, second) = (cluster.url(0), cluster.url(1));
    let mut subject = Counted::new(store().cluster([&*first, &second]));
    conforms(&mut subject);
    for app in 0..30 {
        let key = StoreKey::new(StoreKind::App, "api.dingtalk.com", format!("app{app}"));
        let StoreOp::Write { record, .. } = write("a", 0) else { unreachable!() };
        written(subject.0.ask(StoreOp::Write { key, expected: 0, record, unlock: None }));
    }
    for node in 0..3 {
        assert!(!cluster.keys(node).is_empty(), "the apps do not spread over the nodes");
    }
    // Who takes it for one server is told so, at one node at least.
    let alone: Vec<_> = (0..3)
        .map(|node| RedisStore::open(cluster.url(node)).unwrap().ask(load()))
        .filter(|reply| matches!(reply, StoreReply::Failed { .. }))
        .map(why)
        .collect();
    assert_eq!(alone, ["this Redis is a cluster: connect to it as one"; 2]);

    // A node that is gone fails what it held, in time, and no more.
    let hasty =
        RedisStore::builder(&*first).cluster([]).limit(Duration::from_secs(1)).build().unwrap();
    recovered(&hasty);
    for (_, child) in &mut cluster.nodes {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let began = Instant::now();
    why(hasty.ask(load()));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
