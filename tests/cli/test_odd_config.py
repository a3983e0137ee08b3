"""Invalid values in the config give one plain sentence, no traceback, and change nothing."""

from __future__ import annotations

import pytest

from tests.command_line import Postmortem
from workflow.document.requests import OwnName, identity_of


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('time_zone = "America"', "time_zone 'America' is not a zone's name"),
        ("word_rules = 5", "word_rules is a list of tables"),
        ('[[word_rules]]\ncode = 5\npattern = "a"\nmessage = "m"', "all else is a text"),
        (
            '[[word_rules]]\ncode = "c"\npattern = "a"\nmessage = "m"\nstages = 5',
            "stages is a list of texts",
        ),
        ("[sending]\ntimeout_seconds = nan", "sending.timeout_seconds must be at least 0.1"),
        ("[sending]\ntimeout_seconds = inf", "at most 86,400"),
        ("[sending]\nin_flight = 100000000", "sending.in_flight must be at least 1, at most 1,000"),
        ("[sending]\nunits_per_minute = 99999999999999999999", "at most 1,000,000,000"),
        ("[smtp]\ndaily_limit = 99999999999999999999", "at most 1,000,000,000"),
        ('[smtp]\nlocal_hostname = "a b"', "local_hostname is a host name"),
        (
            '[[announce]]\nkind = "slack_webhook"\nname = "hooks.slack.com/services/S3CRET"\n'
            'url_env = "X"',
            "name is a channel's name, not an address",
        ),
    ],
)
def test_an_odd_value_is_named_and_nothing_is_done(
    postmortem: Postmortem, config: str, words: str
) -> None:
    postmortem.configure(config)
    refused = postmortem("list", expect=4)
    assert words in refused.err
    assert "S3CRET" not in refused.err
    assert len(refused.err.splitlines()) == 1


def test_a_folder_of_zones_in_a_docs_names_is_no_zone() -> None:
    name = OwnName("incident", "i", ("2026-11-24T13:39:00+00:00", "America"))
    assert identity_of(name) is None
