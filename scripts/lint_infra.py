"""Look over what deploys and checks the service, each kind of file by its linter.

    python -m scripts.lint_infra TOOLS CHECKOV

TOOLS and CHECKOV are the folders with the commands that `make lint-infra` has installed. Files are those that git has.
A linter without a file to look at fails like one that finds something: a folder that was moved shall be noticed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KUBERNETES = ("1.29", "1.30", "1.31", "1.32", "1.33", "1.34")
NOT_OF_KUBERNETES = {"ServiceMonitor", "PodMonitor"}
"""Kinds that a cluster learns from Prometheus' operator: no release of Kubernetes has a schema of them."""

WORKFLOWS = r"\.github/workflows/[^/]+\.ya?ml"
COMPOSE = r"docker-compose(\.[\w-]+)?\.ya?ml"
DOCKERFILES = r"(.*/)?Dockerfile(\.[\w-]+)?"
MANIFESTS = "infra/k8s"
OVERLAYS = rf"{MANIFESTS}/overlays/[^/]+/kustomization\.yaml"
_SECRETS = shutil.ignore_patterns("secrets.env")
_SHELL = re.compile(rb"#!.*\b(?:ba)?sh\b")


@dataclass(frozen=True)
class Linter:
    """`files` says which files of git it is for; a `command` gets them all as its last arguments."""

    name: str
    files: Callable[[Path, list[str]], list[str]]
    command: tuple[str, ...]


def named(pattern: str) -> Callable[[Path, list[str]], list[str]]:
    whole = re.compile(pattern)
    return lambda _root, names: [name for name in names if whole.fullmatch(name)]


def shell_scripts(root: Path, names: list[str]) -> list[str]:
    """Those that begin like one, whatever their name."""
    return [name for name in names if _SHELL.match((root / name).read_bytes()[:80])]


LINTERS = (
    Linter("shellcheck", shell_scripts, ("shellcheck",)),
    Linter("shfmt", shell_scripts, ("shfmt", "-i", "4", "-ci", "-d")),
    Linter("hadolint", named(DOCKERFILES), ("hadolint",)),
    Linter("yamllint", named(r".*\.ya?ml"), ("yamllint", "--strict")),
    Linter(
        "workflows", named(WORKFLOWS), ("check-jsonschema", "--builtin-schema", "vendor.github-workflows")
    ),
    Linter(
        "dependabot",
        named(r"\.github/dependabot\.yml"),
        ("check-jsonschema", "--builtin-schema", "vendor.dependabot"),
    ),
    Linter("compose", named(COMPOSE), ("check-jsonschema", "--builtin-schema", "vendor.compose-spec")),
    Linter("actionlint", named(WORKFLOWS), ("actionlint",)),
    Linter("zizmor", named(r"\.github/.+\.ya?ml"), ("zizmor", "--offline", "--no-progress", "--quiet")),
)


def tracked_files(root: Path) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


def run(root: Path, linter: Linter) -> bool:
    """Whether the linter had files and found nothing in them."""
    files = linter.files(root, tracked_files(root))
    if not files:
        return complain(linter.name, "there is no file for it to look at")
    ended = subprocess.run([*linter.command, *files], cwd=root, check=False)
    return told(linter.name, f"{len(files)} files", ended.returncode == 0)


def check_compose(root: Path) -> bool:
    """Ask Compose itself, where it is installed; `CI_REQUIRE_COMPOSE=1` says that it has to be."""
    files = named(COMPOSE)(root, tracked_files(root))
    command = compose()
    if command is None:
        if os.environ.get("CI_REQUIRE_COMPOSE") == "1":
            return complain("docker compose", "is not installed")
        sys.stdout.write("docker compose: not installed, so only the schema was looked at\n")
        return True
    outcomes = [
        subprocess.run(
            [*command, "--profile", "*", "--file", name, "config", "--quiet"], cwd=root, check=False
        ).returncode
        for name in files
    ]
    return told("docker compose", f"{len(files)} files", not any(outcomes))


