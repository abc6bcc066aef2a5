"""Requests that no client should send, drawn from a seed."""

import json
import random
import string
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

#: What stands where a number is expected.
_ODD = [
    None,
    True,
    "",
    "NaN",
    "wide",
    float("nan"),
    float("inf"),
    1e308,
    -1,
    10**30,
    [],
    [1],
    {},
    {"a": 1},
    "\u0000",
    "🙂",
]
_KINDS = ["application/json", "text/csv", "application/vnd.apache.parquet", "text/plain", "application/json; charset=x"]
_OUTPUTS = [
    "score",
    "screen",
    "encode",
    "reconstruct",
    "attribute",
    "explain",
    "decode",
    "sample",
    "interpolate",
    "denoise",
    "translate",
    "points",
    "intervals",
]
_FORMS = ["dataframe_split", "dataframe_records", "inputs", "instances", "params", "rows"]


def requests(good: Callable[[], dict[str, Any]], seed: int) -> Iterator[tuple[bytes, str]]:
    """Give bodies and their content types without end.

    Parameters
    ----------
    good : callable
        Makes a request that is answered.
    seed : int
    """
    draw = random.Random(seed)
    while True:
        body = draw.choice([_noise, _torn, _spoilt, _spoilt, _spoilt, _other, _options, _deep])(draw, good())
        kind = _KINDS[0] if draw.random() < 0.9 else draw.choice(_KINDS)
        yield body, kind


def _noise(draw: random.Random, good: dict[str, Any]) -> bytes:
    """Bytes that mean nothing."""
    return draw.randbytes(draw.randrange(200))


def _torn(draw: random.Random, good: dict[str, Any]) -> bytes:
    """A request that ends too soon, or has some bytes changed."""
    body = bytearray(json.dumps(good).encode())
    if draw.random() < 0.5:
        return bytes(body[: draw.randrange(len(body))])
    for _ in range(draw.randrange(1, 6)):
        body[draw.randrange(len(body))] = draw.randrange(256)
    return bytes(body)


def _spoilt(draw: random.Random, good: dict[str, Any]) -> bytes:
    """A request with something else somewhere in it, missing or twice."""
    for _ in range(draw.randrange(1, 4)):
        places = list(_places(good))
        if places:
            _change(draw, *draw.choice(places))
    return json.dumps(good).encode()


def _other(draw: random.Random, good: dict[str, Any]) -> bytes:
    """Rows under another name, or none."""
    return json.dumps({draw.choice(_FORMS): draw.choice([*good.values(), *_ODD])}).encode()


def _options(draw: random.Random, good: dict[str, Any]) -> bytes:
    """Options that aren't any."""
    named = {
        "output": draw.choice([*_OUTPUTS, *_ODD]),
        "n": draw.choice([0, 2, -3, 10**12, *_ODD]),
        "steps": draw.choice([1, 3, 10**12, *_ODD]),
        "seed": draw.choice([-1, 3, 2**70, *_ODD]),
        "reasons": draw.choice([0, 2, -1, 10**12, *_ODD]),
        "share": draw.choice([0, 0.5, 2, -1, *_ODD]),
        "condition": draw.choice(["{}", '{"digit": 3}', "[", *_ODD]),
        "".join(draw.choices(string.printable, k=5)): 1,
    }
    params = {name: named[name] for name in draw.sample(list(named), draw.randrange(len(named)))}
    return json.dumps(good | {"params": params}).encode()


def _deep(draw: random.Random, good: dict[str, Any]) -> bytes:
    """Lists in lists, or very long numbers."""
    count = draw.choice([10, 500, 5000])
    return draw.choice([b"[" * count, b'{"inputs": ' + b"[" * count + b"1" + b"]" * count + b"}", b"9" * count])


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """List all places in nested lists and objects: the container and the key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _change(draw: random.Random, container: Any, key: Any) -> None:
    what = draw.random()
    if what < 0.6:
        container[key] = deepcopy(draw.choice(_ODD))
    elif what < 0.8:
        del container[key]
    elif isinstance(container, list):
        container.append(container[key])
    else:
        container[f"{key} "] = container.pop(key)
