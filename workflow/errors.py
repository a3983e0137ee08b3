"""The product's errors: one tree, with an exit code for each branch.

    PostmortemError              a sentence for a person, an exit code, a remedy
    ├── BadInput             3   the input can't be used; nothing was sent or changed
    │   ├── WhenUnclear          words that name no time
    │   │   └── WhenOpen         …or several, and a person can choose
    │   ├── PasteUnclear         a paste that can't be split into entries
    │   │   └── TimeUnclear      …because a time in it is unclear
    │   ├── ListUnreadable       a list of customers that can't be read as one
    │   ├── AddressBad           a text that isn't one usable address
    │   ├── MailTemplateBad      a mail's template that can't be used
    │   │   └── ValueMissing     …for this recipient
    │   ├── NoSuchTemplate       a name or file that is no template
    │   ├── DocTemplateBad       a doc's template that can't be used
    │   ├── HeaderBad            a value that can't go into a mail's header
    │   ├── MessageTooBig        a mail over the limit for one message
    │   ├── FileMissing          a customer's file that can't be attached
    │   ├── NotAPicture          a file that Docs can't show
    │   ├── NotPublic            an address from which Docs could not fetch a picture
    │   ├── LeavesTheStory       a drill's step that would act outside the rehearsal
    │   ├── AskAgain             an answer in the console that needs one more question
    │   ├── SlackLinkBad         a link to no message in Slack
    │   ├── SealBroken           a handed-over file that can't be opened
    │   ├── RowsUnreadable       …or whose rows don't fit this version
    │   ├── UnknownIncident      no incident, or several, match that reference
    │   ├── OtherDoc             the incident is known here by another doc than the one named
    │   └── Overlooked           another ledger wrote to customers: a person has to decide
    ├── NotSetUp             4   sign-in, a permission or the configuration is missing
    │   ├── ConfigBad            the configuration can't be used
    │   ├── ChannelBad           a chat's channel in it can't be used
    │   ├── LedgerUnavailable    the ledger can't be read or written; nothing was changed
    │   │   ├── LedgerOutOfReach     …but may be in a moment
    │   │   ├── LedgerUnwritable     …but can perhaps be read
    │   │   ├── LedgerAddressBad     its address names no ledger
    │   │   ├── NewerLedger          a newer version wrote it
    │   │   ├── NewerRecord          …or one row of it
    │   │   ├── LedgerMoved          it was moved; the old one is read-only
    │   │   └── CopyDiffers          a copy of it differs from what was written
    │   ├── DiskFault            the disk is full or refuses a write
    │   ├── FileRefused          a file may not be used, or another program has it open
    │   └── AnswerLost           stdout or stderr can't be written
    ├── Recorded             5   the request is recorded and waits for Google
    ├── NotReached           5   a service could not be read; nothing was recorded
    └── GoogleFault          5   a call to Google failed
        ├── Refused              Google refused our request
        │   └── StaleRevision    …or the doc changed under a locked write
        ├── SlowDown             a quota is used up
        ├── Unreachable          certainly not sent
        │   └── NotCalled        …because the machine slept and the lease ran out
        ├── Undecided            sent, but no readable answer
        └── SignInNeeded     4   sign-in, permission or set-up is missing: everything stops

Each class is defined where its error is detected, and drawn here. An exception outside this tree is
a bug of the program (1), or an internal signal that never reaches a person.

`why_refused` gives the system's reason for a file that can't be read or written.

`shown_name` and `without_secrets` shorten a secret that was typed in place of a name.

A webhook's address or token pasted to the left of the `=` must not appear in a log.
"""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

DONE, DEFECT, USAGE, BAD_INPUT, NOT_SET_UP, RECORDED, PARTLY, INTERRUPTED = (
    *(0, 1, 2, 3, 4, 5, 6),
    130,
)


class PostmortemError(Exception):
    """An error for a person: `str()` is all that they see.

    `sentence` says what is wrong and where. `remedy` says what to do, if that is a separate
    sentence. `exit_code` follows the contract. `asks_what_is_kept`: something could not be written
    down, so the person is told whether their input was recorded.
    """

    exit_code: ClassVar[int] = DEFECT
    asks_what_is_kept: ClassVar[bool] = False

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(f"{sentence} {remedy}".rstrip())
        self.sentence = sentence
        self.remedy = remedy


class BadInput(PostmortemError):
    """The input can't be used. Nothing was sent or changed."""

    exit_code = BAD_INPUT


class NotSetUp(PostmortemError):
    """Sign-in, a permission or the configuration is missing."""

    exit_code = NOT_SET_UP


class Recorded(PostmortemError):
    """Google could not be reached or refused. The request is recorded and waits.

    `str()` says so, and how to continue.
    """

    exit_code = RECORDED


class NotReached(PostmortemError):
    """A service that should be read could not be reached. Nothing was recorded."""

    exit_code = RECORDED


# Windows gives nobody a file that another program, such as Excel, has open; its reason is then
# "Permission denied", "Access is denied", or that another process uses the file.
_FILES_ARE_LOCKED = os.name == "nt"


def why_refused(fault: OSError) -> str:
    """The system's reason why it refused a file, without the last period, and what may help."""
    if _FILES_ARE_LOCKED and isinstance(fault, PermissionError):
        return f"{fault.strerror}. If another program has it open, close it there and try again"
    if isinstance(fault, NotADirectoryError | FileExistsError):
        return "a part of its path is a file, not a folder"
    if isinstance(fault, FileNotFoundError) and isinstance(fault.filename, str | os.PathLike):
        return f"{fault.strerror}. {_what_is_there(fault.filename)}"
    return f"{fault.strerror}"


def _what_is_there(missing: str | os.PathLike[str]) -> str:
    """What the folder of a missing file has instead, without the last period."""
    folder, near = Path(missing).parent, []
    try:
        folder = folder.absolute()
        near = get_close_matches(Path(missing).name, [each.name for each in folder.iterdir()], 1)
    except FileNotFoundError:
        return f"There is no folder {folder}"
    except OSError:
        pass  # it may not be listed
    return f"That folder has `{near[0]}`" if near else f"Check its name and its folder, {folder}"


_LONGEST = 40
_SHOWN = 4
# A setting's name is made of words, perhaps with a number at the end; a token is not.
_NAME = re.compile(r"[A-Za-z]{1,19}(?:[_\-. ][A-Za-z]{1,19})*\d{0,2}")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def shown_name(name: str) -> str:
    """The name, or its first letters and `…` where it looks like a secret."""
    is_name = len(name) <= _LONGEST and _NAME.fullmatch(name)
    return name if is_name or len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def without_secrets(sentence: str) -> str:
    """The sentence with each quoted name shortened by `shown_name`."""
    return _QUOTED.sub(lambda found: _cut(found[0]), sentence)


def _cut(quoted: str) -> str:
    return f"{quoted[0]}{shown_name(quoted[1:-1])}{quoted[-1]}"
