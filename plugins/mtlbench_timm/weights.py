"""Find, read and check pretrained weights: every key must find its place."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from mtlbench.engine.compat import import_torchvision
from mtlbench_timm.errors import BadWeights, WeightsUnavailable, some

import_torchvision()

import huggingface_hub  # noqa: E402
from huggingface_hub.errors import EntryNotFoundError  # noqa: E402
from timm.models import load_state_dict  # noqa: E402

#: seconds to wait for the hub before it counts as out of reach
TIMEOUT = 5
# what a classifier has beyond the blocks; a backbone drops it
_CLASSIFIER = ("head.", "head_dist.", "norm.", "fc_norm.", "attn_pool.")
_INDEX_BUFFERS = ("relative_position_index", "attn_mask")


def read(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a `.safetensors` or `.pth` file; nothing in it is executed.

    Raises:
        WeightsUnavailable: there is no such file.
        BadWeights: it is truncated, or not a file of weights.
    """
    if not Path(path).is_file():
        raise WeightsUnavailable(f"There is no file of weights at {path}; correct `backbone.weights`.")
    try:
        return load_state_dict(str(path))
    except Exception as error:  # zip, pickle and safetensors each raise their own
        raise BadWeights(
            f"{path} cannot be read as weights ({type(error).__name__}: {error}); download it again, or "
            "convert it to a safetensors file or a plain dict of tensors."
        ) from error


def fetch(model: str, hub_id: str | None, filename: str | None) -> Path:
    """Return the file of a model's weights from the local cache of the Hugging Face hub, or download it.

    Raises:
        WeightsUnavailable: timm knows no hub weights for the model, or the hub does not give them; says so
            within seconds where there is no network.
    """
    way_on = "get the file elsewhere and set `backbone.weights=PATH`, or set `backbone.pretrained=False`"
    if not hub_id:
        raise WeightsUnavailable(f'timm has no hub weights for "{model}"; {way_on}.')
    repo, _, revision = hub_id.partition("@")
    names = [filename] if filename else ["model.safetensors", "pytorch_model.bin"]
    for name in names:
        cached = huggingface_hub.try_to_load_from_cache(repo, name, revision=revision or None)
        if isinstance(cached, str):
            return Path(cached)
    try:
        # the client would retry for most of a minute before it gives up
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=TIMEOUT)
        return _download(repo, names, revision or None)
    except Exception as error:  # the client's exceptions differ between its major versions
        raise WeightsUnavailable(
            f'The weights of "{model}" (https://huggingface.co/{hub_id}) are not in the local cache and '
            f"could not be downloaded ({type(error).__name__}); connect to the network, or {way_on}."
        ) from error


def _download(repo: str, names: list[str], revision: str | None) -> Path:
    for name in names[:-1]:
        try:
            return Path(huggingface_hub.hf_hub_download(repo, name, revision=revision))
        except EntryNotFoundError:
            continue
    return Path(huggingface_hub.hf_hub_download(repo, names[-1], revision=revision))


def load(net: nn.Module, state: Mapping[str, Tensor], source: str) -> str:
    """Load `state` into a timm network, resized as timm does, and return the fingerprint.

    The classifier's tensors (final norm and head) may be there or not; any other difference is an error.

    Raises:
        BadWeights: names every kind of tensor that is missing, left over or of another shape.
    """
    convert = sys.modules[type(net).__module__].checkpoint_filter_fn
    try:
        fitted = convert(dict(state), net)
    except Exception as error:  # a foreign layout; the names tell more than the conversion's traceback
        raise BadWeights(_difference(net, state, source) or f"{source} does not fit: {error}.") from error
    if difference := _difference(net, fitted, source):
        raise BadWeights(difference)
    net.load_state_dict({name: fitted[name] for name in _trunk(net.state_dict())}, strict=False)
    return fingerprint(net)


def fingerprint(net: nn.Module) -> str:
    """Return the first 16 hex digits of the sha256 of a network's tensors, head left out, and their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(_trunk(net.state_dict()).items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _trunk(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: tensor
        for name, tensor in state.items()
        if not name.startswith(_CLASSIFIER) and not name.endswith(_INDEX_BUFFERS)
    }


def _difference(net: nn.Module, state: Mapping[str, Tensor], source: str) -> str:
    """Return a sentence on how `state` differs from what `net` needs; empty where it does not."""
    own, given = _trunk(net.state_dict()), _trunk(state)
    reshaped = [name for name in own.keys() & given.keys() if own[name].shape != given[name].shape]
    findings = {
        "missing": own.keys() - given.keys(),
        "unexpected": given.keys() - own.keys(),
        "of another shape": reshaped,
    }
    told = "; ".join(f"{kind}: {some(names)}" for kind, names in findings.items() if names)
    model = type(net).__name__
    return told and f"{source} does not fit this {model} ({told}); pass the weights of this very model."
