"""The chart renders, validates against Kubernetes' own schemas, and names only what exists."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/whitebox"
VERSIONS = ["1.29", "1.33", "1.37"]
SETTINGS = {
    "GATEWAY": ("whitebox_gateway.settings", "GatewaySettings"),
    "EMBEDDING": ("whitebox_embedding.settings", "EmbeddingSettings"),
    "RETRIEVAL": ("whitebox_retrieval.settings", "RetrievalSettings"),
    "LLM": ("whitebox_llm.settings", "LlmSettings"),
    "SERVING": ("whitebox_serving.settings", "ServingSettings"),
    "FEATURES": ("whitebox_features.settings", "FeaturesSettings"),
}
VARIANTS: dict[str, list[str]] = {
    "default": [],
    "gpu": ["llm.engine=vllm", "llm.model=Qwen/Qwen3-8B", "processes.llm.nodeSelector.accelerator=nvidia"],
    "openai": ["llm.engine=openai", "llm.baseUrl=http://vllm.example:8000/v1", "llm.apiKeySecret=llm-key"],
    "external": [
        "postgresql.enabled=false", "postgresql.externalUrlSecret=databases", "redis.enabled=false",
        "redis.externalUrlSecret=redis", "kafka.enabled=false", "kafka.externalBootstrapServers=kafka:9092",
        "qdrant.enabled=false", "qdrant.externalUrl=http://qdrant:6334", "objectStore.url=s3://bucket/whitebox",
        "gateway.apiKeys.existingSecret=keys",
    ],
    "monitored": ["monitoring.serviceMonitor=true", "monitoring.prometheusRule=true"],
}  # fmt: skip
OPERATOR_KINDS = {"ServiceMonitor", "PrometheusRule"}


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    beside_python = Path(sys.executable).with_name("helm")
    binary = str(beside_python) if beside_python.exists() else shutil.which("helm")
    assert binary, "helm is missing: run `make dev`"
    return subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)


def render(*values: str) -> list[dict[str, Any]]:
    done = helm("template", "demo", str(CHART), *(part for value in values for part in ("--set", value)))
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def containers(manifests: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "StatefulSet"):
            spec = manifest["spec"]["template"]["spec"]
            for container in [*spec.get("initContainers", []), *spec["containers"]]:
                found.append((manifest["metadata"]["name"], container))
    return found


def test_lint_passes() -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_manifest_satisfies_the_schema_of_kubernetes(variant: str, version: str) -> None:
    for manifest in render(*VARIANTS[variant]):
        if manifest["kind"] not in OPERATOR_KINDS:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_every_process_has_deployment_service_account_probes_and_resources() -> None:
    manifests = render()
    processes = yaml.safe_load((CHART / "values.yaml").read_text())["processes"]
    for kind in ("Deployment", "Service", "ServiceAccount"):
        names = {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == kind}
        assert {f"demo-whitebox-{process}" for process in processes} <= names
    for name, container in containers(manifests):
        assert container["resources"]["limits"]["memory"], name
        if not container["name"].startswith("train-"):
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys(), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_runs_as_root_or_gains_rights(variant: str) -> None:
    manifests = render(*VARIANTS[variant])
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "StatefulSet"):
            pod = manifest["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["automountServiceAccountToken"] is False
    for name, container in containers(manifests):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["capabilities"]["drop"] == ["ALL"], name
        assert security.get("readOnlyRootFilesystem") or container["name"] == "kafka", name


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_image_of_ours_has_a_dockerfile(variant: str) -> None:
    dockerfiles = {"llm-vllm": "services/llm/Dockerfile.vllm"}
    for _, container in containers(render(*VARIANTS[variant])):
        image = container["image"]
        if "/whitebox-" in image:
            name = image.rsplit("/whitebox-", 1)[1].split(":")[0]
            assert (ROOT / dockerfiles.get(name, f"services/{name}/Dockerfile")).exists(), image


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_setting_in_the_chart_is_one_that_the_service_reads(variant: str) -> None:
    seen = set()
    for name, container in containers(render(*VARIANTS[variant])):
        for variable in container.get("env", []):
            if not variable["name"].startswith("WHITEBOX_"):
                continue
            _, prefix, field = variable["name"].split("_", 2)
            module, settings = SETTINGS[prefix]
            fields = getattr(importlib.import_module(module), settings).model_fields
            assert field.lower() in fields, f"{name} sets {variable['name']}, which {settings} does not have"
            seen.add(prefix)
    assert seen == set(SETTINGS)


def test_every_referenced_claim_secret_and_config_is_in_the_chart() -> None:
    manifests = render()
    existing = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}
    kinds = {
        "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
        "secret": ("Secret", "secretName"),
        "configMap": ("ConfigMap", "name"),
    }
    checked = 0
    for manifest in manifests:
        if manifest["kind"] not in ("Deployment", "StatefulSet"):
            continue
        for volume in manifest["spec"]["template"]["spec"]["volumes"]:
            for source, (kind, key) in kinds.items():
                if source in volume:
                    assert (kind, volume[source][key]) in existing
                    checked += 1
    assert checked >= 5


def test_the_initial_api_key_matches_the_hash_that_the_gateway_reads() -> None:
    secret = next(m for m in render() if m["kind"] == "Secret" and m["metadata"]["name"].endswith("api-keys"))
    key = base64.b64decode(secret["data"]["initial-key"])
    (line,) = base64.b64decode(secret["data"]["api-keys.jsonl"]).decode().splitlines()
    assert json.loads(line)["sha256"] == hashlib.sha256(key).hexdigest()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (["llm.engine=magic"], "engine"),
        (["llm.engine=vllm"], "model"),
        (["kafka.enabled=false"], "externalBootstrapServers"),
        (["processes.gateway.replicas=-1"], "replicas"),
        (["procesess.gateway.replicas=2"], "procesess"),
        (["storage.objects=plenty"], "objects"),
    ],
)
def test_bad_values_are_refused_by_name(values: list[str], named: str) -> None:
    done = helm("template", "demo", str(CHART), *(part for value in values for part in ("--set", value)))
    assert done.returncode != 0
    assert named in done.stderr


def test_alert_runbooks_exist() -> None:
    rules = yaml.safe_load((CHART / "alerts/platform.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert (ROOT / rule["annotations"]["runbook"]).exists(), rule["alert"]
