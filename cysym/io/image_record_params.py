"""The parameters of ImageRecordIter and its relatives: names, types, defaults, and what is refused.

MXNet ignores a misspelt parameter and some combinations; here each one has its effect or is an error that
names it. `image_record` asks for a checked dict; what the parameters mean is decided there and in
`image.record_augment`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, Final

from ..base import MXNetError
from ..suggest import did_you_mean

_REQUIRED: Final = object()
_OPTIONAL_FLOAT: Final = "float or None"

# name: (kind, default)
_COMMON: Final[dict[str, tuple[str, Any]]] = {
    "path_imglist": ("path", ""), "path_imgrec": ("path", ""), "path_imgidx": ("path", ""),
    "aug_seq": ("str", "aug_default"), "label_width": ("int", 1), "data_shape": ("shape", _REQUIRED),
    "preprocess_threads": ("int", 4), "verbose": ("bool", True), "num_parts": ("int", 1),
    "part_index": ("int", 0), "device_id": ("int", 0), "shuffle_chunk_size": ("int", 0),
    "shuffle_chunk_seed": ("int", 0), "seed_aug": ("int or None", None), "shuffle": ("bool", False),
    "seed": ("int", 0), "batch_size": ("int", _REQUIRED), "round_batch": ("bool", True),
    "prefetch_buffer": ("int", 4), "ctx": ("str", "gpu"), "dtype": ("str or None", None),
    "data_name": ("str", "data"), "label_name": ("str", "softmax_label"),
    "resize": ("int", -1), "rand_crop": ("bool", False), "random_resized_crop": ("bool", False),
    "max_rotate_angle": ("int", 0), "max_aspect_ratio": ("float", 0.0),
    "min_aspect_ratio": (_OPTIONAL_FLOAT, None), "max_shear_ratio": ("float", 0.0),
    "max_crop_size": ("int", -1), "min_crop_size": ("int", -1), "max_random_scale": ("float", 1.0),
    "min_random_scale": ("float", 1.0), "max_random_area": ("float", 1.0), "min_random_area": ("float", 1.0),
    "max_img_size": ("float", 1e10), "min_img_size": ("float", 0.0), "brightness": ("float", 0.0),
    "contrast": ("float", 0.0), "saturation": ("float", 0.0), "pca_noise": ("float", 0.0),
    "random_h": ("int", 0), "random_s": ("int", 0), "random_l": ("int", 0), "rotate": ("int", -1),
    "fill_value": ("int", 255), "inter_method": ("int", 1), "pad": ("int", 0), "mirror": ("bool", False),
    "rand_mirror": ("bool", False),
}  # fmt: skip
# What float batches are normalized by; batches of bytes know none of it but, signed ones, the mean.
MEANS: Final = ("mean_r", "mean_g", "mean_b", "mean_a")
STDS: Final = ("std_r", "std_g", "std_b", "std_a")
_NORMALIZE: Final[dict[str, tuple[str, Any]]] = {
    "mean_img": ("path", ""), **dict.fromkeys(MEANS, ("float", 0.0)),
    **dict.fromkeys(STDS, ("float", 1.0)), "scale": ("float", 1.0),
    "max_random_contrast": ("float", 0.0), "max_random_illumination": ("float", 0.0),
}  # fmt: skip
_TABLE: Final = _COMMON | _NORMALIZE
# Bounds (at least, at most) of numbers.
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "label_width": (1, math.inf), "batch_size": (1, math.inf), "num_parts": (1, math.inf),
    "part_index": (0, math.inf), "preprocess_threads": (1, 1024), "prefetch_buffer": (0, math.inf),
    "max_rotate_angle": (0, 360), "rotate": (-1, 360), "pad": (0, 1 << 16), "fill_value": (0, 255),
    "max_shear_ratio": (0, math.inf), "max_random_scale": (1e-6, 1e6), "min_random_scale": (1e-6, 1e6),
    "max_aspect_ratio": (0, math.inf), "max_img_size": (1, math.inf), "min_img_size": (0, math.inf),
    "brightness": (0, math.inf), "contrast": (0, math.inf), "saturation": (0, math.inf),
    "pca_noise": (0, math.inf), "random_h": (0, 180), "random_s": (0, 255), "random_l": (0, 255),
    "max_random_contrast": (0, math.inf), "max_random_illumination": (0, math.inf), "seed": (0, 2**32 - 112),
    "shuffle_chunk_size": (0, math.inf),
}  # fmt: skip


def read_parameters(iterator: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of `iterator`: those given, converted (texts count as what they spell), and defaults.

    Raises
    ------
    TypeError
        An unknown parameter, or one that is required is missing.
    ValueError
        A value of another type or out of range.
    MXNetError
        Values that exclude each other.
    """
    unknown = sorted(set(given) - set(_TABLE))
    if unknown:
        raise TypeError(f"{iterator} has no parameter {unknown[0]!r}{did_you_mean(unknown[0], _TABLE)}")
    found: dict[str, Any] = {}
    for name, (kind, default) in _TABLE.items():
        if name in given:
            try:
                found[name] = _converted(given[name], kind)
            except (ValueError, TypeError) as error:
                raise ValueError(f"{iterator}: {name} must be {kind}, got {given[name]!r}") from error
            low, high = _RANGES.get(name, (-math.inf, math.inf))
            if isinstance(found[name], int | float) and not low <= found[name] <= high:
                raise ValueError(f"{iterator}: {name} must be in [{low}, {high}], got {found[name]}")
        elif default is _REQUIRED:
            raise TypeError(f"{iterator}: {name} is required")
        else:
            found[name] = default
    _check(iterator, found)
    return found


