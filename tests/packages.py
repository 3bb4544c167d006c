#!/usr/bin/env python3
"""Looks at what each published crate would publish: its manifest is whole, and its files are its
sources, the read-me, both licences and what is named here. `cargo package` is asked, nothing is built.
"""

import json
import subprocess
import sys
from pathlib import Path

# What a manifest has to say, beside its name and version.
SAYS = ("description", "license", "repository", "readme", "rust_version", "keywords", "categories")
# What cargo and the workspace put beside a crate's sources.
ALWAYS = {".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig", "LICENSE-APACHE",
          "LICENSE-MIT", "README.md"}
# What else a crate publishes, and why.
ALSO = {"dingtalk-sandbox": {"FIDELITY.md"}}  # `--fidelity` is held to it


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def faults(package: dict) -> list[str]:
    name, folder = package["name"], Path(package["manifest_path"]).parent
    found = [f"the manifest says no {key}" for key in SAYS if not package[key]]
    docs = ((package["metadata"] or {}).get("docs") or {}).get("rs") or {}
    if package["features"] and docs.get("all-features") is not True:
        found.append("docs.rs is not told to show all features")
    if not (package["metadata"] or {}).get("cargo_check_external_types"):
        found.append("it does not say whose types its own may show")
    found += [f"{d['name']} has no version to publish with" for d in package["dependencies"]
              if d["kind"] != "dev" and d["req"] == "*"]
    tracked = output("git", "-C", str(folder), "ls-files", "src").split()
    new = output("git", "-C", str(folder), "ls-files", "--others", "--exclude-standard", "src").split()
    due = ALWAYS | ALSO.get(name, set()) | {path for path in tracked + new if (folder / path).exists()}
    there = set(output("cargo", "package", "--list", "--allow-dirty", "-p", name).split("\n")) - {""}
    found += [f"{path} is missing" for path in sorted(due - there)]
    found += [f"{path} should not be published" for path in sorted(there - due)]
    return found


def main() -> int:
    metadata = json.loads(output("cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"))
    failed = False
    for package in metadata["packages"]:
        if package["publish"] == []:
            continue
        found = faults(package)
        print(f"{package['name']}: {'; '.join(found) or 'in order'}")
        failed |= bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
