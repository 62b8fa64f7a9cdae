"""Ask for known vulnerabilities of the locked packages, and fail when nobody could be asked.

`python -m scripts.audit PIP_AUDIT` with the path of the command pip-audit. Exit code 0: all packages were looked up and
none has a known vulnerability; 1: some have; 2: the database could not be asked, so nothing is known.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_TIMEOUT_S = 300
_SHOWN_CHARS = 600

ACCEPTED: dict[str, str] = {}
"""Vulnerabilities by id that do not concern this project, each with the reason."""


def audit(command: str, lock: Path) -> int:
    """Run pip-audit over a lock and tell what it found; gives the exit code."""
    arguments = [command, "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    arguments += ["--progress-spinner", "off", "--format", "json"]
    try:
        ended = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _unknown(str(error))
    try:
        packages: list[dict[str, Any]] = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return _unknown(ended.stderr.strip()[-_SHOWN_CHARS:] or f"pip-audit ended with {ended.returncode}")
    # Where a mirror has no such data, pip-audit passes over packages and still ends well.
    if skipped := [each for each in packages if "skip_reason" in each]:
        return _unknown(f"{len(skipped)} of {len(packages)} packages, the first: {skipped[0]['skip_reason']}")
    if not packages:
        return _unknown(f"{lock.name} names no packages")
    return _tell(packages)


def _tell(packages: list[dict[str, Any]]) -> int:
    found = [
        f"{package['name']} {package['version']}: {each['id']}, mended in {each['fix_versions'] or 'no version yet'}"
        for package in packages
        for each in package["vulns"]
        if each["id"] not in ACCEPTED
    ]
    for line in found:
        print(line, file=sys.stderr)
    if found:
        return 1
    print(f"{len(packages)} packages were looked up; none has a known vulnerability that matters here")
    return 0


def _unknown(reason: str) -> int:
    print(f"error: NOTHING WAS CHECKED, the vulnerabilities are unknown: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(audit(sys.argv[1], ROOT / "requirements.lock"))
