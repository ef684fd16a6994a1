"""One transfer: asking a server with patience, and going on where a broken one stopped."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import MaxRetryError, NameResolutionError

from helpers.storage import ContractError, read_known, write_json

if TYPE_CHECKING:
    from helpers.opendata.download import RemoteFile

USER_AGENT = f"permafrost-notebooks/{version('permafrost-notebooks')}"
TIMEOUT_S = (20.0, 90.0)  # to connect, and between two pieces of an answer
ATTEMPTS = 5
BACK_OFF_S = 1.0
LONGEST_WAIT_S = 120.0
# Several times the largest file of each kind; an answer that never ends stops there.
MOST_BYTES = {"tiff": 8 << 30, "netcdf": 8 << 30, "text": 1 << 28}
_BUSY = (429, 500, 502, 503, 504)
_CHUNK_BYTES = 1 << 16
_SECRETS = re.compile(r"(?i)(token|sig|signature|key|password|credential|x-amz-[\w-]+)=[^&]*&?")


@dataclass(frozen=True)
class Answer:
    """What a server says of a file: its bytes, and what tells one version from the next."""

    size: int | None
    etag: str | None
    last_modified: str | None
    md5: str | None

    @property
    def validator(self) -> str | None:
        """What If-Range may hold: a strong ETag, or the date."""
        strong = self.etag and not self.etag.startswith("W/")
        return self.etag if strong else self.last_modified


class _Patience(Retry):
    """Waits as the server asks (Retry-After), within reason; not for a name nobody knows."""

    def increment(self, method=None, url=None, response=None, error=None, *others, **more) -> Retry:
        """What is left of the attempts; none for an unknown name."""
        if isinstance(error, NameResolutionError):
            raise MaxRetryError(others[0] if others else more["_pool"], url, error)
        return super().increment(method, url, response, error, *others, **more)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds the server asks to wait, within reason."""
        seconds = super().get_retry_after(response)
        return None if seconds is None else min(seconds, LONGEST_WAIT_S)


def open_session() -> requests.Session:
    """Session that asks again, ever more slowly, when the connection fails or a server is busy."""
    session = requests.Session()
    patience = _Patience(
        total=ATTEMPTS - 1,
        backoff_factor=BACK_OFF_S,
        backoff_max=LONGEST_WAIT_S,
        status_forcelist=_BUSY,
        raise_on_status=False,
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=patience))
    # Compressed answers could neither be measured nor continued.
    session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
    return session


def without_secrets(url: str) -> str:
    """The address without user, password, token or signature."""
    parts = urlsplit(url)
    query = _SECRETS.sub("", parts.query).rstrip("&")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))


def fetch_part(
    session: requests.Session, file: RemoteFile, on_bytes: Callable[[int], object]
) -> tuple[Path, Answer]:
    """Fetch a file into ``<name>.part``; a transfer that breaks goes on from where it stopped.

    Raises
    ------
    ContractError
        If there is no connection, the server refuses, packs what it sends, or sends more than
        ``MOST_BYTES``, or the transfer breaks again and again.
        What has arrived is then kept for the next run if the server can tell versions apart.

    """
    part = file.path.with_name(f"{file.path.name}.part")
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(min(BACK_OFF_S * 2**attempt, LONGEST_WAIT_S))
        with _ask(session, file, part) as response:
            try:
                return part, _receive(response, file, part, on_bytes)
            except requests.RequestException as error:
                broken = error
    arrived = part.stat().st_size
    if not _validator_of(part):
        _forget(part)
    raise ContractError(
        f"{without_secrets(file.url)}: the transfer broke {ATTEMPTS} times ({_reason(broken)}), "
        f"last after {arrived} bytes. Run again: it goes on from there if the server allows it."
    ) from None


def _ask(session: requests.Session, file: RemoteFile, part: Path) -> requests.Response:
    """Ask for a file, or for the rest of one that was begun."""
    response = _get(session, file, _rest_of(part))
    known = _validator_of(part)
    if response.status_code == requests.codes.requested_range_not_satisfiable or (
        response.status_code == requests.codes.partial_content and not _continues(response, part)
    ):
        response.close()
        _forget(part)
        response = _get(session, file, {})
    elif response.status_code == requests.codes.ok and known:
        _forget(part)
    if not response.ok:
        response.close()
        raise ContractError(_refusal(response.status_code, file))
    return response


