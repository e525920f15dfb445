"""Stand-in of `slicer.parameterNodeWrapper`, with its behavior and its way of keeping values.

Left out: parameters of type Any, colors and ranges, and the making of widgets (`createGui`). For those, or to
check the stand-in, give a checkout of Slicer to the bed: then Slicer's own files are used.
"""

from Testing.bed.parameter_nodes.annotations import (
    Choice,
    Decimals,
    Default,
    Exclude,
    IsInstance,
    IsNone,
    Maximum,
    Minimum,
    NotNone,
    SingleStep,
    Validator,
    WithinRange,
    findFirstAnnotation,
    splitAnnotations,
    unannotatedType,
)
from Testing.bed.parameter_nodes.connector import GuiConnector, createGuiConnector, parameterNodeGuiConnector
from Testing.bed.parameter_nodes.containers import DictSerializer, ListSerializer, TupleSerializer
from Testing.bed.parameter_nodes.gui_connectors import getNodeTypes, isNodeOrUnionOfNodes
from Testing.bed.parameter_nodes.packs import isParameterPack, nestedParameterNames, parameterPack
from Testing.bed.parameter_nodes.serializers import (
    NodeSerializer,
    Serializer,
    ValidatedSerializer,
    parameterNodeSerializer,
)
from Testing.bed.parameter_nodes.unions import UnionSerializer
from Testing.bed.parameter_nodes.wrapper import (
    SlicerParameterNamePropertyName,
    findChildWidgetForParameter,
    isParameterNodeWrapper,
    parameterNodeWrapper,
)

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "DictSerializer",
    "Exclude",
    "GuiConnector",
    "IsInstance",
    "IsNone",
    "ListSerializer",
    "Maximum",
    "Minimum",
    "NodeSerializer",
    "NotNone",
    "Serializer",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "TupleSerializer",
    "UnionSerializer",
    "ValidatedSerializer",
    "Validator",
    "WithinRange",
    "createGuiConnector",
    "findChildWidgetForParameter",
    "findFirstAnnotation",
    "getNodeTypes",
    "isNodeOrUnionOfNodes",
    "isParameterNodeWrapper",
    "isParameterPack",
    "nestedParameterNames",
    "parameterNodeGuiConnector",
    "parameterNodeSerializer",
    "parameterNodeWrapper",
    "parameterPack",
    "splitAnnotations",
    "unannotatedType",
]
