"""``python -m fastdicom``: the program."""

from fastdicom.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
