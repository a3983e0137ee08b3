"""Google's Docs, Drive and Gmail, each behind one thin gateway.

`connect` gives all three. What goes wrong comes out as one of five kinds of `GoogleFault`, and
nothing here tries anything twice: what may be repeated is for the caller to know. Importing
this package loads neither googleapiclient nor requests; `workflow.google.login`, which signs a
person in, is imported by itself.
"""

from workflow.google.connection import Google, connect
from workflow.google.docs import Docs
from workflow.google.drive import INCIDENT_PROPERTY, Account, Drive, NewDocument, Role, Who
from workflow.google.emulator import Emulator, emulator_session
from workflow.google.endpoint import Endpoint
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
from workflow.google.gmail import Draft, Gmail, Sent
from workflow.google.scopes import DEFAULT_SCOPES
from workflow.google.sign_in import (
    LoggedOut,
    SignIn,
    google_session,
    logout,
    open_session,
    sign_in_status,
)

__all__ = [
    "DEFAULT_SCOPES",
    "INCIDENT_PROPERTY",
    "SHARED_WITHOUT_MAIL",
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
    "Sent",
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