def _get(session: requests.Session, file: RemoteFile, headers: dict) -> requests.Response:
    try:
        return session.get(file.signed_url, headers=headers, stream=True, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        # The library's own message holds the signed address.
        raise ContractError(
            f"{without_secrets(file.url)}: no answer ({_reason(error)}). Is there a connection to "
            "the internet, and does a proxy (HTTPS_PROXY) have to be set? If the address has "
            "changed, put the new one into [open_data.mirrors] of study.toml."
        ) from None


def _receive(
    response: requests.Response, file: RemoteFile, part: Path, on_bytes: Callable[[int], object]
) -> Answer:
    answer = _answer(response)
    _check_answer(response, answer, file)
    begun = response.status_code == requests.codes.partial_content
    if answer.validator:
        write_json({"validator": answer.validator}, _note(part))
    with part.open("ab" if begun else "wb") as stream:
        for chunk in response.iter_content(_CHUNK_BYTES):
            stream.write(chunk)
            on_bytes(len(chunk))
            if stream.tell() > MOST_BYTES[file.kind]:
                break
    _note(part).unlink(missing_ok=True)
    if part.stat().st_size > MOST_BYTES[file.kind]:
        part.unlink()
        raise _endless(file)
    return answer


def _check_answer(response: requests.Response, answer: Answer, file: RemoteFile) -> None:
    encoding = response.headers.get("Content-Encoding") or "identity"
    if encoding.lower() != "identity":
        raise ContractError(
            f"{without_secrets(file.url)}: the server sends it packed (Content-Encoding: "
            f"{encoding}) though it was asked not to; so it can be neither measured nor continued. "
            "A proxy may do this; another address goes into [open_data.mirrors] of study.toml."
        )
    if (answer.size or 0) > MOST_BYTES[file.kind]:
        raise _endless(file)


def _endless(file: RemoteFile) -> ContractError:
    return ContractError(
        f"{without_secrets(file.url)}: more than {MOST_BYTES[file.kind] / 1e6:.1f} MB, which no "
        f"{file.kind} of these products has. The address may give another file now; put the right "
        "one into [open_data.mirrors] of study.toml."
    )


def _answer(response: requests.Response) -> Answer:
    headers = response.headers
    size = headers.get("Content-Length", "")
    if response.status_code == requests.codes.partial_content:
        size = headers.get("Content-Range", "").rpartition("/")[2]
    etag = headers.get("ETag")
    # S3 states the MD5 of a file as its ETag, unless it came in parts or under a key of its own.
    of_s3 = "S3" in headers.get("Server", "") and "kms" not in headers.get(
        "x-amz-server-side-encryption", ""
    )
    is_md5 = of_s3 and re.fullmatch('"[0-9a-f]{32}"', etag or "")
    return Answer(
        size=int(size) if size.isdigit() else None,
        etag=etag,
        last_modified=headers.get("Last-Modified"),
        md5=etag.strip('"') if is_md5 else None,
    )


def _note(part: Path) -> Path:
    """Beside a part: which version of the file it was begun of."""
    return part.with_name(f"{part.name}.json")


def _validator_of(part: Path) -> str | None:
    return read_known(_note(part)).get("validator") if part.exists() else None


def _rest_of(part: Path) -> dict[str, str]:
    """Headers that ask for the rest of a part, but for everything if the file has changed."""
    validator = _validator_of(part)
    if not validator or not part.stat().st_size:
        return {}
    return {"Range": f"bytes={part.stat().st_size}-", "If-Range": validator}


def _continues(response: requests.Response, part: Path) -> bool:
    """Whether a partial answer is the rest of this part, of the same version."""
    begins = response.headers.get("Content-Range", "").startswith(f"bytes {part.stat().st_size}-")
    now = _answer(response).validator
    return begins and now in (None, _validator_of(part))


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _refusal(status: int, file: RemoteFile) -> str:
    url = without_secrets(file.url)
    other = "another address of the same file goes into [open_data.mirrors] of study.toml"
    if status in (requests.codes.unauthorized, requests.codes.forbidden):
        return f"{url}: the server refuses it ({status}). It may want a login now; {other}."
    if status in (requests.codes.not_found, requests.codes.gone):
        return f"{url}: not on the server ({status}). {file.hint or f'If it has moved, {other}.'}"
    return f"{url}: the server answers {status}, also when asked again. Try later, or {other}."


def _reason(error: Exception) -> str:
    """What went wrong, from the innermost error: those around it hold the signed address."""
    while error.args and isinstance(error.args[-1], Exception):
        error = error.args[-1]
    error = getattr(error, "reason", None) or error
    text = str(error)
    return type(error).__name__ if "://" in text or "/" in text else text or type(error).__name__
