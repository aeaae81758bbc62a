"""`python -m nabe.cli`."""

from nabe.cli import main

main()
