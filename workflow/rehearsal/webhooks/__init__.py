"""A stand-in for the chats of colleagues: Slack's webhooks and bot, Google Chat's webhooks.

It has one workspace and one space, whose addresses are known to all. What is said there is kept and
shown on a page; what the services refuse is refused in their own words.
"""

from workflow.rehearsal.webhooks.views import blueprint

__all__ = ["blueprint"]
