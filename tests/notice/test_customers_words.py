"""Every customer's own mail is checked and composed before anything is frozen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from google_rehearsal.lifecycle import serve_in_thread
from tests.command_line import CustomerList, Postmortem, Result
from tests.conftest import CONFIG, NO_LIMITS
from tests.google_world import GoogleWorld

Customers = Callable[[int], CustomerList]
GOOD = (
    "We are sorry. You will hear from us again on 25 Nov 2026, 5 PM CET. Reply to this mail with "
    "questions."
)
TWO = "email,name,account\nann@one.example,Ann,Acme\nbob@two.example,Bob,Smith & Sons (UK)\n"


class Desk:
    """A person with an incident, a list of two customers and a template."""

    def __init__(self, postmortem: Postmortem, google: GoogleWorld, folder: Path) -> None:
        self.postmortem, self.google, self.folder = postmortem, google, folder
        self.doc_id = postmortem.json("start", "T", "--impact", "x")["doc_id"]
        self.rows(TWO)

    def rows(self, text: str) -> None:
        """Write the list."""
        (self.folder / "list.csv").write_text(text, encoding="utf-8")

    def template(self, body: str, *head: str, lang: str = "") -> None:
        """Write the template, or that of another language beside it."""
        name = f"mail.{lang}.md" if lang else "mail.md"
        lines = ["---", "subject: Your invoices", "stage: update", *head, "---", body, ""]
        (self.folder / name).write_text("\n".join(lines), encoding="utf-8")

    def notify(self, *options: str, expect: int | None = 0) -> Result:
        """Notify the list by the template."""
        words = ("notify", str(self.folder / "list.csv"), *options)
        if "--template" not in options:
            words = (*words, "--template", str(self.folder / "mail.md"))
        return self.postmortem(*words, expect=expect)

    def send(self, count: int, *options: str, expect: int | None = 0) -> Result:
        return self.notify(*options, "--send", "--confirm", str(count), expect=expect)

    def findings(self, *options: str) -> list[dict[str, Any]]:
        """The findings of the preview, except test domains."""
        words = ("notify", str(self.folder / "list.csv"), *options)
        path = str(self.folder / "mail.md")
        found = self.postmortem.json(*words, "--template", path, expect=None)["findings"]
        return [each for each in found if each["code"] != "test_domain"]

    def texts(self) -> dict[str, str]:
        """The last mail's text of each customer."""
        found = {}
        for mail in self.google.sent():
            part = mail.get_body(("plain",))
            assert part is not None
            found[mail["To"].addresses[0].addr_spec] = str(part.get_content())
        return found


@pytest.fixture
def desk(postmortem: Postmortem, google: GoogleWorld, tmp_path: Path) -> Desk:
    made = Desk(postmortem, google, tmp_path)
    made.template(f"Hello {{{{ name }}}},\n\n{GOOD}")
    return made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk for all tests that look and send nothing."""
    folder = tmp_path_factory.mktemp("looking")
    with serve_in_thread(folder / "google", NO_LIMITS) as server:
        home = folder / "home"
        home.mkdir(mode=0o700)
        person = Postmortem(home, {"POSTMORTEM_GOOGLE_URL": server.base_url})
        person.configure(CONFIG)
        yield Desk(person, GoogleWorld(server), folder)


@pytest.fixture
def looking(shared: Desk, tmp_path: Path) -> Iterator[Desk]:
    """The same with a folder of the test's own."""
    before, shared.folder = shared.folder, tmp_path
    shared.rows(TWO)
    shared.template(f"Hello {{{{ name }}}},\n\n{GOOD}")
    yield shared
    shared.folder = before


BOTH = {"ann@one.example": 1, "bob@two.example": 1}


