"""Read the files of a board that people write by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mtlbench.boards.errors import BadBoard
from mtlbench.results.store import first_problem, read_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_BYTES = 200_000
#: the parser's time and memory grow with the square of a dotted key's length
MAX_LINE = 5_000
_Schema = TypeVar("_Schema", bound=BaseModel)


def read_toml(path: Path, schema: type[_Schema]) -> _Schema:
    """Read one file as `schema` describes it.

    Raises:
        BadBoard: it is missing, a link, too long, not TOML, or breaks the schema.
    """
    try:
        text = read_text(path, MAX_BYTES)
        if max(map(len, text.split("\n"))) > MAX_LINE:
            raise ValueError(f"a line has more than {MAX_LINE} characters")
        return schema.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise BadBoard(f"{path}: {first_problem(error)}. Mend that line.") from None
    except RecursionError:
        raise BadBoard(f"{path} cannot be read as TOML: it is nested too deeply. Mend it.") from None
    except OSError as error:
        raise BadBoard(f"{path} cannot be read: {error.strerror}. Mend it.") from None
    except ValueError as error:
        raise BadBoard(f"{path} cannot be read as TOML: {error}. Mend it.") from None
