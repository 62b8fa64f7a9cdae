"""deploy.sh, rollback.sh, secrets.sh and backup.sh, with stand-ins for the cluster and the service."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.manifests import K8S, ROOT, copied

KEY = re.compile(r"llmops_[0-9a-f]{16}_[0-9a-f]{64}")
# Keeps what it is asked, renders by the real one, and plays a cluster that does not start the API if $BROKEN is api.
KUBECTL = """#!/bin/sh
printf '%s\\n' "$*" >>"$CALLS"
case "$*" in
    *" kustomize "*) exec "$REAL" "$5" "$6" ;;
    *"get deployments"*) [ -e "$CALLS.applied" ] && cat "$AFTER" || cat "$BEFORE" ;;
    *"get deployment "*containers*) echo ghcr.io/owner/llmops-rag-api:v1 ;;
    *"get deployment llmops-rag-api "*) echo 7 ;;
    *"get deployment llmops-worker "*) echo "$WORKERS" ;;
    *"apply -f "*all.yaml*) : >"$CALLS.applied" && cp "$7" "$CALLS.yaml" ;;
    *"rollout status deployment/llmops-rag-api"*) [ "$BROKEN" != api ] || [ -e "$CALLS.undone" ] ;;
    *"rollout undo"*) : >"$CALLS.undone" ;;
    *port-forward*) echo "Forwarding from 127.0.0.1:4711 -> 8000" && exec sleep 30 ;;
esac
"""
SMOKE_TEST = """#!/bin/sh
printf 'asked %s as %s\\n' "$1" "$LLMOPS_API_KEY" >>"$CALLS"
[ "$BROKEN" != answers ]
"""


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What deploy.sh needs of the repository, with secrets of its own."""
    copied(tmp_path / "infra" / "k8s")
    (tmp_path / "infra" / "docker").mkdir()
    script(tmp_path / "infra" / "docker" / "test-api.sh", SMOKE_TEST)
    return tmp_path


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]} | variables,
    )


@pytest.fixture
def cluster(clone: Path) -> dict[str, str]:
    """Variables with which scripts find a cluster that is none."""
    real = shutil.which("kubectl")
    assert real is not None, "kubectl is missing: it is in Debian's package kubernetes-client"
    before, after = clone / "before", clone / "after"
    before.write_text("llmops-rag-api=4\nllmops-streamlit=2\n")
    after.write_text("llmops-rag-api=5\nllmops-streamlit=2\n")
    return {
        "KUBECTL": str(script(clone / "kubectl", KUBECTL)),
        "REAL": real,
        "CALLS": str(clone / "calls"),
        "BEFORE": str(before),
        "AFTER": str(after),
        "BROKEN": "",
        "WORKERS": "5",
    }


def test_a_version_that_works_stays(clone: Path, cluster: dict[str, str]) -> None:
    done = run(clone / "infra/k8s/deploy.sh", "--context", "lab", "--tag", "v2", **cluster)
    assert done.returncode == 0, done.stderr
    calls = (clone / "calls").read_text()
    key = KEY.search((clone / "infra/k8s/overlays/minikube/secrets.env").read_text())
    assert key is not None
    assert f"asked http://127.0.0.1:4711 as {key[0]}\n" in calls
    assert "rollout undo" not in calls


@pytest.mark.parametrize("broken", ["api", "answers"])
def test_a_version_that_does_not_work_is_taken_back(
    broken: str, clone: Path, cluster: dict[str, str]
) -> None:
    cluster["BROKEN"] = broken
    done = run(clone / "infra/k8s/deploy.sh", "--context", "lab", "--tag", "v2", **cluster)
    assert done.returncode == 1, done.stderr
    calls = (clone / "calls").read_text()
    undone = [call for call in calls.splitlines() if "rollout undo" in call]
    assert undone == [
        "--context lab --namespace llmops rollout undo deployment/llmops-rag-api --to-revision=4"
    ]
    assert ("port-forward" in calls) == (broken == "answers")


