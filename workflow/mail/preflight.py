"""The check before anything leaves: what is wrong with the words and with the list."""

from __future__ import annotations

from workflow.mail.finding import Finding
from workflow.mail.list_rules import check_list
from workflow.mail.word_rules import PatternRule, check_words

__all__ = ["Finding", "PatternRule", "check_list", "check_words"]
