"""Settings that several senders need, and settings that contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflow.config import ConfigBad, load_settings

ANN, BEA = "ann@team.example", "bea@team.example"


def load(home: Path, text: str, profile: str = "") -> tuple[str, ...]:
    (home / "config.toml").write_text(text)
    return load_settings({"POSTMORTEM_HOME": str(home)}, profile).config.senders


@pytest.mark.parametrize("kind", ["person", "adc"])
def test_several_senders_need_a_sign_in_that_can_act_for_each(tmp_path: Path, kind: str) -> None:
    text = f'senders = ["{ANN}", "{BEA}"]\n[sign_in]\nkind = "{kind}"\n'
    with pytest.raises(ConfigBad) as refused:
        load(tmp_path, text)
    assert "senders are several mailboxes" in str(refused.value)
    assert 'Set sign_in.kind = "service_account" with domain-wide' in str(refused.value)


@pytest.mark.parametrize(
    ("listed", "says"),
    [('"nobody"', "is not one mail address"), (f'"{ANN}", "ANN@team.example"', "twice")],
)
def test_senders_that_make_no_sense_are_refused(tmp_path: Path, listed: str, says: str) -> None:
    with pytest.raises(ConfigBad, match=says):
        load(tmp_path, f"senders = [{listed}]")


def test_a_rehearsal_brings_a_sign_in_of_its_own(tmp_path: Path) -> None:
    text = f'[profiles.rehearsal]\nsenders = ["{ANN}", "{BEA}"]\n'
    assert load(tmp_path, text, "rehearsal") == (ANN, BEA)
    assert load(tmp_path, text) == ()
