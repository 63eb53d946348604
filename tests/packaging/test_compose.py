"""The stack of containers cannot be started here; what can be known of it without Docker is checked."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml

from morpheus_gae.cli import gae, morpheus
from morpheus_gae.engine.observe.prometheus import metric_names
from morpheus_gae.engine.settings import Settings
from tests.packaging.composed import MissingVariableError, composed, environment, variables
from tests.packaging.test_docker import environment_variables, is_pinned

DOCKER = Path(__file__).resolve().parents[2] / "docker"
EXAMPLE = environment(DOCKER / ".env.example")
NEEDED = {"KAFKA_BROKERS": "k1:9093,k2:9093", "KAFKA_USER": "scorer"}
LAYERS = [
    ["compose.yaml"],
    ["compose.yaml", "compose.gpu.yaml"],
    ["compose.yaml", "compose.external.yaml"],
    ["compose.yaml", "compose.gpu.yaml", "compose.external.yaml"],
]
COMBINATIONS = list(itertools.product(LAYERS, ({}, EXAMPLE)))
ONE_SHOT = {"topics", "password", "replayer"}
# names without a tag are built here
OWN_IMAGES = {"morpheus-gae:cpu", "morpheus-gae:morpheus"}


def project(layers: list[str], env: dict[str, str]) -> dict[str, Any]:
    needed = NEEDED if "compose.external.yaml" in layers else {}
    return composed([DOCKER / name for name in layers], {**needed, **env})


@pytest.fixture(params=COMBINATIONS, ids=lambda c: "+".join(c[0]) + (" .env.example" if c[1] else ""))
def stack(request: pytest.FixtureRequest) -> dict[str, Any]:
    return project(*request.param)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    # found and not imported: the package itself wants a newer click than the host of Morpheus has
    found = find_spec("check_jsonschema")
    assert found is not None
    assert found.origin is not None
    vendored = Path(found.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    return json.loads(vendored.read_text(encoding="utf-8"))


def test_fits_the_compose_specification(stack: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.validate(stack, schema)


@pytest.mark.parametrize("layers", LAYERS, ids="+".join)
def test_docker_compose_takes_it(layers: list[str], tmp_path: Path) -> None:
    docker = shutil.which("docker")
    there = (
        docker and subprocess.run([docker, "compose", "version"], check=False, capture_output=True).returncode
    )
    if docker is None or there != 0:
        pytest.skip("docker compose is not installed")
    options = [word for name in layers for word in ("--file", str(DOCKER / name))]
    env = tmp_path / "env"
    env.write_text("".join(f"{k}={v}\n" for k, v in NEEDED.items()), encoding="utf-8")
    done = subprocess.run(
        [docker, "compose", *options, "--env-file", str(env), "--profile", "demo", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_every_service_is_locked_down(stack: dict[str, Any]) -> None:
    for name, service in stack["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert re.match(r"[1-9]\d*:\d+$", service["user"]), f"{name}: not as root"
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory"}, name
        assert "container_name" not in service, f"{name}: a fixed name cannot be scaled"
        assert not service.get("privileged"), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name}: {port}"


def test_what_a_program_unpacks_can_be_loaded(stack: dict[str, Any]) -> None:
    # Docker mounts a tmpfs noexec unless told otherwise
    for name, service in stack["services"].items():
        if "apache/kafka" in service["image"]:
            assert "/tmp:exec" in service["tmpfs"], f"{name}: Java loads its compression libraries from there"
    scorer = stack["services"]["scorer"]
    cache = scorer.get("environment", {}).get("TRITON_CACHE_DIR")
    if scorer["image"].endswith(":morpheus"):
        folders = [volume.split(":")[1] for volume in scorer["volumes"] if not volume.endswith(":ro")]
        assert any(cache.startswith(folder + "/") for folder in folders)


def test_every_image_is_pinned(stack: dict[str, Any]) -> None:
    for name, service in stack["services"].items():
        image = service["image"]
        assert image in OWN_IMAGES or is_pinned(image), f"{name}: {image}"
        for base in service.get("build", {}).get("args", {}).values():
            assert is_pinned(base), f"{name}: {base}"


def test_services_wait_for_what_they_need(stack: dict[str, Any]) -> None:
    services = stack["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            condition = how["condition"]
            if other in ONE_SHOT:
                assert condition == "service_completed_successfully", name
                assert services[other]["restart"] == "no"
            else:
                assert condition == "service_healthy", name
                assert "healthcheck" in services[other]
        if name not in ONE_SHOT:
            assert service["healthcheck"]["test"], name


def test_volumes_and_secrets_are_declared(stack: dict[str, Any]) -> None:
    for name, service in stack["services"].items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).exists(), f"{name}: {mount}"
                assert mount.endswith(":ro"), f"{name}: {mount}"
            else:
                assert source in stack["volumes"], f"{name}: {mount}"
        assert set(service.get("secrets", [])) <= set(stack.get("secrets", {})), name


def test_scorer_can_be_scaled(stack: dict[str, Any]) -> None:
    assert "ports" not in stack["services"]["scorer"]
    assert "hostname" not in stack["services"]["scorer"]


def parsed(command: click.Command, words: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Commands and their parameters, parsed by the real command line and not run."""
    found: list[tuple[str, dict[str, Any]]] = []
    ctx: click.Context | None = None
    name = "morpheus"
    while True:
        ctx = command.make_context(name, list(words), parent=ctx)
        found.append((name, ctx.params))
        if not isinstance(command, click.Group):
            return found
        # protected_args has been renamed on the way, and the old name warns
        rest = [*vars(ctx).get("_protected_args", vars(ctx).get("protected_args", ())), *ctx.args]
        if not rest:
            return found
        name, *words = rest
        inner = command.get_command(ctx, name)
        assert inner is not None, f"there is no command {name}"
        command = inner


