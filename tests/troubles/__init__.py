"""docs/troubleshooting.md: symptom, cause and remedy for everything Terrace can say that is not well.

Here, and not in a room of the program, since daemon and command line do not know each other and the page is of both.
`make troubles` writes it; the test finds what the code can say (`found`) and fails where the page says nothing of it.
"""
