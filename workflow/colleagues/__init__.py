"""The chats in which colleagues are told: Slack and Google Chat.

What a message looks like and what an answer means is pure; one module each speaks HTTP. Nothing
here tries anything twice: a message whose answer was lost may be there already.
"""
