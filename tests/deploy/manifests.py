"""The manifests of an overlay, as `kubectl kustomize` renders them, and what is often asked of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

Manifest = dict[str, Any]

ROOT = Path(__file__).parents[2]
K8S = ROOT / "infra" / "k8s"
OVERLAYS = ("minikube", "production")


@dataclass(frozen=True)
class Rendered:
    overlay: str
    manifests: list[Manifest]

    def of_kind(self, *kinds: str) -> list[Manifest]:
        return [manifest for manifest in self.manifests if manifest["kind"] in kinds]

    def named(self, kind: str, name: str) -> Manifest:
        """By its name, without the digest that kustomize puts behind those that it makes."""
        found = [one for one in self.of_kind(kind) if plain_name(one) == name]
        assert len(found) == 1, f"{kind} {name}: {len(found)} of them in {self.overlay}"
        return found[0]

    def workloads(self) -> list[Manifest]:
        return self.of_kind("Deployment", "StatefulSet", "CronJob")

    def pods_for(self, labels: dict[str, str]) -> list[Manifest]:
        """The templates of those pods that have all of these labels."""
        pods = [template(workload) for workload in self.workloads()]
        return [pod for pod in pods if labels.items() <= pod["metadata"]["labels"].items()]

    def selected(self, selector: Manifest) -> list[Manifest]:
        """The templates of those pods that a selector means, which may have expressions."""
        pods = self.pods_for(selector.get("matchLabels", {}))
        for wanted in selector.get("matchExpressions", []):
            assert wanted["operator"] == "In"
            pods = [pod for pod in pods if pod["metadata"]["labels"].get(wanted["key"]) in wanted["values"]]
        return pods


def plain_name(manifest: Manifest) -> str:
    name = str(manifest["metadata"]["name"])
    return name.rsplit("-", 1)[0] if manifest["kind"] in ("ConfigMap", "Secret") else name


def template(workload: Manifest) -> Manifest:
    spec = workload["spec"]["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else workload["spec"]
    return spec["template"]


def containers(pod: Manifest) -> Iterator[Manifest]:
    yield from pod["spec"]["containers"]
    yield from pod["spec"].get("initContainers", [])


def container_ports(pods: list[Manifest]) -> dict[str, int]:
    return {
        port["name"]: port["containerPort"]
        for pod in pods
        for one in containers(pod)
        for port in one.get("ports", [])
    }


def environment(container: Manifest) -> dict[str, str]:
    """What is set to a value of its own, not by reference."""
    return {entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry}


def copied(folder: Path) -> Path:
    """A copy of infra/k8s with secrets of its own, so that nobody's are read."""
    shutil.copytree(K8S, folder, ignore=shutil.ignore_patterns("secrets.env"))
    for overlay in OVERLAYS:
        made_up = os.environ | {"PGPASSWORD": "made-up"}
        subprocess.run([folder / "secrets.sh", overlay], env=made_up, check=True, capture_output=True)
    return folder


def render(folder: Path, overlay: str) -> Rendered:
    if shutil.which("kubectl") is None:
        pytest.fail("kubectl is missing: it is in Debian's package kubernetes-client")
    command = ["kubectl", "kustomize", str(folder / "overlays" / overlay)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Rendered(overlay, [one for one in yaml.safe_load_all(done.stdout) if one])