class TestSenderAndReplies:
    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ("Lagerhaus Support <you@rehearsal.example>", "Lagerhaus Support"),
            ('"Lagerhaus, Support" <you@rehearsal.example>', "Lagerhaus, Support"),
            ("Lagerhäuser Süd <you@rehearsal.example>", "Lagerhäuser Süd"),
        ],
    )
    def test_the_sender_may_have_a_name(self, desk: Desk, written: str, shown: str) -> None:
        desk.send(2, "--from", written)
        assert desk.google.copies_per_recipient() == BOTH
        for mail in desk.google.sent():
            (address,) = mail["From"].addresses
            assert (address.display_name, address.addr_spec) == (shown, "you@rehearsal.example")

    def test_the_template_may_name_the_sender(self, desk: Desk) -> None:
        desk.template(GOOD, "from: Lagerhaus Support <you@rehearsal.example>")
        desk.send(2)
        assert desk.google.copies_per_recipient() == BOTH
        assert desk.google.sent()[0]["From"].addresses[0].display_name == "Lagerhaus Support"

    @pytest.mark.parametrize(
        "written", ["jörg@x.example", "Support <you@rehearsal", "a@x.example, b@x.example", "Us <>"]
    )
    def test_a_sender_that_no_mail_can_have_is_refused_before_anything_is_frozen(
        self, desk: Desk, written: str
    ) -> None:
        assert desk.send(2, "--from", written, expect=3).err.startswith(f"--from {written}: ")
        assert desk.postmortem.json("show")["notices"] == []

    @pytest.mark.parametrize(
        "written",
        [
            "help@x.example, billing@x.example",
            "Help <help@x.example>; billing@x.example",
            '"Help, we are here" <help@x.example>,billing@x.example',
        ],
    )
    @pytest.mark.parametrize("where", ["option", "head", "config"])
    def test_replies_may_go_to_several_addresses(
        self, desk: Desk, written: str, where: str
    ) -> None:
        options: tuple[str, ...] = ()
        if where == "option":
            options = ("--reply-to", written)
        elif where == "head":
            desk.template(GOOD, f"reply_to: {written}")
        else:
            config = (desk.postmortem.home / "config.toml").read_text(encoding="utf-8")
            desk.postmortem.configure(f"reply_to = '{written}'\n{config}")
        desk.send(2, *options)
        assert desk.google.copies_per_recipient() == BOTH
        for mail in desk.google.sent():
            found = [each.addr_spec for each in mail["Reply-To"].addresses]
            assert found == ["help@x.example", "billing@x.example"]

    @pytest.mark.parametrize("written", ["jörg@x.example", "help@", "ok@x.example, no one"])
    @pytest.mark.parametrize("where", ["option", "head", "config"])
    def test_replies_to_what_is_no_address_are_refused_wherever_it_was_written(
        self, desk: Desk, written: str, where: str
    ) -> None:
        options: tuple[str, ...] = ()
        if where == "option":
            options, named = ("--reply-to", written), "--reply-to"
        elif where == "head":
            desk.template(GOOD, f"reply_to: {written}")
            named = "mail.md, `reply_to`"
        else:
            config = (desk.postmortem.home / "config.toml").read_text(encoding="utf-8")
            desk.postmortem.configure(f'reply_to = "{written}"\n{config}')
            named = "reply_to in the config"
        said = desk.send(2, *options, expect=3).err
        assert said.startswith(f"{named}")
        assert "each its own row" not in said
        assert desk.postmortem.json("show")["notices"] == []

    def test_a_mail_that_is_too_large_for_one_customer_is_found_before_the_send(
        self, desk: Desk
    ) -> None:
        (desk.folder / "big.bin").write_bytes(bytes(25 * 2**20 - 10))
        desk.template("{% for row in rows %}{{ row.note }}\n\n{% endfor %}\n" + GOOD)
        long = "y " * 60_000
        rows = "".join(f"bob@two.example,B,{long}\n" for _ in range(8))
        desk.rows(f"email,account,note\nann@one.example,A,short\n{rows}")
        words = ("--group-by", "account", "--attach", str(desk.folder / "big.bin"))
        assert "row 3: the mail has" in desk.send(2, *words, expect=3).err

    def test_a_customers_own_file_and_words_are_measured_together(self, desk: Desk) -> None:
        (desk.folder / "a.pdf").write_bytes(bytes(25 * 2**20 - 10))
        (desk.folder / "b.pdf").write_bytes(bytes(1000))
        desk.template("{% for row in rows %}{{ row.note }}\n\n{% endfor %}\n" + GOOD)
        rows = "".join(f"bob@two.example,B,a.pdf,{'y ' * 60_000}\n" for _ in range(8))
        desk.rows(f"email,account,file,note\nann@one.example,A,b.pdf,short\n{rows}")
        words = ("--group-by", "account", "--attach-column", "file")
        assert "row 3: the mail has" in desk.send(2, *words, expect=3).err
        assert desk.postmortem.json("show")["notices"] == []


class TestLinksWithValues:
    @pytest.mark.parametrize(
        ("link", "address"),
        [
            (
                "https://x.example/?c={{ account }}",
                "https://x.example/?c=Smith%20%26%20Sons%20%28UK%29",
            ),
            (
                "https://x.example/{{ account }}/a",
                "https://x.example/Smith%20%26%20Sons%20%28UK%29/a",
            ),
            (
                "<https://x.example/#{{ account }}>",
                "https://x.example/#Smith%20%26%20Sons%20%28UK%29",
            ),
        ],
    )
    def test_a_value_in_a_link_is_encoded_for_it(self, desk: Desk, link: str, address: str) -> None:
        desk.template(f"Hello {{{{ name }}}},\n\n[Your page]({link})\n\n{GOOD}")
        assert [each for each in desk.findings() if each["code"] == "marks"] == []
        desk.send(2)
        html = [
            mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
            for mail in desk.google.sent()
            if mail["To"].addresses[0].addr_spec == "bob@two.example"
        ]
        assert f'href="{address}"' in html[0]
        assert "](" not in desk.texts()["bob@two.example"]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (
                "See https://x.example/?c={{ account }}, then",
                "?c=Smith%20%26%20Sons%20%28UK%29, then",
            ),
            ("https://x.example/{{ account }}/a.", "/Smith%20%26%20Sons%20%28UK%29/a."),
            ("(http://x.example/a?b={{ name }}&c={{ account }})", "?b=Bob&c=Smith%20%26%20Sons"),
        ],
    )
    def test_a_value_in_an_address_that_stands_as_words_is_encoded_too(
        self, desk: Desk, words: str, said: str
    ) -> None:
        desk.template(f"{words}\n\nIt is {{{{ account }}}}, https://x.example: see.\n\n{GOOD}")
        desk.send(2)
        text = desk.texts()["bob@two.example"]
        assert said in text
        assert "It is Smith & Sons (UK), https://x.example: see." in text

    @pytest.mark.parametrize(
        "link",
        [
            '(https://x.example/ "The page of {{ account }}")',
            '[{{ account }}] \n\n[Smith "S" Sons]: https://x.example',
        ],
    )
    def test_a_link_that_one_customers_value_breaks_is_named_with_the_row(
        self, looking: Desk, link: str
    ) -> None:
        looking.rows(TWO.replace("Smith & Sons (UK)", '"Smith ""S"" Sons](x) "'))
        looking.template(f"[Your page]{link}\n\n{GOOD}")
        assert ("marks", 3) in [(each["code"], each["row"]) for each in looking.findings()]

    @pytest.mark.parametrize(
        ("link", "address"),
        [
            ("https://x.example/a_(b)?q=1&r=*x*", "https://x.example/a_%28b%29?q=1&amp;r=*x*"),
            ("http://münchen.example/ä", "http://xn--mnchen-3ya.example/%C3%A4"),
        ],
    )
    @pytest.mark.parametrize("written", ["<{{ link }}>", "[Page]({{ link }})"])
    def test_a_column_with_an_address_is_a_link_as_it_stands(
        self, desk: Desk, link: str, address: str, written: str
    ) -> None:
        desk.rows(f"email,name,link\nann@one.example,Ann_A,{link}\n")
        desk.template(f"Hello <{{{{ name }}}}>,\n\n{written}\n\n{GOOD}")
        desk.send(1)
        (mail,) = desk.google.sent()
        html = mail.get_body(("html",))
        assert html is not None
        assert f'href="{address}"' in html.get_content()
        assert "Hello <Ann_A>," in desk.texts()["ann@one.example"]

    def test_a_column_may_hold_a_whole_address(self, desk: Desk) -> None:
        desk.rows("email,link\nann@one.example,https://x.example/a%20b?c=1&d=(2)\n")
        desk.template(f"[Your page]({{{{ link }}}})\n\n{GOOD}")
        desk.send(1)
        (mail,) = desk.google.sent()
        html = mail.get_body(("html",))
        assert html is not None
        assert 'href="https://x.example/a%20b?c=1&amp;d=%282%29"' in html.get_content()


