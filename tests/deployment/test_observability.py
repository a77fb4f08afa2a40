"""Dashboards and alerts name only what is measured, and every alert says what to do."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml

from onefunnel.telemetry import MetricName
from tests.deployment.compose import ROOT, containers, demanded, document

OBSERVABILITY = ROOT / "deploy" / "observability"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((OBSERVABILITY / "grafana" / "onefunnel.json").read_text())
# Not ours: Prometheus's own, node-exporter's, and those of every Python process.
FOREIGN = {
    "up", "node_filesystem_avail_bytes", "node_filesystem_size_bytes",
    "process_resident_memory_bytes", "process_cpu_seconds_total",
}  # fmt: skip
FUNCTIONS = {
    "sum",
    "max",
    "max_over_time",
    "rate",
    "increase",
    "deriv",
    "by",
    "and",
    "or",
    "histogram_quantile",
}
LABELS = {"service", "instance", "job", "mountpoint", "le", "status", "route", "reason", "fstype"}
SUFFIXES = ("", "_bucket", "_sum", "_count")


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def names_in(expression: str) -> set[str]:
    """Return the metrics that an expression names."""
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]|\$\w+', " ", expression)
    bare = re.sub(r"\b(by|on|without|group_left)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\{[^}]*\}", " ", bare)
    return set(re.findall(r"\b[a-z_][a-z0-9_]*\b", bare)) - FUNCTIONS


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_names_only_what_is_measured(expression: str) -> None:
    ours = {f"onefunnel_{name}{suffix}" for name in get_args(MetricName) for suffix in SUFFIXES}
    named = names_in(expression)
    assert named
    assert named <= ours | FOREIGN, named - ours - FOREIGN


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        name
        for panel in DASHBOARD["panels"]
        for t in panel.get("targets", ())
        for name in names_in(t["expr"])
    }
    for name in get_args(MetricName):
        assert any(f"onefunnel_{name}{s}" in shown for s in SUFFIXES), (
            f"{name} is measured and nobody sees it"
        )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_leads_to_a_runbook(rule: dict[str, Any]) -> None:
    runbook = ROOT / rule["annotations"]["runbook"]
    assert runbook.is_file()
    assert rule["alert"] in runbook.read_text(), "the runbook must say which alert leads to it"
    assert rule["labels"]["severity"] in {"warning", "critical"}


def test_prometheus_asks_every_process() -> None:
    scraped = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())["scrape_configs"]
    asked = {
        target for job in scraped for one in job["static_configs"] for target in one["targets"]
    }
    ports = {"serve": "ONEFUNNEL_PORT", "work": "ONEFUNNEL_METRICS_PORT"}
    ours = {
        f"{c.name}:{c.environment[ports[c.part]]}"
        for c in containers(dict.fromkeys(demanded(), "x")).values()
        if c.part in ports
    }
    assert asked == ours | {"node-exporter:9100"}
    services = document()["services"]
    assert all("telemetry" in services[target.split(":")[0]]["networks"] for target in asked)


def test_a_panel_has_a_title_a_source_and_a_place_of_its_own() -> None:
    taken = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in DASHBOARD["panels"]]
    assert len(set(taken)) == len(taken)
    for panel in DASHBOARD["panels"]:
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"]["uid"] == "prometheus"
