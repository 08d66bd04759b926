"""Get past the page that Google Drive shows before large files."""

from __future__ import annotations

from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from mtlbench.data.errors import DownloadError

_PAGE_LIMIT = 2**20  # bytes; the page is a few thousand


def opener_with_cookies() -> OpenerDirector:
    """Return an opener that keeps cookies, by which older pages confirm."""
    return build_opener(HTTPCookieProcessor(CookieJar()))


def find_file(drive: str, file_id: str, opener: OpenerDirector) -> str:
    """Return the address that yields the bytes of a public file.

    Drive answers large files with a page that warns that they were not scanned for viruses. Its form names
    the address and the token (`confirm`, `uuid`) of the real download.

    Raises:
        DownloadError: the page has no form: the file is gone, or was fetched too often today.
        OSError: the host cannot be reached.
    """
    address = f"{drive}?{urlencode({'export': 'download', 'id': file_id})}"
    with opener.open(address, timeout=30) as response:
        if "text/html" not in response.headers.get("Content-Type", ""):
            return address
        page = response.read(_PAGE_LIMIT).decode("utf-8", "replace")
        base = response.geturl()
    form = _Form()
    form.feed(page)
    if form.action is None or "id" not in form.fields:
        raise DownloadError(
            f"Google Drive does not hand out the file {file_id} now (removed, or its daily quota is used "
            f"up); try again tomorrow, or fetch https://drive.google.com/file/d/{file_id}/view in a browser."
        )
    return f"{urljoin(base, form.action)}?{urlencode(form.fields)}"


class _Form(HTMLParser):
    """Collect the action and the hidden fields of the download form."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = values.get("id") == "download-form"
            if self._inside:
                self.action = values.get("action")
        elif tag == "input" and self._inside and values.get("type") == "hidden":
            self.fields[values.get("name", "")] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
