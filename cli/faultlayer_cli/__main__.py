"""`python -m faultlayer_cli`: the `faultlayer` command, if its script is not on the PATH."""

from faultlayer_cli.main import main

main()