def test_images_get_their_tag_and_the_autoscalers_replicas_stay(clone: Path, cluster: dict[str, str]) -> None:
    command = (
        clone / "infra/k8s/deploy.sh",
        "--context",
        "lab",
        "--tag",
        "v2",
        "--registry",
        "ghcr.io/owner",
    )
    run(*command, **cluster)
    applied = (clone / "calls.yaml").read_text()
    images = set(re.findall(r"image: (\S+)", applied))
    assert images == {"ghcr.io/owner/llmops-rag-api:v2", "ghcr.io/owner/llmops-streamlit:v2", "postgres:17"}
    scaled = {
        manifest["metadata"]["name"]: manifest["spec"]["replicas"]
        for manifest in yaml.safe_load_all(applied)
        if manifest["kind"] in ("Deployment", "StatefulSet")
    }
    assert scaled == {"llmops-rag-api": 7, "llmops-worker": 5, "llmops-streamlit": 1, "llmops-postgres": 1}


def test_what_stands_at_nothing_gets_the_replicas_of_the_manifests(
    clone: Path, cluster: dict[str, str]
) -> None:
    run(clone / "infra/k8s/deploy.sh", "--context", "lab", **cluster | {"WORKERS": "0"})
    applied = yaml.safe_load_all((clone / "calls.yaml").read_text())
    (worker,) = [
        one for one in applied if one["metadata"]["name"] == "llmops-worker" and one["kind"] == "Deployment"
    ]
    assert worker["spec"]["replicas"] == 1


def test_a_tag_that_cannot_take_the_place_of_a_digest_is_no_deployment(
    clone: Path, cluster: dict[str, str]
) -> None:
    overlay = clone / "infra/k8s/overlays/production/kustomization.yaml"
    overlay.write_text(overlay.read_text().replace("newTag: v0.1.0", f"digest: sha256:{'0' * 64}", 1))
    command = ("--overlay", "production", "--context", "lab", "--tag", "v2")
    done = run(clone / "infra/k8s/deploy.sh", *command, **cluster)
    assert done.returncode == 1
    assert "cannot replace" in done.stderr
    assert not (clone / "calls.yaml").exists()


def test_the_first_version_is_left_for_a_look(clone: Path, cluster: dict[str, str]) -> None:
    (clone / "before").write_text("")
    cluster["BROKEN"] = "api"
    done = run(clone / "infra/k8s/deploy.sh", "--context", "lab", **cluster)
    assert done.returncode == 1
    assert "nothing ran here before" in done.stderr
    assert "rollout undo" not in (clone / "calls").read_text()


def test_rolling_back_is_for_all_or_for_those_that_are_named(cluster: dict[str, str], clone: Path) -> None:
    assert run(clone / "infra/k8s/rollback.sh", **cluster).returncode == 0
    assert (clone / "calls").read_text().count("rollout undo") == 3
    run(clone / "infra/k8s/rollback.sh", "--context", "lab", "llmops-worker=3", **cluster)
    *last, _asked, set_image = (clone / "calls").read_text().splitlines()[-4:]
    assert last[0].endswith("rollout undo deployment/llmops-worker --to-revision=3")
    assert "rollout status deployment/llmops-worker" in last[1]
    assert set_image.endswith("set image cronjob/llmops-backup backup=ghcr.io/owner/llmops-rag-api:v1")


def test_a_dry_run_asks_no_cluster() -> None:
    done = run(K8S / "deploy.sh", "--dry-run", KUBECTL="false")
    assert done.returncode == 0, done.stderr
    steps = [
        "minikube start",
        "build.sh",
        "image load",
        "secrets.sh",
        "namespace.yaml",
        "kustomize",
        "all.yaml",
    ]
    steps += ["statefulset/llmops-postgres", "deployment/llmops-rag-api", "port-forward", "test-api.sh"]
    places = [done.stderr.find(step) for step in steps if step != "minikube start"]
    assert -1 not in places
    assert places == sorted(places)


def test_production_needs_to_be_told_its_cluster() -> None:
    done = run(K8S / "deploy.sh", "--overlay", "production", "--dry-run")
    assert done.returncode == 2
    assert "--context" in done.stderr


def test_secrets_are_made_once_and_each_time_others(tmp_path: Path) -> None:
    folders = [copied(tmp_path / name) for name in ("one", "two")]
    files = [folder / "overlays/minikube/secrets.env" for folder in folders]
    made = [file.read_text() for file in files]
    assert made[0] != made[1]
    assert KEY.search(made[0])
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    again = run(folders[0] / "secrets.sh", "minikube", PGPASSWORD="geheim")
    assert files[0].read_text() == made[0]
    assert "kept infra/k8s/overlays/minikube/secrets.env" in again.stderr


