"""`python -m cotfaith`."""

from cotfaith.cli import main

main()
