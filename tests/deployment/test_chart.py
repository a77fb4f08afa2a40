"""The chart, rendered: what the manifests must carry, and the same names as everywhere else."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from onefunnel.testing.needing import missing
from tests.deployment.compose import PARTS, ROOT, containers, demanded

CHART = ROOT / "deploy" / "helm" / "onefunnel"
GIVEN = ("--kube-version", "1.34.0", "--set", "kafka.bootstrap=broker:9092")


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which("helm", path=f"{ROOT / '.tools'}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        if shutil.which("go") is None:
            pytest.skip("neither helm nor Go on this machine: the chart is checked where they are")
        missing("no helm on this machine (make helm builds it, where there is Go)")
    return subprocess.run([found, *arguments], capture_output=True, text=True, check=False)


@cache
def rendered(*settings: str) -> list[dict[str, Any]]:
    sets = [argument for setting in settings for argument in ("--set", setting)]
    done = helm("template", "one", str(CHART), *GIVEN, *sets)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of(kind: str, *settings: str) -> dict[str, dict[str, Any]]:
    return {d["metadata"]["name"]: d for d in rendered(*settings) if d["kind"] == kind}


def pods(*settings: str) -> dict[str, dict[str, Any]]:
    """Return the pod specifications by the part that they run: `lead_service serve`."""
    workloads = [*of("Deployment", *settings).values(), *of("Job", *settings).values()]
    specifications = [w["spec"]["template"]["spec"] for w in workloads]
    return {" ".join(pod["containers"][0]["args"]): pod for pod in specifications}


def values() -> Any:
    return yaml.safe_load((CHART / "values.yaml").read_text())


def test_the_chart_is_without_faults() -> None:
    done = helm("lint", "--strict", str(CHART), *GIVEN)
    assert done.returncode == 0, done.stdout


def test_every_part_of_every_service_is_there() -> None:
    packages = {service["package"] for service in values()["services"].values()}
    assert set(pods()) == {f"{package} {part}" for package in packages for part in PARTS}


def test_a_pod_has_limits_and_no_rights() -> None:
    for name, pod in pods().items():
        (container,) = pod["containers"]
        assert "memory" in container["resources"]["limits"], name
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] == 10001, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert pod["automountServiceAccountToken"] is False, name


def test_what_stays_is_probed_and_given_time_to_stop() -> None:
    for name, pod in pods().items():
        if name.endswith("migrate"):
            continue
        (container,) = pod["containers"]
        paths = {p: container[p]["httpGet"]["path"] for p in PROBES}
        assert paths == PROBES, name
        assert pod["terminationGracePeriodSeconds"] > 20, name


PROBES = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


def test_a_part_is_told_by_the_same_names_as_in_the_compose_file() -> None:
    for container in containers(dict.fromkeys(demanded(), "x")).values():
        (pod,) = pods()[f"{container.package} {container.part}"]["containers"]
        assert {e["name"] for e in pod["env"]} == set(container.environment), container.name


def test_secrets_come_by_reference() -> None:
    for name, pod in pods().items():
        for entry in pod["containers"][0]["env"]:
            if entry["name"].endswith(("_URL", "_KEY")) and entry["name"] != "ONEFUNNEL_PUBLIC_URL":
                assert set(entry) == {"name", "valueFrom"}, f"{name}: {entry}"
    assert "Secret" not in {d["kind"] for d in rendered()}


def test_brokers_may_ask_for_tls_and_a_user() -> None:
    asked = (
        "kafka.tls=true",
        "kafka.caSecret.name=ca",
        "kafka.user=one",
        "kafka.passwordSecret.name=p",
    )
    for name, pod in pods(*asked).items():
        (container,) = pod["containers"]
        told = {entry["name"]: entry for entry in container["env"]}
        file = told["ONEFUNNEL_KAFKA_CA_FILE"]["value"]
        (mount,) = (m for m in container["volumeMounts"] if m["name"] == "kafka-ca")
        (volume,) = (v for v in pod["volumes"] if v["name"] == "kafka-ca")
        assert file == f"{mount['mountPath']}/{volume['secret']['items'][0]['path']}", name
        assert told["ONEFUNNEL_KAFKA_TLS"]["value"] == "true"
        password = told["ONEFUNNEL_KAFKA_PASSWORD"]["valueFrom"]["secretKeyRef"]
        assert password == {"name": "p", "key": "password"}


def test_the_owner_of_the_databases_is_known_to_migrations_alone() -> None:
    told = [
        name
        for name, pod in pods().items()
        if "onefunnel-owner" in json.dumps(pod["containers"][0]["env"])
    ]
    assert sorted(told) == sorted(name for name in pods() if name.endswith(" migrate"))


def test_migrations_come_before_what_needs_them() -> None:
    for job in of("Job").values():
        assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"


def test_everything_is_denied_and_only_the_gateway_is_reached_from_outside() -> None:
    policies = of("NetworkPolicy")
    assert policies["one-deny"]["spec"] == {
        "podSelector": {"matchLabels": OURS},
        "policyTypes": ["Ingress", "Egress"],
    }
    open_to = {
        name: json.dumps(policy["spec"]["ingress"])
        for name, policy in policies.items()
        if "ingress" in policy["spec"]
    }
    assert set(open_to) == {"one-gateway", "one-services", "one-metrics"}
    assert "namespaceSelector" not in open_to["one-services"]
    gateway = policies["one-gateway"]["spec"]["podSelector"]["matchLabels"]
    assert gateway == {**OURS, "app.kubernetes.io/component": "gateway-serve"}
    assert not [
        s for s in of("Service").values() if s["spec"].get("type", "ClusterIP") != "ClusterIP"
    ]


OURS = {"app.kubernetes.io/name": "onefunnel", "app.kubernetes.io/instance": "one"}


def test_the_gateway_asks_every_service_where_its_service_is() -> None:
    (container,) = pods()["gateway serve"]["containers"]
    (urls,) = [e["value"] for e in container["env"] if e["name"] == "ONEFUNNEL_SERVICE_URLS"]
    named = json.loads(urls)
    assert set(named) == {"lead", "scoring", "content", "metrics"}
    assert all(url == f"http://one-{name}:8080" for name, url in named.items())
    assert {f"one-{name}" for name in named} < set(of("Service"))


def test_what_selects_pods_selects_some() -> None:
    labels = [d["spec"]["template"]["metadata"]["labels"] for d in of("Deployment").values()]
    selectors = [
        *(s["spec"]["selector"] for s in of("Service").values()),
        *(p["spec"]["selector"]["matchLabels"] for p in of("PodDisruptionBudget").values()),
        *(d["spec"]["selector"]["matchLabels"] for d in of("Deployment").values()),
        *(p["spec"]["podSelector"]["matchLabels"] for p in of("NetworkPolicy").values()),
    ]
    for selector in selectors:
        assert any(selector.items() <= label.items() for label in labels), selector
    for scaler in of("HorizontalPodAutoscaler").values():
        target = of("Deployment")[scaler["spec"]["scaleTargetRef"]["name"]]
        assert "replicas" not in target["spec"], "an autoscaler and a chart would fight"
        assert 1 < scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("kafka.bootstrap=", "kafka.bootstrap: where your brokers are"),
        ("kafka.replication=1", "/kafka/replication"),
        ("kafka.minIsr=1", "/kafka/minIsr"),
        ("kafka.mechanism=GSSAPI", "/kafka/mechanism"),
        ("secrets.appUrl.value=postgresql://a:b@c", "/secrets/appUrl"),
        ("services.lead.serve.replica=3", "/services/lead/serve"),
    ],
)
def test_a_mistake_in_the_values_is_refused(setting: str, said: str) -> None:
    done = helm("template", "one", str(CHART), *GIVEN, "--set", setting)
    assert done.returncode != 0
    assert said in done.stderr


def test_a_chart_is_readable_without_helm() -> None:
    """What can be read on any machine: the schema knows the values, the chart the version."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(values()) == set(schema["required"])
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = Path(ROOT / "shared" / "pyproject.toml").read_text()
    assert f'version = "{chart["appVersion"]}"' in project
