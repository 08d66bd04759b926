"""Write records so that none is ever half written, and read records that anybody may have written."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mtlbench.results.errors import BadRecord
from mtlbench.results.schema import Record
from mtlbench.results.verification import Verification

MAX_BYTES = 2_000_000
VERIFIED = ".verified.json"
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
        data = json.loads(_read(path), object_pairs_hook=_unique, parse_constant=_finite)
        return schema.model_validate(data)
    except ValidationError as error:
        raise BadRecord(path, _first(error)) from None
    except OSError as error:
        raise BadRecord(path, error.strerror or "it cannot be read") from None
    except RecursionError:
        raise BadRecord(path, "it is nested too deeply") from None
    except ValueError as error:  # from json, utf-8 and the hooks below
        raise BadRecord(path, str(error)[:200]) from None


def iter_records(folder: Path) -> Iterator[tuple[Path, Record | BadRecord]]:
    """Yield every ``*.json`` below `folder`, in a fixed order, as a record or as what is wrong with it.

    Verifications, which lie beside records, are left out.
    """
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
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def _read(path: Path) -> str:
    # O_NOFOLLOW refuses a link, O_NONBLOCK keeps a named pipe from blocking for ever; Windows has neither
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES // 1_000_000} MB")
    return content.decode("utf-8")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        raise ValueError("it names a key twice")
    return keys


def _finite(constant: str) -> float:
    raise ValueError(f"it holds {constant}, which is not a number of JSON")


def _first(error: ValidationError) -> str:
    first, *others = error.errors(include_url=False, include_input=False, include_context=False)
    where = ".".join(str(part) for part in first["loc"])[:120]
    more = f" (and {len(others)} more)" if others else ""
    return f"{where!r}: {first['msg'][:200]}{more}" if where else f"{first['msg'][:200]}{more}"
