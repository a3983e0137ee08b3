"""The rehearsal Google's sign-in: the consent page, and issuing, renewing, revoking tokens.

At Google's paths: `/o/oauth2/auth`, `/token`, `/revoke` (RFC 6749, 7636, 7009).
"""
