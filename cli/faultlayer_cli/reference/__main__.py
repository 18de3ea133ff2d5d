"""`python -m faultlayer_cli.reference`, as `make docs` and `make check` run it."""

import sys

from faultlayer_cli.reference.pages import main

sys.exit(main())
