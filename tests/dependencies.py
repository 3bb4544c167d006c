#!/usr/bin/env python3
"""Counts each crate's normal dependencies and refuses what may not be among them."""

import subprocess
import sys

# Crate: the most crates that its tree may have (itself included), and what may not be in it.
IO = {"ureq", "hyper", "hyper-util", "tokio", "mio", "socket2", "rustls", "rusqlite", "redis", "libc"}
NEVER = {"openssl", "openssl-sys", "native-tls", "aws-lc-sys", "aws-lc-rs"}
RULES = {
    "dingtalk-core": (40, IO),
    "dingtalk-blocking": (50, {"tokio", "hyper"}),
    "dingtalk-async": (70, {"ureq"}),
    "dingtalk-store-sqlite": (60, IO - {"libc", "rusqlite"}),
    "dingtalk-store-redis": (75, IO - {"libc", "redis", "socket2"}),
    "dingtalk-store-sealed": (60, IO - {"libc"}),
    "dingtalk-sandbox": (110, {"dingtalk-core", "dingtalk-blocking", "dingtalk-async"}),
}


def tree(crate: str) -> set[str]:
    command = ["cargo", "tree", "--locked", "-p", crate, "-e", "normal", "--prefix", "none", "-f", "{p}"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.removesuffix(" (*)").strip() for line in lines if line.strip()}


def main() -> int:
    failed = False
    for crate, (most, refused) in RULES.items():
        packages = tree(crate)
        names = {package.split()[0] for package in packages}
        bad = sorted(names & (refused | NEVER))
        print(f"{crate}: {len(packages)} crates (at most {most})" + (f", with {bad}" if bad else ""))
        failed |= len(packages) > most or bool(bad)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
