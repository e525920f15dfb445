"""The semi-supervised methods by the name a job gives; a new method is its file and its line here."""

from __future__ import annotations

from CFRTrain.retraining.methods.acmt import AcmtEntropy, AcmtPrototypes, AcmtUncertainty
from CFRTrain.retraining.methods.base import Method
from CFRTrain.retraining.methods.bcp import BidirectionalCopyPaste
from CFRTrain.retraining.methods.caussl import CausalIndependence
from CFRTrain.retraining.methods.cct import CrossConsistency
from CFRTrain.retraining.methods.cpcl import CyclicPrototypes
from CFRTrain.retraining.methods.cps import CrossPseudoSupervision
from CFRTrain.retraining.methods.dtc import DualTaskConsistency
from CFRTrain.retraining.methods.ict import InterpolationConsistency
from CFRTrain.retraining.methods.magicnet import MagicNet
from CFRTrain.retraining.methods.mean_teacher import MeanTeacher
from CFRTrain.retraining.methods.mn import MutualTeaching
from CFRTrain.retraining.methods.self_training import SelfTraining
from CFRTrain.retraining.methods.ss_net import SmoothnessAndSeparation
from CFRTrain.retraining.methods.supervised import Supervised
from CFRTrain.retraining.methods.ua_mt import UncertaintyAwareMeanTeacher
from CFRTrain.retraining.methods.urpc import PyramidConsistency

METHODS: dict[str, type[Method]] = {
    "supervised": Supervised,
    "self_training": SelfTraining,
    "mean_teacher": MeanTeacher,
    "acmt": AcmtEntropy,
    "acmt_uncertainty": AcmtUncertainty,
    "acmt_prototypes": AcmtPrototypes,
    "magicnet": MagicNet,
    "ict": InterpolationConsistency,
    "ua_mt": UncertaintyAwareMeanTeacher,
    "cps": CrossPseudoSupervision,
    "bcp": BidirectionalCopyPaste,
    "urpc": PyramidConsistency,
    "dtc": DualTaskConsistency,
    "cct": CrossConsistency,
    "cpcl": CyclicPrototypes,
    "ss_net": SmoothnessAndSeparation,
    "caussl": CausalIndependence,
    "mn": MutualTeaching,
}
