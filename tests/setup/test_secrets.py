"""Secrets show in no file but their own; and a hostile home folder is not trusted."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import requests

from google_rehearsal import lifecycle
from tests.both_ledgers import in_a_file
from tests.command_line import Postmortem, Result, write_customers
from tests.consent import Person
from tests.google_world import GoogleWorld
from tests.ledger_rows import everything_in
from workflow.cli.commands import rehearse
from workflow.cli.terminal import Speaker
from workflow.config import ConfigBad, load_settings
from workflow.console import setup as console_setup

if TYPE_CHECKING:
    from workflow.console.pages import Desk
    from workflow.drill import Scenario

TOKEN = "stand-in-token.json"


def secrets_in(token_path: Path) -> list[str]:
    """Text that must not show, also by its beginning, because a text may be cut."""
    token = json.loads(token_path.read_text())
    found = [token["token"], token["refresh_token"]]
    return [*found, *(secret[:24] for secret in found)]


def files_below(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file())


def test_after_a_full_run_no_secret_is_in_any_output_log_ledger_or_export(
    postmortem: Postmortem,
    google: GoogleWorld,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webbrowser.open", Person().open)
    monkeypatch.setattr("workflow.doc.push.time", SimpleNamespace(sleep=lambda _seconds: None))
    google.set(token_seconds=60)  # renewed before each command
    results: list[Result] = []
    secrets: set[str] = set()

    def run(*arguments: str) -> None:
        results.append(postmortem(*arguments, "-vv", expect=None, DISPLAY=":0"))
        secrets.update(secrets_in(postmortem.home / TOKEN))

    customers = str(write_customers(tmp_path / "people.csv", 2))
    record = tmp_path / "record"
    for command in (
        ("auth", "login"),
        ("auth", "status"),
        ("doctor", "--live"),
        ("start", "Wrong amounts", "--impact", "Invoices show wrong amounts"),
        ("log", "Found the cause"),
        ("notify", customers, "--json"),
        ("notify", customers, "--send", "--confirm", "2"),
        ("show", "--json"),
    ):
        run(*command)
    for kind in ("500", "403_no_scope", "token_expired", "403_not_enabled", "garbage"):
        google.misbehave(kind, "docs.documents.*", times=1)
        run("log", f"Entry under {kind}")
    google.behave()
    google.misbehave("invalid_grant", "oauth2.token")
    run("log", "Entry without a sign-in")
    google.behave()
    run("sync")
    for form in ("md", "html", "json", "eml"):
        run("export", str(record / form), "--format", form)

    assert len(secrets) > 4
    shown = "".join(result.out + result.err for result in results)
    assert "Traceback" in shown  # -v had an effect
    for secret in secrets:
        assert secret not in shown
    kept = [path for path in files_below(postmortem.home, record) if path.name != TOKEN]
    assert "config.toml" in {path.name for path in kept}
    for path in kept:
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), path
    ledger = everything_in(postmortem)
    assert b"Found the cause" in ledger
    assert not any(secret.encode() in ledger for secret in secrets)


@in_a_file
def test_everything_that_is_kept_is_for_its_owner_alone(
    postmortem: Postmortem, google: GoogleWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("webbrowser.open", Person().open)
    record = tmp_path / "record"
    before = os.umask(0)
    try:
        postmortem("auth", "login", DISPLAY=":0")
        postmortem("start", "Wrong amounts")
        postmortem("export", str(record))
    finally:
        os.umask(before)
    kept = [postmortem.home / name for name in (TOKEN, "ledger.sqlite3")]
    written = [path for path in record.rglob("*") if path.is_file()]
    assert written
    for path in (*kept, *written):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize("command", [("list",), ("auth", "status"), ("start", "x")])
def test_a_home_that_everybody_may_write_to_is_not_trusted(
    postmortem: Postmortem, google: GoogleWorld, command: tuple[str, ...]
) -> None:
    postmortem.home.chmod(0o777)
    result = postmortem(*command, expect=4)
    assert "chmod 700" in result.err
    assert google.documents() == []
    assert not (postmortem.home / "ledger.sqlite3").exists()


@pytest.mark.parametrize("mode", [0o720, 0o702])
@pytest.mark.parametrize(
    ("place", "named"),
    [(".", "google"), ("unfinished", "google"), ("rehearsal", "rehearsal")],
)
def test_no_folder_that_others_may_write_to_is_trusted(
    postmortem: Postmortem, google: GoogleWorld, mode: int, place: str, named: str
) -> None:
    folder = postmortem.home / place
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)
    result = postmortem("--profile", named, "start", "x", expect=4)
    assert f"chmod 700 {folder}" in result.err
    assert google.documents() == []
    folder.chmod(0o700)
    assert postmortem("--profile", named, "start", "x").code == 0


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_config_that_others_may_write_is_not_read(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path, mode: int
) -> None:
    config = tmp_path / "team.toml"
    config.write_text('owner = "Somebody"\n', encoding="utf-8")
    config.chmod(mode)
    result = postmortem("start", "x", expect=4, POSTMORTEM_CONFIG=str(config))
    assert f"chmod go-w {config}" in result.err
    assert google.documents() == []
    config.chmod(0o644)
    assert postmortem("start", "x", POSTMORTEM_CONFIG=str(config)).code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no owners of this kind")
def test_a_config_of_another_user_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "team.toml"
    config.write_text('owner = "Somebody"\n', encoding="utf-8")
    environment = {"POSTMORTEM_HOME": str(tmp_path / "home"), "POSTMORTEM_CONFIG": str(config)}
    assert load_settings(environment).config.owner == "Somebody"
    if os.getuid() == 0:  # root's own config is for everybody
        os.chown(config, 4242, -1)
    monkeypatch.setattr(os, "getuid", lambda: 4243)
    with pytest.raises(ConfigBad, match="belongs to another user"):
        load_settings(environment)
    monkeypatch.setattr(os, "getuid", lambda: config.stat().st_uid)
    assert load_settings(environment).config.owner == "Somebody"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no owners of this kind")
def test_a_home_of_another_user_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    environment = {"POSTMORTEM_HOME": str(home)}
    assert load_settings(environment).home == home
    monkeypatch.setattr(os, "getuid", lambda: home.stat().st_uid + 1)
    with pytest.raises(ConfigBad, match="belongs to somebody else on this machine"):
        load_settings(environment)


def test_a_path_in_the_config_is_beside_it_whatever_folder_a_person_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team, home, here = tmp_path / "team", tmp_path / "home", tmp_path / "here"
    for folder in (team, home, here):
        folder.mkdir()
    config = team / "config.toml"
    config.write_text(
        'credentials = "client.json"\ntemplates = "words"\n'
        'list_database_url = "sqlite:///shop.db"\n'
        '[sign_in]\nkind = "service_account"\nfile = "key.json"\nsubject = "a@b.example"\n'
        '[smtp]\nuser = "robot"\npassword_file = "password"\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(here)
    settings = load_settings({"POSTMORTEM_HOME": str(home), "POSTMORTEM_CONFIG": str(config)})
    assert settings.client_path == team / "client.json"
    assert settings.config.templates == str(team / "words")
    assert settings.config.list_database_url == f"sqlite:///{team / 'shop.db'}"
    assert settings.config.sign_in.file == str(team / "key.json")
    assert settings.config.smtp.password_file == str(team / "password")
    named = {"POSTMORTEM_HOME": str(home), "POSTMORTEM_CONFIG": "../team/config.toml"}
    assert load_settings(named).client_path.resolve() == team / "client.json"


@pytest.mark.parametrize("module", ["typer", "requests", "sqlite3", "workflow/__init__"])
def test_no_code_of_the_folder_that_a_person_is_in_is_run(
    postmortem: Postmortem, tmp_path: Path, module: str
) -> None:
    here = tmp_path / "here"
    planted = here / f"{module}.py"
    planted.parent.mkdir(parents=True)
    planted.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n", encoding="utf-8")
    environment = {**os.environ, **postmortem.environment, "POSTMORTEM_HOME": str(postmortem.home)}
    command = [sys.executable, *(["-P"] if "workflow" in module else []), "-m", "workflow"]
    done = subprocess.run([*command, "doctor"], cwd=here, env=environment, check=False)
    assert done.returncode in {0, 4}
    assert not (tmp_path / "ran").exists()


def test_the_rehearsals_server_runs_no_code_that_lies_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "google"
    folder.mkdir(mode=0o700)
    for module in ("flask", "google_rehearsal", "sqlite3"):
        (folder / f"{module}.py").write_text(
            f"open({str(tmp_path / 'ran')!r}, 'w')\n", encoding="utf-8"
        )
    lifecycle.ensure_running(folder)
    lifecycle.stop(folder)
    assert not (tmp_path / "ran").exists()


def test_a_step_of_a_rehearsal_runs_no_code_that_lies_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearse, "_CAN_FORK", False)
    for module in ("typer", "workflow"):
        (tmp_path / f"{module}.py").write_text("open('ran', 'w')\n", encoding="utf-8")
    # An empty entry is the current folder.
    for more in ({}, {"PYTHONPATH": f"{os.pathsep}{tmp_path / 'lib'}{os.pathsep}."}):
        home = str(tmp_path / "home")
        environment = {**os.environ, "POSTMORTEM_HOME": home, **more}
        ended = rehearse.run_command(
            ["list"], environment, errors=subprocess.STDOUT, folder=tmp_path
        )
        assert ended.code == 0, ended.said
        assert not (tmp_path / "ran").exists()


def test_a_rehearsal_on_the_page_runs_no_code_of_the_folder_that_a_person_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "__init__.py").write_text("open('ran', 'w')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    closing = threading.Event()
    of = cast("Desk", SimpleNamespace(closing=closing))
    play = console_setup._begin(of, cast("Scenario", SimpleNamespace(name="list")))
    assert play.process.wait(timeout=60) == 0
    closing.set()
    assert not (tmp_path / "ran").exists()


def test_no_name_is_a_command_to_the_terminal(postmortem: Postmortem, tmp_path: Path) -> None:
    name = "Ann\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2066"
    listed = tmp_path / "l.csv"
    listed.write_text(f"email,name\nann@customer.example,{name}\n", encoding="utf-8")
    postmortem("start", f"Wrong {name}")
    postmortem("log", f"{name} wrote in", "--by", name)
    said = [postmortem(*words) for words in (("show",), ("list",), ("notify", str(listed)))]
    shown = "".join(result.out + result.err for result in said)
    assert "Ann" in shown
    assert not set(shown) & set("\x1b\x07\x9b\u202e\u2066")


def test_no_wrong_usage_is_a_command_to_the_terminal(postmortem: Postmortem) -> None:
    bad = "x\x1b]0;owned\x07\x9b31m\u202egnp.exe\u2066"
    for words in (("list", bad), ("list", f"--{bad}"), (bad,), ("notify", "l.csv", "--row", bad)):
        for more in ((), ("--json",)):
            result = postmortem(*words, *more, expect=2)
            assert not set(result.out + result.err) & set("\x1b\x07\x9b\u202e\u2066"), words


def test_no_question_is_a_command_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n\n"))
    monkeypatch.setattr(sys, "stderr", out)
    monkeypatch.setattr(sys, "stdout", out)
    speaker = Speaker()
    speaker.ask("Store the sign-in of ann\x1b[2J\u202e? ")
    speaker.wait_for_enter("Press Enter\x07: ")
    assert "Store the sign-in of ann" in out.getvalue()
    assert not set(out.getvalue()) & set("\x1b\x07\u202e")


def test_json_holds_no_command_to_the_terminal_and_reads_back_as_it_was(
    postmortem: Postmortem,
) -> None:
    words = "Ann \x9b31m \x7f \u202egnp.exe\u2066 – 名前"
    postmortem("start", "Wrong amounts")
    postmortem("log", words, "--by", words)
    shown = postmortem("show", "--json")
    assert not set(shown.out) & set("\x9b\x7f\u202e\u2066")
    assert "名前" in shown.out
    assert "\u202egnp.exe" in shown.json["timeline"][-1]["text"]


def test_an_include_leads_nowhere_but_to_a_template(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    (tmp_path / "outside.md").write_text("secret", encoding="utf-8")
    (folder / "key.txt").write_text("secret", encoding="utf-8")
    (folder / "link.md").symlink_to(tmp_path / "outside.md")
    (folder / "own.md").symlink_to(postmortem.home / "mails" / "beside.md")
    (postmortem.home / "mail.md").write_text("", encoding="utf-8")
    (postmortem.home / "beside.md").write_text("secret", encoding="utf-8")
    listed = str(write_customers(tmp_path / "l.csv", 1))
    postmortem("start", "Wrong amounts")
    for place, name, why in (
        (folder, "../outside.md", "there is no such file"),
        (folder, "link.md", "there is no such file"),
        (folder, "own.md", "there is no such file"),
        (folder, "key.txt", "only templates can be included"),
        (postmortem.home, "beside.md", "this program's own"),
    ):
        mail = place / "mail.md"
        mail.write_text(
            f'---\nsubject: x\n---\nHello. {{% include "{name}" %}}\n', encoding="utf-8"
        )
        words = ("notify", listed, "--template", str(mail), "--send", "--confirm", "1")
        said = postmortem(*words, expect=3)
        assert name in said.err
        assert why in said.err
        assert "secret" not in said.out + said.err
    assert google.copies_per_recipient() == {}


@pytest.mark.parametrize("name", ["config.toml", "ledger.sqlite3", TOKEN])
def test_no_file_of_this_programs_own_is_attached(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path, name: str
) -> None:
    postmortem("start", "Wrong amounts")
    own = postmortem.home / name
    if not own.exists():
        own.touch(mode=0o600)
    listed = str(write_customers(tmp_path / "l.csv", 1))
    words = ("notify", listed, "--attach", str(own), "--send", "--confirm", "1")
    assert "and is never sent" in postmortem(*words, expect=3).err
    assert google.copies_per_recipient() == {}


def test_an_attachment_is_a_file_and_no_link_to_another(
    postmortem: Postmortem, google: GoogleWorld, tmp_path: Path
) -> None:
    (tmp_path / "outside.txt").write_text("secret", encoding="utf-8")
    link = tmp_path / "invoice.txt"
    link.symlink_to(tmp_path / "outside.txt")
    listed = str(write_customers(tmp_path / "l.csv", 1))
    postmortem("start", "Wrong amounts")
    words = ("notify", listed, "--attach", str(link), "--send", "--confirm", "1")
    assert "is a link to another file" in postmortem(*words, expect=3).err
    assert google.copies_per_recipient() == {}


def test_a_sign_in_that_is_a_link_is_not_used(postmortem: Postmortem, tmp_path: Path) -> None:
    planted = tmp_path / "planted.json"
    planted.write_text("{}")
    planted.chmod(0o600)
    (postmortem.home / "token.json").symlink_to(planted)
    result = postmortem("auth", "status", expect=4, POSTMORTEM_GOOGLE_URL="")
    assert "is a symbolic link" in result.err


def test_a_stand_in_on_another_machine_needs_the_configs_word(postmortem: Postmortem) -> None:
    result = postmortem("list", expect=4, POSTMORTEM_GOOGLE_URL="https://evil.example")
    assert "not this machine" in result.err


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80"])
def test_a_page_that_points_its_name_at_this_machine_gets_no_consent_page(
    google: GoogleWorld, host: str
) -> None:
    answer = requests.get(f"{google.url}/o/oauth2/auth", headers={"Host": host}, timeout=5)
    assert answer.status_code == 403
