"""Compose every mail of a plan before it is approved, as the sender will.

Headers hold values from a customer's row, so they are written for each row. A body is written for
the first mail of each wording and for the largest mail: anything else that could fail is the same
for all.

The files attached to every mail are read once and checked before anything is sent. A customer can
also have a file of their own, such as the corrected invoice: a cell of the list names it, relative
to the list's folder. Each is measured and hashed when the plan is made, and read again when it is
frozen: a file that changed in between stops the notice.
"""

from __future__ import annotations

import hashlib
import io
import mimetypes
import re
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workflow.errors import BadInput, why_refused
from workflow.files import PrivateFiles
from workflow.ledger.plans import AttachedFile, PlannedMail
from workflow.mail.faces import parse_body, picture_names
from workflow.mail.list_decoding import ListUnreadable
from workflow.mail.list_rows import is_workbook, read_sheets
from workflow.mail.list_rules import is_unread
from workflow.mail.message import (
    MESSAGE_LIMIT_BYTES,
    HeaderBad,
    Mailbox,
    MessageTooBig,
    header_lines,
    mailboxes,
)
from workflow.mail.template import MailTemplate, RenderedMail
from workflow.model import Finding
from workflow.notice.wording import OneWording
from workflow.sending.mail_writer import compose
from workflow.templates import TemplateText
from workflow.workspace import Workspace

# A placeholder for the signed-in account: Google names it only when the mail is sent.
_ACCOUNT = "account@gmail.com"


@dataclass(frozen=True)
class SenderIdentity:
    """How a notice's mails name their sender and reply-to address; "" is the account's own."""

    name: str = ""
    address: str = ""
    reply_to: str = ""

    def headers(self, mail: PlannedMail) -> list[bytes]:
        """The headers of one customer's mail. Raises HeaderBad."""
        return header_lines(
            to=mail.email,
            to_name=mail.name,
            subject=mail.subject,
            from_address=self.address or mail.sender or _ACCOUNT,
            from_name=self.name,
            reply_to=self.reply_to,
        )

    def message(self, mail: PlannedMail, files: Sequence[AttachedFile]) -> bytes:
        """One customer's whole mail. Raises HeaderBad or MessageTooBig."""
        return compose(
            mail.markdown,
            files,
            to=mail.email,
            to_name=mail.name,
            subject=mail.subject,
            from_address=self.address or mail.sender or _ACCOUNT,
            from_name=self.name,
            reply_to=self.reply_to,
        )


def sender_of(
    workspace: Workspace,
    template: MailTemplate,
    *,
    from_option: str,
    reply_option: str,
    by_relay: bool,
) -> SenderIdentity:
    """The notice's sender, from the options, the template's head or the config.

    Raises `BadInput` for a value that no mail can carry, naming where it was written.
    """
    config = workspace.settings.config
    named = Mailbox("", "")
    if from_option or template.from_:
        where = "--from" if from_option else f"{template.name}, `from`:"
        named = sender_named(where, from_option or template.from_)
    elif by_relay:
        named = Mailbox("", next(iter(config.senders), ""))
    written = (
        ("--reply-to", reply_option),
        (f"{template.name}, `reply_to`:", template.reply_to),
        ("reply_to in the config:", config.reply_to),
    )
    where, replies = next(((where, value) for where, value in written if value), ("", ""))
    if replies:
        replies = replies_named(where, replies)
    return SenderIdentity(named.name, named.address, replies)


def sender_named(where: str, value: str) -> Mailbox:
    """A notice's sender as a person typed it: an address, perhaps with a name before it.

    `where` says where it was written: `--from`. Raises `BadInput`.
    """
    try:
        found = mailboxes("From", value)
    except HeaderBad as bad:
        raise BadInput(f"{where} {value}: {_reason(bad)}") from bad
    if len(found) > 1:
        raise BadInput(f"{where} {value}: a mail is from one address. Give one of them.")
    return found[0]


def replies_named(where: str, value: str) -> str:
    """The reply-to as a person typed it: one address or several. Raises `BadInput`."""
    try:
        mailboxes("Reply-To", value)
    except HeaderBad as bad:
        raise BadInput(f"{where} {value}: {_reason(bad)}") from bad
    return value


