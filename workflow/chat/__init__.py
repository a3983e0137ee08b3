"""The chats in which colleagues are notified: Slack and Google Chat.

Formatting a message and interpreting an answer are pure; one module each uses HTTP. Nothing here
retries: a message whose answer was lost may have arrived.
"""
