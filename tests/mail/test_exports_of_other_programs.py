"""Lists as other programs export them: read as they are, or refused with the option to add.

The programs are Stripe, Shopify, Zendesk, HubSpot, Salesforce, Mailchimp, Google and Intercom.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from workflow.mail.list_decoding import ListUnreadable
from workflow.mail.list_recipients import ListReading, Recipient, open_list
from workflow.mail.list_rules import ListCheck

EXPORTS = Path(__file__).parent.parent / "fixtures" / "exports"
ALL = sorted(EXPORTS.glob("*.csv"))
OPTION = re.compile(r'--column (\w+)="([^"]+)"')


def read_as_told(path: Path) -> tuple[ListReading, list[Recipient]]:
    """The list, read with each option that its errors and warnings name, as a person would."""
    columns: dict[str, str] = {}
    for _ in range(3):
        try:
            reading = open_list(
                path.read_bytes(), email_column=columns.get("email"), columns=without_email(columns)
            )
        except ListUnreadable as refused:
            columns |= dict(OPTION.findall(str(refused)))
            continue
        people = [row for row in reading if isinstance(row, Recipient)]
        advised = dict(advice(reading, people))
        if not advised.items() - columns.items():
            return reading, people
        columns |= advised
    raise AssertionError(f"{path.name} can't be read with the options that are advised: {columns}")


def without_email(columns: dict[str, str]) -> dict[str, str]:
    return {name: header for name, header in columns.items() if name != "email"}


def advice(reading: ListReading, people: list[Recipient]) -> Iterator[tuple[str, str]]:
    check = ListCheck(used=("name",), name_beside=reading.name_beside)
    for person in people:
        check.take(person)
    for finding in check.findings():
        yield from OPTION.findall(finding.message)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_an_export_is_read_or_leads_to_the_option_that_reads_it(path: Path) -> None:
    _, people = read_as_told(path)
    assert [(each.email, each.columns["name"]) for each in people] == [
        ("ann@one.example", "Ann O'Neil"),
        ("bob@two.example", "Bob Meyer"),
    ]


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("shopify-orders", "account", ""),
        ("hubspot-contacts", "account", "Smith & Sons"),
        ("salesforce-report", "account", "Smith & Sons"),
        ("google-contacts", "account", "Smith & Sons"),
        ("zendesk-users", "timezone", "Europe/Berlin"),
        ("mailchimp-audience", "timezone", "Europe/Berlin"),
        ("intercom-users", "timezone", "Europe/Berlin"),
        ("shopify-customers", "customer_id", "7210448301122"),
        ("shopify-customers", "default_address_zip", "97201"),
        ("shopify-customers", "phone", "+15555552000"),
        ("stripe-customers", "total_spend", "120.00"),
    ],
)
def test_what_a_template_reads_of_it(name: str, variable: str, value: str) -> None:
    _, people = read_as_told(EXPORTS / f"{name}.csv")
    assert people[0].columns.get(variable, "") == value


def test_a_reports_title_is_no_header_and_its_footer_no_customer() -> None:
    title, _ = read_as_told(EXPORTS / "salesforce-formatted.csv")
    assert [note.where for note in title.notes] == ["row 6"]
    footer = open_list((EXPORTS / "salesforce-report.csv").read_bytes())
    bad = [row for row in footer if not isinstance(row, Recipient)]
    assert [row.row for row in bad] == [6, 7, 8, 9, 10]