def settings_of(command: list[str]) -> Settings:
    calls = parsed(morpheus.main, command)
    assert [name for name, _ in calls] == ["morpheus", "run", "pipeline-gae"]
    return Settings().overridden(calls[-1][1])


def test_the_scorer_speaks_the_command_line(stack: dict[str, Any]) -> None:
    service = stack["services"]["scorer"]
    told = settings_of(service["command"])
    assert told.input[0].startswith("kafka://")
    assert str(told.output).startswith("kafka://")
    assert str(told.dead_letters).startswith("kafka://")
    assert (told.metrics_port, told.metrics_host, told.log_format) == (9108, "0.0.0.0", "json")
    grace = float(service["stop_grace_period"].removesuffix("s"))
    assert told.grace_seconds is not None
    assert told.grace_seconds < grace
    assert service["stop_signal"] == "SIGTERM"
    known = environment_variables(morpheus.main, "MORPHEUS")
    ours = {name for name in service.get("environment", {}) if name.startswith("MORPHEUS_RUN")}
    assert ours <= known
    check = service["healthcheck"]["test"]
    assert check[:3] == ["CMD", "python", "-c"]
    compile(check[3], "healthcheck", "exec")
    assert f":{told.metrics_port}/healthz" in check[3]


def test_the_replayer_speaks_the_command_line(stack: dict[str, Any]) -> None:
    service = stack["services"]["replayer"]
    assert service["entrypoint"] == ["morpheus-gae"]
    (_, (name, told)) = parsed(gae.main, service["command"])
    assert name == "simulate"
    (source,) = settings_of(project(["compose.yaml"], {})["services"]["scorer"]["command"]).input
    assert told["output"] == source
    assert told["exporter"] == "goflow2"
    assert told["rate"] == float(service["command"][3].partition("=")[2])


def test_topics_are_made_before_they_are_used() -> None:
    services = project(["compose.yaml"], {})["services"]
    deleted, compacted = (
        set(found.split())
        for found in re.findall(r"for topic in ([\w. -]+);", services["topics"]["command"][0])
    )
    used = set(re.findall(r"kafka://kafka:9092/([\w-]+)", json.dumps(services)))
    used |= set(re.findall(r"-transport\.kafka\.topic=([\w-]+)", json.dumps(services)))
    # with --exactly_once, what incidents go on from
    used.add("incidents.state")
    assert used == deleted | compacted
    assert compacted == {"incidents", "incidents.state"}
    assert services["topics"]["command"][0].count("cleanup.policy=compact") == 1


def test_the_external_broker_needs_its_name() -> None:
    layers = [DOCKER / "compose.yaml", DOCKER / "compose.external.yaml"]
    with pytest.raises(MissingVariableError, match="KAFKA_BROKERS"):
        composed(layers, {})
    scorer = project(["compose.yaml", "compose.external.yaml"], {})["services"]["scorer"]
    assert "depends_on" not in scorer
    assert all("kafka:9092" not in word for word in scorer["command"])
    assert scorer["environment"]["MORPHEUS_GAE_KAFKA_SASL_PASSWORD_FILE"] == "/run/secrets/kafka_password"


def test_the_gpu_is_asked_for() -> None:
    scorer = project(["compose.yaml", "compose.gpu.yaml"], {})["services"]["scorer"]
    (device,) = scorer["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "1", "capabilities": ["gpu"]}
    assert scorer["build"]["target"] == "morpheus"
    assert scorer["image"] == "morpheus-gae:morpheus"


def test_example_settings_are_those_there_are() -> None:
    used = set().union(*(variables(path) for path in DOCKER.glob("compose*.yaml")))
    assert set(EXAMPLE) == used
    plain = project(["compose.yaml"], {})
    assert project(["compose.yaml"], EXAMPLE) == plain, "the example states the defaults"


def told_metrics(text: str) -> set[str]:
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bmorpheus_gae_\w+", text)}


def test_dashboard_shows_metrics_that_there_are() -> None:
    board = json.loads((DOCKER / "grafana" / "dashboards" / "morpheus-gae.json").read_text(encoding="utf-8"))
    queries = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    assert told_metrics(queries) == metric_names(), "every metric has its place"
    source = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yaml").read_text("utf-8"))
    uids = {panel["datasource"]["uid"] for panel in board["panels"]}
    assert uids == {source["datasources"][0]["uid"]}
    spots = [
        (x, y)
        for grid in (panel["gridPos"] for panel in board["panels"])
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(set(spots)) == len(spots), "no panel lies over another"
    assert max(x for x, _ in spots) < 24


def test_alert_rules_watch_metrics_that_there_are() -> None:
    rules = yaml.safe_load((DOCKER / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    told = [rule for group in rules["groups"] for rule in group["rules"]]
    assert all({"alert", "expr", "labels", "annotations"} <= set(rule) for rule in told)
    found = told_metrics(" ".join(rule["expr"] for rule in told))
    assert found
    assert found <= metric_names()


def test_prometheus_asks_the_services() -> None:
    config = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    services = project(["compose.yaml"], {})["services"]
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    (scorer,) = jobs["scorer"]["dns_sd_configs"]
    assert scorer["names"] == ["scorer"]
    assert str(scorer["port"]) in services["scorer"]["expose"]
    mounts = [mount.split(":")[1] for mount in services["prometheus"]["volumes"]]
    assert set(config["rule_files"]) <= set(mounts)
