"""The rehearsal Google's sign-in: the consent page, and tokens given, renewed and withdrawn.

At Google's paths: `/o/oauth2/auth`, `/token`, `/revoke` (RFC 6749, 7636, 7009).
"""

from workflow.rehearsal.oauth.grants import Grants
from workflow.rehearsal.oauth.views import blueprint

__all__ = ["Grants", "blueprint"]
