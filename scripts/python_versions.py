#!/usr/bin/env python3
"""Compares the Python packages in a virtual environment with the requirements that it was installed from.

python_versions.py FOLDER FILE...   FOLDER is the environment; the FILEs are all that may be installed into it

Each installed package must be listed with its version. Packages of the first file must be there; those of the other
files may be. Exit codes: 0 as listed; 1 other packages or versions; 64 wrong arguments.
"""

import importlib.metadata
import re
import sys
from pathlib import Path

#: What `python3 -m venv` puts into an environment by itself, in the versions that come with Python.
BROUGHT_ALONG = {"pip", "setuptools", "wheel"}
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(;)?")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def listed(text: str) -> tuple[dict[str, set[str]], set[str]]:
    """The versions that a file lists for each package, and the packages that only some systems need."""
    versions: dict[str, set[str]] = {}
    conditional = set()
    for line in text.splitlines():
        if match := REQUIREMENT.match(line):
            name = canonical(match[1])
            versions.setdefault(name, set()).add(match[2])
            if match[3]:
                conditional.add(name)
    return versions, conditional


def differences(installed: dict[str, str], files: list[str]) -> list[str]:
    """What is installed and not listed, installed in another version, or missing. Empty where all is as listed."""
    allowed: dict[str, set[str]] = {}
    for text in files:
        for name, versions in listed(text)[0].items():
            allowed.setdefault(name, set()).update(versions)
    found = []
    for name, version in sorted(installed.items()):
        if name not in allowed:
            if name not in BROUGHT_ALONG:
                found.append(f"{name} {version} is installed and listed nowhere")
        elif version not in allowed[name]:
            found.append(f"{name} {version} is installed, listed is {', '.join(sorted(allowed[name]))}")
    needed, conditional = listed(files[0])
    return found + [f"{name} is not installed" for name in sorted(needed.keys() - conditional - installed.keys())]


def packages_in(environment: Path) -> dict[str, str]:
    folders = [str(folder) for folder in environment.glob("lib/python3*/site-packages")]
    return {
        canonical(package.metadata["Name"]): package.version
        for package in importlib.metadata.distributions(path=folders)
    }


def main() -> int:
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0 if "-h" in sys.argv or "--help" in sys.argv else 64
    environment = Path(sys.argv[1])
    found = differences(packages_in(environment), [Path(file).read_text(encoding="utf-8") for file in sys.argv[2:]])
    for difference in found:
        print(difference, file=sys.stderr)
    if found:
        print(f"{environment} is not what the requirements list; remove it and try again", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
