"""Bound the fields of records and boards: finite numbers, short printable text, safe names.

Records come from strangers. Whatever these types accept may become a file name, a table cell or a plot label,
and every sum and square of their numbers is finite.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

#: no number of a record or a board is larger; a float32 reaches 3.4e38
LARGEST = 1e30
# what Windows takes for a device, with any suffix and in any folder
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\.|$)")


class Strict(BaseModel):
    """Refuse unknown fields, conversions, NaN and infinity, and changes after validation."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _printable(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("must be one line of printable characters, without blanks around it")
    return value


def _printable_lines(value: str) -> str:
    if not all(line.isprintable() for line in value.split("\n")):
        raise ValueError("must be lines of printable characters")
    return value


def _portable(value: str) -> str:
    if _DEVICE.match(value):
        raise ValueError("must not be the name of a device, as Windows has them")
    return value


def _whole(value: Any) -> Any:
    if type(value) is not int:  # True and 1.0 equal 1
        raise ValueError("must be a whole number")
    return value


def _utc(value: str) -> str:
    form = "%Y-%m-%dT%H:%M:%SZ"
    if datetime.strptime(value, form).strftime(form) != value:
        raise ValueError("must look like 2025-01-31T23:59:59Z")
    return value


#: a name that is safe as a file name anywhere and in a table: no separator, no dot at either end, no device
Slug = Annotated[
    str,
    StringConstraints(max_length=100, pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"),
    AfterValidator(_portable),
]
#: a slug, the first eight digits of a hash and a seed
RunId = Annotated[
    str,
    StringConstraints(max_length=130, pattern=r"^[a-z0-9][a-z0-9._-]*-[0-9a-f]{8}-seed[0-9]+$"),
    AfterValidator(_portable),
]
#: one printable line
Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
#: some printable lines
Lines = Annotated[str, StringConstraints(min_length=1), AfterValidator(_printable_lines)]
#: the unit of a metric; empty for a plain number
Unit = Annotated[str, StringConstraints(max_length=20), AfterValidator(_printable)]
#: the name of a metric, a location in the backbone, a library
Label = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_printable)]
#: SHA-256 in lowercase hex
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Version = Annotated[str, StringConstraints(max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9.+!_-]*$")]
#: where a component came from: "distribution:name==version"
Component = Annotated[
    str,
    StringConstraints(max_length=240, pattern=r"^[A-Za-z0-9._-]+:[a-z0-9][a-z0-9._-]*==[A-Za-z0-9.+!_-]+$"),
]
#: a time in UTC, to the second, such as 2025-01-31T23:59:59Z
UtcTime = Annotated[str, StringConstraints(max_length=20), AfterValidator(_utc)]
Count = Annotated[int, Field(ge=0, le=2**53)]  # beyond 2**53 readers in other languages would round
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Quantity = Annotated[float, Field(ge=0, le=LARGEST)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
#: the version of every schema so far
One = Annotated[Literal[1], BeforeValidator(_whole)]
