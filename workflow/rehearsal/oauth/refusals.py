"""What the sign-in server refuses, in the shape of RFC 6749, 5.2."""

from __future__ import annotations


class OAuthError(Exception):
    """A refusal: its code and Google's words for it."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description

    @property
    def status(self) -> int:
        """The HTTP status: 401 for a client that is not known, else 400."""
        return 401 if self.error in {"invalid_client", "unauthorized_client"} else 400

    def as_json(self) -> dict[str, str]:
        """The body."""
        return {"error": self.error, "error_description": self.description}


# Google's words to a service account that no administrator has let in for what it asks.
NOT_DELEGATED = (
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized "
    "for any of the scopes requested."
)

# Switched on as faults of `oauth2.token`. The words are those that Google is reported to say.
REHEARSED = {
    "invalid_grant": "Token has been expired or revoked.",
    "invalid_client": "The OAuth client was not found.",
    "deleted_client": "The OAuth client was deleted.",
    "unauthorized_client": "Unauthorized",
    "admin_policy_enforced": "Access to your account data is restricted by policies within "
    "your organization.",
}
