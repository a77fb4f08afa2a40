"""The compose file: what must hold of it can be read without an engine."""

import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import GatewaySettings
from onefunnel.profiles.scaleout import Settings
from tests.deployment.compose import PARTS, ROOT, containers, demanded, document

SERVICES: dict[str, Any] = document()["services"]
OWN = containers(dict.fromkeys(demanded(), "x"))
PACKAGES = ("lead_service", "scoring_service", "content_service", "metrics_service", "gateway")
ENV = ROOT / "deploy" / "compose" / "env.sh"


def test_every_service_is_migrated_serves_and_works_in_containers_of_its_own() -> None:
    assert sorted((c.package, c.part) for c in OWN.values()) == sorted(
        (package, part) for package in PACKAGES for part in PARTS
    )


def test_nothing_is_published_but_the_gateway() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["gateway"]
    assert [name for name, service in SERVICES.items() if "edge" in service["networks"]] == [
        "gateway",
        "gateway-worker",  # goes to CRMs, and is asked by nobody
    ]
    networks = document()["networks"]
    assert [name for name, one in networks.items() if not one.get("internal")] == ["edge"]


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_container_waits_for_what_it_needs(name: str) -> None:
    container, needs = OWN[name], SERVICES[name]["depends_on"]
    if container.part == "migrate":
        assert set(needs) == {"postgres", "kafka"}
        assert {n["condition"] for n in needs.values()} == {"service_healthy"}
        return
    (migration,) = [
        c.name for c in OWN.values() if (c.package, c.part) == (container.package, "migrate")
    ]
    assert needs[migration]["condition"] == "service_completed_successfully"
    others = set(needs) - {migration}
    assert others == ({"lead", "scoring", "content", "metrics"} if name == "gateway" else set())


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_container_is_confined_and_has_an_end(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["restart"] in {"unless-stopped", "on-failure:5"}
    assert {"cpus", "memory"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["profiles"] in (["core", "full"], ["observability", "full"])


@pytest.mark.parametrize("name", [n for n, s in SERVICES.items() if s["profiles"][0] == "core"])
def test_a_container_that_stays_tells_its_health_and_is_given_time_to_stop(name: str) -> None:
    if name in OWN and OWN[name].part == "migrate":
        return
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > 20


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_container_of_ours_runs_as_a_number_and_knows_no_more_than_its_part(name: str) -> None:
    container = OWN[name]
    assert SERVICES[name]["user"] == "10001:10001"
    urls = {
        key for key, value in container.environment.items() if value.startswith("postgresql://")
    }
    assert (
        urls
        == {
            "migrate": {"ONEFUNNEL_OWNER_URL"},
            "serve": {"ONEFUNNEL_APP_URL", "ONEFUNNEL_WORKER_URL"},
            "work": {"ONEFUNNEL_WORKER_URL"},
        }[container.part]
    )


def test_an_image_is_of_one_version_and_built_for_its_service() -> None:
    for name, container in OWN.items():
        wanted = container.package.replace("_", "-")
        assert SERVICES[name]["build"]["args"] == {"SERVICE": wanted}
        assert SERVICES[name]["image"].startswith(f"onefunnel/{wanted}:")
    foreign = [s["image"] for n, s in SERVICES.items() if n not in OWN]
    assert not [image for image in foreign if image.endswith(":latest") or ":" not in image]


def test_the_broker_is_the_one_that_is_tested() -> None:
    pom = (ROOT / "deploy" / "kafka" / "pom.xml").read_text()
    assert f"<version>{SERVICES['kafka']['image'].removeprefix('apache/kafka:')}</version>" in pom


def test_no_secret_has_a_default() -> None:
    assert set(demanded()) == {
        "POSTGRES_PASSWORD", "ONEFUNNEL_APP_PASSWORD", "ONEFUNNEL_WORKER_PASSWORD",
        "ONEFUNNEL_INTERNAL_KEY", "GRAFANA_PASSWORD",
    }  # fmt: skip
    assert set(demanded().values()) == {"run make compose-env"}
    secret = ("PASSWORD", "KEY")
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if key.endswith(secret):
                assert re.match(r"\$\{[A-Z_]+:\?", value), f"{name}: {key}"


def test_every_file_that_is_mounted_is_there() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            if volume.startswith("./"):
                assert (ROOT / volume.split(":")[0]).exists(), f"{name}: {volume}"


def env(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(ENV), *arguments], capture_output=True, text=True, check=False)


def test_the_example_names_what_is_demanded() -> None:
    example = (ROOT / "deploy" / "compose" / "env.example").read_text()
    assert example == env("--example").stdout, "write it anew: deploy/compose/env.sh --example"


def test_an_environment_file_is_private_random_and_never_written_twice(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert env(str(first)).returncode == env(str(second)).returncode == 0
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    read = [
        dict(line.split("=") for line in f.read_text().splitlines() if line[:1].isupper())
        for f in (first, second)
    ]
    assert set(read[0]) == set(read[1]) == set(demanded())
    values = [value for one in read for value in one.values()]
    assert len(set(values)) == len(values)
    assert min(map(len, values)) >= 32
    before = first.read_text()
    assert env(str(first)).returncode == 1
    assert first.read_text() == before


# What a file of one's own adds to the compose file: brokers and identity providers of others, limits.
ELSEWHERE = {
    f"ONEFUNNEL_{name}"
    for name in (
        *("KAFKA_TLS", "KAFKA_CA_FILE", "KAFKA_CERTIFICATE_FILE"),
        *("KAFKA_USER", "KAFKA_PASSWORD", "KAFKA_MECHANISM"),
        *("OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_JWKS_URL", "OIDC_MAX_LIFE_S"),
        *("OIDC_TENANT_CLAIM", "OIDC_ROLE_CLAIM", "OIDC_PERSON_CLAIM"),
        *("RATE_LIMIT", "RATE_WINDOW_S", "FAILURE_LIMIT", "VISIT_LIMIT", "VAULT_KEY"),
    )
}
# Nobody's but a test's.
TRIALS = {"crm_loopback", "outgoing_loopback"}


def test_a_process_is_told_every_setting_of_its_profile_and_nothing_else() -> None:
    profile = {f"ONEFUNNEL_{name.upper()}" for name in Settings.model_fields}
    gateway = {f"ONEFUNNEL_{name.upper()}" for name in GatewaySettings.model_fields.keys() - TRIALS}
    settings = (profile | gateway) - ELSEWHERE
    told = {name for container in OWN.values() for name in container.environment}
    assert told == settings | {
        "ONEFUNNEL_PROFILE", "ONEFUNNEL_HOST", "ONEFUNNEL_PORT", "ONEFUNNEL_METRICS_PORT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    }  # fmt: skip


def test_every_setting_is_explained() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text()
    table = text[text.index("## Settings") : text.index("## What you have to look after")]
    explained = set(re.findall(r"`((?:ONEFUNNEL|OTEL)_[A-Z_]+)`", table))
    told = {name for container in OWN.values() for name in container.environment}
    assert explained == told | ELSEWHERE
