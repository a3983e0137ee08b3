"""Why a job could not be done. `str()` is the sentence a person sees; the command line gives each
kind its exit code."""

from __future__ import annotations


class BadInput(ValueError):
    """What was given can't be used. Nothing was sent or changed."""


class NotSetUp(RuntimeError):
    """Sign-in, a permission or the configuration is missing."""


class Recorded(RuntimeError):
    """Google could not be reached or refused; what was asked is recorded and waits.

    `str()` says so, and how to go on.
    """
