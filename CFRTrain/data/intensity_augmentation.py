"""Gamma, contrast, brightness, noise, blur and low resolution for normalized images (B, 1, z, y, x)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from CFRTrain.data.randomness import chance, draw_seed, uniform


@dataclass(frozen=True)
class IntensityOptions:
    """Ranges to draw from; `*_chance` is how often an operation is used.

    `brightness` and `noise` are in standard deviations of the image, `blur` is a Gaussian sigma in voxels,
    `reduction` the factor of the simulated low resolution.
    """

    gamma: tuple[float, float] = (0.7, 1.5)
    contrast: tuple[float, float] = (0.7, 1.3)
    brightness: float = 0.2
    noise: float = 0.1
    blur: tuple[float, float] = (0.4, 1.0)
    blur_chance: float = 0.2
    reduction: tuple[float, float] = (1.2, 2.0)
    reduction_chance: float = 0.15


STRONG_INTENSITY = IntensityOptions()
WEAK_INTENSITY = IntensityOptions(
    gamma=(0.9, 1.1), contrast=(0.9, 1.1), brightness=0.05, noise=0.05, blur_chance=0.0, reduction_chance=0.0
)


@dataclass(frozen=True)
class IntensityDraw:
    """One value per sample (B,); `blur` 0 and `reduction` 1 mean not used."""

    gamma: torch.Tensor
    contrast: torch.Tensor
    brightness: torch.Tensor
    noise: torch.Tensor
    blur: torch.Tensor
    reduction: torch.Tensor
    noise_seed: int


def draw_intensity(
    batch: int,
    generator: torch.Generator,
    options: IntensityOptions = STRONG_INTENSITY,
) -> IntensityDraw:
    """Parameters for `batch` images; the number of random values drawn does not depend on their outcome."""
    gamma = torch.exp(uniform(generator, *torch.tensor(options.gamma).log().tolist(), batch))
    contrast = uniform(generator, *options.contrast, batch)
    brightness = uniform(generator, -options.brightness, options.brightness, batch)
    noise = uniform(generator, 0.0, options.noise, batch)
    blur, use_blur = uniform(generator, *options.blur, batch), chance(generator, options.blur_chance, batch)
    factor = uniform(generator, *options.reduction, batch)
    use_factor = chance(generator, options.reduction_chance, batch)
    return IntensityDraw(
        gamma,
        contrast,
        brightness,
        noise,
        torch.where(use_blur, blur, 0.0),
        torch.where(use_factor, factor, 1.0),
        draw_seed(generator),
    )


def apply_intensity(image: torch.Tensor, draw: IntensityDraw) -> torch.Tensor:
    """The changed image (B, 1, z, y, x), in a scanner's order: contrast, then resolution, then noise."""
    image = _gamma(image, _column(draw.gamma, image))
    mean, std = _moments(image)
    image = (image - mean) * _column(draw.contrast, image) + mean + _column(draw.brightness, image) * std
    samples = [
        _low_resolution(_blur(sample, float(sigma)), float(factor))
        for sample, sigma, factor in zip(image.split(1), draw.blur, draw.reduction, strict=True)
    ]
    image = torch.cat(samples)
    if not draw.noise.any():
        return image
    source = torch.Generator(device=image.device).manual_seed(draw.noise_seed)
    noise = torch.randn(image.shape, generator=source, device=image.device)
    return image + noise * (_column(draw.noise, image) * std)


def augment_intensity(
    image: torch.Tensor, generator: torch.Generator, options: IntensityOptions = STRONG_INTENSITY
) -> torch.Tensor:
    """`draw_intensity` and `apply_intensity` in one; the input is not changed."""
    return apply_intensity(image, draw_intensity(image.shape[0], generator, options))


def _column(values: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    return values.to(image.device).view(-1, 1, 1, 1, 1)


def _moments(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mean = image.mean(dim=(1, 2, 3, 4), keepdim=True)
    return mean, (image - mean).square().mean(dim=(1, 2, 3, 4), keepdim=True).sqrt()


def _gamma(image: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
    """A power curve on each image's own range; mean and standard deviation are kept."""
    low, high = image.amin(dim=(1, 2, 3, 4), keepdim=True), image.amax(dim=(1, 2, 3, 4), keepdim=True)
    curved = ((image - low) / (high - low).clamp_min(1e-6)).pow(gamma)
    mean, std = _moments(image)
    new_mean, new_std = _moments(curved)
    return torch.where(gamma == 1, image, (curved - new_mean) / new_std.clamp_min(1e-6) * std + mean)


def _blur(sample: torch.Tensor, sigma: float) -> torch.Tensor:
    """A separable Gaussian of `sigma` voxels."""
    if sigma <= 0:
        return sample
    reach = max(1, round(3 * sigma))
    offsets = torch.arange(-reach, reach + 1, device=sample.device, dtype=sample.dtype)
    kernel = torch.exp(-offsets.square() / (2 * sigma * sigma))
    kernel = kernel / kernel.sum()
    for axis in range(3):
        shape, padding = [1] * 5, [0] * 6
        shape[2 + axis] = kernel.numel()
        padding[2 * (2 - axis)] = padding[2 * (2 - axis) + 1] = reach
        sample = functional.conv3d(functional.pad(sample, padding, mode="replicate"), kernel.view(shape))
    return sample


def _low_resolution(sample: torch.Tensor, factor: float) -> torch.Tensor:
    """Sampled on a grid coarser by `factor` and back."""
    if factor <= 1:
        return sample
    small = [max(1, round(side / factor)) for side in sample.shape[2:]]
    reduced = functional.interpolate(sample, size=small, mode="trilinear", align_corners=False)
    return functional.interpolate(reduced, size=sample.shape[2:], mode="trilinear", align_corners=False)
