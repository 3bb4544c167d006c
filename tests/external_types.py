#!/usr/bin/env python3
"""Whose types the published crates show in their own interfaces: a major version of any of those is a
major version of ours. The manifests say which are meant, in the words of `cargo-check-external-types`
(`package.metadata.cargo_check_external_types`), which says the same and more where it is installed.

rustdoc describes the interface as JSON, an unstable form: `RUSTC_BOOTSTRAP=1`. cargo itself is not to see that, since it
would build everything anew.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

OWN = {"std", "core", "alloc"}
RUSTDOC = """#!/bin/sh
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
"""


def describe(folder: Path) -> None:
    """Writes a JSON file for each crate of the workspace."""
    folder.mkdir(parents=True, exist_ok=True)
    rustdoc = folder / "rustdoc-json"
    rustdoc.write_text(RUSTDOC)
    rustdoc.chmod(0o755)
    flags = "-Z unstable-options --output-format json"
    subprocess.run(["cargo", "doc", "--quiet", "--locked", "--workspace", "--all-features", "--no-deps", "--lib"],
                   check=True, env={**os.environ, "RUSTDOC": str(rustdoc), "RUSTDOCFLAGS": flags})


def referred(value):
    """Every type and trait that something names, by id."""
    if isinstance(value, dict):
        if "id" in value and "path" in value and ("args" in value):
            yield value["id"]
        for inner in value.values():
            yield from referred(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from referred(inner)


def shown(described: dict) -> dict[str, str]:
    """External types, and an item that shows each."""
    paths, crates, found = described["paths"], described["external_crates"], {}
    for item in described["index"].values():
        if item["crate_id"] != 0:
            continue
        inner = item["inner"]
        implementation = inner.get("impl") or {}
        if implementation.get("is_synthetic") or implementation.get("blanket_impl"):
            continue
        for identity in referred(inner):
            path = paths.get(str(identity))
            if path is None or path["crate_id"] == 0:
                continue
            name = crates[str(path["crate_id"])]["name"]
            if name not in OWN:
                found.setdefault("::".join(path["path"]), item["name"] or "an implementation")
    return found


def allows(pattern: str, path: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), path) is not None


def main() -> int:
    command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    target = Path(metadata["target_directory"])
    describe(target)
    failed = False
    for package in metadata["packages"]:
        if package["publish"] == [] or not any("lib" in target["kind"] for target in package["targets"]):
            continue
        name = package["name"]
        rules = (package["metadata"] or {}).get("cargo_check_external_types") or {}
        allowed = rules.get("allowed_external_types", [])
        described = target / "doc" / (name.replace("-", "_") + ".json")
        found = shown(json.loads(described.read_text()))
        refused = {path: by for path, by in found.items() if not any(allows(p, path) for p in allowed)}
        unused = [p for p in allowed if not any(allows(p, path) for path in found)]
        print(f"{name}: {len(found)} types of others")
        for path, by in sorted(refused.items()):
            print(f"  {path} is shown by {by}, and not meant to be")
        for pattern in unused:
            print(f"  {pattern} is meant to be shown, and is not")
        failed |= bool(refused or unused)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