def check_bodies(
    sender: SenderIdentity,
    wordings: Sequence[OneWording],
    largest: PlannedMail | None,
    files: Sequence[AttachedFile],
) -> Iterator[Finding]:
    """Errors that keep the first mail of each wording, or the largest mail, from being written."""
    firsts = [each.first for each in wordings if each.first]
    for mail in dict.fromkeys([*firsts, *([largest] if largest else [])]):
        try:
            sender.message(mail, files)
        except (HeaderBad, MessageTooBig) as bad:
            yield Finding("error", "mail", f"row {mail.row}", str(bad), row=mail.row, rows=1)
            return


def unread_replies(sender: SenderIdentity) -> Iterator[Finding]:
    """A reply address that nobody reads, where the mails ask for replies."""
    for header, value in (("Reply-To", sender.reply_to), ("From", sender.address)):
        if value:
            for mailbox in mailboxes(header, value):
                if is_unread(mailbox.address):
                    words = f"customers would reply to {mailbox.address}, which nobody reads."
                    yield Finding("warning", "unread_replies", header, words)
            return


def _reason(bad: HeaderBad) -> str:
    """The reason without the header's name: the option names it already."""
    return str(bad).partition(": ")[2] or str(bad)


# Gmail takes 35 MiB of message, and base64 makes four bytes of three. Leave room for the text.
_LARGEST_BYTES = 25 * 1024 * 1024


def files_of(
    attach: Iterable[str],
    template: MailTemplate,
    text: TemplateText,
    copies: Sequence[RenderedMail],
) -> tuple[AttachedFile, ...]:
    """The files that the person attaches, the template's own, and the pictures in the text.

    The template's files are in its folder. Raises `BadInput` for one that can't be read, two with
    the same name, or more than Gmail takes.
    """
    pictures = (name for copy in copies for name in picture_names(parse_body(copy.markdown)))
    named = dict.fromkeys([*template.attachments, *pictures])
    private = text.private
    files = [_read(Path(name).expanduser(), f"--attach {name}", private) for name in attach]
    files += [
        _read(_beside(text, name), f"{text.name} names {name}, which", private) for name in named
    ]
    names = [file.filename for file in files]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise BadInput(f"Two files are called {twice}. Give one of them another name.")
    size = sum(len(file.content) for file in files)
    if size > _LARGEST_BYTES:
        raise BadInput(
            f"The attached files have {size / 2**20:.0f} MB together; a mail takes 25. "
            "Put them in Drive and link them."
        )
    return tuple(files)


_ADDRESS = re.compile(rb"[\w.+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def customers_in(
    files: Iterable[AttachedFile], keys: Callable[[], Iterator[str]]
) -> Iterator[Finding]:
    """Report a file for everybody that names several customers of the list, such as the list.

    `keys` reads the customers' keys; it is not called if no file has two addresses.
    """
    for file in files:
        found = {each.lower() for each in _addresses_in(file.content)}
        if len(found) < 2:
            continue
        listed = found.intersection(keys())
        if len(listed) > 1:
            yield Finding(
                "error",
                "customers_in_file",
                file.filename,
                f"it holds the addresses of {len(listed):,} customers of the list, and every "
                "customer would get it. Attach a file without them.",
            )


def _addresses_in(content: bytes) -> Iterator[str]:
    if is_workbook(content):
        try:
            content = b"\n".join(read_sheets(content))
        except ListUnreadable:  # not a workbook, or the extra is not installed
            return
    elif content.startswith(_UTF_16):
        content = content.decode("utf-16", "replace").encode()
    for found in _ADDRESS.finditer(content):
        yield found[0].decode("utf-8", "replace")


def as_addresses(files: Iterable[AttachedFile]) -> dict[str, str]:
    """Pictures as `data:` URLs, for a page that loads nothing."""
    return {
        file.filename: f"data:{file.media_type};base64,{b64encode(file.content).decode()}"
        for file in files
        if file.media_type.startswith("image/")
    }


def _beside(text: TemplateText, name: str) -> Path:
    for folder in text.folders:
        path = folder / name
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path
    raise BadInput(f"{text.name} names the file {name}, and there is none beside the template.")


