"""The operators' console as an operator has it: in a shell, on a terminal whose screen can be read."""

import asyncio
import copy
import os
import re
import signal
import termios
from pathlib import Path

import pexpect
import pyte

from .box import binary
from .wait import SHORT, until

ALTERNATE_SCREEN, BRACKETED_PASTE = 1049, 2004
MODES = (ALTERNATE_SCREEN, BRACKETED_PASTE, 1000, 1002, 1003, 1006)
"""What a console switches on in a terminal, the mouse included (xterm's control sequences)."""

PROMPT = "operator$"


def console_binary():
    """The console's program, given by `cargo xtask e2e`."""
    return os.environ["RINGWARD_CONSOLE_BIN"]


class Screen(pyte.Screen):
    """What pyte's lacks: the screen that a program has to itself, and the one below it."""

    def set_mode(self, *modes, **kind):
        if ALTERNATE_SCREEN in modes and not self.has_alternate:
            self.below = copy.deepcopy(self.buffer)
            self.save_cursor()
            self.erase_in_display(2)
        super().set_mode(*modes, **kind)

    def reset_mode(self, *modes, **kind):
        if ALTERNATE_SCREEN in modes and self.has_alternate:
            self.buffer = self.below
            self.restore_cursor()
            self.dirty.update(range(self.lines))
        super().reset_mode(*modes, **kind)

    @property
    def has_alternate(self):
        return ALTERNATE_SCREEN << 5 in self.mode


class Terminal:
    """A shell on a pty. `shows` is what a person would read on it now."""

    def __init__(self, folder, columns=110, rows=34):
        self.screen = Screen(columns, rows)
        stream = pyte.ByteStream(self.screen)
        variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "PS1": PROMPT + " ", "TZ": "UTC"}
        variables |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.shell = pexpect.spawn("/bin/sh", env=variables, cwd=str(folder), dimensions=(rows, columns))

        def read():
            try:
                stream.feed(os.read(self.shell.child_fd, 65_536))
            except OSError:
                self.forget()

        asyncio.get_running_loop().add_reader(self.shell.child_fd, read)

    def forget(self):
        asyncio.get_running_loop().remove_reader(self.shell.child_fd)

    async def start(self):
        """Waits for the shell; the terminal as it is then is how it has to be again."""
        await self.until_shown(PROMPT)
        self.before = self.settings
        return self

    @property
    def settings(self):
        """What the kernel does with what is typed, and what the terminal was told to do."""
        modes = {mode for mode in MODES if mode << 5 in self.screen.mode}
        return termios.tcgetattr(self.shell.child_fd), modes, self.screen.cursor.hidden

    @property
    def shown(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    async def until_shown(self, *texts, limit=SHORT):
        """Waits until every text is on the screen, and returns the screen."""
        await self.until(lambda: all(text in self.shown for text in texts), f"{texts} on the screen", limit)
        return self.shown

    async def until_gone(self, text, limit=SHORT):
        await self.until(lambda: text not in self.shown, f"no {text!r} on the screen", limit)

    async def until(self, condition, what, limit=SHORT):
        return await until(condition, lambda: f"{what}; it shows\n{self.shown}", limit)

    def run(self, *words):
        """Types a command into the shell."""
        self.press(" ".join(words) + "\r")

    def press(self, keys):
        self.shell.send(keys)

    def type(self, text):
        """Types into a field that takes no key held down: `End` parts equal letters."""
        self.press(re.sub(r"(.)(?=\1)", "\\1\x1b[F", text))

    async def say(self, command):
        """A command of the console's palette, once it stands there."""
        self.press(":" + command)
        await self.until_shown(":" + command)
        self.press("\r")

    def console_process(self):
        """The console's own process: the child of its guard, which is the shell's."""
        guard = children(self.shell.pid)[0]
        return children(guard)[0]

    def kill_console(self):
        os.kill(self.console_process(), signal.SIGKILL)

    async def until_restored(self):
        """Waits for a shell that works as before: cooked, the ordinary screen, a cursor."""
        await self.until(lambda: self.settings == self.before, "a terminal as it was before")
        self.run("echo it is $((6 * 7))")
        await self.until_shown("echo it is $((6 * 7))", "it is 42")

    def stop(self):
        self.forget()
        self.shell.close(force=True)


def children(process):
    """The processes that a process started and that still are."""
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


async def ringward(box, *words, given=None):
    """Runs a command of the daemon's own for a box; returns what it says."""
    process = await asyncio.create_subprocess_exec(
        binary(),
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate((given or "").encode()), SHORT)
    assert process.returncode == 0, f"ringward {' '.join(words)}: {err.decode()}\n{box.tail()}"
    return out.decode()
