"""`python -m mt5_exporter` is `mt5-exporter`."""

import sys

from mt5_exporter.cli import main

if __name__ == "__main__":
    sys.exit(main())
