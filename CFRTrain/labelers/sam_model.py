"""SAM without prompts as a segmentation network: one mask token per class (CFR, part III-B)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from CFRTrain.labelers.sam_attention import fuse_attention
from CFRTrain.labelers.sam_import import sam_modeling
from CFRTrain.runs.errors import CFRError


@dataclass(frozen=True)
class SamArchitecture:
    """Sizes of one SAM. token: side in pixels of the patch that becomes one token. window: tokens per side of
    local attention; blocks in `global_blocks` attend everywhere. embedding: channels of the mask decoder."""

    name: str
    width: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]
    token: int = 16
    window: int = 14
    embedding: int = 256
    decoder_hidden: int = 2048


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        SamArchitecture("vit_b", 768, 12, 12, (2, 5, 8, 11)),
        SamArchitecture("vit_l", 1024, 24, 16, (5, 11, 17, 23)),
        SamArchitecture("vit_h", 1280, 32, 16, (7, 15, 23, 31)),
        # The same classes at a size that one labeled volume and a CPU can train from scratch.
        SamArchitecture("small", 192, 6, 3, (2, 5), token=8, embedding=128, decoder_hidden=512),
    )
}


class ConcatenationSam(nn.Module):
    """SAM's encoder, prompt encoder and mask decoder; one canvas in, logits of all classes out.

    State-dict keys are those of the official files (`image_encoder.`, `prompt_encoder.`, `mask_decoder.`).
    """

    def __init__(self, architecture: SamArchitecture, classes: int, canvas: int) -> None:
        """classes: foreground classes K, for K + 1 outputs. canvas: side in pixels, whole tokens."""
        super().__init__()
        if canvas < architecture.token or canvas % architecture.token:
            raise CFRError(
                "canvas_not_in_tokens",
                f"A canvas of side {canvas} is not a multiple of SAM's {architecture.token} pixel token.",
                f"Use a canvas side that is a multiple of {architecture.token}.",
            )
        self.architecture = architecture
        self.classes = classes
        self.canvas = canvas
        self.image_encoder = _image_encoder(architecture, canvas)
        self.prompt_encoder = _prompt_encoder(architecture, canvas)
        self.mask_decoder = _mask_decoder(architecture, classes)
        fuse_attention(self.image_encoder)

    def embed(self, canvas: Tensor) -> Tensor:
        """Canvases (B,1,H,W), gray, or (B,3,H,W) to the encoder's features (B,E,H/token,W/token)."""
        return self.image_encoder(canvas.expand(-1, 3, -1, -1))

    def decode(self, features: Tensor) -> Tensor:
        """The encoder's features (B,E,h,w) to logits (B,C,4h,4w), the decoder's own size."""
        dense = self.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        position = self.prompt_encoder.get_dense_pe()
        return decode_every_token(self.mask_decoder, features + dense, position)

    def low_resolution(self, canvas: Tensor) -> Tensor:
        """Canvases (B,1,H,W) or (B,3,H,W) to logits (B,C,h,w), 4 / token of the canvas."""
        return self.decode(self.embed(canvas))

    def enlarged(self, logits: Tensor) -> Tensor:
        """The decoder's logits (B,C,h,w) at the canvas's size (B,C,canvas,canvas), bilinear.

        In float32: interpolated bfloat16 logits lose the difference between close classes.
        """
        size = (self.canvas, self.canvas)
        return interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)

    def forward(self, canvas: Tensor) -> Tensor:
        """Canvases (B,1,H,W) or (B,3,H,W), z-scored, to logits (B,C,H,W), C = classes + 1."""
        return self.enlarged(self.low_resolution(canvas))


def decode_every_token(decoder: nn.Module, features: Tensor, position: Tensor) -> Tensor:
    """SAM's mask decoder without prompts, with all of its mask tokens and without its unused quality head.

    features (B,E,h,w) with the no-mask embedding already added; position (1,E,h,w); logits (B,tokens,4h,4w).
    SAM's own forward repeats the image per prompt and keeps only the single-mask or the multi-mask tokens.
    """
    batch, _, height, width = features.shape
    tokens = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight]).expand(batch, -1, -1)
    queries, keys = decoder.transformer(features, position.expand(batch, -1, -1, -1), tokens)
    pixels = decoder.output_upscaling(keys.transpose(1, 2).reshape(batch, -1, height, width))
    filters = torch.stack(
        [mlp(queries[:, 1 + index]) for index, mlp in enumerate(decoder.output_hypernetworks_mlps)], dim=1
    )
    return torch.einsum("bkc,bchw->bkhw", filters, pixels)


def build_sam(architecture: str | SamArchitecture, classes: int, canvas: int, seed: int) -> ConcatenationSam:
    """A SAM with random weights from `seed` alone. CFRError for an unknown name or an unfit canvas."""
    if isinstance(architecture, str):
        if architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise CFRError("unknown_sam", f"There is no SAM named {architecture!r}.", f"Use one of {known}.")
        architecture = ARCHITECTURES[architecture]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sam = ConcatenationSam(architecture, classes, canvas)
        # SAM's classes leave the position table at zero for a file to fill; from scratch it starts as in ViT.
        nn.init.trunc_normal_(sam.image_encoder.pos_embed, std=0.02)
    return sam


def smaller(architecture: SamArchitecture, **changes: object) -> SamArchitecture:
    """A copy of `architecture` with other sizes, for tests and quick comparisons."""
    return replace(architecture, **changes)


def trainable_parameters(module: nn.Module) -> list[nn.Parameter]:
    """The parameters that receive a gradient, in the module's order."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def parameter_count(module: nn.Module, trainable_only: bool = False) -> int:
    """How many numbers the parameters of `module` hold."""
    parameters = trainable_parameters(module) if trainable_only else list(module.parameters())
    return sum(parameter.numel() for parameter in parameters)


def _image_encoder(architecture: SamArchitecture, canvas: int) -> nn.Module:
    return sam_modeling().ImageEncoderViT(
        img_size=canvas,
        patch_size=architecture.token,
        embed_dim=architecture.width,
        depth=architecture.depth,
        num_heads=architecture.heads,
        out_chans=architecture.embedding,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=architecture.window,
        global_attn_indexes=architecture.global_blocks,
    )


def _prompt_encoder(architecture: SamArchitecture, canvas: int) -> nn.Module:
    side = canvas // architecture.token
    return sam_modeling().PromptEncoder(
        embed_dim=architecture.embedding,
        image_embedding_size=(side, side),
        input_image_size=(canvas, canvas),
        mask_in_chans=16,
    )


def _mask_decoder(architecture: SamArchitecture, classes: int) -> nn.Module:
    modeling = sam_modeling()
    transformer = modeling.TwoWayTransformer(
        depth=2, embedding_dim=architecture.embedding, num_heads=8, mlp_dim=architecture.decoder_hidden
    )
    return modeling.MaskDecoder(
        transformer_dim=architecture.embedding,
        transformer=transformer,
        num_multimask_outputs=classes,
        iou_head_depth=3,
        iou_head_hidden_dim=256,
    )
