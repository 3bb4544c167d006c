#!/usr/bin/env python3
"""Checks each published crate without features, with each of its features alone, and with all: what
compiles in a workspace that turns everything on may not compile for somebody who does not.
"""

import json
import subprocess
import sys


def main() -> int:
    command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for package in metadata["packages"]:
        if package["publish"] == []:
            continue
        features = sorted(set(package["features"]) - {"default"})
        sets = [["--no-default-features"]]
        sets += [["--no-default-features", "--features", feature] for feature in features]
        if len(features) > 1:
            sets.append(["--all-features"])
        for chosen in sets:
            print(package["name"], *chosen, flush=True)
            check = ["cargo", "check", "--quiet", "--locked", "-p", package["name"], *chosen]
            if subprocess.run(check).returncode != 0:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
