"""The meeting page, used as a person uses it."""

from pathlib import Path

import pytest

from support import monitor
from support.wait import LONG, until

pytestmark = pytest.mark.any_backend

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "meeting.png"
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


class Person:
    """A tab on the meeting page."""

    def __init__(self, page, name):
        self.page, self.name = page, name
        self.faults = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message):
        if message.type == "error":
            self.faults.append(message.text)

    async def join(self, box, room, *, camera=True, microphone=True):
        await self.page.goto(f"{box.http}/?room={room}")
        await self.page.get_by_label("Your name").fill(self.name)
        assert await self.page.get_by_label("Room", exact=True).input_value() == room
        for label, wanted in (("Camera on", camera), ("Microphone on", microphone)):
            await self.page.get_by_label(label).set_checked(wanted)
        await self.page.get_by_role("button", name="Join").click()
        await self.page.locator("#meeting").wait_for(state="visible", timeout=LONG * 1000)
        return self

    def tile(self, name):
        return self.page.locator(".tile", has=self.page.locator(".who", has_text=name))

    async def sees_moving(self, name):
        """Waits until somebody's tile shows a running picture."""
        await self.tile(name).first.wait_for(timeout=LONG * 1000)

        async def runs():
            video = self.tile(name).first.locator("video")
            return await video.count() and await video.evaluate("v => v.videoWidth > 0 && v.currentTime > 0.5")

        await until(runs, f"{self.name} sees {name} moving", LONG)

    def button(self, label):
        return self.page.get_by_role("button", name=label, exact=True)


@pytest.fixture
async def person(chromium):
    contexts = []

    async def one(name, size="desktop"):
        contexts.append(await chromium.browser.new_context(viewport=SIZES[size]))
        return Person(await contexts[-1].new_page(), name)

    yield one
    for context in contexts:
        await context.close()


async def test_two_people_meet_on_the_page(box, room, person):
    ada = await (await person("Ada")).join(box, room)
    ben = await (await person("Ben", "phone")).join(box, room)

    await ada.sees_moving("Ben")
    await ben.sees_moving("Ada")

    for each in (ada, ben):
        assert await each.page.locator(".tile").count() == 2
        assert "2 people" in await each.page.locator("#head-count").inner_text()
        overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not await each.page.evaluate(overflow), f"{each.name}'s page is wider than its window"
        assert each.faults == []


async def test_chat_arrives_as_text(box, room, person):
    ada = await (await person("Ada")).join(box, room, camera=False, microphone=False)
    ben = await (await person("Ben", "phone")).join(box, room, camera=False, microphone=False)
    await ada.tile("Ben").wait_for()
    await ben.tile("Ada").wait_for()
    hostile = "<img src=x onerror=\"document.title='owned'\"> good morning"

    await ada.button("Chat").click()
    await ada.page.get_by_label("Write a message to everyone").fill(hostile)
    await ada.page.keyboard.press("Enter")

    await ben.page.get_by_role("button", name="Chat, 1 new").click()
    await ben.page.get_by_text("good morning").wait_for()
    assert await ben.page.locator("#chat-log .text").inner_text() == hostile
    assert await ben.page.locator("#chat-log img").count() == 0
    assert await ben.page.title() != "owned"
    await ben.page.keyboard.press("Escape")
    assert not await ben.page.locator("#chat").is_visible()


async def test_a_hostile_name_is_only_text(box, room, person):
    ada = await (await person("Ada")).join(box, room, camera=False, microphone=False)
    await (await person("<b>Eve</b>\u202edrawrof\u200b")).join(box, room, camera=False, microphone=False)

    await ada.tile("Eve").wait_for()

    assert await ada.tile("Eve").locator(".who").inner_text() == "<b>Eve</b>drawrof"
    assert await ada.tile("Eve").locator("b").count() == 0


async def test_the_buttons_switch_what_they_say(box, room, person):
    ada = await (await person("Ada")).join(box, room)
    ben = await (await person("Ben")).join(box, room, camera=False, microphone=False)
    await ben.sees_moving("Ada")

    await ada.button("Turn camera off").click()
    await until(lambda: _gone(ben.tile("Ada").locator("video")), "Ada's picture is gone")
    await ada.button("Turn microphone off").click()
    await ben.tile("Ada").locator(".muted").wait_for(state="visible")
    await ada.button("Turn camera on").click()
    await ben.sees_moving("Ada")
    await ada.button("Turn microphone on").click()
    await ben.tile("Ada").locator(".muted").wait_for(state="hidden")


