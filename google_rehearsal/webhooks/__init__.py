"""A local server in place of the colleagues' chats: Slack's webhooks and bot, Google Chat.

It has one workspace and one space, with publicly known addresses. Messages are stored and shown on
a page; refusals use the services' own words.
"""

from google_rehearsal.webhooks.views import blueprint

__all__ = ["blueprint"]
