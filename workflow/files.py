"""Files: written whole, readable by their owner only, and never attached by mistake.

`PrivateFiles` are files that no mail may carry: the sign-in, the config, the ledger, keys. A
template is written by one person and run by another, so an include, an attachment or a cell of the
list must not be able to send `token.json` to customers.

`seal` encrypts a file with a passphrase: scrypt derives the key, AES-256-GCM encrypts.

    postmortem handover 1
    {"schema": …, "n": …, "r": …, "p": …, "salt": …, "nonce": …}
    <SHA-256 of the bytes below, in hex>
    <encrypted bytes>

The checksum is not secret: it distinguishes a damaged file from a wrong passphrase.

`write_whole` writes a file completely or not at all. `read_stdin` reads what a person or a script
sends to a command, and `decoded` is its text. `csv_bytes` and `write_new_list` write lists of
customers for spreadsheets and for `notify`.
"""

from __future__ import annotations

import base64
import codecs
import csv
import hashlib
import io
import json
import locale
import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from workflow.config import Settings
from workflow.errors import BadInput, why_refused
from workflow.mail.list_columns import inert

# Each profile keeps these files in its own folder, and the rehearsal Google keeps its own.
_SECRET = re.compile(
    r".*token\.json|credentials.*\.json|config\.toml|.*\.sqlite3.*|.*\.db.*|.*\.(?:key|pem)"
)


@dataclass(frozen=True)
class PrivateFiles:
    """The program's own files and folders; `allowed` are folders inside that aren't private."""

    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    allowed: tuple[Path, ...] = ()

    def surround(self, path: Path) -> bool:
        """Whether a path is inside one of these folders, or is one of these files."""
        return self.hold(path) or self._is_within(path.resolve())

    def hold(self, path: Path) -> bool:
        """Whether a path is one of these files under any name, or belongs to another profile."""
        real = path.resolve()
        if any(_is_same(real, file) for file in self.files):
            return True
        return self._is_within(real) and _SECRET.fullmatch(real.name) is not None

    def _is_within(self, real: Path) -> bool:
        if any(real.is_relative_to(folder) for folder in self.allowed):
            return False
        return any(real.is_relative_to(folder) for folder in self.folders)


def private_files(settings: Settings) -> PrivateFiles:
    """The private files of this profile and of its neighbours.

    The team's templates may be in a subfolder of the program's folder.
    """
    home = settings.home.resolve()
    config = settings.config
    own = Path(config.templates).resolve() if config.templates else None
    allowed = (own,) if own is not None and own != home and own.is_relative_to(home) else ()
    named = [config.sign_in.file, config.credentials, config.smtp.password_file]
    secrets = [each.secret.file for each in config.announce if each.secret.file]
    beside_config = settings.config_path.parent
    return PrivateFiles(
        files=tuple(
            path.resolve()
            for path in (
                settings.config_path,
                settings.token_path,
                settings.client_path,
                *(Path(name) for name in named if name),
                *(beside_config / Path(name).expanduser() for name in secrets),
                *_ledger_files(settings.database_url),
            )
        ),
        folders=(home,),
        allowed=allowed,
    )


def _ledger_files(database_url: str) -> list[Path]:
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        return []
    if url.get_backend_name() != "sqlite" or not url.database:
        return []
    return [Path(f"{url.database}{end}") for end in ("", "-wal", "-shm")]


def _is_same(path: Path, file: Path) -> bool:
    """Whether both paths are one file, through any link."""
    try:
        return path == file or os.path.samefile(path, file)  # noqa: PTH121 - either may be missing
    except OSError:
        return False


_MAGIC = b"postmortem handover "
_FORMAT = 1
# 64 MB and about 0.2 s for each guess (RFC 7914 suggests 16 MB for interactive use).
_COST = {"n": 2**16, "r": 8, "p": 1}
SHORTEST_PASSPHRASE = 10


class SealBroken(BadInput):
    """A file that can't be decrypted. `str()` gives the reason, to follow the file's name."""


@dataclass(frozen=True)
class Opened:
    """The decrypted content of a file, and the ledger's revision at the time of writing."""

    content: bytes
    schema: str


