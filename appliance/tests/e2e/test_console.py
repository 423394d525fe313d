"""The real console on a terminal, against the real box, with real participants."""

import asyncio
import json
import os
import re
import subprocess

import aiohttp
import pytest
from livekit import rtc

from support.box import free_port
from support.client import Client
from support.terminal import PROMPT, Terminal, console_binary, ringward
from support.wait import LONG, until

pytestmark = pytest.mark.any_backend

ESC, CONFIRM = "\x1b", "\x19"


@pytest.fixture
async def terminal(tmp_path):
    terminal = await Terminal(tmp_path).start()
    yield terminal
    terminal.stop()


async def watch(terminal, box, *flags):
    """Starts the console on the box's own socket and waits until it hears the box."""
    terminal.run(console_binary(), f"--box BOX-1=unix:{box.data}/admin.sock", *flags)
    await terminal.until_shown("NOT A PATIENT ALARM SYSTEM", "live 0")


async def audit(box, target):
    """What `ringward audit --json` has about an id, oldest first."""
    lines = await ringward(box, "audit", "--json", "--data", str(box.data))
    entries = [json.loads(line) for line in lines.splitlines()]
    return [entry for entry in entries if entry["target"] == target]


async def confirm(terminal, note):
    """Fills the card that is open and confirms it; returns the id it was bound to."""
    card = await terminal.until_shown("Enter goes on to the reason")
    sid = re.search(r"\b(?:RM|PA|TR)_\w+", card)[0]
    terminal.press("\r")
    await terminal.until_shown("choose: arrows")
    terminal.press("t")
    await terminal.until_shown("[TEST")
    terminal.press("\t" + note + "\t")
    await terminal.until_shown(note)
    terminal.type(sid[-4:])
    await terminal.until_shown(f"Last four  {sid[-4:]}")
    terminal.press(CONFIRM)
    return sid


async def end_the_room(terminal):
    """Ends the only room of an armed console; returns its id."""
    await terminal.until_shown("ARMED")
    terminal.press("2")
    await terminal.until_shown("ROOMS 1 ")
    terminal.press("X")
    sid = await confirm(terminal, "over")
    await terminal.until_shown("DONE in")
    return sid


async def refused(box, room, identity):
    """Somebody whose token was signed with another box's secret."""
    token = box.token(room, identity, secret="the secret of some other hospital's box")
    intruder = Client(box, room, identity, token=token)
    with pytest.raises(rtc.ConnectError):
        await intruder.join()


async def test_an_operator_finds_somebody_asks_why_ends_and_reads_it_up(own_box, terminal, room, join):
    box = await own_box()
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ada.publish_picture()
    await ben.sees("ada")
    await refused(box, room, "carol")
    await watch(terminal, box)

    terminal.press("2")
    assert room not in await terminal.until_shown("ROOMS 1 ", "r####")
    terminal.press("\r")
    shown = await terminal.until_shown("PARTICIPANT", "standard", "names masked")
    assert "ada" not in shown and "ben" not in shown
    terminal.press("U")
    await terminal.until_shown("NAMES SHOWN", room, "ada", "ben")

    await terminal.say("why carol")
    await terminal.until_shown("SIGNATURE", "FAIL")

    terminal.press("3X")
    await terminal.until_shown("END person", "Enter goes on to the reason")
    terminal.press("\r")
    await terminal.until_shown("READ-ONLY: Esc, then :arm")
    terminal.press(ESC)
    await terminal.until_gone("END person")
    await terminal.say("arm")
    await terminal.until_shown("ARMED")
    terminal.press("X")
    assert not ada.saw("disconnected")
    sid = await confirm(terminal, "asked for by the ward")
    await terminal.until_shown("DONE in")

    assert sid == ada.me.sid
    await until(lambda: ada.saw("disconnected"), "ada is told")
    assert ada.saw("disconnected") == [[rtc.DisconnectReason.PARTICIPANT_REMOVED]]
    await until(lambda: ben.saw("participant_disconnected"), "ben sees ada go")
    assert not ben.saw("disconnected")
    terminal.press(ESC)
    await terminal.until_gone("DONE in")
    terminal.press("5")
    await terminal.until_shown("END?", "END!", "asked for by the ward", "chain OK")

    intent, outcome = await audit(box, sid)
    assert (intent["phase"], intent["act"], intent["reason"]) == ("intent", "end", "test"), intent
    assert intent["detail"] == "asked for by the ward"
    assert (outcome["phase"], outcome["reason"]) == ("outcome", "done"), outcome
    assert intent["sequence"] < outcome["sequence"]