WRONG = [
    ("<!-- internal: Bob broke the import, do not tell -->", "html_comment"),
    ("Text <!-- two\nlines --> more", "html_comment"),
    ("A comment that ends here -->", "html_comment"),
    ("Dear <b>customer</b>,", "html"),
    ('<p style="color:red">Dear customer</p>', "html"),
    ("One line<br/>and another", "html"),
    ("Hello,<o:p></o:p>", "html"),
    ("<!DOCTYPE html>", "html"),
    ("<![if !supportLists]>1<![endif]>", "html"),
    ("It was <del>100.00</del> 120.00 EUR.", "html"),
    ("Hello {First Name},", "merge_field"),
    ("Hello { FirstName },", "merge_field"),
    ("Hello {name|there},", "merge_field"),
    ("Hello *|FNAME|*,", "merge_field"),
    ("Hello <<Name>>,", "merge_field"),
    ("Hello %NAME%,", "merge_field"),
    ("Hello [First Name],", "merge_field"),
    ("Hello ${firstName},", "merge_field"),
    ("Hello {!Contact.FirstName},", "merge_field"),
    ("Hello %recipient.name%,", "merge_field"),
    ("Hello @@name@@,", "merge_field"),
    ("Hello *|name|*,", "merge_field"),
    ("Hello -name-,", "merge_field"),
    ("Hello (Name),", "merge_field"),
    ("Hello [% name %],", "merge_field"),
    ("Hello $$name$$,", "merge_field"),
    ("Hello :name,", "merge_field"),
    ("You, ｛｛name｝｝,", "merge_field"),
    ("Our key is AKIAIOSFODNN7EXAMPLE here.", "secret"),
    ("Sign in at https://admin:hunter2x@x.example/", "secret"),
    ("The password is Sommer2026!", "secret"),
    ("- [ ] tell the customers", "check_box"),
    ("1. [x] done", "check_box"),
    ("[ ] open", "check_box"),
    ("This will never happen again.", "promise"),
    ("It won't happen again.", "promise"),
    ("We guarantee that it is safe.", "promise"),
    ("It is impossible for this to happen again.", "promise"),
    ("We make sure that it never recurs.", "promise"),
    ("Your data is completely safe.", "promise"),
    ("This can never happen in the future.", "promise"),
    ("It has been permanently fixed.", "promise"),
    ("There is no risk for you.", "promise"),
    ("It'll be back up in 2 hours.", "promise"),
    ("A fix will be deployed tonight.", "promise"),
    ("Hello ((name)),", "merge_field"),
    ("Hello <First Name>,", "merge_field"),
    ("Dear <customer>,", "merge_field"),
    ("<insert the amount here>", "merge_field"),
    ("Hello <%= name %>,", "merge_field"),
    ("Hello <?= $name ?>,", "merge_field"),
    ("Hello $firstname,", "merge_field"),
    ("Hello @firstname,", "merge_field"),
    ("Hello -first_name-,", "merge_field"),
    ("Hello ##NAME##,", "merge_field"),
    ("Hello __FIRSTNAME__,", "merge_field"),  # Markdown makes it bold
    ("Hello [[FirstName]],", "merge_field"),
    ("Hello %%First_Name%%,", "merge_field"),
    ("The cause: tbd", "leftover"),
    ("It ended at XX:XX CET", "leftover"),
    ("It ended at ?? CET", "leftover"),
    ("DRAFT, not for sending", "leftover"),
    ("ENTWURF – noch nicht senden", "leftover"),
    ("@todo ask Bob", "leftover"),
    ("ToDo: ask Bob", "leftover"),
    ("todo: ask Bob", "leftover"),
    ("The cause [todo]", "leftover"),
    ("The cause [TK]", "leftover"),
    ("It began at [?] CET.", "leftover"),
    ("It began on Monday (?).", "leftover"),
    ("WIP: the first part", "leftover"),
    ("The cause: REPLACE_ME", "leftover"),
    ("PLACEHOLDER for the cause", "leftover"),
    ("INTERNAL ONLY: Bob broke it.", "internal_note"),
    ("Note to self: ask Bob", "internal_note"),
    ("[internal] Bob broke it.", "internal_note"),
    ("(intern) Bob broke it.", "internal_note"),
    ("Internal note: ask Bob", "internal_note"),
    ("ENTWURF.\n\nNUR INTERN", "internal_note"),
    ("Please check. DO NOT SEND", "internal_note"),
    ("It costs you ____ EUR.", "unfilled"),
    ("It began on DD/MM/YYYY.", "unfilled"),
    ("Es begann am TT.MM.JJJJ.", "unfilled"),
    ("It ended at HH:MM CET.", "unfilled"),
    ("Hello [firstname,fallback=there],", "merge_field"),
    ('Hello [[FIRSTNAME OR "there"]],', "merge_field"),
    ("Am [Datum einfügen] war es so weit.", "merge_field"),
    ("Der Grund (hier Grund einfügen) ist bekannt.", "merge_field"),
    ("Viele Grüße, [Ihr Name]", "merge_field"),
    ("Um [Uhrzeit] war es so weit.", "merge_field"),
    ("The cause (insert cause) is known.", "merge_field"),
    ("Yours, [name here]", "merge_field"),
    ("Hello __NAME__,", "merge_field"),  # Markdown makes it bold
    ("Hallo NACHNAME,", "merge_field"),
    ("Ciao [Nome],", "merge_field"),
    ("Our [affected service] was down.", "merge_field"),
    ("Between [start time] and [end time] it was down.", "merge_field"),
    ("It began on [date/time].", "merge_field"),
    ("It lasted [X hours].", "merge_field"),
    ("[Number] customers saw it.", "merge_field"),
    ("[Describe the impact]", "merge_field"),
    ("[add what we do]", "merge_field"),
    ("[Choose one]", "merge_field"),
    ("[your company name]", "merge_field"),
    ("[SIGNATURE]", "merge_field"),
    ("Hello {}, it began at {0}.", "merge_field"),
    ("Hello %s,", "merge_field"),
    ("%%unsubscribe%%", "merge_field"),
    ("Hello ...,", "unfilled"),
    ("The cause [TBA]", "leftover"),
    ("XX% of our customers saw it.", "leftover"),
    ("We refund $XX.XX to you.", "leftover"),
    ("DRAFT v2", "leftover"),
    ("NOTE TO REVIEWER: is it true?", "internal_note"),
    ("Internal use only", "internal_note"),
    ("Internal – do not share", "internal_note"),
    ("Ann Lee - DO NOT CONTACT", "internal_note"),
    ("https://acme.atlassian.net/wiki/spaces/X", "ticket"),
    ("https://github.com/acme/api/pull/12", "ticket"),
    ("https://linear.app/acme/issue/ENG-1", "ticket"),
    ("We expect a fix by tonight.", "promise"),
    ("Es begann um 14.39 Uhr.", "time_without_zone"),
    ("Es begann um 14 Uhr.", "time_without_zone"),
    ("[Your page](https://x.example/?a=b c)", "marks"),
    ("Kennwort: Sommer2026!", "secret"),
    ("Wachtwoord: Zomer2026!", "secret"),
    ("api_key=8f14e45fceea167a5a36dedd4bea2543", "secret"),
    ("Authorization: Bearer abcdef1234567890abcdef1234567890", "secret"),
    ("client_secret=GOCSPX-abcdefghijklmnopqrstuvwx12", "secret"),
    ("https://0123456789abcdef0123456789abcdef@errors.example/1", "secret"),
    ("Your card 4242 4242 4242 4242 was charged.", "secret"),
    ("Hello\u202e there", "unseen"),
    ("Your account () has no invoice.", "gap"),
    ("Hello {{ account and '' }},", "gap"),
]


