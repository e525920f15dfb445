"""`inspect`: a model file verified completely, and what it says about itself."""

from __future__ import annotations

import json
from argparse import Namespace

from CFRTrain.cli.messages import Messages


def inspect_model(options: Namespace) -> int:
    """Says one `model` message. Raises ModelError where anything about the file is wrong."""
    messages = Messages()
    with messages.ending():
        from CFRTrain.models.model_description import description_to_json
        from CFRTrain.models.package import load_model

        model = load_model(options.model)
        text = description_to_json(model.description())
        parameters = sum(parameter.numel() for parameter in model.network.parameters())
        messages.send("model", text, parameters=parameters, description=json.loads(text))
    return 0
