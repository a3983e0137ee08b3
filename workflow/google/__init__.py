"""Google's Docs, Drive and Gmail, each behind one thin gateway.

`connect` opens all three. A failure is raised as one of five kinds of `GoogleFault`, and nothing
here retries: the caller knows what may be repeated. Importing this package loads neither
googleapiclient nor requests; `workflow.google.login`, which signs a person in, is imported
separately.
"""

from workflow.google.client import Docs, Google, connect
from workflow.google.drive import INCIDENT_PROPERTY, Account, Drive, NewDocument, Role, Who
from workflow.google.endpoint import (
    DEFAULT_SCOPES,
    Emulator,
    Endpoint,
    LoggedOut,
    SignIn,
    emulator_session,
    google_session,
    logout,
    open_session,
    sign_in_status,
)
from workflow.google.faults import (
    SHARED_WITHOUT_MAIL,
    GoogleFault,
    Refused,
    SignInNeeded,
    SlowDown,
    StaleRevision,
    Undecided,
    Unreachable,
)
from workflow.google.gmail import AcceptedMail, Draft, Gmail

__all__ = [
    "DEFAULT_SCOPES",
    "INCIDENT_PROPERTY",
    "SHARED_WITHOUT_MAIL",
    "AcceptedMail",
    "Account",
    "Docs",
    "Draft",
    "Drive",
    "Emulator",
    "Endpoint",
    "Gmail",
    "Google",
    "GoogleFault",
    "LoggedOut",
    "NewDocument",
    "Refused",
    "Role",
    "SignIn",
    "SignInNeeded",
    "SlowDown",
    "StaleRevision",
    "Undecided",
    "Unreachable",
    "Who",
    "connect",
    "emulator_session",
    "google_session",
    "logout",
    "open_session",
    "sign_in_status",
]
