"""What lies in `infra/monitoring` asks for metrics that a server gives, and for sections that the documents have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.api.conftest import HANDBOOK
from tests.live import make_settings, running
from tests.stub_openai import StubOpenAI

FOLDER = Path(__file__).parents[2] / "infra" / "monitoring"
METRIC = re.compile(r"\b(?:llmops|process|python)_[a-z0-9_]+\b")
LABELS = re.compile(r"\{[^}]*\}")
OWN = {"up"}  # Prometheus' own, of each scrape


def load(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


def rules() -> list[dict[str, Any]]:
    return [rule for group in load("rules.yml")["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / "grafana" / "llmops.json").read_text())["panels"]
    return found


def queries() -> dict[str, str]:
    """PromQL by where it stands."""
    asked = {f"alert {rule['alert']}": str(rule["expr"]) for rule in rules()}
    for panel in panels():
        for target in panel.get("targets", ()):
            asked[f"panel {panel['title']} {target['refId']}"] = target["expr"]
    return asked


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of samples, and `name{label}` for each label, of a server that has answered, refused and failed."""
    with StubOpenAI() as model:
        settings = make_settings(
            tmp_path_factory.mktemp("monitoring"),
            openai_api_key="sk-test-not-a-key",
            openai_base_url=model.base_url,
            embedding_model="embedded:all-MiniLM-L6-v2",
            model_prices={"openai:gpt-4o": (2.0, 8.0)},
            model_max_retries=0,
        )
        with running(settings) as client:
            _use(client, model)
            text = client.get("/metrics").text
    samples = [line for line in text.splitlines() if line and not line.startswith("#")]
    names = {re.split(r"[{ ]", line, maxsplit=1)[0] for line in samples}
    labels = {
        f"{line.partition('{')[0]}:{label}" for line in samples for label in re.findall(r"(\w+)=\"", line)
    }
    return names | labels


def _use(client: httpx.Client, model: StubOpenAI) -> None:
    client.post("/index", json={"documents": [{"text": HANDBOOK, "name": "handbook.md"}]}).raise_for_status()
    client.post("/upload", params={"wait": "true"}, files={"files": ("a.txt", b"Some words.")})
    client.post("/ask", json={"question": "What is the notice period?", "agent": "qa"}).raise_for_status()
    client.post("/ask", json={"question": "What?", "collection": "nowhere"})
    model.mode = "500"
    client.post("/ask", json={"question": "What is the notice period?", "agent": "qa"}).raise_for_status()


@pytest.mark.parametrize("place", queries())
def test_every_query_names_metrics_and_labels_that_exist(place: str, exposed: set[str]) -> None:
    query = queries()[place]
    names = set(METRIC.findall(query))
    assert names or "up{" in query
    assert names <= exposed, f"unknown: {names - exposed}"
    scraped = {"job", "instance", "le"}  # what Prometheus adds to each sample, and what buckets have
    for name, selector in re.findall(r"\b((?:llmops|process)_\w+)\{([^}]*)\}", query):
        for label in set(re.findall(r"(\w+)\s*[=!]", selector)) - scraped:
            assert f"{name}:{label}" in exposed, f"{name} has no label {label}"
    for labels in re.findall(r"by \(([^)]*)\)", query):
        for label in {label.strip() for label in labels.split(",")} - scraped:
            assert any(f"{name}:{label}" in exposed for name in names), f"no label {label} in {sorted(names)}"


def test_every_alert_leads_to_a_section_and_is_put_to_the_test() -> None:
    tested = {
        case["alertname"]
        for test in load("rules.test.yml")["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert {rule["alert"] for rule in rules()} == tested
    for rule in rules():
        page, _, section = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^#+ (.*)$", (FOLDER.parents[1] / page).read_text(), flags=re.MULTILINE)
        assert section in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_the_scrape_configuration_points_to_the_default_address_and_the_rules() -> None:
    configuration = load("prometheus.yml")
    assert configuration["rule_files"] == ["rules.yml"]
    (job,) = configuration["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("llmops", "/metrics")
    assert job["static_configs"] == [{"targets": ["127.0.0.1:8000"]}]