def _read(path: Path, where: str, private: PrivateFiles) -> AttachedFile:
    if private.hold(path):
        raise BadInput(
            f"{where} is a file of this program's own (sign-in, config, ledger), and is never sent."
        )
    if path.is_symlink():
        raise BadInput(f"{where} is a link to another file. Give the file itself.")
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise BadInput(f"{where} can't be read: {why_refused(fault)}.") from fault
    if not content:
        raise BadInput(f"{where} is empty.")
    if blocked := blocked_by_gmail(path.name, content):
        raise BadInput(f"{where} {blocked}")
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return AttachedFile(path.name, media_type, content)


# Gmail Help, "File types blocked in Gmail": in a mail as in an archive; and locked archives.
_BLOCKED = frozenset(
    [
        *("ade", "adp", "apk", "appx", "appxbundle", "bat", "cab", "chm", "cmd", "com", "cpl"),
        *("diagcab", "diagcfg", "diagpkg", "dll", "dmg", "ex", "ex_", "exe", "hta", "img", "ins"),
        *("iso", "isp", "jar", "jnlp", "js", "jse", "lib", "lnk", "mde", "mjs", "msc", "msi"),
        *("msix", "msixbundle", "msp", "mst", "nsh", "pif", "ps1", "scr", "sct", "shb", "sys"),
        *("vb", "vbe", "vbs", "vhd", "vxd", "wsc", "wsf", "wsh", "xll"),
    ]
)
_LOCKED = 0x1  # the bit of a zip's entry that says so


def blocked_by_gmail(name: str, content: bytes) -> str:
    """Why Gmail takes no mail with this file, as the rest of a sentence; "" if it does."""
    if _ending(name) in _BLOCKED:
        return f"is a .{_ending(name)} file, which Gmail blocks. Put it in Drive and link it."
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            inside = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ""
    if any(each.flag_bits & _LOCKED for each in inside):
        return "is an archive with a password, which Gmail blocks. Put it in Drive and link it."
    held = next((each.filename for each in inside if _ending(each.filename) in _BLOCKED), "")
    return f"holds {held[:80]}, which Gmail blocks. Put it in Drive and link it." if held else ""


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


# Lower positions are for files that everybody gets.
_FIRST_POSITION = 1000

# What base64 and its line ends make of a byte, and at most what both faces make of a letter.
_LARGEST_GROWTH = 1.4
_BYTES_OF_A_LETTER = 60
_SEPARATORS = re.compile(r"[;|\n]")
_SHOWN = 5


class FileMissing(BadInput):
    """A customer's file that can't be attached to their mail. `str()` is a sentence for its row."""


@dataclass(frozen=True)
class OwnFile:
    """One customer's file, as it was when the plan was made."""

    path: Path
    position: int
    size: int
    hash: str