@pytest.mark.parametrize(("words", "code"), WRONG)
def test_the_rules_find_it_in_the_template(looking: Desk, words: str, code: str) -> None:
    looking.template(f"Hello {{{{ name }}}},\n\n{words}\n\n{GOOD}")
    found = [each for each in looking.findings() if each["code"] == code]
    assert found
    assert {each["row"] for each in found} == {None}  # all mails have it


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        ("<!-- internal: not to tell -->\nHello {{ name }},", "<!-- internal: not to tell -->"),
        ("Hello {{ name }}, <!-- a --> of {{ account }}", "<!-- a -->"),
        ("Hello {{ name }} --> of {{ account }}", "-->"),
    ],
)
def test_a_comment_beside_a_customers_name_is_one_finding_for_all(
    looking: Desk, words: str, quoted: str
) -> None:
    looking.template(f"{words}\n\n{GOOD}")
    (found,) = looking.findings()
    assert (found["code"], found["row"]) == ("html_comment", None)
    assert found["message"].startswith(f"`{quoted}` is a comment")


@pytest.mark.parametrize(
    "words",
    [
        "We reset all passwords on 24 Nov 2026, 3 PM CET.",
        "Please change your password.",
        "Your order 1234 5678 9012 3456 and invoice INV-2026-000123456789 are not affected.",
        "It cost 12.50 (before: 10.00), .NET and all; ask us (we answer), or write to @acme_help.",
        "The charge never occurred; it happened once and was refunded.",
        "What we ask you to do: nothing. Drafts of your invoices are safe.",
        "DRAFT BEER COMPANY is not affected, and neither is AIR DRAFT INC.",
        "Use the [First Name](https://x.example/) page, section #3, for US$100 and 5%.",
        "Todo está bien. An internal note was sent to you by mistake; do not send it back.",
        "Is it safe? Yes (why not?). Please fix the amount, or change me to monthly invoices.",
        "[Update] A user_name like a_b__c is fine, and so is (insert your card) at the machine.",
        "Hello CLIENT SERVICES GmbH, see [1] and [sic].",
        "[Added later] It is [edited], [provided by Acme], [Resolved] and [see above].",
        "The label for internal use only was printed: internal, do it again. Internal: our import.",
        "It began at 14.39 Uhr MEZ and 14 Uhr (MEZ); see https://acme.atlassian.net/servicedesk/x.",
        "The XXL shirt is 100%, and 24.11. is a day. DO NOT EMAIL us your password.",
        "It began on 24 Nov 2026, 14:39 +01:00. It lasted from 14:39-15:00 CET, or 2-3 PM CET.",
    ],
)
def test_words_that_are_in_order_are_not_warned_of(looking: Desk, words: str) -> None:
    looking.template(f"Hello {{{{ name }}}},\n\n{words}\n\n{GOOD}")
    assert looking.findings() == []


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("de", "Das kommt nicht wieder vor."),
        ("de", "Ihre Daten sind absolut sicher."),
        ("de", "Bis morgen ist alles behoben."),
        ("de", "Ein weiterer Fehler ist ausgeschlossen, dass sagen wir zu: nie mehr."),
        ("fr", "Cela ne se reproduira pas."),
        ("fr", "Nous vous garantissons que c'est fini ; cela n'arrivera plus."),
        ("es", "Esto no se repetirá."),
        ("es", "No volverá a ocurrir."),
    ],
)
def test_a_promise_is_one_in_every_language(looking: Desk, lang: str, words: str) -> None:
    looking.template(f"{words}\n\n{GOOD}", f"lang: {lang}")
    assert "promise" in {each["code"] for each in looking.findings()}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Hello Ann,", "`Ann`"),
        ("Hello Ann Lee,", "`Ann Lee`"),
        ("Some invoices of Lagos Logistics are wrong.", "`Lagos Logistics`"),
        ("We sent it to ann@one.example again.", "`ann@one.example`"),
        ("{{ what_happened }}", "`Lagos Logistics`"),
        ("Hello {{ name }}, Ann and others saw it.", ""),
        ("{% if account == 'Lagos Logistics' %}It is your import.{% endif %}", ""),
        ("Hello Annabel,", ""),
    ],
)
def test_a_customer_whom_the_text_for_everybody_names_is_warned_of(
    desk: Desk, words: str, found: str
) -> None:
    name = "Ann" if "`Ann`" in found else "Ann Lee"
    desk.rows(
        f"email,name,account\nbob@two.example,Bob,Acme\nann@one.example,{name},Lagos Logistics\n"
    )
    desk.template(f"{words}\n\n{GOOD}")
    said = [
        each
        for each in desk.findings("--set", "what_happened=Lagos Logistics was charged twice.")
        if each["code"] == "customer_in_text"
    ]
    assert [each["where"] for each in said] == ["row 3"] * bool(found)
    assert all(found in each["message"] for each in said)
    desk.rows(f"email,name,account\nann@one.example,{name},Lagos Logistics\n")
    codes = {each["code"] for each in desk.findings("--set", "what_happened=x")}
    assert "customer_in_text" not in codes  # it is their own name


