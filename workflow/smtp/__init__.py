"""Send mails through an SMTP relay, such as Google's own.

A carrier of mail beside Gmail's API. Failures are the kinds in `workflow.google.faults`, and
nothing here retries a mail.
"""
