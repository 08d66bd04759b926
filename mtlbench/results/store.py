"""Write records so that none is ever half written, and read records that anybody may have written."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mtlbench.results.errors import BadRecord, Unwritable
from mtlbench.results.schema import Record
from mtlbench.results.verification import Verification

MAX_BYTES = 2_000_000
VERIFIED = ".verified.json"
#: what files of records match, and verifications beside them do not
RECORDS = "*-seed*[0-9].json"
_Schema = TypeVar("_Schema", bound=BaseModel)


def write_record(record: Record, folder: Path) -> Path:
    """Write `record` to ``<folder>/<run_id>.json`` in one step and return that path."""
    path = Path(folder) / f"{record.run_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, record_text(record).encode())
    return path


def record_text(record: Record | Verification) -> str:
    """Return the one text of a record or a verification: indented JSON with sorted keys."""
    return json.dumps(record.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def load_record(path: Path) -> Record:
    """Read one record.

    Raises:
        BadRecord: the file is missing, a link, over 2 MB, not JSON, names a key twice or breaks the schema.
    """
    return _load(Path(path), Record)


def load_verification(path: Path) -> Verification:
    """Read what somebody found who made a run again.

    Raises:
        BadRecord: the file is missing, a link, over 2 MB, not JSON, names a key twice or breaks the schema.
    """
    return _load(Path(path), Verification)


def verification_file(record: Path) -> Path:
    """Return where the verification of the record at `record` lies: beside it."""
    return record.with_name(record.stem + VERIFIED)


def _load(path: Path, schema: type[_Schema]) -> _Schema:
    try:
        return schema.model_validate(parse_json(read_text(path, MAX_BYTES)))
    except ValidationError as error:
        raise BadRecord(path, first_problem(error)) from None
    except OSError as error:
        raise BadRecord(path, error.strerror or "it cannot be read") from None
    except RecursionError:
        raise BadRecord(path, "it is nested too deeply") from None
    except ValueError as error:  # from json, utf-8 and the hooks below
        raise BadRecord(path, str(error)[:200]) from None


def iter_records(folder: Path) -> Iterator[tuple[Path, Record | BadRecord]]:
    """Yield every ``*.json`` below `folder`, in a fixed order, as a record or as what is wrong with it.

    Verifications, which lie beside records, are left out. Links are not followed, not even `folder` itself.
    """
    if Path(folder).is_symlink():
        yield Path(folder), BadRecord(Path(folder), "it is a link")
        return
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".json") and not name.endswith(VERIFIED):
                path = Path(root) / name
                try:
                    yield path, load_record(path)
                except BadRecord as error:
                    yield path, error


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step: after a crash it holds the old bytes or the new ones."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        scratch.unlink(missing_ok=True)  # a link that lies in wait there would be followed
        with scratch.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def write_below(folder: Path, name: str, content: bytes) -> Path:
    """Write ``<folder>/<name>`` in one step, and the folders between; return its path.

    Raises:
        Unwritable: a folder between is a link, which may lead anywhere, or the file cannot be written.
    """
    path = Path(folder) / name
    for parent in reversed(path.parents[: len(Path(name).parents) - 1]):
        if parent.is_symlink():
            raise Unwritable(path, f"{parent.name} is a link")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise Unwritable(path, error.strerror or "its disk refuses") from None
    return path


def read_text(path: Path, limit: int) -> str:
    """Return the text of a file that anybody may have put there.

    Raises:
        OSError: it is absent, a link or unreadable.
        ValueError: it is no regular file, longer than `limit` bytes, or not UTF-8.
    """
    # O_NOFOLLOW refuses a link, O_NONBLOCK keeps a named pipe from blocking for ever; Windows has neither
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"it is larger than {limit / 1_000_000:g} MB")
    return content.decode("utf-8")


def parse_json(text: str) -> Any:
    """Return what JSON says that names no key twice and holds neither NaN nor infinities.

    Raises:
        ValueError: it is something else.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_finite)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        raise ValueError("it names a key twice")
    return keys


def _finite(constant: str) -> float:
    raise ValueError(f"it holds {constant}, which is not a number of JSON")


def first_problem(error: ValidationError) -> str:
    """Return where the first problem is and what it is, in a line that quotes little of the input."""
    first, *others = error.errors(include_url=False, include_input=False, include_context=False)
    where = ".".join(str(part) for part in first["loc"])[:120]
    reason = first["msg"].removeprefix("Value error, ")[:200]
    more = f" (and {len(others)} more)" if others else ""
    return f"{where!r}: {reason}{more}" if where else f"{reason}{more}"