def test_a_name_that_the_list_lacks_leaves_a_gap(looking: Desk) -> None:
    looking.rows("email,city\nann@one.example,Rome\n")
    looking.template(f"Hello {{{{ name }}}},\n\n{GOOD}")
    (found,) = looking.findings()
    assert (found["code"], found["where"]) == ("gap", "text, line 1")
    looking.template(f"Hello{{% if name %}} {{{{ name }}}}{{% endif %}},\n\n{GOOD}")
    assert looking.findings() == []


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{{ first_name|default:'' }}", "`{{ first_name|default:'' }}` can't be read"),
        ('{{ first_name | fallback: "there" }}', "can't be read"),
        ("{{{name}}}", "`{{{name}}}` can't be read"),
        ("{{contact.firstname}}", "Did you mean `name`?"),
        ("{{ FirstName }}", "Did you mean `name`?"),
        ("{{ First Name }}", "Write {{ first_name }} for that column."),
        ("{% if name > 5 %}a{% endif %}", "write `amount | float` for the number"),
        ("{{ name + 1 }}", "The values of a list are texts"),
        ("{{ recipient['accont'] }}", "Did you mean `account`?\n"),
        ("{{ subscriber.first_name }}", "Did you mean `name`?"),
    ],
)
def test_a_value_as_another_tool_writes_it_is_explained(
    looking: Desk, written: str, told: str
) -> None:
    looking.template(f"Hello {written},\n\n{GOOD}")
    said = looking.notify(expect=3).err
    assert said.startswith("mail.md, line 5: ")
    assert told in said


@pytest.mark.parametrize("where", ["option", "head"])
@pytest.mark.parametrize("address", ["no-reply@x.example", "Us <donotreply+1@x.example>"])
def test_replies_that_nobody_would_read_are_warned_of(
    looking: Desk, where: str, address: str
) -> None:
    options = ("--reply-to", address) if where == "option" else ()
    looking.template(GOOD, *([f"reply_to: {address}"] if where == "head" else []))
    (found,) = looking.findings(*options)
    assert (found["code"], found["where"]) == ("unread_replies", "Reply-To")