def compose() -> tuple[str, ...] | None:
    """Compose as a part of Docker, or by itself."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0]):
            asked = subprocess.run([*command, "version"], capture_output=True, check=False)
            if asked.returncode == 0:
                return command
    return None


def check_manifests(root: Path, checkov: Path) -> bool:
    """Render each overlay as it would be deployed, and look at it with the schemas of Kubernetes and with checkov."""
    overlays = named(OVERLAYS)(root, tracked_files(root))
    if not overlays:
        return complain("kubernetes-validate", "there is no overlay to look at")
    with tempfile.TemporaryDirectory() as folder:
        manifests = Path(shutil.copytree(root / MANIFESTS, Path(folder) / "k8s", ignore=_SECRETS))
        rendered = [path for name in overlays if (path := render(manifests, Path(name).parent.name))]
        sound = [valid(path, version) for path in rendered for version in KUBERNETES]
        well = told(
            "kubernetes-validate", f"{len(overlays)} overlays", len(rendered) == len(overlays) and all(sound)
        )
        options = ("--config-file", str(manifests / "checkov.yaml"))
        return look_with_checkov(root, checkov, options, [str(path) for path in rendered]) and well


def render(manifests: Path, overlay: str) -> Path | None:
    """What `kubectl apply -k` would send, with secrets made up; None, and a word about it, when it cannot be made."""
    path = manifests / f"{overlay}.yaml"
    made_up = os.environ | {"PGPASSWORD": "made-up"}
    secrets = subprocess.run(
        [str(manifests / "secrets.sh"), overlay], env=made_up, capture_output=True, check=False
    )
    with path.open("w") as file:
        kustomize = ["kubectl", "kustomize", str(manifests / "overlays" / overlay)]
        ended = subprocess.run(kustomize, stdout=file, check=False)
    return path if secrets.returncode == 0 and ended.returncode == 0 else None


def valid(path: Path, version: str) -> bool:
    """Whether Kubernetes of this version knows each kind and each field; an unknown kind is only warned of there."""
    command = ["kubernetes-validate", "--strict", "--quiet", "-k", version, str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    said = ended.stdout + ended.stderr
    unknown = set(re.findall(r"find schema for kind (\w+)", said)) - NOT_OF_KUBERNETES
    if ended.returncode == 0 and not unknown:
        return True
    sys.stderr.write(said)
    return False


def check_images_and_workflows(root: Path, checkov: Path) -> bool:
    names = tracked_files(root)
    options = ("--skip-download", "--quiet", "--compact", "--framework", "dockerfile", "github_actions")
    return look_with_checkov(root, checkov, options, named(f"{DOCKERFILES}|{WORKFLOWS}")(root, names))


def look_with_checkov(root: Path, checkov: Path, options: Sequence[str], files: Sequence[str]) -> bool:
    ended = subprocess.run([str(checkov / "checkov"), *options, "--file", *files], cwd=root, check=False)
    return told("checkov", f"{len(files)} files", ended.returncode == 0)


def told(name: str, of_what: str, well: bool) -> bool:
    sys.stdout.write(f"{name}: {of_what}, {'nothing found' if well else 'FAILED'}\n")
    sys.stdout.flush()
    return well


def complain(name: str, what: str) -> bool:
    sys.stderr.write(f"error: {name}: {what}\n")
    return False


def outcomes(root: Path, checkov: Path) -> Iterator[bool]:
    for linter in LINTERS:
        yield run(root, linter)
    yield check_compose(root)
    yield check_images_and_workflows(root, checkov)
    yield check_manifests(root, checkov)


def main(tools: str, checkov: str) -> int:
    os.environ["PATH"] = f"{Path(tools).resolve()}{os.pathsep}{os.environ['PATH']}"
    return 0 if all(list(outcomes(ROOT, Path(checkov).resolve()))) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
