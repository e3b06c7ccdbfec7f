"""Make the relative links of a page absolute, for readers that see it without its folder.

    python tools/absolute_links.py README.md https://FORGE/OWNER/NAME TAG

An index such as PyPI shows README.md alone, so its links and pictures must be whole addresses. The
repository names no forge: the workflow that builds a release knows where it runs, and runs this
first. Pictures get the address of the raw file.
"""

import re
import sys
from pathlib import Path

LINK = re.compile(r"(!?)\[((?:[^][]|\[[^][]*\])*)\]\((?!\w+:|#)([^)]+)\)")


def absolute_links(text, forge, version):
    """Return the text with absolute addresses in place of relative ones."""

    def absolute(link):
        picture, words, target = link.groups()
        kind = "raw" if picture else "blob"
        return f"{picture}[{words}]({forge}/{kind}/{version}/{target})"

    return LINK.sub(absolute, text)


if __name__ == "__main__":
    page, *where = Path(sys.argv[1]), *sys.argv[2:]
    page.write_text(absolute_links(page.read_text("utf-8"), *where), "utf-8")
