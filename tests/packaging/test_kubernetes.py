"""The Kubernetes manifests against Kubernetes' own schemas, and against the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from morpheus_gae.cli import morpheus
from tests.packaging.test_compose import DOCKER, settings_of
from tests.packaging.test_docker import environment_variables

FOLDER = DOCKER / "k8s"
VERSION = "1.33"
# of other projects: Kubernetes has no schema for them
FOREIGN = {"Kustomization", "ServiceMonitor"}


def documents(path: Path) -> list[dict[str, Any]]:
    return [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d]


MANIFESTS = {f"{p.relative_to(FOLDER)}": d for p in sorted(FOLDER.rglob("*.yaml")) for d in documents(p)}
BY_KIND = {d["kind"]: d for name, d in MANIFESTS.items() if "/" not in name}
POD = BY_KIND["Deployment"]["spec"]["template"]["spec"]
(SCORER,) = POD["containers"]


@pytest.mark.parametrize(
    "name", [n for n, d in MANIFESTS.items() if d["kind"] not in FOREIGN and "/" not in n]
)
def test_fits_the_schema(name: str) -> None:
    kubernetes_validate.validate(MANIFESTS[name], VERSION, strict=True)


def test_kustomization_names_every_manifest() -> None:
    told = set(BY_KIND["Kustomization"]["resources"])
    assert told == {n for n in MANIFESTS if "/" not in n} - {"kustomization.yaml"}
    gpu = MANIFESTS["gpu/kustomization.yaml"]
    assert all((FOLDER / "gpu" / patch["path"]).is_file() for patch in gpu["patches"])


def test_the_pod_is_locked_down() -> None:
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["automountServiceAccountToken"] is False
    for container in (*POD["initContainers"], SCORER):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]) == {"requests", "limits"}
    enforced = BY_KIND["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"


def test_the_scorer_speaks_the_command_line() -> None:
    told = settings_of(SCORER["args"])
    (port,) = SCORER["ports"]
    assert told.metrics_port == port["containerPort"]
    assert told.grace_seconds is not None
    assert told.grace_seconds < POD["terminationGracePeriodSeconds"]
    data = BY_KIND["ConfigMap"]["data"]
    ours = {name for name in data if name.startswith("MORPHEUS_RUN")}
    gpu = MANIFESTS["gpu/deployment.yaml"]["spec"]["template"]["spec"]["containers"][0]
    ours |= {e["name"] for e in gpu["env"] if e["name"].startswith("MORPHEUS_")}
    assert ours <= environment_variables(morpheus.main, "MORPHEUS")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert SCORER[probe]["httpGet"]["port"] == port["name"]
        assert SCORER[probe]["httpGet"]["path"] in ("/healthz", "/readyz")


def test_what_selects_finds_the_pods() -> None:
    labels = BY_KIND["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        BY_KIND["Deployment"]["spec"]["selector"]["matchLabels"],
        BY_KIND["Service"]["spec"]["selector"],
        BY_KIND["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        BY_KIND["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    service = BY_KIND["Service"]
    assert BY_KIND["ServiceMonitor"]["spec"]["selector"]["matchLabels"] == service["metadata"]["labels"]
    names = {port["name"] for port in service["spec"]["ports"]}
    assert BY_KIND["ServiceMonitor"]["spec"]["endpoints"][0]["port"] in names
    assert BY_KIND["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "scorer"


def test_the_gpu_is_limited() -> None:
    (container,) = MANIFESTS["gpu/deployment.yaml"]["spec"]["template"]["spec"]["containers"]
    assert container["name"] == SCORER["name"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