def test_secrets_that_are_given_are_taken_over(tmp_path: Path) -> None:
    folder = copied(tmp_path / "k8s")
    file = folder / "overlays/production/secrets.env"
    file.unlink()
    run(folder / "secrets.sh", "production", PGPASSWORD="geheim", OPENAI_API_KEY="made-up")
    lines = file.read_text().splitlines()
    assert lines[1:] == ["PGPASSWORD=geheim", "OPENAI_API_KEY=made-up"]


def test_no_password_is_made_up_for_a_database_that_has_one(tmp_path: Path) -> None:
    folder = copied(tmp_path / "k8s")
    file = folder / "overlays/production/secrets.env"
    file.unlink()
    done = run(folder / "secrets.sh", "production")
    assert (done.returncode, file.exists()) == (2, False)
    assert "PGPASSWORD" in done.stderr


def test_an_overlay_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    done = run(copied(tmp_path / "k8s") / "secrets.sh", "staging")
    assert done.returncode == 2
    assert "no overlay staging; there are: minikube production" in done.stderr


@pytest.fixture
def volumes(tmp_path: Path) -> dict[str, str]:
    """Variables of backup.sh, with an `llmops` that only writes down what it is asked."""
    llmops = '#!/bin/sh\necho "$*" >>"$CALLS"\ncase $1 in backup) : >"$2" ;; esac\n'
    script(tmp_path / "llmops", llmops)
    (tmp_path / "backups").mkdir()
    (tmp_path / "logs" / "commands").mkdir(parents=True)
    return {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "BACKUPS": str(tmp_path / "backups"),
        "LLMOPS_LOG_DIR": str(tmp_path / "logs" / "commands"),
        "KEEP": "3",
        "KEEP_LOGS_DAYS": "14",
    }


def test_there_is_room_before_the_next_backup_is_written(tmp_path: Path, volumes: dict[str, str]) -> None:
    script(tmp_path / "llmops", "#!/bin/sh\nexit 1\n")
    for day in range(1, 8):
        (tmp_path / "backups" / f"llmops-202601{day:02}T021500Z.tar").touch()
    assert run("sh", K8S / "base/backup.sh", **volumes).returncode == 1
    kept = sorted(path.name for path in (tmp_path / "backups").iterdir())
    assert kept == ["llmops-20260106T021500Z.tar", "llmops-20260107T021500Z.tar"]


def test_the_newest_backups_are_kept(tmp_path: Path, volumes: dict[str, str]) -> None:
    for day in range(1, 6):
        (tmp_path / "backups" / f"llmops-202601{day:02}T021500Z.tar").touch()
    (tmp_path / "backups" / "before-the-move.tar").touch()
    assert run("sh", K8S / "base/backup.sh", **volumes).returncode == 0
    kept = sorted(path.name for path in (tmp_path / "backups").iterdir())
    assert kept[:3] == ["before-the-move.tar", "llmops-20260104T021500Z.tar", "llmops-20260105T021500Z.tar"]
    assert len(kept) == 4


def test_old_logs_go_and_who_changed_what_stays(tmp_path: Path, volumes: dict[str, str]) -> None:
    old = tmp_path / "logs" / "llmops-rag-api-1"
    new = tmp_path / "logs" / "llmops-rag-api-2"
    for folder in (old, new):
        folder.mkdir()
        for name in ("api.log", "api.log.1", "audit.jsonl"):
            (folder / name).touch()
    for path in old.iterdir():
        os.utime(path, (0, 0))
    assert run("sh", K8S / "base/backup.sh", **volumes).returncode == 0
    assert [path.name for path in old.iterdir()] == ["audit.jsonl"]
    assert len(list(new.iterdir())) == 3


def test_a_backup_can_be_put_back(tmp_path: Path, volumes: dict[str, str]) -> None:
    assert run("sh", K8S / "base/backup.sh", RESTORE="monday.tar", **volumes).returncode == 0
    assert (tmp_path / "calls").read_text() == f"restore --force {tmp_path}/backups/monday.tar\n"


def test_backups_can_be_listed(tmp_path: Path, volumes: dict[str, str]) -> None:
    (tmp_path / "backups" / "llmops-20261129T021500Z.tar").touch()
    listed = run("sh", K8S / "base/backup.sh", LIST="1", **volumes)
    assert "llmops-20261129T021500Z.tar" in listed.stdout
    assert not (tmp_path / "calls").exists()


def test_every_script_may_be_started() -> None:
    for path in K8S.rglob("*.sh"):
        assert os.access(path, os.X_OK), path.relative_to(ROOT)
