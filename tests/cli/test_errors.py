"""The tree of errors: each class of the product is in it, or is excepted here with a reason."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import pytest
import typer

import workflow
from workflow import errors
from workflow.cli.app import Asked, with_exit_code
from workflow.cli.terminal import Speaker
from workflow.errors import BadInput, NotReached, NotSetUp, PostmortemError, Recorded

# Signals inside the program: caught by the code they are raised for, so nobody sees them.
SIGNALS = {
    "NothingDone": "Ctrl-C while a command is loaded: the command line says so itself",
    "NotPosted": "why a message was not posted: an answer to the one caller",
    "SlackUnread": "why Slack was not read: becomes BadInput, NotSetUp or NotReached",
    "SlackAway": "as SlackUnread",
    "SlackRefused": "as SlackUnread",
    "RequestRefused": "a request that the console's guard turned away: a page with its own status",
    "NotOnTheInternet": "an adapter's refusal, inside requests: becomes NotPublic",
    "NoSuchMail": "a page of the preview that is not there: its answer is 404",
    "NotReadYet": "a page of the preview that is not there yet: its answer is 503",
    "MoveRefused": "two processes moved one row: a defect where it is not expected",
}


def exceptions_of_the_product() -> list[type[BaseException]]:
    found: list[type[BaseException]] = []
    for module in pkgutil.walk_packages(workflow.__path__, "workflow."):
        if "migrations" in module.name or module.name.endswith("__main__"):
            continue
        held = vars(importlib.import_module(module.name)).values()
        found += [
            each
            for each in held
            if inspect.isclass(each)
            and issubclass(each, BaseException)
            and each.__module__ == module.name
        ]
    return found


def test_every_exception_is_in_the_tree_or_named_as_a_signal() -> None:
    outside = {
        each.__name__
        for each in exceptions_of_the_product()
        if not issubclass(each, PostmortemError) and not each.__name__.startswith("_")
    }
    assert outside == set(SIGNALS)


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn: dict[str, str] = {}
    stack: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ((?:[│├└─ ]{4})*)(\w+)  ", line):
            depth = len(found[1]) // 4
            del stack[depth:]
            drawn[found[2]] = stack[-1] if stack else ""
            stack.append(found[2])
    real = {
        each.__name__: each.__bases__[0].__name__ if each is not PostmortemError else ""
        for each in exceptions_of_the_product()
        if issubclass(each, PostmortemError)
    }
    assert drawn == real


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("That is no list."), 3),
        (NotSetUp("There is no sign-in."), 4),
        (Recorded("It waits."), 5),
        (NotReached("Slack is away."), 5),
    ],
)
def test_a_class_ends_a_command_with_its_own_code(error: PostmortemError, code: int) -> None:
    class OfTomorrow(type(error)):  # type: ignore[misc]
        """A class that is in no table."""

    def job() -> None:
        raise OfTomorrow(error.sentence)

    with pytest.raises(typer.Exit) as ended:
        with_exit_code(Asked(profile="", incident="", speaker=Speaker()), job)
    assert ended.value.exit_code == code


def test_the_remedy_follows_the_sentence() -> None:
    error = NotSetUp("The ledger is busy.", "Try again.")
    assert (str(error), error.sentence, error.remedy) == (
        "The ledger is busy. Try again.",
        "The ledger is busy.",
        "Try again.",
    )