def _converted(value: Any, kind: str) -> Any:
    if kind.endswith(" or None"):
        if value is None or value == "None":
            return None
        kind = kind[: -len(" or None")]
    if kind == "path":
        return "" if value is None else os.fspath(value)
    if kind == "shape":
        if isinstance(value, str):
            value = value.strip("()[] ").split(",")
            value = [v for v in value if v.strip()]
        shape = tuple(_converted(v, "int") for v in value)
        if not shape or min(shape) < 1:
            raise ValueError(shape)
        return shape
    if kind == "str":
        if not isinstance(value, str):
            return str(getattr(value, "__name__", value))
        return value
    if kind == "bool":
        words = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}
        text = str(value)
        if text not in words:
            raise ValueError(text)
        return words[text]
    number = float(value)
    if kind == "float":
        if math.isnan(number):
            raise ValueError(value)
        return number
    if isinstance(value, str):
        return int(value)
    if number != int(number):
        raise ValueError(value)
    return int(value)


def _check(iterator: str, found: dict[str, Any]) -> None:
    """What no single value shows."""
    shape = found["data_shape"]
    if len(shape) != 3 or shape[0] not in (1, 3, 4):
        raise ValueError(f"{iterator}: data_shape must be (1, 3 or 4, height, width), got {shape}")
    if not found["path_imgrec"]:
        raise ValueError(f"{iterator}: path_imgrec is required")
    if found["part_index"] >= found["num_parts"]:
        raise ValueError(
            f"{iterator}: part_index must be below num_parts, {found['num_parts']}, got {found['part_index']}"
        )
    if found["aug_seq"] != "aug_default":
        raise ValueError(f"{iterator}: aug_seq can only be 'aug_default', got {found['aug_seq']!r}")
    if found["inter_method"] not in (0, 1, 2, 3, 4, 9, 10):
        raise ValueError(f"{iterator}: inter_method must be 0 to 4, 9 or 10, got {found['inter_method']}")
    if found["shuffle_chunk_seed"]:
        raise MXNetError(
            f"{iterator}: shuffle_chunk_seed has no meaning here, all records are shuffled: use seed"
        )
    for low, high in (("min_random_scale", "max_random_scale"), ("min_img_size", "max_img_size")):
        if found[low] > found[high]:
            raise MXNetError(f"{iterator}: {low} is {found[low]}, above {high}, {found[high]}")
    if found["resize"] < 1 and found["resize"] != -1:
        raise ValueError(f"{iterator}: resize must be positive (or -1: as it is), got {found['resize']}")
    if any(found[name] == 0 for name in STDS):
        raise ValueError(f"{iterator}: {' '.join(STDS)} divide, none may be 0")
    least, most = found["min_aspect_ratio"], found["max_aspect_ratio"]
    if (least is None and most >= 1) or (least is not None and not 0 < least <= most):
        raise MXNetError(
            f"{iterator}: max_aspect_ratio must be below 1, or 0 < min_aspect_ratio <= max_aspect_ratio; got "
            f"{least} and {most}"
        )


def refuse_normalization(iterator: str, found: Mapping[str, Any], allowed: tuple[str, ...] = ()) -> None:
    """Error if something is to be normalized that bytes cannot hold."""
    for name, (_, default) in _NORMALIZE.items():
        if name not in allowed and found[name] != default:
            raise MXNetError(f"{iterator}: batches of bytes are not normalized, {name} has no effect on them")