@dataclass
class OwnFiles:
    """The files that the rows of a list name, each read once.

    Only files inside `folder` are read, whatever a cell says. `shared_bytes` is the size of the
    files that every mail carries.
    """

    folder: Path
    private: PrivateFiles
    shared_bytes: int = 0
    _known: dict[Path, OwnFile] = field(default_factory=dict)
    _rows: dict[Path, dict[str, int]] = field(default_factory=dict)

    def of(self, cells: Sequence[str], *, owner: str, row: int) -> tuple[OwnFile, ...]:
        """The files that one customer's cells name. `owner` is the customer or their group.

        Raises `FileMissing` if none is named, one can't be read, or one mail gets too much.
        """
        names = [name.strip() for cell in cells for name in _SEPARATORS.split(cell) if name.strip()]
        if not names:
            raise FileMissing("this customer has no file in this column.")
        found = {each.path: each for each in map(self._look_at, dict.fromkeys(names))}
        for path in found:
            self._rows.setdefault(path, {}).setdefault(owner, row)
        size = sum(each.size for each in found.values()) + self.shared_bytes
        if size > _LARGEST_BYTES:
            raise FileMissing(
                f"the files of this customer have {size / 2**20:.0f} MB together; a mail takes 25."
            )
        return tuple(found.values())

    def check_size(
        self, sender: SenderIdentity, mail: PlannedMail, files: Sequence[OwnFile]
    ) -> None:
        """Compose a mail that may be too big, with files of the same sizes.

        Raises MessageTooBig.
        """
        sizes = [*(each.size for each in files), self.shared_bytes]
        if (
            sum(sizes) * _LARGEST_GROWTH + len(mail.markdown) * _BYTES_OF_A_LETTER
            < MESSAGE_LIMIT_BYTES
        ):
            return
        names = [*(each.path.name for each in files), "shared"]
        sender.message(
            mail,
            [
                AttachedFile(name, "application/octet-stream", bytes(size), position)
                for position, (name, size) in enumerate(zip(names, sizes, strict=True))
                if size
            ],
        )

    def _look_at(self, name: str) -> OwnFile:
        path = (self.folder / Path(name).expanduser()).resolve()
        if "\\" in name and not path.exists():  # a list from Windows, read elsewhere
            path = (self.folder / name.replace("\\", "/")).resolve()
        if path in self._known:
            return self._known[path]
        if not path.is_relative_to(self.folder.resolve()) or self.private.hold(path):
            raise FileMissing(
                f"the file `{name[:80]}` is outside the folder {self._place}. Move it there."
            )
        try:
            if not path.is_file():
                raise FileMissing(f"there is no file `{name[:80]}` in the folder {self._place}.")
            if path.stat().st_size > _LARGEST_BYTES:
                size = path.stat().st_size / 2**20
                raise FileMissing(f"the file `{name[:80]}` has {size:.0f} MB; a mail takes 25.")
            content = path.read_bytes()
            size, digest = len(content), hashlib.sha256(content).hexdigest()
        except OSError as fault:
            raise FileMissing(
                f"the file `{name[:80]}` can't be read: {why_refused(fault)}."
            ) from fault
        if not size:
            raise FileMissing(f"the file `{name[:80]}` is empty.")
        if blocked := blocked_by_gmail(path.name, content):
            raise FileMissing(f"the file `{name[:80]}` {blocked}")
        file = OwnFile(path, _FIRST_POSITION + len(self._known), size, digest)
        self._known[path] = file
        return file

    @property
    def _place(self) -> str:
        """The folder's name, also of one that a person is in."""
        return f"`{self.folder.resolve().name or self.folder.resolve()}`"

    @property
    def words(self) -> str:
        """The number and size of the files, "" for none."""
        files = list(self._known.values())
        if not files:
            return ""
        size = sum(each.size for each in files)
        shown = f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{max(1, round(size / 1024))} kB"
        count = "1 file" if len(files) == 1 else f"{len(files):,} files"
        return f"{count} of the customers' own, {shown}"

    def findings(self) -> Iterator[Finding]:
        """Warn about a file that two customers would get: most likely somebody else's invoice."""
        shared = [(path, owners) for path, owners in self._rows.items() if len(owners) > 1]
        for path, owners in shared[:_SHOWN]:
            rows = ", ".join(str(row) for row in list(owners.values())[:_SHOWN])
            yield Finding(
                "error",
                "same_file",
                f"rows {rows}",
                f"`{path.name}` would go to {len(owners)} customers. Give each customer their own "
                "file. To attach one file to every mail, use --attach.",
            )
        if len(shared) > _SHOWN:
            words = f"{len(shared) - _SHOWN} more files would go to several customers."
            yield Finding("error", "same_file", "list", words)

    def frozen(self) -> Iterator[AttachedFile]:
        """Each file with its content, in turn. Raises `BadInput` for a file that changed."""
        for file in self._known.values():
            try:
                content = file.path.read_bytes()
            except OSError as fault:
                raise BadInput(
                    f"Nothing was sent: {file.path} can't be read: {why_refused(fault)}."
                ) from fault
            if hashlib.sha256(content).hexdigest() != file.hash:
                raise BadInput(
                    f"Nothing was sent: {file.path} changed a moment ago. Run the command again."
                )
            media_type = mimetypes.guess_type(file.path.name)[0] or "application/octet-stream"
            yield AttachedFile(file.path.name, media_type, content, file.position)
