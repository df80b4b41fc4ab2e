"""The options that the tools have, by their own help, and those that a command line or a page names."""

import json
import re
import shlex
import subprocess

from pages import ROOT

TOOLS = ("enqueue", "fetch", "optimize", "upload", "validate", "queue", "dashboard", "notify", "portal")
# What `conveyor NAME` is, if no tool of that name.
DRIVER = {"explain": "fetch", "limiter": "fetch", "portal-test": "fetch", "retry": "enqueue", "skip": "enqueue",
          "stop": "enqueue", "why": "validate", "report": "validate", "monitor": "validate", "reconcile": "validate"}
RUNS = ("run", "work", "doctor")
# Options that no help shows, and those of other programs that the pages name.
OTHERS = {"--help", "--help-all", "--version", "--experimental-dump-help", "--worker", "--inspect", "--parallel",
          "--reflink", "--spread"}


class Options:
    def __init__(self, tools):
        """`tools`: the folder of the built programs."""
        self.of = {}  # (tool, subcommand or "") -> names
        for tool in TOOLS:
            answer = subprocess.run([tools / tool, "--experimental-dump-help"], capture_output=True, check=True)
            root = json.loads(answer.stdout)["command"]
            for command in [root, *root.get("subcommands", [])]:
                name = "" if command is root else command["commandName"]
                self.of[tool, name] = {
                    ("--" if len(spelling["name"]) > 1 else "-") + spelling["name"]
                    for option in command.get("arguments", []) for spelling in option.get("names", [])}
        whole = set().union(*self.of.values())
        said = set()
        for command in RUNS:
            answer = subprocess.run([tools / "conveyor-driver", "options", command, "--all"], capture_output=True,
                                    text=True, check=True)
            said |= set(re.findall(r"--[a-z][a-z0-9-]*", answer.stdout))
        self.run = said | whole | {f"--{tool}-{name[2:]}" for (tool, _), names in self.of.items() for name in names}
        script = (ROOT / "examples" / "demo").read_text()
        self.demo = set(re.findall(r"--[a-z][a-z-]*", script))
        self.known = self.run | self.demo | self.old() | OTHERS

    def old(self):
        """Flags that were modes once, from the tools' own tables."""
        found = set()
        for path in (ROOT / "Sources").glob("*/*.swift"):
            for table in re.findall(r"oldOptions: \[String: OldOption\] = \[(.*?)\]", path.read_text(), re.DOTALL):
                found |= {f"--{name}" for name in re.findall(r'"([a-z-]+)": \.', table)}
        return found

    def unknown(self, command):
        """The options of our tools in a command line that they do not have."""
        for words in segments(command):
            names = self._names(words)
            if names is None:
                continue
            for word in words[1:]:
                option = word.partition("=")[0]
                if re.fullmatch(r"--[a-z][a-z0-9-]*", option) and option not in names | {"--help", "--help-all"}:
                    yield f"{words[0]} has no {option}"

    def _names(self, words):
        tool = words[0].rpartition("/")[2]
        rest = [word for word in words[1:] if not word.startswith("-")]
        if tool == "conveyor" and rest:
            name = rest[0]
            if name in RUNS:
                return self.run
            if name == "demo":
                return self.demo
            if name in DRIVER:
                return self.of[DRIVER[name], name]
            tool, rest = name, rest[1:]
        if tool not in TOOLS:
            return None
        name = rest[0] if rest and (tool, rest[0]) in self.of else ""
        # A flag that was a mode once is read as the subcommand, and has its options.
        return self.of[tool, name] if name else set().union(*(o for (t, _), o in self.of.items() if t == tool)) | {
            f"--{sub}" for t, sub in self.of if t == tool}


def segments(command):
    """The programs of a command line, as words: what stands between pipes, semicolons and brackets."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\\", True, "#"
    words = []
    try:
        tokens = list(lexer)
    except ValueError:
        return
    for token in [*tokens, ";"]:
        if token and set(token) <= set("();|&\n"):
            while words and ("=" in words[0].partition("/")[0] or words[0] in ("sudo", "exec", "time", "env")):
                words.pop(0)
            if words:
                yield words
            words = []
        else:
            words.append(token)
