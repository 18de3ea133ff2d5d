"""`python -m faultlayer_cli.demo`, as `make demo` runs it."""

import sys

from faultlayer_cli.demo.scenes import main

sys.exit(main())
