"""The engine from the viewer's side: build a run, start it detached, follow it, stop it; models and weights.

Standard library and CFRTrain.runs only; no slicer, no qt, so every part is tested without them.

    environment = EngineEnvironment(python, slicer.util.startupEnvironment(), missingPackages, devices)
    problems = preflight(cohort, settings, environment)
    run = buildRun(cohort, settings, devices)
    DetachedEngine().start(run, environment.python, environment.variables)
    follower = RunFollower(run); state = follower.poll()          # from a timer, once or twice a second
"""

from .devices import Device, chosenDevice, devicesFrom
from .estimate import Estimate, bytesText, durationText, estimateFrom
from .follower import RunFollower
from .launch import DetachedEngine, activeRun, latestRun, runs
from .location import engineCommand, engineEnvironment, engineFolder
from .model_file import ModelSummary
from .models import ModelEntry, ModelStore, modelEntry
from .pace import Pace, estimateLine, measuredPace, paceFromText, paceToText
from .preflight import EngineEnvironment, estimateProblems, preflight
from .problems import Problem
from .run_builder import buildingRun, buildRun
from .run_state import RunState, RunStatus
from .settings import TrainSettings, jobOf, settingsOf, smallerSettings, smallerThan
from .stage_names import curveTitle
from .suggestions import SuggestedOrder, Suggestion, casesToAsk, runToAsk, suggestionsFrom
from .tasks import (
    collectVolumes,
    downloadWeights,
    estimateRun,
    inspectModel,
    installWeights,
    listDevices,
    predictVolumes,
    suggestCases,
    verifyWeights,
)
from .verb_process import VerbProcess
from .weights import WeightsEntry, licenseText, removeWeights, weightsEntries

__all__ = [
    "Device",
    "DetachedEngine",
    "EngineEnvironment",
    "Estimate",
    "ModelEntry",
    "ModelStore",
    "ModelSummary",
    "Pace",
    "Problem",
    "RunFollower",
    "RunState",
    "RunStatus",
    "SuggestedOrder",
    "Suggestion",
    "TrainSettings",
    "VerbProcess",
    "WeightsEntry",
    "activeRun",
    "buildRun",
    "buildingRun",
    "bytesText",
    "casesToAsk",
    "chosenDevice",
    "collectVolumes",
    "curveTitle",
    "devicesFrom",
    "downloadWeights",
    "durationText",
    "engineCommand",
    "engineEnvironment",
    "engineFolder",
    "estimateFrom",
    "estimateLine",
    "estimateProblems",
    "estimateRun",
    "inspectModel",
    "installWeights",
    "jobOf",
    "latestRun",
    "licenseText",
    "listDevices",
    "measuredPace",
    "modelEntry",
    "paceFromText",
    "paceToText",
    "predictVolumes",
    "preflight",
    "removeWeights",
    "runToAsk",
    "runs",
    "settingsOf",
    "smallerSettings",
    "smallerThan",
    "suggestCases",
    "suggestionsFrom",
    "verifyWeights",
    "weightsEntries",
]