async def test_an_operator_ends_a_room_and_everybody_is_told(own_box, terminal, room, join):
    box = await own_box()
    people = [await join(box, room, "ada"), await join(box, room, "ben")]
    await watch(terminal, box)
    await terminal.say("arm")
    sid = await end_the_room(terminal)
    for person in people:
        await until(lambda: person.saw("disconnected"), f"{person.identity} is told")
        assert person.saw("disconnected") == [[rtc.DisconnectReason.ROOM_DELETED]]
    terminal.press(ESC)
    await terminal.until_shown("ROOMS 0 ")
    assert [entry["phase"] for entry in await audit(box, sid)] == ["intent", "outcome"]


def click(column, row):
    """The left button down and up, as a terminal tells it (xterm's SGR mouse mode); both from 1."""
    return f"\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"


async def test_the_mouse_finds_and_never_confirms(own_box, terminal, room, join):
    box = await own_box()
    ada, ben = await join(box, room, "ada"), await join(box, f"{room}-b", "ben")
    await watch(terminal, box, "--mouse")
    await terminal.say("arm")
    shown = await terminal.until_shown("ARMED", "2rooms")
    terminal.press(click(shown.splitlines()[-1].index("2rooms") + 2, 34))
    shown = await terminal.until_shown("ROOMS 2 ", "> RM-")
    rows = [row for row, line in enumerate(shown.splitlines(), 1) if " RM-" in line]
    other = next(row for row in rows if not shown.splitlines()[row - 1].startswith(">"))
    name = shown.splitlines()[other - 1].split()[0]
    terminal.press(click(5, other))
    await terminal.until_shown("> " + name)

    terminal.press("X")
    card = await terminal.until_shown("END room", "Enter goes on")
    assert name[-4:] in card
    for row, line in enumerate(card.splitlines(), 1):
        for word in ("Enter", "Ctrl-Y", "Esc"):
            if word in line:
                terminal.press(click(line.index(word) + 1, row))
    terminal.press("\r")
    card = await terminal.until_shown("Reason", "Ctrl-Y ends it")
    row = next(row for row, line in enumerate(card.splitlines(), 1) if "Ctrl-Y ends it" in line)
    terminal.press(click(card.splitlines()[row - 1].index("Ctrl-Y") + 1, row))
    terminal.press("t")
    await terminal.until_shown("[TEST", "Last four")
    terminal.press(ESC)
    await terminal.until_gone("END room")
    assert not ada.saw("disconnected") and not ben.saw("disconnected")


async def test_a_console_that_is_killed_gives_the_terminal_back(own_box, terminal):
    box = await own_box()
    await watch(terminal, box, "--mouse")
    assert terminal.settings != terminal.before
    terminal.kill_console()
    await terminal.until_shown("is as it was before", "Nothing was done on any box", PROMPT)
    await terminal.until_restored()


async def test_a_console_that_is_left_gives_the_terminal_back(own_box, terminal):
    box = await own_box()
    await watch(terminal, box)
    terminal.press("q")
    await terminal.until_restored()


async def test_a_console_finds_a_box_that_comes_back(own_box, terminal, room, join):
    box = await own_box()
    await watch(terminal, box)
    box.kill()
    await terminal.until_shown("LINK LOST")
    terminal.press("2X")
    await terminal.until_shown("nothing can be done")
    await box.start()
    await terminal.until_gone("LINK LOST", LONG)
    await join(box, room, "ada")
    await terminal.until_shown("ROOMS 1 ", "r####")


# Accounts, over HTTPS.


@pytest.fixture
async def https_box(own_box, tmp_path):
    """A box with an internal CA that was made before its first start, and its HTTPS port."""
    port = free_port()
    config = f'development = true\nhttps = "127.0.0.1:{port}"\nplain-http = "serve"\n[tls]\ninternal-ca = true\n'
    box = await own_box(config=config, before=lambda box: ringward(box, "ca", "init", *at(box)))
    await ringward(box, "ca", "export", *at(box), "--out", str(tmp_path / "ca.pem"))
    box.https = f"https://127.0.0.1:{port}"
    return box


