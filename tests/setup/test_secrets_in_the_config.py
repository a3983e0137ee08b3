"""A secret in the wrong place of the config is in no error: keys are named, values are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.command_line import Postmortem
from workflow.errors import shown_name, without_secrets

SECRET = "hunter2S3CRET"
HOOK = f"https://hooks.slack.com/services/T0000/B0000/{SECRET}"
WAYS = (("list",), ("list", "--json"), ("list", "-v"), ("doctor",))


def refusals(postmortem: Postmortem, config: str) -> list[str]:
    """Everything printed about a config, in each way in which a person can see it."""
    postmortem.configure(config)
    ended = [postmortem(*words, expect=4) for words in WAYS]
    return [each.err + each.out for each in ended]


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (f'slack_webook = "{HOOK}"', "slack_webook"),
        (f'organization = "{HOOK}"', "organization"),
        (f'slack_webook = ["{HOOK}"]', "slack_webook"),
        (f'[slack]\nwebook = "{HOOK}"', "slack"),
        (f'[smtp]\npasword = "{SECRET}"', "pasword"),
        (f'[sending]\ntoken = "{SECRET}"', "token"),
        (f'[sign_in]\nsecret = "{SECRET}"', "secret"),
        (f'[profiles.staging]\nhook = "{HOOK}"', "hook"),
        (f'[[announce]]\nkind = "slack_webhook"\nname = "#a"\nlink = "{HOOK}"', "link"),
    ],
)
def test_of_a_misspelt_setting_the_name_is_shown_and_never_the_value(
    postmortem: Postmortem, config: str, key: str
) -> None:
    if "profiles" in config:
        postmortem.environment["POSTMORTEM_PROFILE"] = "staging"
    for said in refusals(postmortem, config):
        assert repr(key) in said
        assert SECRET not in said


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (f'google_url_token = ["{SECRET}"]', "google_url_token must be a text in quotes"),
        ("google_url_token = 31337", "google_url_token must be a text in quotes"),
        (f'native_chips = "{SECRET}"', "native_chips must be true or false"),
        (f'[sending]\nin_flight = "{SECRET}"', "in_flight must be a whole number"),
        (f'senders = "{SECRET}"', "senders is a list of texts"),
        (f'sending = "{SECRET}"', "sending is a table"),
        (f'announce = "{SECRET}"', "announce is a list of tables"),
        (f'[smtp]\nhost = "https://ann:{SECRET}@relay"', "host is not the name of a server"),
    ],
)
def test_of_a_value_of_the_wrong_kind_its_kind_is_named_alone(
    postmortem: Postmortem, config: str, words: str
) -> None:
    for said in refusals(postmortem, config):
        assert words in said
        assert SECRET not in said
        assert "31337" not in said


@pytest.mark.parametrize(
    "key",
    [HOOK, f"xoxb-123-{SECRET}", f"ann:{SECRET}@relay", "ya" + SECRET * 3, SECRET + "x" * 40],
)
@pytest.mark.parametrize(
    "config",
    [
        '"{}" = "x"',
        '[smtp]\n"{}" = 1',
        '[[announce]]\nkind = "slack_bot"\n"{}" = "x"',
        '["{0}"]\na = 1\n["{0}"]\na = 2',
        'a = {{"{0}" = 1, "{0}" = 2}}',
    ],
)
def test_a_key_that_looks_like_a_secret_itself_is_cut(
    postmortem: Postmortem, config: str, key: str
) -> None:
    for said in refusals(postmortem, config.format(key)):
        assert f"{key[:4]}…" in said
        assert SECRET not in said


@pytest.mark.parametrize(
    "name", ["slack_webook", "organization", "time-zone", "own domains", "key2", "smtp.host", "x"]
)
def test_a_key_that_is_a_name_is_shown_whole(name: str) -> None:
    assert shown_name(name) == name


@given(st.text(min_size=41))
def test_of_a_long_key_no_more_than_its_beginning_is_shown(key: str) -> None:
    assert shown_name(key) == f"{key[:4]}…"


@given(st.from_regex(r"[A-Za-z0-9+/]{22,60}", fullmatch=True))
def test_of_what_a_random_token_looks_like_only_the_beginning_is_shown(token: str) -> None:
    assert shown_name(token) == f"{token[:4]}…"
    assert token not in without_secrets(f"Cannot declare ('a', {token!r}) twice (at line 2)")


def test_a_sentence_keeps_the_words_that_are_no_secret() -> None:
    said = "Cannot declare ('smtp',) twice (at line 3, column 6)"
    assert without_secrets(said) == said