def test_what_the_template_says_itself_is_not_the_words_for_colleagues(looking: Desk) -> None:
    looking.postmortem("impact", "Invoices are wrong")
    looking.template(f"Invoices are wrong.\n\n{GOOD}")
    assert looking.findings() == []
    looking.template(f"{{{{ incident.impact }}}}.\n\n{GOOD}")
    assert [each["code"] for each in looking.findings()] == ["internal_impact"]
    looking.postmortem("impact", "x")


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("TODO ask Bob", "leftover"),
        ("http://localhost:3000/x", "internal_host"),
        ("db.prod.internal", "internal_host"),
        ("{First Name}", "merge_field"),
        ("<b>Bob</b>", "html"),
        ("AKIAIOSFODNN7EXAMPLE", "secret"),
        ("It will be fixed by noon", "promise"),
        ("at 9:15", "time_without_zone"),
        ("**", "marks"),
    ],
)
def test_the_rules_find_it_in_one_customers_cell(looking: Desk, cell: str, code: str) -> None:
    rows = [f"c{number}@x.example,N{number},fine {number}" for number in range(40)]
    rows[17:17] = [f'bob@two.example,Bob,"{cell}"']
    looking.rows("\n".join(["email,name,note", *rows, ""]))
    looking.template(f"Hello {{{{ name }}}},\n\nYour note: {{{{ note }}}}\n\n{GOOD}")
    found, *_ = [each for each in looking.findings() if each["code"] == code]
    assert (found["row"], found["rows"]) == (19, 1)
    assert "(row 19)" in found["where"]


@pytest.mark.parametrize(
    "condition", ['account == "Zed"', "name|length > 3", "told_before == '' and account == 'Zed'"]
)
def test_the_rules_read_a_branch_that_one_row_takes(desk: Desk, condition: str) -> None:
    desk.rows(
        "email,name,account\nann@one.example,Ann,Acme\nbob@two.example,Bob,Acme\n"
        "cy@three.example,Cyrill,Zed\n"
    )
    desk.template(
        f"Hello {{{{ name }}}},\n\n{{% if {condition} %}}\nTODO: look at db.prod.internal\n\n"
        f"{{% endif %}}\n{GOOD}"
    )
    codes = {each["code"]: each for each in desk.findings()}
    assert {"leftover", "internal_host"} <= codes.keys()  # both, though they share a line
    assert codes["leftover"]["row"] == 4
    assert desk.send(3, expect=3).err
    assert desk.google.copies_per_recipient() == {}


def test_the_rules_read_another_languages_template(looking: Desk) -> None:
    looking.rows("email,name,locale\nann@one.example,Ann,\nbob@two.example,Bob,de\n")
    looking.template("Hallo {{ name }}, TODO. Es tut uns leid. Antworten Sie einfach.", lang="de")
    found = {each["code"]: each for each in looking.findings()}
    assert found["leftover"]["row"] == 3
    # The German mail is checked by German rules: it has no time of the next update.
    assert found["no_next_word"]["row"] == 3
    assert "no_apology" not in found
    assert "no_support" not in found


@pytest.mark.parametrize(
    "head",
    [
        "attachments: plan.pdf",
        "reply_to: hilfe@x.example",
        "from: Hilfe <you@rehearsal.example>",
        "stage: resolved",
    ],
)
def test_a_translation_can_not_ask_for_something_else(looking: Desk, head: str) -> None:
    looking.rows("email,name,locale\nann@one.example,Ann,\nbob@two.example,Bob,de\n")
    words = "Es tut uns leid. Sie hören am 25.11.2026 wieder von uns. Antworten Sie einfach."
    field = head.partition(":")[0]
    lines = ["---", "subject: Ihre Rechnungen", head, "---", words, ""]
    (looking.folder / "mail.de.md").write_text("\n".join(lines), encoding="utf-8")
    (found,) = looking.findings()
    assert (found["level"], found["where"]) == ("error", f"mail.de, `{field}`")
    assert "the head of mail.md counts for all languages" in found["message"]
    looking.rows("email,name\nann@one.example,Ann\n")  # nobody gets the translation
    assert looking.findings() == []


def test_a_subject_that_is_empty_for_one_customer_names_the_row(looking: Desk) -> None:
    looking.rows("email,name,account\nann@one.example,Ann,\nbob@two.example,Bob,B\n")
    said = looking.notify("--subject", "{{ account }}", "--send", "--confirm", "2", expect=3).err
    assert "row 2: the subject of mail.md is empty for this customer." in said
    assert looking.postmortem.json("show")["notices"] == []


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("de", "Es tut uns leid. Sie hören am 25.11.2026 wieder von uns. Antworten Sie einfach."),
        ("fr", "Nous sommes désolés. Prochain message le 25/11/2026. Répondez à cet e-mail."),
        ("es", "Lo sentimos. Próximo mensaje el 25/11/2026. Responda a este correo."),
    ],
)
def test_a_good_mail_in_another_language_has_no_findings(
    looking: Desk, lang: str, words: str
) -> None:
    looking.template(words, f"lang: {lang}")
    assert looking.findings() == []


def test_an_apology_in_the_subject_counts(looking: Desk) -> None:
    looking.template("You will hear from us on 25 Nov 2026, 5 PM CET. Reply to this mail.")
    assert "no_apology" in {each["code"] for each in looking.findings()}
    options = ("--subject", "We are sorry: wrong invoices")
    assert "no_apology" not in {each["code"] for each in looking.findings(*options)}


class TestHeads:
    @pytest.mark.parametrize("blank", ["\n", "\n\n\n", "  \n\t\n"])
    def test_a_head_may_stand_after_blank_lines(self, desk: Desk, blank: str) -> None:
        path = desk.folder / "mail.md"
        path.write_text(blank + path.read_text(encoding="utf-8"), encoding="utf-8")
        desk.send(2)
        assert {str(mail["Subject"]) for mail in desk.google.sent()} == {"Your invoices"}
        assert "subject:" not in desk.texts()["ann@one.example"]

    @pytest.mark.parametrize(
        "text",
        [
            "TO: {{email}}\nSUBJECT: Testing\nFROM: us@x.example\n\nHello {{name}}",
            "subject: Testing\n\nHello",
            "From: us@x.example\nTo: you@x.example\n\nHello",
            "Hello\n\n---\nsubject: Testing\n---\nmore",
        ],
    )
    def test_a_head_that_would_be_sent_as_text_is_refused(self, desk: Desk, text: str) -> None:
        (desk.folder / "mail.md").write_text(text, encoding="utf-8")
        assert "head" in desk.send(2, "--subject", "Your invoices", expect=3).err
        assert desk.google.copies_per_recipient() == {}


