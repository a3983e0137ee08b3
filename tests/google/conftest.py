"""A server on this machine that replaces Google's sign-in."""

from __future__ import annotations

import pytest

from workflow.google import endpoint


class _GooglesOrThisMachines(frozenset[str]):
    """Google's addresses, and those of the server that replaces it in a test."""

    def __contains__(self, place: object) -> bool:
        return super().__contains__(place) or str(place).startswith("http://127.0.0.1:")


@pytest.fixture(autouse=True)
def _a_server_here_is_googles(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "only_googles_own" not in request.fixturenames:
        known = _GooglesOrThisMachines(endpoint.SIGN_IN_ORIGINS)
        monkeypatch.setattr(endpoint, "SIGN_IN_ORIGINS", known)


@pytest.fixture
def only_googles_own() -> None:
    """In this test, no server on this machine counts as Google's."""
