"""What an API server would accept and still not work: names, ports and numbers that do not fit together."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from app.api.auth import OPEN
from app.settings import Settings, environment_name, load_settings
from tests.deploy.manifests import (
    K8S,
    ROOT,
    Manifest,
    Rendered,
    container_ports,
    containers,
    environment,
    plain_name,
    template,
)

SETTINGS = {environment_name(field) for field in Settings.model_fields}
OTHERS_VARIABLES = {
    *("PGPASSWORD", "PGDATA", "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE"),
    *("LLMOPS_API_URL", "POD_NAME", "BACKUPS", "KEEP", "KEEP_LOGS_DAYS"),
}
WORDS_OF_KUSTOMIZE_2 = {
    *("apiVersion", "kind", "namespace", "bases", "resources", "images"),
    *("configMapGenerator", "secretGenerator", "patchesStrategicMerge"),
}
MINIKUBES_OWN = {"cpu": 1.2, "memory": 0.5}
"""What the control plane, Calico, the Ingress controller and the metrics-server request, in CPUs and GiB."""


def quantity(written: str) -> float:
    """CPUs, or GiB."""
    units = {"m": 1e-3, "Mi": 2**-10, "Gi": 1.0, "": 1.0}
    number, unit = re.fullmatch(r"([\d.]+)(\w*)", written).groups()
    return float(number) * units[unit]


def test_every_selector_means_some_pod(rendered: Rendered) -> None:
    for service in rendered.of_kind("Service"):
        assert rendered.pods_for(service["spec"]["selector"]), service["metadata"]["name"]
    for budget in rendered.of_kind("PodDisruptionBudget"):
        assert rendered.selected(budget["spec"]["selector"]), budget["metadata"]["name"]
    for workload in rendered.of_kind("Deployment", "StatefulSet"):
        own = template(workload)
        assert rendered.selected(workload["spec"]["selector"]) == [own]
        for constraint in own["spec"].get("topologySpreadConstraints", []):
            assert rendered.selected(constraint["labelSelector"]) == [own]


def test_every_port_of_a_service_is_listened_at(rendered: Rendered) -> None:
    for service in rendered.of_kind("Service"):
        ports = container_ports(rendered.pods_for(service["spec"]["selector"]))
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports, service["metadata"]["name"]


def test_network_policies_open_ports_that_are_there(rendered: Rendered) -> None:
    for policy in rendered.of_kind("NetworkPolicy"):
        name, spec = policy["metadata"]["name"], policy["spec"]
        targets = rendered.selected(spec["podSelector"])
        assert targets, name
        for rule in spec.get("ingress", []):
            assert {port["port"] for port in rule["ports"]} <= set(container_ports(targets).values()), name
        peers = [(peer, rule["ports"]) for rule in spec.get("egress", []) for peer in rule["to"]]
        for peer, ports in peers:
            if "podSelector" in peer and "namespaceSelector" not in peer:
                listening = container_ports(rendered.selected(peer["podSelector"])).values()
                assert {port["port"] for port in ports} <= set(listening), name


def test_nobody_talks_to_anybody_by_default(rendered: Rendered) -> None:
    denied = rendered.named("NetworkPolicy", "default-deny")["spec"]
    assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in rendered.of_kind("NetworkPolicy"):
        spec = policy["spec"]
        directions = {"Ingress": "ingress", "Egress": "egress"}
        declared = {directions[kind] for kind in spec["policyTypes"]}
        assert set(spec) & {"ingress", "egress"} <= declared  # else they would not count
        blocks = [
            peer["ipBlock"] for rule in spec.get("egress", []) for peer in rule["to"] if "ipBlock" in peer
        ]
        for block in blocks:
            if block["cidr"] == "0.0.0.0/0":
                assert "169.254.0.0/16" in block["except"]  # a cloud's metadata


def test_the_user_interface_reaches_the_api_and_the_service_its_database(rendered: Rendered) -> None:
    api = rendered.named("NetworkPolicy", "llmops-rag-api")["spec"]["ingress"][0]["from"]
    ui = rendered.named("NetworkPolicy", "llmops-streamlit")["spec"]["egress"][0]["to"]
    selectors = [peer["podSelector"]["matchLabels"] for peer in (*api, *ui) if "podSelector" in peer]
    assert selectors == [
        {"app.kubernetes.io/name": "llmops-streamlit"},
        {"app.kubernetes.io/name": "llmops-rag-api"},
    ]
    database = rendered.named("NetworkPolicy", "allow-database")["spec"]["podSelector"]
    clients = [pod for pod in map(template, rendered.workloads()) if "PGPASSWORD" in _names(pod)]
    assert rendered.selected(database) == clients
    assert len(clients) == 3


def _names(pod: Manifest) -> set[str]:
    return {entry["name"] for one in containers(pod) for entry in one.get("env", [])}


def test_every_variable_is_a_setting(rendered: Rendered) -> None:
    assert set(rendered.named("ConfigMap", "llmops-config")["data"]) <= SETTINGS
    for workload in rendered.workloads():
        assert _names(template(workload)) <= SETTINGS | OTHERS_VARIABLES


@pytest.mark.parametrize("name", ["llmops-rag-api", "llmops-worker"])
def test_the_service_accepts_its_settings(
    name: str, rendered: Rendered, monkeypatch: pytest.MonkeyPatch
) -> None:
    (container,) = template(rendered.named("Deployment", name))["spec"]["containers"]
    values = rendered.named("ConfigMap", "llmops-config")["data"] | environment(container)
    for variable, value in values.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings(_env_file=None)
    assert settings.database_url is not None
    assert (settings.ingestion_workers == 0) == (name == "llmops-rag-api")
    assert (settings.batch_concurrency == 0) == (name == "llmops-rag-api")
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {str(settings.data_dir), str(settings.log_dir.parent)} <= mounts
    # Each pod has a folder of its own; Kubernetes only knows variables that stand before.
    assert settings.log_dir.name == "$(POD_NAME)"
    order = [entry["name"] for entry in container["env"]]
    assert order.index("POD_NAME") < order.index("LLMOPS_LOG_DIR")


def test_every_reference_is_there(rendered: Rendered) -> None:
    known = {(one["kind"], one["metadata"]["name"]): one for one in rendered.manifests}
    for workload in rendered.workloads():
        pod = template(workload)
        assert ("ServiceAccount", pod["spec"]["serviceAccountName"]) in known
        for one in containers(pod):
            for source in one.get("envFrom", []):
                assert ("ConfigMap", source["configMapRef"]["name"]) in known
            for entry in one.get("env", []):
                if secret := entry.get("valueFrom", {}).get("secretKeyRef"):
                    data = known["Secret", secret["name"]]["data"]
                    assert secret.get("optional") or secret["key"] in data
        for volume in pod["spec"].get("volumes", []):
            _check_volume(volume, known)


def _check_volume(volume: Manifest, known: dict[tuple[str, str], Manifest]) -> None:
    if claim := volume.get("persistentVolumeClaim"):
        assert ("PersistentVolumeClaim", claim["claimName"]) in known
    if config := volume.get("configMap"):
        assert ("ConfigMap", config["name"]) in known
    if secret := volume.get("secret"):
        data = known["Secret", secret["secretName"]]["data"]
        assert {item["key"] for item in secret["items"]} <= set(data)


def test_every_volume_is_mounted_and_every_mount_has_a_volume(rendered: Rendered) -> None:
    for workload in rendered.workloads():
        spec = template(workload)["spec"]
        volumes = [volume["name"] for volume in spec.get("volumes", [])]
        volumes += [claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])]
        mounted = {mount["name"] for one in spec["containers"] for mount in one["volumeMounts"]}
        assert mounted == set(volumes), workload["metadata"]["name"]


def test_the_autoscaler_scales_what_is_there(rendered: Rendered) -> None:
    (autoscaler,) = rendered.of_kind("HorizontalPodAutoscaler")
    target = autoscaler["spec"]["scaleTargetRef"]
    deployment = rendered.named(target["kind"], target["name"])["spec"]
    least, most = autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]
    assert (least, most) == (2, 3 if rendered.overlay == "minikube" else 10)
    assert least <= deployment["replicas"] <= most
    targets = {
        metric["resource"]["name"]: metric["resource"]["target"] for metric in autoscaler["spec"]["metrics"]
    }
    assert {name: target["averageUtilization"] for name, target in targets.items()} == {
        "cpu": 70,
        "memory": 80,
    }


def test_a_node_can_be_drained(rendered: Rendered) -> None:
    for budget in rendered.of_kind("PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] >= 1
        assert "minAvailable" not in budget["spec"]
    selected = [rendered.selected(one["spec"]["selector"]) for one in rendered.of_kind("PodDisruptionBudget")]
    assert all([template(one)] in selected for one in rendered.of_kind("Deployment"))


def test_images_are_replaced_and_none_is_the_latest(rendered: Rendered) -> None:
    images = {one["image"] for workload in rendered.workloads() for one in containers(template(workload))}
    own = {"minikube": "llmops-{}:local", "production": "ghcr.io/example/llmops-{}:v0.1.0"}[rendered.overlay]
    expected = {own.format("rag-api"), own.format("streamlit")}
    assert images == expected | ({"postgres:17"} if rendered.overlay == "minikube" else set())


def test_pods_keep_to_the_restricted_standard(rendered: Rendered) -> None:
    labels = rendered.named("Namespace", "llmops")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for workload in rendered.workloads():
        pod = template(workload)["spec"]
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for one in containers(template(workload)):
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert set(one["resources"]) == {"requests", "limits"}
            assert {"cpu", "memory"} == set(one["resources"]["requests"]) == set(one["resources"]["limits"])


def test_a_replica_that_goes_has_the_time_to_answer(rendered: Rendered) -> None:
    config = rendered.named("ConfigMap", "llmops-config")["data"]
    deployment = rendered.named("Deployment", "llmops-rag-api")["spec"]
    assert deployment["replicas"] == 3
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    pod = deployment["template"]["spec"]
    (container,) = pod["containers"]
    program, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    # No answer is cut off that may still be given, and ten more seconds are for spans of traces.
    assert int(config["LLMOPS_SHUTDOWN_TIMEOUT_S"]) >= int(config["LLMOPS_REQUEST_TIMEOUT_S"])
    assert pod["terminationGracePeriodSeconds"] > int(seconds) + int(config["LLMOPS_SHUTDOWN_TIMEOUT_S"]) + 10


def test_probes_need_no_key(rendered: Rendered) -> None:
    (container,) = template(rendered.named("Deployment", "llmops-rag-api"))["spec"]["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in OPEN


def test_every_process_that_stays_has_its_probes(rendered: Rendered) -> None:
    for workload in rendered.of_kind("Deployment", "StatefulSet"):
        for container in template(workload)["spec"]["containers"]:
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)


def test_an_ingress_leads_somewhere_by_tls_and_the_service_knows_its_name(rendered: Rendered) -> None:
    origins = rendered.named("ConfigMap", "llmops-config")["data"]["LLMOPS_CORS_ORIGINS"].split(",")
    for ingress in rendered.of_kind("Ingress"):
        spec = ingress["spec"]
        assert [host for entry in spec["tls"] for host in entry["hosts"]] == [
            rule["host"] for rule in spec["rules"]
        ]
        for rule in spec["rules"]:
            assert f"https://{rule['host']}" in origins
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                ports = rendered.named("Service", backend["name"])["spec"]["ports"]
                assert backend["port"]["name"] in {port["name"] for port in ports}
        assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"] == "200m"


def test_the_user_interface_finds_the_api(rendered: Rendered) -> None:
    (container,) = template(rendered.named("Deployment", "llmops-streamlit"))["spec"]["containers"]
    address = environment(container)["LLMOPS_API_URL"]
    (port,) = rendered.named("Service", "llmops-rag-api")["spec"]["ports"]
    assert address == f"http://llmops-rag-api:{port['port']}"
    assert address in rendered.named("ConfigMap", "llmops-config")["data"]["LLMOPS_CORS_ORIGINS"].split(",")
    has_key = "LLMOPS_API_KEY_FILE" in environment(container)
    assert has_key == (rendered.overlay == "minikube")


def test_storage_is_what_is_asked_for(rendered: Rendered) -> None:
    claims = {plain_name(one): one["spec"] for one in rendered.of_kind("PersistentVolumeClaim")}
    sizes = {name: spec["resources"]["requests"]["storage"] for name, spec in claims.items()}
    assert sizes == {"vector-store-pvc": "10Gi", "logs-pvc": "5Gi", "backups-pvc": "50Gi"}
    shared = ["ReadWriteOnce" if rendered.overlay == "minikube" else "ReadWriteMany"]
    assert claims["vector-store-pvc"]["accessModes"] == claims["logs-pvc"]["accessModes"] == shared


def test_roles_are_as_small_as_they_can_be(rendered: Rendered) -> None:
    assert not rendered.of_kind("ClusterRole", "ClusterRoleBinding")
    assert all(not one["automountServiceAccountToken"] for one in rendered.of_kind("ServiceAccount"))
    for rule in (rule for role in rendered.of_kind("Role") for rule in role["rules"]):
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
        assert set(rule["verbs"]) <= {"get", "list", "watch", "create", "patch"}
        assert "pods/exec" not in rule["resources"]
    subjects = [one for binding in rendered.of_kind("RoleBinding") for one in binding["subjects"]]
    assert {subject["name"] for subject in subjects} == {"llmops-deployer"}


def test_the_deployer_may_apply_everything(rendered: Rendered) -> None:
    rules = [rule for role in rendered.of_kind("Role") for rule in role["rules"]]
    allowed = {resource: set(rule["verbs"]) for rule in rules for resource in rule["resources"]}
    for manifest in rendered.manifests:
        kind = manifest["kind"].lower()
        plural = {"ingress": "ingresses", "networkpolicy": "networkpolicies"}.get(kind, f"{kind}s")
        assert "get" in allowed[plural], kind


def test_one_backup_at_a_time(rendered: Rendered) -> None:
    (job,) = rendered.of_kind("CronJob")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    (container,) = template(job)["spec"]["containers"]
    assert container["command"] == ["sh", "/scripts/backup.sh"]
    assert "backup.sh" in rendered.named("ConfigMap", "llmops-scripts")["data"]


def test_a_minikube_of_two_cpus_has_room_for_it_and_for_a_new_version(
    all_rendered: dict[str, Rendered],
) -> None:
    minikube = all_rendered["minikube"]
    wanted = dict(MINIKUBES_OWN)
    for workload in minikube.workloads():
        pods = workload["spec"].get("replicas", 1) + (workload["kind"] == "Deployment")
        for resource in wanted:
            requests = [
                quantity(one["resources"]["requests"][resource])
                for one in template(workload)["spec"]["containers"]
            ]
            wanted[resource] += pods * sum(requests)
    assert wanted["cpu"] <= 2
    assert wanted["memory"] <= 4


def test_no_secret_is_in_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "infra/k8s"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    files = listed.stdout.split()
    assert files
    assert not [file for file in files if file.endswith("secrets.env")]
    ignored = ["git", "check-ignore", "-q", "infra/k8s/overlays/production/secrets.env"]
    assert subprocess.run(ignored, cwd=ROOT, check=False).returncode == 0
    for file in K8S.rglob("*.yaml"):
        assert not [
            one for one in yaml.safe_load_all(file.read_text()) if one and one.get("kind") == "Secret"
        ]


def test_the_kubectl_of_debian_12_knows_every_word() -> None:
    """Its kustomize is 2.0.3, which refuses what it does not know."""
    for folder in ("base", "overlays/minikube", "overlays/production"):
        kustomization = yaml.safe_load((K8S / folder / "kustomization.yaml").read_text())
        assert set(kustomization) <= WORDS_OF_KUSTOMIZE_2


def test_monitors_name_ports_and_keys_that_are_there(all_rendered: dict[str, Rendered]) -> None:
    monitors = list(yaml.safe_load_all((K8S / "components/monitoring/monitors.yaml").read_text()))
    production = all_rendered["production"]
    service, worker = monitors
    labels = service["spec"]["selector"]["matchLabels"].items()
    (scraped,) = [one for one in production.of_kind("Service") if labels <= one["metadata"]["labels"].items()]
    (endpoint,) = service["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in scraped["spec"]["ports"]}
    assert (
        endpoint["authorization"]["credentials"]["key"]
        in production.named("Secret", "llmops-secrets")["data"]
    )
    pods = production.selected(worker["spec"]["selector"])
    assert worker["spec"]["podMetricsEndpoints"][0]["port"] in container_ports(pods)


def test_the_queue_scales_workers(all_rendered: dict[str, Rendered]) -> None:
    autoscaler = yaml.safe_load((K8S / "components/queue-length/autoscaling.yaml").read_text())
    target = autoscaler["spec"]["scaleTargetRef"]
    assert all_rendered["production"].named(target["kind"], target["name"])