def at(box):
    return "--config", str(box.config), "--data", str(box.data)


async def account(box, *words, password):
    await ringward(box, "account", *words, "--data", str(box.data), given=password + "\n")


async def log_in(terminal, password):
    """Types the password into the window that asks for it."""
    await terminal.until_shown("Password")
    terminal.press(password)
    await terminal.until_shown("*" * len(password))
    terminal.press("\r")


async def test_an_operator_logs_in_over_https(https_box, terminal, room, join):
    box, old, new = https_box, "words for the night", "words for the day"
    await account(box, "add", "mlee", "--role", "operator", password=old)
    ada = await join(box, room, "ada")

    terminal.run(console_binary(), f"--box ER={box.https} --account mlee")
    await terminal.until_shown("LINK LOST", "certificate")
    terminal.press("q")
    await terminal.until_restored()

    terminal.run(console_binary(), f"--box ER={box.https} --ca ca.pem --account mlee")
    await log_in(terminal, "words of another")
    await terminal.until_shown("! name or password is wrong")
    await log_in(terminal, old)
    await terminal.until_shown("NOT A PATIENT ALARM SYSTEM", "op:mlee", "READ-ONLY")

    await account(box, "password", "mlee", password=new)
    await terminal.until_shown("LOG IN", limit=LONG)
    await log_in(terminal, old)
    await terminal.until_shown("! name or password is wrong")
    await log_in(terminal, new)
    await terminal.until_shown("NOT A PATIENT ALARM SYSTEM", "READ-ONLY")

    await terminal.say("arm")
    await log_in(terminal, new)
    sid = await end_the_room(terminal)
    await until(lambda: ada.saw("disconnected"), "ada is told")
    assert {entry["actor"] for entry in await audit(box, sid)} == {"mlee"}


async def by_socket(box, verb, target):
    """An operator's action by whoever runs this; the status and what became of it."""
    action = {"verb": verb, "target": target, "reason": "test"}
    connector = aiohttp.UnixConnector(path=str(box.data / "admin.sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.post("http://ringward/admin/actions", json=action) as answer:
            return answer.status, await answer.json()


async def test_two_people_end_a_held_room(https_box, terminal, room, join):
    box, me = https_box, f"uid:{os.getuid()}"
    await account(box, "add", "mlee", "--role", "operator", password="words for the night")
    ada = await join(box, room, "ada")
    target = {"kind": "room", "sid": await ada.room.sid}
    assert (await by_socket(box, "hold", target))[0] == 200
    terminal.run(console_binary(), f"--box ER={box.https} --ca ca.pem --account mlee")
    await log_in(terminal, "words for the night")
    await terminal.until_shown("NOT A PATIENT ALARM SYSTEM")
    terminal.press("2")
    await terminal.until_shown("ROOMS 1 ", "hold")

    status, asked = await by_socket(box, "end", target)
    assert (status, asked["outcome"]) == (202, "waiting"), asked
    await terminal.until_shown(f"END?{me}")
    assert not ada.saw("disconnected")
    await terminal.say("arm")
    await log_in(terminal, "words for the night")
    await terminal.until_shown("ARMED")
    terminal.press("X")
    await terminal.until_shown(f"{me} asks to end this held session: your End confirms it")
    await confirm(terminal, "both agree")
    await terminal.until_shown("DONE in", "agreed to by mlee")
    await until(lambda: ada.saw("disconnected"), "ada is told")
    done = (await audit(box, target["sid"]))[-1]
    assert (done["actor"], done["reason"]) == ("mlee", "done"), done
    assert f"asked for by {me} (#{asked['audit']}), agreed to by mlee" in done["detail"], done


async def test_a_script_logs_in_over_https(https_box, tmp_path):
    await account(https_box, "add", "nagios", "--role", "viewer", password="words for a script")
    words = [console_binary(), "--box", f"ER={https_box.https}", "--ca", str(tmp_path / "ca.pem")]
    words += ["--account", "nagios", "--password-file", str(tmp_path / "password"), "--plain", "--json", "health"]
    for password, code in [("words for a script", 0), ("words of another", 3)]:
        (tmp_path / "password").write_text(password + "\n")
        script = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = await asyncio.wait_for(script.communicate(), LONG)
        assert script.returncode == code, err.decode()
        assert password not in (out + err).decode()