async def test_the_page_is_used_by_keyboard_alone(box, room, person):
    ada = await person("Ada")
    await ada.page.goto(f"{box.http}/?room={room}")
    for word in ("Ada",):
        await ada.page.keyboard.type(word)
    await ada.page.keyboard.press("Enter")
    await ada.page.locator("#meeting").wait_for(state="visible", timeout=LONG * 1000)

    focused = "document.activeElement.id"
    assert await ada.page.evaluate(focused) == "microphone"
    for wanted in ("camera", "screen", "chat-toggle", "leave"):
        await until(lambda: _enabled(ada.page), "the buttons are ready")
        await ada.page.keyboard.press("Tab")
        assert await ada.page.evaluate(focused) == wanted
    await ada.page.keyboard.press("Enter")
    await ada.page.get_by_text("You left the room.").wait_for()


async def test_a_person_who_speaks_has_a_ring_and_everyone_has_bars(box, room, person, join):
    ada = await (await person("Ada")).join(box, room, camera=False, microphone=False)
    ben = await join(box, room, "ben", name="Ben")
    await ben.publish_tone()

    await ada.page.locator(".tile.speaking", has_text="Ben").wait_for(timeout=LONG * 1000)
    await ada.tile("Ben").get_by_role("img", name="Connection:").wait_for(timeout=LONG * 1000)


async def test_a_python_client_is_seen_on_the_page_and_sees_it(box, room, person, join):
    ada = await (await person("Ada")).join(box, room)
    ben = await join(box, room, "ben", name="Ben")
    await ben.publish_picture()

    await ada.sees_moving("Ben")
    identity = next(iter(ben.room.remote_participants))
    await ben.track(identity, "video")
    await ben.track(identity, "audio")


async def test_a_camera_that_is_not_there_is_explained(box, room, person):
    ada = await person("Ada")
    missing = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'))"
    await ada.page.add_init_script(missing)
    await ada.join(box, room)

    trouble = ada.page.get_by_role("alert")
    await trouble.get_by_text("No camera was found.").wait_for()
    assert "Plug one in" in await trouble.inner_text()


async def test_a_box_that_does_not_answer_is_explained(box, room, person):
    ada = await person("Ada")
    await ada.page.goto(f"{box.http}/?room={room}")
    await ada.page.route("**/dev/token", lambda route: route.abort())
    await ada.page.get_by_label("Your name").fill("Ada")

    await ada.button("Join").click()

    await ada.page.get_by_role("alert").get_by_text("The box gave no way in.").wait_for()


async def test_a_lost_box_is_told_and_the_meeting_goes_on_when_it_is_back(own_box, room, person):
    box = await own_box()
    ada = await (await person("Ada")).join(box, room, microphone=False)
    ben = await (await person("Ben")).join(box, room, microphone=False)
    await ben.sees_moving("Ada")

    box.kill()
    await ada.page.get_by_text("Reconnecting").wait_for(timeout=LONG * 1000)
    await box.start()

    await until(lambda: _gone(ada.page.locator("#banner:visible")), "the banner goes", 2 * LONG)
    await ada.sees_moving("Ben")
    await ben.sees_moving("Ada")


async def test_a_removed_person_is_told(box, room, person):
    ada = await (await person("Ada")).join(box, room, camera=False, microphone=False)
    async with box.api() as service:
        await service.room.delete_room(_delete(room))

    await ada.page.get_by_role("alert").get_by_text("The room was closed.").wait_for()


async def test_the_page_says_what_it_is_not(box, person):
    ada = await person("Ada", "phone")
    await ada.page.goto(box.http)

    assert await ada.page.get_by_text("Development mode. Not a patient alarm system.").is_visible()


async def test_a_picture_of_the_meeting(box, person, join, request):
    """Also the README's picture, with `--update-screenshots`."""
    room = "morning-round"
    ada = await (await person("Doctor")).join(box, room)
    ben = await (await person("Night nurse")).join(box, room, microphone=False)
    device = await join(box, room, "monitor-4", name="Bed 4 monitor")
    await device.publish_picture(640, 360, 10, draw=monitor.i420)
    await ben.button("Chat").click()
    for tab, text in ((ben, "Good morning. Is the line clear?"), (ada, "Yes. Bed 4 is on the screen.")):
        if not await tab.page.locator("#chat").is_visible():
            await tab.page.locator("#chat-toggle").click()
        await tab.page.get_by_label("Write a message to everyone").fill(text)
        await tab.page.keyboard.press("Enter")
    await ada.page.get_by_text("Is the line clear?").wait_for()
    for name in ("Doctor", "Night nurse", "Bed 4 monitor"):
        await ada.sees_moving(name)
    await ada.tile("Night nurse").get_by_role("img", name="Connection:").wait_for(timeout=LONG * 1000)

    shot = await ada.page.screenshot()

    assert len(shot) > 20_000
    if request.config.getoption("--update-screenshots") and box.net == "uring":
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        PICTURE.write_bytes(shot)


def _delete(room):
    from livekit import api

    return api.DeleteRoomRequest(room=room)


async def _gone(locator):
    return await locator.count() == 0


async def _enabled(page):
    return await page.locator(".control[aria-busy=true]").count() == 0
