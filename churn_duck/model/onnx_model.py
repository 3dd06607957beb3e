"""A model file, trusted only after its digest, operators, schema and metadata have been checked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from churn_duck.errors import ModelError
from churn_duck.model.dataset import FeatureSchema, Matrix
from churn_duck.settings.config import Settings
from churn_duck.settings.view_columns import kept_feature_columns

INPUT, LOG_ODDS, OUTPUT = "features", "log_odds", "churn_risk"
METADATA_KEY, DIGEST_KEY = "churn_duck", "churn_duck_sha256"
MAX_BYTES = 200_000_000
OPERATORS = {
    ("", name)
    for name in (
        "Abs",
        "And",
        "Cast",
        "Gather",
        "GreaterOrEqual",
        "IsNaN",
        "LessOrEqual",
        "Log",
        "MatMul",
        "Mul",
        "Sigmoid",
        "Sign",
        "Slice",
        "Sum",
        "Where",
    )
} | {("ai.onnx.ml", "TreeEnsemble")}


def sealed(metadata: dict[str, Any]) -> dict[str, str]:
    """Metadata as ONNX properties: canonical JSON and its digest."""
    text = json.dumps(metadata, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str)
    return {METADATA_KEY: text, DIGEST_KEY: hashlib.sha256(text.encode()).hexdigest()}


@dataclass(frozen=True)
class OnnxModel:
    """A verified model: what it says of itself, what it reads, and a session that scores."""

    metadata: dict[str, Any]
    schema: FeatureSchema
    session: onnxruntime.InferenceSession
    proto: onnx.ModelProto

    @property
    def version(self) -> str:
        return str(self.metadata["model_version"])

    @property
    def linear(self) -> dict[str, Any] | None:
        """The terms of a model that is linear throughout; None for trees, and for a blend, which has both."""
        terms: dict[str, Any] | None = self.metadata.get("linear")
        return None if (self.metadata.get("reasons") or {}).get("trees") else terms

    def answers(self, settings: Settings) -> bool:
        """Whether its churn, population and windows are those of the settings, and its features still among theirs."""
        question = (
            settings.churn.lead_days,
            settings.churn.window_days,
            settings.population.active_within_days,
            settings.features.windows_days,
        )
        # models of earlier versions know no lead
        lead_days = self.metadata.get("churn_lead_days", 0)
        rest = (self.metadata[key] for key in ("churn_window_days", "active_within_days", "windows_days"))
        return (lead_days, *rest) == question and set(self.schema.names) <= set(kept_feature_columns(settings))

    def risk(self, features: Matrix) -> npt.NDArray[np.float64]:
        """Probability of churn, float64[N], for float32[N, F] in the order of the schema."""
        return self.outputs(features)[1]

    def outputs(self, features: Matrix) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Log-odds and probability of churn, float64[N] each."""
        log_odds, risk = self.session.run([LOG_ODDS, OUTPUT], {INPUT: features})
        return log_odds[:, 0], risk[:, 0]


def load_model(path: Path, expected_sha256: str) -> OnnxModel:
    """The model in a file whose digest the registry knows.

    Raises: ModelError when the file is missing, altered, or not a model of ours.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} has {path.stat().st_size} bytes, above {MAX_BYTES}; it is refused")
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read model {path}: {error.strerror}; run: churn-duck train") from error
    found = hashlib.sha256(content).hexdigest()
    if found != expected_sha256:
        raise ModelError(
            f"{path} has SHA-256 {found[:12]}…, the registry knows {expected_sha256[:12]}…; "
            "the file was altered and is refused; restore it, or run: churn-duck train"
        )
    return from_bytes(content, str(path))


def from_bytes(content: bytes, source: str) -> OnnxModel:
    """The model in these bytes; `source` names it in errors.

    Raises: ModelError when it is not a model of ours.
    """
    try:
        proto = onnx.load_model_from_string(content)
        onnx.checker.check_model(proto)
    except Exception as error:
        raise ModelError(f"{source} is no ONNX model: {error}") from error
    strange = {(node.domain, node.op_type) for node in proto.graph.node} - OPERATORS
    if strange or any(tensor.external_data for tensor in proto.graph.initializer):
        raise ModelError(f"{source} uses operators or outside data that no model of ours does: {sorted(strange)}")
    metadata = _metadata(proto, source)
    schema = FeatureSchema.from_dict(metadata["features"])
    return OnnxModel(metadata, schema, session_over(content, schema, source), proto)


def _metadata(proto: onnx.ModelProto, source: str) -> dict[str, Any]:
    properties = {item.key: item.value for item in proto.metadata_props}
    text = properties.get(METADATA_KEY, "")
    if not text or hashlib.sha256(text.encode()).hexdigest() != properties.get(DIGEST_KEY):
        raise ModelError(f"{source} carries no metadata of ours, or altered metadata; it is refused")
    content: dict[str, Any] = json.loads(text)
    return content


def session_over(content: bytes, schema: FeatureSchema, source: str) -> onnxruntime.InferenceSession:
    """A graph of these features, on one thread. Raises: ModelError when it reads others."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    inputs = [(item.name, item.type, item.shape[1]) for item in session.get_inputs()]
    if inputs != [(INPUT, "tensor(float)", len(schema.names))]:
        raise ModelError(f"{source} reads {inputs}, not `{INPUT}` of {len(schema.names)} floats; it is refused")
    return session


PARITY_GATE = 1e-6