@pytest.mark.parametrize(
    "body",
    [
        "Thank you for your patience.\n-- \nSupport team\nLagerhaus GmbH\n+49 30 1234567\n",
        "Thank you for your patience.\n\n-- \nSupport team\nLagerhaus GmbH\n+49 30 1234567\n",
        "Thank you for your patience.\n--\nSupport team\nLagerhaus GmbH\n+49 30 1234567\n",
        "Thank you for your patience.\n--  \nSupport team\nLagerhaus GmbH\n+49 30 1234567\n",
        "Thank you for your patience.\n--\u00a0\nSupport team\nLagerhaus GmbH\n+49 30 1234567\n",
    ],
)
def test_a_signature_is_one_and_makes_no_heading(desk: Desk, body: str) -> None:
    desk.template(f"{GOOD}\n\n{body}")
    desk.send(2)
    text = desk.texts()["ann@one.example"].replace("\r\n", "\n")
    assert "\n-- \nSupport team\nLagerhaus GmbH\n+49 30 1234567" in text
    html = desk.google.sent()[0].get_body(("html",))
    assert html is not None
    assert "<h2" not in html.get_content()


@pytest.mark.parametrize(
    "block",
    ["- one\n- two", "1. one\n\n   more of it", "> quoted", "| a | b |\n|---|---|\n| 1 | 2 |"],
)
def test_a_signature_right_below_a_block_is_no_part_of_it(desk: Desk, block: str) -> None:
    desk.template(f"{GOOD}\n\n{block}\n-- \nSupport team\nLagerhaus GmbH\n")
    desk.send(2)
    text = desk.texts()["ann@one.example"].replace("\r\n", "\n")
    assert "\n\n-- \nSupport team\nLagerhaus GmbH" in text
    html = desk.google.sent()[0].get_body(("html",))
    assert html is not None
    end = re.split("</(?:ul|ol|blockquote|table)>", html.get_content())[-1]
    assert "Support team" in end


def test_a_signature_below_a_loop_of_items_is_no_item(desk: Desk) -> None:
    desk.template(
        f"{GOOD}\n\n{{% for row in rows %}}\n- {{{{ row.account }}}}\n{{% endfor %}}\n"
        "-- \nThe team\n"
    )
    desk.send(2)
    assert "- Acme\n\n-- \nThe team" in desk.texts()["ann@one.example"].replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("link", "address"),
    [
        (
            "[Your page](https://x.example/?c={% if account %}{{ account }}{% endif %}&d=1)",
            "https://x.example/?c=Smith%20%26%20Sons%20%28UK%29&d=1",
        ),
        (
            "[Your page]({% if account %}https://x.example/{{ account }}{% else %}#{% endif %})",
            "https://x.example/Smith%20%26%20Sons%20%28UK%29",
        ),
        (
            "[Your page](https://x.example/{% if nobody is defined %}a{% elif account == 'Z' %}b"
            "{% else %}{{ account }}{% endif %}/{{ name }})",
            "https://x.example/Smith%20%26%20Sons%20%28UK%29/Bob",
        ),
        (
            "[Your page](https://x.example/?{% for row in rows %}c={{ row.account }}&{% endfor %})",
            "https://x.example/?c=Smith%20%26%20Sons%20%28UK%29&",
        ),
    ],
)
def test_a_value_behind_a_condition_stays_in_its_link(desk: Desk, link: str, address: str) -> None:
    desk.template(f"Hello {{{{ name }}}},\n\n{link}\n\n{GOOD}")
    desk.send(2)
    assert f"Your page ({address})" in desk.texts()["bob@two.example"]


def test_a_value_after_a_link_behind_a_condition_is_no_part_of_it(desk: Desk) -> None:
    desk.template(
        f"{{% if name %}}See https://x.example/a{{% endif %}}, {{{{ account }}}}\n\n{GOOD}"
    )
    desk.send(2)
    assert "See https://x.example/a, Smith & Sons (UK)" in desk.texts()["bob@two.example"]


@pytest.mark.parametrize(
    "line",
    [
        "{% if name %}We were wrong.{% endif %}",
        "{% if name %}We were wrong.{# ask Bob #}{% endif %}",
        "We were wrong.{# ask Bob #}",
        "{% if name %}\nWe were wrong.{% endif %}",
    ],
)
def test_a_statement_at_the_end_of_a_line_leaves_the_paragraphs_apart(
    desk: Desk, line: str
) -> None:
    desk.template(f"{line}\n\n{GOOD}")
    desk.send(2)
    text = desk.texts()["ann@one.example"].replace("\r\n", "\n")
    assert text == f"We were wrong.\n\n{GOOD}\n"


def test_rows_with_a_loop_on_one_line_stay_in_their_list(desk: Desk) -> None:
    desk.template(f"{{% for row in rows %}}\n- {{{{ row.account }}}}{{% endfor %}}\n\n{GOOD}")
    desk.send(2)
    assert desk.texts()["ann@one.example"].startswith("- Acme")


def test_many_findings_of_a_rule_count_each_customer_once(looking: Desk) -> None:
    tags = "".join(f"<h{number}>{{{{ name }}}}</h{number}>" for number in range(1, 7))
    looking.template(f"<b>a</b><i>b</i><u>c</u><p>d</p>\n\n{tags}\n\n{GOOD}")
    found = [each for each in looking.findings() if each["code"] == "html"]
    assert {each["row"] for each in found} == {None}