def seal(content: bytes, passphrase: str, *, schema: str) -> bytes:
    """Encrypt content into a file's bytes. `schema` is the ledger's revision of the content."""
    salt, nonce = os.urandom(16), os.urandom(12)
    head = {**_COST, "schema": schema, "salt": _text(salt), "nonce": _text(nonce)}
    clear = _MAGIC + str(_FORMAT).encode() + b"\n" + json.dumps(head).encode() + b"\n"
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, content, clear)
    return clear + hashlib.sha256(sealed).hexdigest().encode() + b"\n" + sealed


def schema_of(file: bytes) -> str:
    """The ledger's revision that a file was written with. Raises `SealBroken`."""
    return str(_parts(file)[1]["schema"])


def unseal(file: bytes, passphrase: str) -> Opened:
    """Decrypt a file. Raises `SealBroken` for another kind of file, a damaged one, a wrong key."""
    clear, head, sealed = _parts(file)
    try:
        key = _key(passphrase, _bytes(head["salt"]))
        content = AESGCM(key).decrypt(_bytes(head["nonce"]), sealed, clear)
    except InvalidTag:
        raise SealBroken("does not open with this passphrase") from None
    return Opened(content, str(head["schema"]))


def _parts(file: bytes) -> tuple[bytes, dict[str, Any], bytes]:
    if not file.startswith(_MAGIC):
        raise SealBroken("was not written by postmortem handover")
    first, _, rest = file.partition(b"\n")
    if first != _MAGIC + str(_FORMAT).encode():
        raise SealBroken("was written by a newer postmortem: update it here")
    head_line, _, rest = rest.partition(b"\n")
    checksum, _, sealed = rest.partition(b"\n")
    if hashlib.sha256(sealed).hexdigest().encode() != checksum:
        raise SealBroken("is damaged or not complete: have it sent again")
    try:
        head = json.loads(head_line)
        salt, nonce = _bytes(head["salt"]), _bytes(head["nonce"])
        costs = {name: head[name] for name in _COST}
        str(head["schema"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SealBroken("is damaged or not complete: have it sent again") from None
    # With other values, a file could decide how much memory it takes to try it.
    if costs != _COST or len(salt) != 16 or len(nonce) != 12:
        raise SealBroken("is damaged or not complete: have it sent again")
    return first + b"\n" + head_line + b"\n", head, sealed


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **_COST).derive(passphrase.encode("utf-8"))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # not available on Windows


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, replacing any file of that name. Create its folders.

    Raises `BadInput` if that fails; the previous file is then unchanged.
    """
    if not path.name:
        raise BadInput(f"{path} names no file.")
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Remove a part left by a killed run, or a link that somebody planted: never write through
        # it.
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        part.replace(path)
    except OSError as fault:
        with suppress(OSError):
            part.unlink()
        raise BadInput(f"{path} can't be written: {why_refused(fault)}.") from fault


def read_stdin(most_bytes: int | None = None) -> bytes:
    """Read stdin: all of it, or at most this many bytes. Raises `BadInput`."""
    try:
        stdin = sys.stdin.buffer
        return stdin.read() if most_bytes is None else stdin.read(most_bytes)
    except OSError as fault:
        raise BadInput(
            f"Standard input can't be read: {fault.strerror}. Nothing was done."
        ) from fault


def decoded(content: bytes) -> str:
    """The text of bytes that a person piped in: UTF-8 or UTF-16, else the system's own encoding.

    Windows pipes text in its own, such as Windows-1252. A text of which most is UTF-8 keeps its
    other letters, and shows U+FFFD for what is broken.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    text = content.decode("utf-8-sig", "replace")
    broken = text.count("\ufffd")
    if broken == content.count("\ufffd".encode()):
        return text
    if sum(letter > "\x7f" for letter in text) > 2 * broken:
        return text
    for encoding in (locale.getencoding(), "cp1252"):
        with suppress(UnicodeDecodeError, LookupError):
            return content.decode(encoding)
    return text


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as CSV in UTF-8. A cell that a spreadsheet would run as a formula becomes text."""
    text = io.StringIO()
    csv.writer(text).writerows([[inert(cell) for cell in row] for row in rows])
    return text.getvalue().encode("utf-8", "replace")


def write_new_list(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write a new list, readable by its owner only. Raises `BadInput`, also if the path exists."""
    content = b"\xef\xbb\xbf" + csv_bytes(rows)  # Excel recognizes UTF-8 by this mark alone
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except FileExistsError as fault:
        raise BadInput(
            f"{path} exists already. Use a new file name. Nothing was written."
        ) from fault
    except OSError as fault:
        raise BadInput(f"{path} can't be written: {why_refused(fault)}.") from fault
