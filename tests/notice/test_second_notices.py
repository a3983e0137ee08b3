"""Second notices: nobody gets the same or nearly the same text twice without a question.

Nor does anybody for whom a draft waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import CustomerList, Postmortem
from tests.google_world import GoogleWorld
from tests.plug import go_on, sleeping_in
from tests.terminal import at_a_terminal

Customers = Callable[[int], CustomerList]
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def send(
    postmortem: Postmortem, listed: object, count: int, *options: str, **settings: Any
) -> dict[str, Any]:
    words = ("notify", str(listed), *options, "--send", "--confirm", str(count))
    document: dict[str, Any] = postmortem.json(*words, **settings)
    return document


def at(minute: float) -> dict[str, Any]:
    """The story's clock, so many minutes after noon in UTC."""
    told = NOON + timedelta(minutes=minute)
    return {"POSTMORTEM_PROFILE": "rehearsal", "POSTMORTEM_REHEARSAL_NOW": told.isoformat()}


def copies(google: GoogleWorld) -> Counter[int]:
    """How many addresses got how many mails."""
    return Counter(google.copies_per_recipient().values())


class TestATimeThatHasPassed:
    """The mails promise an update for a time that passes before they leave."""

    PROMISE = ("--next-update", "13:30")  # half an hour after noon in UTC, in Berlin

    def test_an_approved_plan_is_not_sent_with_it(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts", **at(0))
        words = ("notify", str(customers(3)), *self.PROMISE, "--propose")
        plan = postmortem.json(*words, **at(1))["plan"][:8]
        postmortem("approve", plan, **at(20), LOGNAME="ben")
        refused = postmortem("notify", "--send", "--plan", plan, expect=3, **at(31)).err
        assert "the mails promise the next update for 24 Nov 2026, 1:30 PM CET" in refused
        assert "that time has passed" in refused
        assert google.copies_per_recipient() == {}
        postmortem("notify", "--send", "--plan", plan, **at(29))
        assert copies(google) == {1: 3}

    def test_drafts_that_wait_are_named_before_they_are_sent(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts", **at(0))
        notice = send(postmortem, customers(3), 3, *self.PROMISE, "--draft-only", **at(1))["notice"]
        assert "has passed" not in postmortem("resume", expect=3, **at(29)).err
        asked = postmortem("resume", expect=3, **at(31)).err
        assert "promise the next update for 24 Nov 2026, 1:30 PM CET" in asked
        assert f"postmortem resume {notice} --discard" in asked
        assert google.copies_per_recipient() == {}
        postmortem("resume", notice, "--discard", **at(32))
        send(postmortem, customers(3), 3, "--next-update", "14:00", **at(33))
        assert copies(google) == {1: 3}


class TestDraftsThatWait:
    def test_a_second_notice_to_the_same_people_is_refused_until_they_are_dealt_with(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts")
        held = send(postmortem, customers(3), 3, "--draft-only")["notice"]
        words = ("notify", str(customers(3)), "--stage", "update")
        sheet = postmortem(*words)
        assert f"Notice {held} " in sheet.err
        assert "has drafts waiting for 3 of them" in sheet.err
        assert postmortem.json(*words)["unfinished"][0]["notice"] == held
        refused = postmortem(*words, "--send", "--confirm", "3", expect=3)
        assert f"postmortem resume {held} --discard" in refused.err
        assert f"--despite {held}" in refused.err
        assert google.copies_per_recipient() == {}
        assert len(google.drafts()) == 3

        postmortem("resume", held, "--discard")
        postmortem(*words, "--send", "--confirm", "3")
        assert copies(google) == {1: 3}

    def test_a_person_may_name_the_notice_and_write_all_the_same(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts")
        held = send(postmortem, customers(2), 2, "--draft-only")["notice"]
        send(postmortem, customers(3), 3, "--stage", "update", "--despite", held)
        assert copies(google) == {1: 3}
        assert len(google.drafts()) == 2

    def test_another_name_does_not_override_it(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts")
        send(postmortem, customers(2), 2, "--draft-only")
        words = ("notify", str(customers(2)), "--stage", "update", "--despite", "zzzz")
        postmortem(*words, "--send", "--confirm", "2", expect=3)
        assert google.copies_per_recipient() == {}

    def test_drafts_of_another_incident_count_and_are_named_with_it(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Late invoices")
        send(postmortem, customers(2), 2, "--draft-only")
        postmortem("start", "Wrong amounts")
        words = ("notify", str(customers(3)), "--send", "--confirm", "3")
        assert "Late invoices" in postmortem(*words, expect=3).err
        assert google.copies_per_recipient() == {}

    def test_drafts_for_other_people_are_in_nobodys_way(
        self, postmortem: Postmortem, google: GoogleWorld, tmp_path: Path, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts")
        send(postmortem, customers(2), 2, "--draft-only")
        other = tmp_path / "other.csv"
        other.write_text("email\nann@other.example\n", encoding="utf-8")
        send(postmortem, other, 1)
        assert google.copies_per_recipient() == {"ann@other.example": 1}

    def test_another_spelling_of_the_address_is_the_same_person(
        self, postmortem: Postmortem, tmp_path: Path, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts")
        send(postmortem, customers(1), 1, "--draft-only")
        other = tmp_path / "other.csv"
        other.write_text("email\nPERSON1@Customer.Example\n", encoding="utf-8")
        postmortem("notify", str(other), "--stage", "update", "--send", "--confirm", "1", expect=3)


@pytest.mark.parametrize(
    ("how", "left"), [(("--draft-only",), 3), (("--first", "1"), 2)], ids=["drafts", "first"]
)
def test_the_way_on_from_a_notice_that_waits_is_one_that_can_be_gone(
    postmortem: Postmortem,
    google: GoogleWorld,
    customers: Customers,
    how: tuple[str, ...],
    left: int,
    tmp_path: Path,
) -> None:
    postmortem("start", "Wrong amounts")
    waits = send(postmortem, customers(3), 3, *how)["notice"]
    more = ("notify", str(customers(3)), "--stage", "update", "--send", "--confirm", "3")
    way = f"Finish it with: postmortem resume {waits} --confirm {left}."
    assert way in postmortem(*more, expect=3).err

    postmortem("status", "resolved")
    handed = ("handover", str(tmp_path / "file"))
    words = ("notify", str(customers(3)), "--send", "--confirm", "3")
    for refused in (postmortem(*words, expect=3).err, postmortem(*handed, expect=3).err):
        assert "The incident's status is now “resolved”" in refused
        assert "Finish it" not in refused
        assert f"postmortem resume {waits} --discard" in refused
    assert f"“resolved”: postmortem resume {waits} --discard" in postmortem("close", expect=3).err
    assert f"postmortem resume {waits} --discard" in postmortem("resume", waits, expect=3).err

    postmortem("resume", waits, "--discard")
    postmortem(*words)
    postmortem("close")
    assert len(google.sent()) == 3 + (3 - left)


def test_a_resolved_incident_that_came_back_may_be_resolved_in_the_same_words(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    for status in ("resolved", "monitoring"):
        postmortem("status", status)
        send(postmortem, customers(3), 3)
    postmortem("status", "resolved")
    assert "3 customers were notified but not told" in postmortem("close", expect=3).err
    words = ("notify", str(customers(3)), "--stage", "resolved", "--send", "--confirm", "3")
    asked = postmortem(*words, expect=3).err
    assert "3 of 3 already got the “resolved” notice, with almost the same text" in asked
    assert "--again --confirm 3" in asked
    assert set(google.copies_per_recipient().values()) == {2}

    postmortem(*words, "--again")
    assert set(google.copies_per_recipient().values()) == {3}
    for again in (words, (*words, "--again")):
        assert "everybody on the list already has this text" in postmortem(*again).out
    assert set(google.copies_per_recipient().values()) == {3}
    postmortem("close")


@pytest.mark.parametrize("stage", ["investigating", "identified", "monitoring"])
def test_an_incident_that_came_back_after_its_end_may_be_told_in_the_same_words(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers, stage: str
) -> None:
    postmortem("start", "Wrong amounts")
    for status in (stage, "resolved"):
        postmortem("status", status)
        send(postmortem, customers(3), 3)
    postmortem("close")
    postmortem("reopen")
    postmortem("status", stage, "It is back")
    words = ("notify", str(customers(4)), "--send", "--confirm")
    asked = postmortem(*words, "4", expect=3).err
    assert f"3 of 4 already got the “{stage}” notice, with almost the same text" in asked
    assert copies(google) == {2: 3}

    postmortem(*words, "4", "--again")
    assert copies(google) == {3: 3, 1: 1}
    for again in ((), ("--again",)):
        assert "everybody on the list already has this text" in postmortem(*words, "4", *again).out
    postmortem("status", "resolved")
    refused = postmortem("close", expect=3).err
    assert "4 customers were notified but not told it is resolved" in refused


def test_words_that_change_while_a_notice_is_unfinished_do_not_reach_anybody_twice(
    postmortem: Postmortem, google: GoogleWorld, customers: Customers
) -> None:
    postmortem("start", "Wrong amounts")
    google.misbehave("token_expired", "gmail.users.drafts.send", skip=4)
    listed = str(customers(9))
    postmortem("notify", listed, "--send", "--confirm", "9", expect=4)
    google.behave()
    sent = len(google.copies_per_recipient())
    assert 0 < sent < 9
    changed = ("notify", listed, "--set", "what_happened=The export took the wrong list.")
    refused = postmortem(*changed, "--send", "--confirm", "9", expect=3)
    (notice,) = postmortem.json("show")["notices"]
    assert f"postmortem resume {notice['notice']}" in refused.err
    postmortem("resume")
    assert copies(google) == {1: 9}


class TestAListThatGrew:
    IMPACT = "Some invoices of November show a wrong total"

    @pytest.fixture
    def told(self, postmortem: Postmortem, customers: Customers) -> Postmortem:
        """A person who wrote to two customers, and then learned more about the impact."""
        postmortem("start", "Wrong amounts", "--impact", self.IMPACT)
        send(postmortem, customers(2), 2)
        postmortem("impact", f"{self.IMPACT}, and two of October")
        return postmortem

    def test_a_number_alone_does_not_send_the_stage_again(
        self, told: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        refused = told("notify", str(customers(4)), "--send", "--confirm", "4", expect=3)
        assert "2 of 4 already got the “investigating” notice" in refused.err
        assert "--only-new --confirm 2" in refused.err
        assert "--again --confirm 4" in refused.err
        assert copies(google) == {1: 2}

    def test_the_new_ones_alone_are_written_to(
        self, told: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        sheet = told("notify", str(customers(4)))
        assert "2 of 4 already got the “investigating” notice" in sheet.err
        sent = send(told, customers(4), 2, "--only-new")
        assert sent["counts"]["skipped"] == 2
        assert copies(google) == {1: 4}
        once_more = told("notify", str(customers(4)), "--only-new", "--send", "--confirm", "0")
        assert "already got the “investigating” notice" in once_more.out
        assert copies(google) == {1: 4}

    def test_all_of_them_are_written_to_where_somebody_says_so(
        self, told: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        send(told, customers(4), 4, "--again")
        assert copies(google) == {2: 2, 1: 2}

    def test_a_person_at_a_terminal_sees_it_and_types_the_whole_number(
        self, told: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        said = at_a_terminal(told, "notify", str(customers(4)), "--send", typed="4")
        assert said.code == 0
        assert "2 of 4 already got the “investigating” notice" in said.err
        assert copies(google) == {2: 2, 1: 2}

    def test_the_same_people_in_almost_the_same_words_are_asked_about(
        self, told: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        refused = told("notify", str(customers(2)), "--send", "--confirm", "2", expect=3)
        assert "with almost the same text" in refused.err
        assert "--only-new" not in refused.err  # there is nobody new
        assert copies(google) == {1: 2}

    def test_an_update_in_other_words_for_everybody_is_an_update(
        self, told: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        first = ("--stage", "update", "--set", "what_happened=We stopped the import.")
        send(told, customers(2), 2, *first)
        send(told, customers(2), 2, "--stage", "update", "--set", "what_happened=All are counted.")
        assert copies(google) == {3: 2}

    def test_a_stage_that_comes_again_because_the_incident_went_back_is_news(
        self, told: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        told("status", "resolved")
        send(told, customers(2), 2)
        told("status", "monitoring")
        send(told, customers(2), 2)
        told("status", "resolved")
        told("impact", f"{self.IMPACT}, and three of October")
        send(told, customers(3), 3)
        assert copies(google) == {4: 2, 1: 1}


class TestAPromisedTime:
    def test_another_one_is_an_update(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        doc_id = postmortem.json("start", "Wrong amounts", **at(0))["doc_id"]
        update = ("--stage", "update", "--next-update")
        send(postmortem, customers(2), 2, *update, "3h", **at(0))
        send(postmortem, customers(2), 2, *update, "4h", **at(30))
        assert copies(google) == {2: 2}
        assert google.text(doc_id).count("given at") == 1

    def test_another_one_is_an_update_for_those_too_who_were_caught_up_before(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts", **at(0))
        send(postmortem, customers(2), 2, **at(0))
        update = ("--stage", "update", "--next-update")
        send(postmortem, customers(3), 3, *update, "3h", **at(10))
        caught_up = "We have not written to you about this before"
        assert [caught_up in mail.as_string() for mail in google.sent()].count(True) == 1
        send(postmortem, customers(3), 3, *update, "4h", **at(30))
        assert copies(google) == {3: 2, 2: 1}

    def test_the_same_one_once_it_is_due_is_an_update_too(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts", **at(0))
        update = ("--stage", "update", "--next-update")
        send(postmortem, customers(2), 2, *update, "1 hour", **at(0))
        send(postmortem, customers(3), 3, *update, "1 hour", **at(60))
        assert copies(google) == {2: 2, 1: 1}

    def test_the_same_keys_again_within_the_minute_are_the_same_notice(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts", **at(0))
        words = ("notify", str(customers(2)), "--stage", "update", "--next-update", "30m")
        postmortem(*words, "--send", "--confirm", "2", **at(0.5))
        said = postmortem(*words, "--send", "--confirm", "2", **at(1.2))
        assert "already has this text" in said.out
        assert copies(google) == {1: 2}

    def test_the_same_keys_again_minutes_later_are_asked_about(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts", **at(0))
        words = ("notify", str(customers(2)), "--stage", "update", "--next-update", "30m")
        postmortem(*words, "--send", "--confirm", "2", **at(0))
        for minute in (2, 14):
            refused = postmortem(*words, "--send", "--confirm", "2", expect=3, **at(minute))
            assert "2 of 2 already got the “update” notice, with another time" in refused.err
            assert "--again --confirm 2" in refused.err
        assert copies(google) == {1: 2}
        postmortem(*words, "--send", "--confirm", "2", **at(25))
        assert copies(google) == {2: 2}

    def test_with_a_list_that_grew_it_is_asked_about(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts", **at(0))
        update = ("--stage", "update", "--next-update")
        send(postmortem, customers(2), 2, *update, "3h", **at(0))
        words = ("notify", str(customers(3)), *update, "3h", "--send", "--confirm", "3")
        refused = postmortem(*words, expect=3, **at(10))
        assert "with another time for the next update" in refused.err
        assert copies(google) == {1: 2}

    def test_one_that_no_mail_states_is_no_promise(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
    ) -> None:
        template = tmp_path / "short.md"
        template.write_text(
            "---\nsubject: Wrong amounts\nstage: update\n---\nWe are sorry. Reply to reach us.\n",
            encoding="utf-8",
        )
        postmortem("start", "Wrong amounts", **at(0))
        options = ("--template", str(template), "--next-update", "30m")
        send(postmortem, customers(1), 1, *options, **at(0))
        assert postmortem.json("show", **at(1))["next_update"] is None


class TestAStageAndTheStatus:
    @pytest.mark.parametrize(
        ("status", "stage"),
        [
            ("investigating", "resolved"),
            ("investigating", "identified"),
            ("identified", "monitoring"),
            ("monitoring", "postmortem"),
            ("monitoring", "investigating"),
            ("resolved", "investigating"),
            ("resolved", "update"),
        ],
    )
    def test_one_that_contradicts_it_is_refused_with_the_command_that_settles_it(
        self,
        postmortem: Postmortem,
        google: GoogleWorld,
        customers: Customers,
        status: str,
        stage: str,
    ) -> None:
        postmortem("start", "Wrong amounts")
        postmortem("status", status)
        words = ("notify", str(customers(2)), "--stage", stage, "--send", "--confirm", "2")
        refused = postmortem(*words, expect=3).err
        assert google.copies_per_recipient() == {}
        command = refused.strip().rpartition("postmortem ")[2].rstrip(".")
        postmortem(*command.split())
        postmortem(*words)
        assert copies(google) == {1: 2}

    @pytest.mark.parametrize(
        ("before", "now", "way"),
        [
            ("investigating", "resolved", "drafts"),
            ("resolved", "monitoring", "drafts"),
            ("identified", "resolved", "first"),
            ("resolved", "investigating", "failed"),
        ],
    )
    def test_mails_that_waited_do_not_leave_against_a_status_that_has_changed(
        self,
        postmortem: Postmortem,
        google: GoogleWorld,
        customers: Customers,
        before: str,
        now: str,
        way: str,
    ) -> None:
        postmortem("start", "Wrong amounts")
        postmortem("status", before)
        more = {"drafts": ("--draft-only",), "first": ("--first", "1"), "failed": ()}[way]
        if way == "failed":
            google.misbehave("404", "gmail.users.drafts.create", times=1)
        words = ("notify", str(customers(3)), "--send", "--confirm", "3", *more)
        notice = postmortem.json(*words, expect=6 if way == "failed" else 0)["notice"]
        left = google.copies_per_recipient()
        postmortem("status", now)
        number = {"drafts": "3", "first": "2", "failed": "1"}[way]
        again = ("--retry-failed",) if way == "failed" else ()
        resume = ("resume", notice, *again, "--confirm", number)
        refused = postmortem(*resume, expect=3).err
        assert f"the incident's status is now “{now}”" in refused
        assert google.copies_per_recipient() == left
        assert (f"postmortem resume {notice} --discard" in refused) == (way != "failed")
        postmortem("status", before)
        postmortem(*resume)
        assert copies(google) == {1: 3}

    def test_show_names_the_command_that_such_mails_allow(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        postmortem("start", "Wrong amounts")
        notice = send(postmortem, customers(3), 3, "--draft-only")["notice"]
        assert f"3 still to send: postmortem resume {notice}\n" in postmortem("show").out
        postmortem("status", "resolved")
        shown = postmortem("show").out
        words = "3 still to send, and the incident's status is now “resolved”"
        assert f"{words}: postmortem resume {notice} --discard" in shown
        postmortem("resume", notice, "--discard")
        assert google.drafts() == []

    @pytest.mark.parametrize("way", ["all", "drafts", "first", "failed"])
    def test_nor_do_mails_whose_status_changes_while_a_person_is_asked(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers, way: str
    ) -> None:
        postmortem("start", "Wrong amounts")
        postmortem("status", "resolved")
        words = ("notify", str(customers(3)), "--send", "--confirm", "3")
        asked, where = words, "workflow.notice.send.agree"
        if way != "all":
            more = {"drafts": ("--draft-only",), "first": ("--first", "1"), "failed": ()}[way]
            if way == "failed":
                google.misbehave("404", "gmail.users.drafts.create", times=1)
            notice = postmortem.json(*words, *more, expect=6 if way == "failed" else 0)["notice"]
            number = {"drafts": "3", "first": "2", "failed": "1"}[way]
            again = ("--retry-failed",) if way == "failed" else ()
            asked = ("resume", notice, *again, "--confirm", number)
            check = {"drafts": "drafts", "first": "rest", "failed": "again"}[way]
            where = f"workflow.notice.outcome.refuse_other_{check}"
        left = google.copies_per_recipient()
        module, _, name = where.rpartition(".")
        with sleeping_in((module, name), postmortem, *asked) as process:
            postmortem("status", "investigating")
            go_on(process)
            err = process.communicate(timeout=60)[1]
        assert process.returncode == 3, err
        assert "the incident's status is now “investigating”" in err
        assert google.copies_per_recipient() == left
        postmortem("status", "resolved")
        postmortem(*asked)
        assert copies(google) == {1: 3}

    def test_a_failed_mail_may_be_late(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers
    ) -> None:
        """Before a close it is named with this command, which has to work."""
        postmortem("start", "Wrong amounts")
        google.misbehave("404", "gmail.users.drafts.create", times=1)
        words = ("notify", str(customers(2)), "--send", "--confirm", "2")
        notice = postmortem.json(*words, expect=6)["notice"]
        postmortem("status", "resolved")
        postmortem("resume", notice, "--retry-failed", "--confirm", "1")
        assert copies(google) == {1: 2}

    @pytest.mark.parametrize("status", ["investigating", "identified", "monitoring"])
    def test_an_update_goes_with_whatever_is_not_resolved(
        self, postmortem: Postmortem, customers: Customers, status: str
    ) -> None:
        postmortem("start", "Wrong amounts")
        postmortem("status", status)
        send(postmortem, customers(1), 1, "--stage", "update")

    def test_a_template_that_names_a_stage_is_held_to_it_and_one_without_is_not(
        self, postmortem: Postmortem, google: GoogleWorld, customers: Customers, tmp_path: Path
    ) -> None:
        postmortem("start", "Wrong amounts")
        postmortem("status", "resolved")
        body = "We are sorry. It began at 9 AM UTC and ended at 10 AM UTC. Reply to reach us.\n"
        named, silent = tmp_path / "named.md", tmp_path / "silent.md"
        named.write_text(f"---\nsubject: S\nstage: monitoring\n---\n{body}", encoding="utf-8")
        silent.write_text(f"---\nsubject: Your invoice\n---\n{body}", encoding="utf-8")
        words = ("notify", str(customers(1)), "--send", "--confirm", "1", "--template")
        assert "named.md: the mail says" in postmortem(*words, str(named), expect=3).err
        postmortem(*words, str(silent))
        assert copies(google) == {1: 1}
