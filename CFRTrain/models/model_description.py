"""What a model file says about its network in words and numbers: `model.json`, read strictly."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from CFRTrain.data.planning import Plan, plan_from_json, plan_to_json
from CFRTrain.retraining.encoder_decoder import NORMS, EncoderDecoder
from CFRTrain.retraining.networks import NETWORKS, build_network
from CFRTrain.runs.errors import CFRError, ModelError
from CFRTrain.runs.job import ClassSpec, Job, Predict
from CFRTrain.runs.strict_json import from_plain, require, to_plain

FORMAT = 1
KIND = "CFRTrain model"


@dataclass(frozen=True)
class NetworkConfig:
    """The arguments of `build_network` that decide the weights' shapes; `out_channels` counts background."""

    name: str
    in_channels: int
    out_channels: int
    width: int
    levels: int
    norm: str
    dropout: float

    def __post_init__(self) -> None:
        require(self.name in NETWORKS, "name", "is not a known network")
        require(self.norm in NORMS, "norm", "is not a known normalization")
        require(1 <= self.in_channels <= 16, "in_channels", "must be 1 to 16")
        require(2 <= self.out_channels <= 256, "out_channels", "must be 2 to 256")
        require(1 <= self.width <= 512, "width", "must be 1 to 512")
        require(2 <= self.levels <= 8, "levels", "must be 2 to 8")
        require(0 <= self.dropout < 1, "dropout", "must be 0 to below 1")

    @classmethod
    def of(cls, job: Job) -> NetworkConfig:
        """The network that a job asks for: one image channel in, its classes and background out."""
        wanted = job.retrain
        return cls(
            wanted.network, 1, len(job.classes) + 1, wanted.width, wanted.levels, wanted.norm, wanted.dropout
        )  # fmt: skip

    def build(self) -> EncoderDecoder:
        """The network with weights of no meaning, to load the real ones into."""
        return build_network(
            self.name,
            self.in_channels,
            self.out_channels,
            width=self.width,
            levels=self.levels,
            norm=self.norm,
            dropout=self.dropout,
            deterministic_head=False,
        )


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from, without anything about a patient or a file system.

    created: ISO 8601 date. versions: package -> version. cohort: role -> number of cases. validation: what
    `metrics.summarize` returned, or None. notes: sentences to show with every use.
    """

    created: str
    versions: dict[str, str]
    seed: int
    preset: str
    method: str
    labeler: str
    modality: str
    cohort: dict[str, int]
    validation: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Usage:
    """How a model is used unless somebody says otherwise: as its validation was measured."""

    overlap: float = Predict.overlap
    largest_component: bool = Predict.largest_component

    def __post_init__(self) -> None:
        self.predict()

    @classmethod
    def of(cls, predict: Predict) -> Usage:
        """What of a job's settings belongs to the model; runtime and precision belong to the machine."""
        return cls(predict.overlap, predict.largest_component)

    def predict(self, **others: Any) -> Predict:
        """The settings for a segmentation; ValueError for values that are not possible."""
        return Predict(**{"overlap": self.overlap, "largest_component": self.largest_component, **others})


@dataclass(frozen=True)
class ModelDescription:
    """Everything in a model file but the weights themselves."""

    network: NetworkConfig
    plan: Plan
    classes: tuple[ClassSpec, ...]
    provenance: Provenance
    weights_sha256: str = field(default="")
    usage: Usage = field(default_factory=Usage)


def description_to_json(description: ModelDescription) -> str:
    """Readable JSON. Raises ValueError where the provenance or a reason names a file path."""
    content = {
        "kind": KIND,
        "format": FORMAT,
        "weights_sha256": description.weights_sha256,
        "network": to_plain(description.network),
        "plan": json.loads(plan_to_json(description.plan)),
        "classes": to_plain(description.classes),
        "provenance": asdict(description.provenance),
        "usage": to_plain(description.usage),
    }
    _refuse_paths([content["provenance"], content["plan"]])
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def description_from_json(text: str) -> ModelDescription:
    """The description in model.json. Raises ModelError for anything missing, unknown or out of range."""
    try:
        content = json.loads(text, parse_constant=_no_constant)
        if content["kind"] != KIND:
            raise ValueError("it is no model of CFRTrain")
        if content["format"] != FORMAT:
            raise ModelError(
                "model_format",
                f"The model has format {content['format']}, this program reads {FORMAT}.",
                "Update CFRSegment, or export the model again with this version.",
            )
        return _read(content)
    except ModelError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, CFRError) as error:
        raise ModelError(
            "model_description",
            f"The model's description cannot be used: {_reason(error)}.",
            "Copy the model file again from where it was made, or train it again.",
        ) from error


def _read(content: Mapping[str, Any]) -> ModelDescription:
    names = ("kind", "format", "weights_sha256", "network", "plan", "classes", "provenance", "usage")
    _check(set(content) == set(names), "its entries are not those of a model")
    network = from_plain(NetworkConfig, content["network"], "network")
    plan = plan_from_json(json.dumps(content["plan"]))
    multiple = 2 ** (network.levels - 1)
    _check(all(side % multiple == 0 for side in plan.patch_zyx), f"the patch does not divide by {multiple}")
    _check(math.prod(plan.patch_zyx) <= 2**27, "the patch is too large")
    classes = tuple(from_plain(ClassSpec, item, "classes") for item in content["classes"])
    _check(len(classes) + 1 == network.out_channels, "its classes do not fit its network")
    _check(len({item.value for item in classes}) == len(classes), "two classes have the same value")
    sha256 = content["weights_sha256"]
    _check(isinstance(sha256, str) and len(sha256) == 64, "the hash of its weights is missing")
    usage = from_plain(Usage, content["usage"], "usage")
    return ModelDescription(network, plan, classes, _provenance(content["provenance"]), sha256, usage)


def _provenance(values: Any) -> Provenance:
    names = {entry.name for entry in fields(Provenance)}
    _check(isinstance(values, dict) and set(values) == names, "the entries of provenance are wrong")
    for name in ("created", "preset", "method", "labeler", "modality"):
        _check(isinstance(values[name], str), f"provenance.{name} is no text")
    _check(_is_integer(values["seed"]), "provenance.seed is no whole number")
    _check(
        _is_mapping(values["versions"], lambda item: isinstance(item, str)), "provenance.versions is wrong"
    )
    _check(_is_mapping(values["cohort"], _is_integer), "provenance.cohort is wrong")
    _check(values["validation"] is None or isinstance(values["validation"], dict), "the validation is wrong")
    notes = values["notes"]
    _check(isinstance(notes, list) and all(isinstance(note, str) for note in notes), "the notes are wrong")
    return Provenance(**{**values, "notes": tuple(notes)})


def _is_mapping(values: Any, accepts: Callable[[Any], bool]) -> bool:
    return isinstance(values, dict) and all(accepts(item) for item in values.values())


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _reason(error: Exception) -> str:
    return error.text.rstrip(".") if isinstance(error, CFRError) else str(error) or type(error).__name__


def _refuse_paths(content: Any) -> None:
    """A path on somebody's disk may hold a patient's name, so none goes into a file that is given away."""
    if isinstance(content, dict):
        _refuse_paths([*content.keys(), *content.values()])
    elif isinstance(content, (list, tuple)):
        for item in content:
            _refuse_paths(item)
    elif isinstance(content, str) and ("\\" in content or any(part[:1] == "/" for part in content.split())):
        raise ValueError(f"{content!r} looks like a file path, which a model must not hold")
