"""Which addresses are public: names and addresses on the open internet."""

from __future__ import annotations

import pytest

from workflow.google.endpoint import Endpoint
from workflow.google.public_pictures import NotPublic, PublicPictures

_REAL = PublicPictures(Endpoint(), 1.0)


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f.1", "0x7f.0x1", "1.2.3.04", "10.0.0.1", "[::1]", "a..b", ".", "nas"]
)
def test_a_host_that_is_not_on_the_internet_is_not_asked(host: str) -> None:
    with pytest.raises(NotPublic, match="is not public"):
        _REAL.check_address(f"https://{host}/picture.png")


@pytest.mark.parametrize("host", ["pictures.example", "pictures.example.", "8.8.8.8", "1a.example"])
def test_a_host_on_the_internet_may_be_asked(host: str) -> None:
    _REAL.check_address(f"https://{host}/picture.png")
