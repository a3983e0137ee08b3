"""`postmortem`, and `python -m workflow`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from workflow.cli import app  # noqa: PLC0415

    app()


if __name__ == "__main__":
    main()