class TestWordings:
    BRANCHES = (
        "Hello{% if name %} {{ name }}{% endif %},\n\n"
        '{% if account == "Big" %}\nYour manager will call you.\n\n'
        '{% elif account == "Odd" %}\nYour case is special.\n\n{% endif %}\n'
    )

    @pytest.fixture
    def forty(self, desk: Desk) -> Desk:
        """Forty customers of three kinds, one of them without a name."""
        rows = [f"c{number}@x.example,N{number},Plain" for number in range(37)]
        rows += ["c37@x.example,,Plain", "big@x.example,Big,Big", "odd@x.example,Odd,Odd"]
        desk.rows("\n".join(["email,name,account", *rows, ""]))
        desk.template(self.BRANCHES + GOOD)
        return desk

    def test_the_sheet_and_the_preview_show_each_with_its_customers(self, forty: Desk) -> None:
        sheet = forty.notify().out
        assert "3 wordings, for 38, 1 and 1 of them" in sheet
        assert "Different text for 1 customer (first: row 40, big@x.example):" in sheet
        assert "+ Your manager will call you." in sheet
        document = forty.postmortem.json(
            *("notify", str(forty.folder / "list.csv")),
            *("--template", str(forty.folder / "mail.md")),
        )
        assert document["wordings"]["customers"] == [38, 1, 1]
        assert [each["first_row"] for each in document["wordings"]["shown"]] == [2, 40, 41]

    def test_the_sheet_says_where_it_leaves_lines_of_one_out(self, forty: Desk) -> None:
        lines = "".join(f"Line {number} of ours.\n\n" for number in range(1, 9))
        forty.template(f'{{% if account == "Big" %}}\n{lines}{{% endif %}}\n{GOOD}')
        sheet = forty.notify()
        assert "+ Line 6 of ours." in sheet.out
        assert "Line 7 of ours." not in sheet.out
        assert "…and 2 more lines: add --preview" in sheet.out + sheet.err

    def test_the_doc_keeps_each(self, forty: Desk) -> None:
        forty.send(40)
        text = forty.google.text(forty.doc_id)
        assert "Wording 1: 38 customers" in text
        assert text.count("Your manager will call you.") == 1
        assert text.count("Your case is special.") == 1
        assert "Hello ‹name›," in text

    def test_one_for_all_is_shown_as_it_was(self, desk: Desk) -> None:
        assert "1 version for all" in desk.notify().out
        desk.send(2)
        assert "Wording 1" not in desk.google.text(desk.doc_id)

    def test_a_correction_in_one_branch_is_a_notice_for_its_customers_alone(
        self, forty: Desk
    ) -> None:
        forty.send(40)
        forty.template(self.BRANCHES.replace("will call you", "wrote to you, and will call") + GOOD)
        said = forty.send(1, expect=3).err
        assert "1 of 1 already got the “update” notice, with almost the same text" in said
        forty.send(1, "--again")
        copies = forty.google.copies_per_recipient()
        assert {address for address, count in copies.items() if count == 2} == {"big@x.example"}

    def test_where_nobody_gets_a_mail_no_text_is_called_changed(self, forty: Desk) -> None:
        forty.send(40)
        sheet = forty.notify().out
        assert "40 left out (already in a notice with this text)" in sheet
        assert "Changed since then" not in sheet

    def test_a_correction_in_one_language_is_a_notice_for_its_customers_alone(
        self, desk: Desk
    ) -> None:
        desk.rows("email,name,locale\nann@one.example,Ann,\nbob@two.example,Bob,de\n")
        german = "Es tut uns leid. Wir melden uns am 25.11.2026. Antworten Sie einfach."
        desk.template(german, lang="de")
        desk.send(2)
        desk.template(f"{german} Die Beträge waren falsch.", lang="de")
        desk.send(1, "--again")
        assert desk.google.copies_per_recipient() == {"ann@one.example": 1, "bob@two.example": 2}
        assert "Die Beträge" in desk.texts()["bob@two.example"]

    def test_a_value_that_was_corrected_is_a_mail_of_its_own(self, desk: Desk) -> None:
        desk.rows("email,name,amount\nann@one.example,Ann,12.00\nbob@two.example,Bob,13.00\n")
        desk.template(f"Hello {{{{ name }}}}, you owe {{{{ amount }}}} EUR. {GOOD}")
        desk.send(2)
        desk.rows("email,name,amount\nann@one.example,Ann,12.00\nbob@two.example,Bob,14.00\n")
        assert "already has this text" not in desk.send(1, expect=3).err
        desk.send(1, "--again")
        assert desk.google.copies_per_recipient() == {"ann@one.example": 1, "bob@two.example": 2}

    def test_a_name_that_came_is_no_other_mail(self, desk: Desk) -> None:
        desk.template(self.BRANCHES + GOOD)
        desk.rows("email,account\nann@one.example,Plain\n")
        desk.send(1)
        desk.rows("email,name,account\nann@one.example,Ann,Plain\n")
        assert "already has this text" in desk.send(1).out
        assert desk.google.copies_per_recipient() == {"ann@one.example": 1}

    def test_who_is_caught_up_has_the_words_like_all_others(self, desk: Desk) -> None:
        desk.send(2)
        desk.rows(TWO + "cy@three.example,Cy,Acme\n")
        first = "{% if catch_up %}\nThis is the first mail to you.\n\n{% endif %}\n"
        desk.template(f"{first}News. {GOOD}")
        desk.send(3, "--again")
        assert "This is the first mail to you." in desk.texts()["cy@three.example"]
        assert "already has this text" in desk.send(3).out
        twice = dict.fromkeys(BOTH, 2)
        assert desk.google.copies_per_recipient() == {**twice, "cy@three.example": 1}
