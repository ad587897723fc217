"""Opens HTML pages of pyannote-core in Chromium, uses them with mouse and keyboard, and takes screenshots.

Not part of `.ci/run`, since it needs a browser. To run it:

    pip install playwright
    python tests/python/html_page.py target/html_page           # with `playwright install chromium`
    CHROMIUM=/usr/bin/chromium python tests/python/html_page.py target/html_page

The argument is the folder for pages and screenshots.
"""

import base64
import functools
import http.server
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import threading
import time
import wave

from playwright.sync_api import sync_playwright

WORDS = "so we could move the release to Thursday and keep the tests as they are then nobody waits for us".split()
# Markup, quotes, a right-to-left override, a NUL, and a name that is far too long.
HOSTILE = ["</script><script>document.title='x'</script>", "\"'><img src=x onerror=document.title='x'>",
           "\u202eevil\u0000name", "N" * 200]


def conversation(turns, words_per_turn, speakers, seed=1):
    """Turns and words of a conversation; some turns overlap."""
    rng = random.Random(seed)
    at, rttm, words = 0.4, [], []
    for index in range(turns):
        speaker = f"SPEAKER_{rng.randrange(speakers) if index >= speakers else index:02}"
        length = words_per_turn * rng.uniform(0.5, 1.5) * 0.3 + 0.4
        rttm.append((at, length, speaker))
        count = max(1, round(length / 0.3) - 1)
        for word in range(count):
            start = at + word * length / count
            words.append({"start": round(start, 3), "end": round(start + 0.25, 3),
                          "text": WORDS[(index + word) % len(WORDS)], "speaker": speaker})
        at += length + rng.uniform(-0.5, 0.8)
    return rttm, words, at


