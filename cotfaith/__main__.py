"""`python -m cotfaith`."""

from cotfaith.cli.app import main

main()
