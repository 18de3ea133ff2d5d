"""`python -m faultlayer_cli`: the `faultlayer` command, where its script is not on the PATH."""

from faultlayer_cli.main import main

main()