def write_wav(path, seconds):
    """A tone that changes its pitch."""
    rate = 8000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (int(3000 * math.sin(i * (0.2 + 0.1 * (i // rate % 3)))) for i in range(int(seconds * rate)))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def write_page(folder, name, rttm, words=None, audio=None):
    """Writes a page with the example of the crate."""
    turns = folder / f"{name}.rttm"
    turns.write_text("".join(
        f"SPEAKER {name} 1 {start:.3f} {length:.3f} <NA> <NA> {speaker} <NA> <NA>\n"
        for start, length, speaker in rttm))
    command = ["cargo", "run", "-q", "-p", "pyannote-core", "--example", "html_page", "--", str(turns)]
    if audio:
        command.append(audio)
    if words is not None:
        (folder / f"{name}.json").write_text(json.dumps(words))
        command.append(str(folder / f"{name}.json"))
    page = folder / f"{name}.html"
    page.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return page


def open_page(browser, url, **options):
    """Opens a page, and collects its errors and requests."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.problems, page.requests = [], []
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(url)
    return page


def wait(page, condition):
    """Waits until a condition is true. `wait_for_function` needs `eval`, which the page's policy forbids."""
    deadline = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(50)


def audio_state(page):
    return page.evaluate("(() => { const a = document.querySelector('audio'); return [a.currentTime, a.paused] })()")


def check_player(browser, url, shots):
    """Mouse and keyboard on a page with a recording and words."""
    page = open_page(browser, url, viewport={"width": 1100, "height": 800})
    wait(page, "document.querySelector('audio').readyState >= 1")
    page.screenshot(path=shots / "light.png")

    # A word plays from its start.
    word = page.locator("[data-at]").nth(30)
    at = float(word.get_attribute("data-at"))
    word.click()
    wait(page, f"document.querySelector('audio').currentTime > {at + 0.1}")
    assert not audio_state(page)[1]
    assert page.locator("[aria-current]").count() >= 1
    assert page.locator(".said").count() == 1
    assert page.locator("tr.on").count() >= 1
    page.screenshot(path=shots / "playing.png")

    # Space pauses and plays, arrows seek, also with the focus on a turn.
    page.keyboard.press(" ")
    before, paused = audio_state(page)
    assert paused
    page.keyboard.press("ArrowRight")
    assert abs(audio_state(page)[0] - before - 5) < 0.3
    page.keyboard.press("ArrowLeft")
    assert abs(audio_state(page)[0] - before) < 0.3

    # j and k, and the arrows within the list, go through the turns.
    page.keyboard.press("j")
    first = page.evaluate("Number(document.activeElement.closest('li').dataset.start)")
    assert abs(audio_state(page)[0] - first) < 0.01
    page.keyboard.press("ArrowDown")
    second = page.evaluate("Number(document.activeElement.closest('li').dataset.start)")
    assert second > first
    page.keyboard.press("k")
    assert page.evaluate("Number(document.activeElement.closest('li').dataset.start)") == first
    page.screenshot(path=shots / "focus.png")
    assert audio_state(page)[1], "j and k do not start the recording"
    page.keyboard.press(" ")
    page.wait_for_timeout(200)
    assert not audio_state(page)[1], "the space bar plays if a turn has the focus"
    page.keyboard.press(" ")

    # Enter plays the turn.
    page.keyboard.press("Enter")
    wait(page, "!document.querySelector('audio').paused")
    page.keyboard.press(" ")

    # A click on the timeline seeks and plays.
    track = page.locator(".track").first
    box = track.bounding_box()
    end = float(page.locator("#lanes").get_attribute("data-end"))
    track.click(position={"x": box["width"] / 2, "y": 10})
    wait(page, "!document.querySelector('audio').paused")
    assert abs(audio_state(page)[0] - end / 2) < 1.5
    page.keyboard.press(" ")

    # A hidden speaker has no rows, and is skipped.
    page.locator("input").nth(1).uncheck()
    assert page.locator("li[data-speaker='1']:visible").count() == 0
    for _ in range(10):
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.closest('li').dataset.speaker") != "1"
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=shots / "filter.png")
    page.locator("input").nth(1).check()

    # Tab order: player, speakers, cursor, one turn.
    page.evaluate("document.activeElement.blur()")
    page.reload()
    order = []
    for _ in range(30):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.tagName + '#' + document.activeElement.id"))
        if order[-1].startswith("BUTTON"):
            break
    assert order[0].startswith("AUDIO") and "DIV#cursor" in order and order[-1] == "BUTTON#", order
    assert not page.problems, page.problems
    page.context.close()


def check_server(browser, url):
    """A page from a web server loads the recording, and nothing else."""
    page = open_page(browser, url + "talk.html")
    wait(page, "document.querySelector('audio').readyState >= 1")
    page.locator("li button").first.click()
    wait(page, "document.querySelector('audio').currentTime > 0.1")
    assert set(page.requests) - {"data:,"} == {url + "talk.html", url + "talk.wav"}, page.requests
    assert not page.problems, page.problems
    page.context.close()


def check_embedded(browser, url):
    """A page with the recording in it makes no requests."""
    page = open_page(browser, url)
    page.locator("li").first.click()
    wait(page, "document.querySelector('audio').currentTime > 0.3")
    assert {request for request in page.requests if not request.startswith("data:")} == {url}, page.requests
    assert not page.problems, page.problems
    page.context.close()


def check_touch(browser, url):
    """Taps on a phone."""
    page = open_page(browser, url, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    wait(page, "document.querySelector('audio').readyState >= 1")
    page.locator(".track").nth(1).tap(position={"x": 150, "y": 12})
    wait(page, "!document.querySelector('audio').paused && document.querySelector('audio').currentTime > 40")
    page.locator("li").nth(2).tap()
    wait(page, "Math.abs(document.querySelector('audio').currentTime"
               " - document.querySelectorAll('li')[2].dataset.start) < 2")
    assert not page.problems, page.problems
    page.context.close()


def check_layout(browser, url, shots, name):
    """Screenshots in all forms, without anything wider than the screen."""
    for form, options in {
        "wide": {"viewport": {"width": 1280, "height": 900}},
        "dark": {"viewport": {"width": 1100, "height": 800}, "color_scheme": "dark"},
        "phone": {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True},
        "phone-dark": {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "color_scheme": "dark"},
    }.items():
        page = open_page(browser, url, **options)
        page.screenshot(path=shots / f"{name}-{form}.png")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= options["viewport"]["width"], f"{name}-{form}: {width}"
        assert page.title() != "x", "a label was run as a script"
        assert not page.problems, page.problems
        if form == "wide":
            page.emulate_media(media="print")
            page.screenshot(path=shots / f"{name}-print.png")
        page.context.close()


def check_speed(browser, url, path):
    """A page with 5,000 turns and 50,000 words stays responsive. Prints figures, asserts nothing about time."""
    page = open_page(browser, url, viewport={"width": 1100, "height": 800})
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000
    step = page.evaluate("""() => {
        const at = performance.now();
        const press = () => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }));
        for (let i = 0; i < 100; i++) press();
        document.body.getBoundingClientRect();
        return (performance.now() - at) / 100;
    }""")
    hide = page.evaluate("""() => {
        const at = performance.now();
        document.querySelector('input').click();
        document.body.getBoundingClientRect();
        return performance.now() - at;
    }""")
    print(f"{path.stat().st_size / 1e6:.1f} MB, {page.locator('li').count()} turns, "
          f"{page.locator('[data-at]').count()} words: loaded in {loaded:.2f} s, {step:.1f} ms per step, "
          f"{hide:.0f} ms to hide a speaker")
    assert page.locator("li[aria-current]").count() >= 1
    assert not page.problems, page.problems


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    rttm, words, seconds = conversation(40, 9, 3)
    write_wav(folder / "talk.wav", seconds)
    talk = write_page(folder, "talk", rttm, words, "talk.wav")
    plain = write_page(folder, "plain", conversation(60, 9, 5)[0])
    hostile = write_page(folder, "hostile", rttm, [
        {**word, "speaker": HOSTILE[int(word["speaker"][-1])], "text": HOSTILE[index % 4]}
        for index, word in enumerate(words[:60])])
    long_rttm, long_words, _ = conversation(5000, 10, 8)
    big = write_page(folder, "big", long_rttm, long_words)
    missing = write_page(folder, "missing", rttm, words, "missing.wav")
    write_wav(folder / "short.wav", 2)
    recording = base64.b64encode((folder / "short.wav").read_bytes()).decode()
    embedded = write_page(folder, "embedded", [(0.2, 1.5, "A")], audio=f"data:audio/wav;base64,{recording}")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM"), args=["--autoplay-policy=no-user-gesture-required"])
        check_player(browser, talk.as_uri(), folder)
        check_server(browser, f"http://127.0.0.1:{server.server_port}/")
        for page in [talk, plain, hostile, big]:
            check_layout(browser, page.as_uri(), folder, page.stem)
        check_touch(browser, talk.as_uri())
        check_embedded(browser, embedded.as_uri())
        check_speed(browser, big.as_uri(), big)
        page = open_page(browser, missing.as_uri())
        wait(page, "document.querySelector('[role=alert]')?.textContent.includes('cannot be loaded')")
        page.locator("li").nth(3).click()
        assert page.locator("li[aria-current]").count() >= 1, "the turns can be used without the recording"
        browser.close()
    print(f"screenshots are in {folder}")


if __name__ == "__main__":
    main()
