"""Reads the documentation: its code blocks, and the command lines in them.

What a block is for stands in its first line (```sh) and in an HTML comment on the line before:

    <!-- not run: REASON -->    its commands are not run; their syntax and their options are checked all the same
    <!-- exits: 3 -->           one command or more ends with this status, the others with 0
    <!-- file: NAME -->         it is a file of the reader's
    <!-- file: NAME, after 4 lines -->   it takes the place of what that file has after its first four lines
"""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = ("sh", "console", "cron")
COMMENT = re.compile(r"<!-- (not run|exits|file): (.*?) -->")


class Command:
    def __init__(self, line, text, shown=()):
        self.line, self.text, self.shown = line, text, list(shown)


class Block:
    def __init__(self, line, language, notes):
        self.line, self.language, self.lines = line, language, []
        self.why_not_run = notes.get("not run")
        self.status = int(notes.get("exits", 0))
        self.file, _, after = notes.get("file", "").partition(", after ")
        self.after = int(after.split()[0]) if after else 0

    def text(self):
        return "".join(line + "\n" for line in self.lines)

    def commands(self):
        """The command lines, each with what a `console` block shows below it."""
        if self.language == "console":
            return self._shown_commands()
        if self.language == "cron":
            return [Command(self.line + number, line.split(None, 5)[5]) for number, line in enumerate(self.lines, 1)
                    if line and line[0] in "*0123456789@" and len(line.split(None, 5)) == 6]
        return list(self._plain_commands())

    def _plain_commands(self):
        text, begun = "", 0
        for number, line in enumerate(self.lines, self.line + 1):
            begun = begun if text else number
            text += line + "\n"
            if text.strip() and is_whole(text):
                if not is_comment(text):
                    yield Command(begun, text)
                text = ""
        if text.strip():
            yield Command(begun, text)

    def _shown_commands(self):
        found, open_one = [], False
        for number, line in enumerate(self.lines, self.line + 1):
            if line.startswith("$ "):
                found.append(Command(number, line[2:] + "\n"))
                open_one = not is_whole(found[-1].text)
            elif open_one:
                found[-1].text += line + "\n"
                open_one = not is_whole(found[-1].text)
            elif found and line.strip():
                found[-1].shown.append(line)
        return found


def is_comment(text):
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())


def is_whole(text):
    """Whether a shell takes these lines for a command, and waits for no more."""
    last = re.sub(r"\s+#.*", "", text.rstrip().splitlines()[-1])
    return not last.endswith(("|", "\\", "&&", "||")) and syntax_error(text) is None


def syntax_error(text):
    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
    # A document that is not ended is only warned of.
    return checked.stderr.strip() or None


def blocks(path):
    found, current, notes = [], None, {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if current is not None:
            if line.strip() == "```":
                found.append(current)
                current = None
            else:
                current.lines.append(line)
        elif line.startswith("```"):
            current, notes = Block(number, line[3:].strip(), notes), {}
        elif line.strip():
            notes = dict(COMMENT.findall(line))
    return found


def code(path):
    """The words in `backticks` outside of blocks, with their lines."""
    inside, text = False, []
    for line in path.read_text().splitlines():
        if line.startswith("```"):
            inside = not inside
        text.append("" if inside or line.startswith("```") else line)
    whole = "\n".join(text)
    for match in re.finditer(r"`([^`]+)`", whole):
        yield whole.count("\n", 0, match.start()) + 1, match[1]
