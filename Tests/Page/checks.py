"""The checks of the chat page. Each gets a Bench, and raises when the page does not do what it should."""

import json
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ANSWERED = "document.getElementById('send').textContent === 'Send' && document.querySelectorAll('.turn.assistant').length >= {}"
SIZES = {"phone": (360, 740), "desk": (1280, 800)}


class Bench:
    """The browser, the scripted server, and what a check opened."""

    def __init__(self, browser, server, shots):
        self.browser, self.server, self.shots, self.pages = browser, server, shots, []

    def page(self, **options):
        self.server.tries.clear()
        self.server.left.clear()
        page = self.browser.open(self.server.url, **options)
        self.pages.append(page)
        page.wait("document.getElementById('model').options.length === 2")
        return page

    def finish(self, allowed=()):
        for page in self.pages:
            faults = [fault for fault in page.faults if not any(each in fault for each in allowed)]
            expect(not faults, f"the console says: {faults[:3]}")
            # What a page itself makes (its icon, its downloads) is no request.
            others = [url for url in page.requests if not url.startswith((self.server.url, "data:", "blob:"))]
            expect(not others, f"requests went elsewhere: {others[:3]}")
            page.close()
        self.pages.clear()


def expect(truth, what):
    if not truth:
        raise AssertionError(what)


def ask(page, text, answers=1, seconds=120):
    page.run("document.getElementById('prompt').focus()")
    page.type(text)
    page.press("Enter")
    page.wait(ANSWERED.format(answers), seconds)


def last(page, part=".text"):
    return page.run(f"[...document.querySelectorAll('.turn.assistant {part}')].at(-1)?.textContent ?? ''")


def texts(page, selector):
    return page.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(each => each.textContent)")


def press_button(page, text, scope=""):
    page.run(f"""(() => {{ const found = [...document.querySelectorAll({json.dumps(scope + ' button')})]
        .filter(each => each.textContent === {json.dumps(text)} && each.checkVisibility()).at(-1);
        found.setAttribute('data-pressed', ''); }})()""")
    page.click("[data-pressed]")
    page.run("document.querySelector('[data-pressed]')?.removeAttribute('data-pressed')")


def check_streaming(bench):
    page = bench.page()
    page.run("document.getElementById('prompt').focus()")
    page.type("slow please")
    page.press("Enter")
    page.wait("document.querySelector('.turn.assistant .text')?.textContent.includes('word2')")
    early = last(page)
    page.wait("document.querySelector('.turn.assistant .text').textContent.includes('word15')")
    expect(last(page).startswith(early.strip()), "what was shown stays")
    expect(page.run("document.getElementById('send').textContent") == "Stop", "the button stops while an answer comes")
    expect(page.run("document.querySelector('.turn.assistant').getAttribute('aria-busy')") == "true", "it says it is busy")
    page.press("Escape")
    page.wait(ANSWERED.format(1))
    expect(bench.server.left.wait(120), "the server sees that the client left")
    expect("stopped" in last(page, ".figures"), "the answer says that it was stopped")
    expect("word15" in last(page), "what came before stays")
    # With the button as well.
    page.type("slow again")
    page.press("Enter")
    page.wait("[...document.querySelectorAll('.turn.assistant .text')].at(-1).textContent.includes('word3')")
    page.click("#send")
    page.wait(ANSWERED.format(2))
    bench.finish()


def check_answers(bench):
    page = bench.page()
    ask(page, "hello")
    expect(last(page) == "Ein Gruß, 日本語 and 👩‍🚀: an answer of some words.", f"the whole answer: {last(page)}")
    figures = last(page, ".figures")
    for part in ("tokens/s", "first after", "64 of 120 prompt tokens cached", "4 tokens"):
        expect(part in figures, f"{part} in {figures}")
    ask(page, "think", 2)
    expect("First I think about it." in texts(page, "details.reasoning div")[0], "thoughts are shown")
    expect(not page.run("document.querySelector('details.reasoning').open"), "and folded")
    expect("Thought for" in texts(page, "details.reasoning summary")[0], "with their time")
    ask(page, "cut", 3)
    expect("cut at the most tokens" in last(page, ".figures"), "a cut answer says so")
    page.run("document.getElementById('model').value = 'an-embedder-with-a-rather-long-name-q4_k_m'")
    page.run("document.getElementById('model').dispatchEvent(new Event('change'))")
    ask(page, "hello", 4)
    expect(bench.server.asked[-1]["model"].startswith("an-embedder"), "the chosen model is asked")
    bench.finish()


def check_markdown(bench):
    page = bench.page()
    ask(page, "markdown")
    inside = ".turn.assistant .text"
    expect(texts(page, f"{inside} h2") == ["Why stones sing"], "a heading")
    expect(texts(page, f"{inside} strong") == ["mosaic"], "strong text")
    expect(texts(page, f"{inside} em") == ["stones", "tesserae"], "emphasis")
    links = page.run(f"[...document.querySelectorAll('{inside} a')].map(each => [each.href, each.rel, each.textContent])")
    expect(links == [["https://example.org/stones", "noopener noreferrer", "the museum"],
                     ["https://example.org/a_b_c", "noopener noreferrer", "https://example.org/a_b_c"]], f"links: {links}")
    expect(len(texts(page, f"{inside} ol > li")) == 2 and texts(page, f"{inside} ol ul > li") == ["by hammer", "by hand"], "lists")
    expect(texts(page, f"{inside} td") == ["red", "12", "blue", "7 8"], "a table")
    expect(texts(page, f"{inside} blockquote") == ["Quotedtwice"], "a quotation")
    code = texts(page, f"{inside} figure code")
    expect(code == ['for piece in pieces where piece.color == .red {\n  print("<b>\\(piece)</b>")  // not bold\n}'], f"code: {code}")
    expect("snake_case_names, 2 * 3 * 4, and *stars*." in last(page), "marks that are none")
    page.run("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }")
    press_button(page, "Copy", "figure")
    expect(page.run("window.copied") == code[0], "code is copied")
    press_button(page, "Copy", ".turn.assistant .under")
    expect(page.run("window.copied").startswith("## Why *stones* sing"), "an answer is copied as it came")
    bench.finish()


def check_attacks(bench):
    page = bench.page()
    page.call("Performance.enable", timeDomain="threadTicks")
    ask(page, "attack")
    busy = next(each["value"] for each in page.call("Performance.getMetrics")["metrics"] if each["name"] == "TaskDuration")
    expect(busy < 3, f"marks without end do not hold the page up: {busy:.1f} s")
    time.sleep(0.3)
    expect(page.run("window.hurt === undefined"), "nothing that a model wrote was run")
    inside = ".turn.assistant .text"
    forbidden = "script, img, iframe, svg, style, form, input, object, base, link, meta, embed"
    expect(page.run(f"document.querySelectorAll('{inside} :is({forbidden})').length") == 0, "no such elements")
    schemes = page.run(f"[...document.querySelectorAll('{inside} a')].map(each => each.protocol)")
    expect(set(schemes) <= {"https:"}, f"links' schemes: {schemes}")
    handlers = page.run(f"""[...document.querySelectorAll('{inside} *')].filter(each => [...each.attributes].some(
        attribute => attribute.name.startsWith('on') || attribute.name === 'style' || attribute.name === 'srcdoc')).length""")
    expect(handlers == 0, "no handlers")
    page.reload()
    page.wait("document.querySelector('.turn.assistant')")
    expect(page.run("window.hurt === undefined"), "nor after a reload")
    # The policy stops what would have come in all the same.
    expect(page.run("(() => { try { document.body.innerHTML = '<b>x</b>'; return false; } catch { return true; } })()"), "no markup")
    refused = page.run("fetch('https://evil.example/').then(() => false, () => true)")
    expect(refused, "no other origin")
    bench.finish(allowed=["violates", "TrustedHTML", "evil.example"])


def check_branches(bench):
    page = bench.page()
    ask(page, "first question")
    ask(page, "echo second", 2)
    press_button(page, "Edit", ".turn.user")
    page.run("document.querySelector('.edit textarea').select()")
    page.type("echo other")
    page.press("Enter")
    page.wait(ANSWERED.format(2))
    sent = [each["content"] for each in bench.server.asked[-1]["messages"]]
    expect(len(sent) == 3 and sent[0] == "first question" and sent[2] == "echo other", f"an edited turn goes on from there: {sent}")
    expect("2 of 2" in texts(page, ".turn.user .under")[1], "both are kept")
    press_button(page, "‹", ".turn.user")
    expect(texts(page, ".turn.user .text")[1] == "echo second", "the earlier one is shown again")
    press_button(page, "Answer again", ".turn.assistant")
    page.wait(ANSWERED.format(2))
    expect("2 of 2" in texts(page, ".turn.assistant .under")[1], "an answer has a second version")
    page.reload()
    page.wait("document.querySelectorAll('.turn').length === 4")
    expect(texts(page, ".turn.user .text")[1] == "echo second", "the branch is kept")
    # Leaving the editor changes nothing.
    page.press("e", "Alt")
    page.wait("document.activeElement.matches('.edit textarea')")
    page.type("zzz")
    page.press("Escape")
    expect(texts(page, ".turn.user .text") == ["first question", "echo second"], "nothing changed")
    bench.finish()


def check_keeping(bench):
    page = bench.page()
    ask(page, "one thing")
    page.press("n", "Alt")
    ask(page, "another thing")
    expect(texts(page, "nav .title") == ["another thing", "one thing"], "both are listed, the newest first")
    page.reload()
    page.wait("document.querySelectorAll('.turn').length === 2")
    expect(texts(page, "nav .title") == ["another thing", "one thing"], "they are there after a reload")
    expect("Gruß" in last(page) and "64 of 120" in last(page, ".figures"), "with answers and figures")
    page.run("document.querySelectorAll('nav li')[1].querySelector('.tool').focus()")
    page.press("Enter")
    page.run("document.querySelector('nav input').select()")
    page.type("<b>Renamed</b>")
    page.press("Enter")
    expect(texts(page, "nav .title")[1] == "<b>Renamed</b>", "it has a new name")
    page.run("document.querySelectorAll('nav li')[1].querySelectorAll('.tool')[1].click()")
    expect(texts(page, "nav .title") == ["another thing"], "it is deleted")
    press_button(page, "Undo", "#notice")
    expect(len(texts(page, "nav .title")) == 2, "and back")
    # Out into a file and in again, in another browser.
    page.run("""window.file = null; URL.createObjectURL = blob => { window.file = blob; return 'blob:x'; };
        HTMLAnchorElement.prototype.click = () => {}; document.getElementById('export').click()""")
    text = page.run("window.file.text()")
    other = bench.page()
    give = """(text => { const data = new DataTransfer(); data.items.add(new File([text], 'x.json'));
        const field = document.getElementById('file'); field.files = data.files; field.dispatchEvent(new Event('change')); })(%s)"""
    other.run(give % json.dumps(text))
    other.wait("document.querySelectorAll('nav .title').length === 2")
    other.run("document.querySelector('nav .title').click()")
    expect(texts(other, ".turn.user .text") == ["another thing"] or texts(other, ".turn.user .text") == ["one thing"], "it is whole")
    for wrong in ("{", "[]", '{"format": "tessera-conversations", "conversations": 3}', json.dumps({
        "format": "tessera-conversations",
        "conversations": [{"turns": {"a": {"id": "<x>", "role": "user"}}}, None, {"turns": [{"id": 3}]}, 7],
    })):
        other.run("document.getElementById('notice').hidden = true")
        other.run(give % json.dumps(wrong))
        other.wait("!document.getElementById('notice').hidden")
        expect(len(texts(other, "nav .title")) == 2, f"nothing of it is taken: {wrong[:40]}")
    # A full storage drops the oldest conversation and says so.
    other.run("""for (let size = 1 << 20; size; size >>= 1) for (;;)
        try { localStorage.setItem('filler' + Math.random(), 'x'.repeat(size)); } catch { break; }""")
    ask(other, "hello", 1)
    expect("dropped" in texts(other, "#notice")[0] or "does not keep" in texts(other, "#notice")[0], "it says what was dropped")
    bench.finish()


def check_errors(bench):
    page = bench.page()
    ask(page, "fail")
    fault = last(page, ".fault")
    expect("the prompt has 5000 tokens, the context 2048 <b> (status 400)" in fault, f"the server's message: {fault}")
    ask(page, "flaky", 2)
    expect("status 400" in last(page, ".fault"), "it failed")
    press_button(page, "Retry")
    page.wait(ANSWERED.format(2) + " && document.querySelectorAll('.fault').length === 1")
    expect("Gruß" in last(page) and "2 of" not in last(page, ".under"), "a retry takes its place")
    ask(page, "break", 3)
    expect("broke off" in last(page, ".fault") and "Gruß" in last(page), "a broken answer says so and keeps what came")
    ask(page, "midway", 4)
    expect("the device was lost" in last(page, ".fault"), "an error within the stream")
    ask(page, "locked", 5)
    expect("API key" in last(page, ".fault"), "a key is needed")
    page.press("s", "Alt")
    page.wait("document.getElementById('settings-dialog').open")
    page.run("document.querySelector('[name=key]').focus()")
    page.type("secret")
    page.press("Enter")
    press_button(page, "Retry")
    page.wait("[...document.querySelectorAll('.turn.assistant .text')].at(-1).textContent.includes('Gruß')")
    expect("secret" not in page.run("JSON.stringify(localStorage)"), "a key is not kept with the conversations")
    bench.finish(allowed=["status of 400", "status of 401"])


def check_settings(bench):
    page = bench.page()
    page.click("#settings")
    for name, value in {"system": "Be brief.", "temperature": "0.5", "top_p": "0.9", "max_tokens": "64", "seed": "7"}.items():
        page.run(f"document.querySelector('[name={name}]').focus()")
        page.type(value)
    press_button(page, "Keep")
    page.reload()
    ask(page, "hello")
    sent = bench.server.asked[-1]
    expect(sent["messages"][0] == {"role": "system", "content": "Be brief."}, "the system prompt")
    got = {name: sent.get(name) for name in ("temperature", "top_p", "max_tokens", "seed")}
    expect(got == {"temperature": 0.5, "top_p": 0.9, "max_tokens": 64, "seed": 7}, f"settings: {got}")
    expect(sent["stream_options"] == {"include_usage": True}, "usage is asked for")
    bench.finish()


def check_keyboard(bench):
    """All of it without a pointer."""
    page = bench.page()
    expect(page.run("document.activeElement.id") == "prompt", "one can write at once")
    page.type("first line")
    page.press("Enter", "Shift")
    page.call("Input.dispatchKeyEvent", type="char", text="\r", modifiers=8)
    page.type("second line")
    expect(page.run("document.getElementById('prompt').value").count("\n") >= 1, "a new line")
    page.press("Enter")
    page.wait(ANSWERED.format(1))
    page.press("Tab")
    page.press("Tab")
    seen, missing = set(), set()
    for _ in range(40):
        key = page.run("""(() => { const now = document.activeElement, style = getComputedStyle(now);
            const shown = style.outlineStyle !== 'none' || now.closest('#composer') !== null || now === document.body;
            return [now.id || now.dataset.key?.slice(0, -16) || now.tagName, shown]; })()""")
        seen.add(key[0])
        if not key[1]:
            missing.add(key[0])
        page.press("Tab")
    for control in ("new", "open", "rename", "delete", "export", "import", "keys", "model", "settings", "edit", "copy", "again", "prompt", "send"):
        expect(control in seen, f"{control} is reached with Tab: {sorted(seen)}")
    expect(not missing, f"the focus is seen on {missing}")
    page.run("document.getElementById('scroll').focus()")
    page.press("?", "Shift")
    page.wait("document.getElementById('keys-dialog').open")
    page.press("Escape")
    page.wait("!document.getElementById('keys-dialog').open")
    page.press("/")
    expect(page.run("document.activeElement.id") == "prompt" and page.run("document.activeElement.value") == "", "/ goes to the field")
    page.press("r", "Alt")
    page.wait("document.querySelector('.turn.assistant .under')?.textContent.includes('2 of 2')")
    page.press("l", "Alt")
    expect(page.run("document.activeElement.matches('nav .title')"), "to the conversations")
    page.press("n", "Alt")
    expect(page.run("document.querySelectorAll('.turn').length === 0 && document.activeElement.id === 'prompt'"), "a new one")
    bench.finish()


def check_readers(bench):
    """What screen readers are told."""
    page = bench.page()
    expect(page.run("document.getElementById('live').getAttribute('aria-live')") == "polite", "a polite region")
    page.run("""window.heard = []; new MutationObserver(() => heard.push(document.getElementById('live').textContent))
        .observe(document.getElementById('live'), { childList: true })""")
    ask(page, "markdown")
    page.wait("heard.join(' ').includes('The end of')")
    heard = page.run("heard.join('\\n')")
    expect(heard.count("Why stones sing") == 1 and heard.startswith("Answering."), f"each block is told once: {heard[:200]}")
    page.press("s", "Alt")
    nameless = page.run("""[...document.querySelectorAll('button, input, textarea, select, dialog, [role=region]')].filter(each =>
        !(each.textContent.trim() && each.tagName === 'BUTTON') && !each.getAttribute('aria-label') && !each.labels?.length
        && !each.getAttribute('aria-labelledby')).map(each => each.outerHTML.slice(0, 80))""")
    expect(not nameless, f"each control has a name: {nameless}")
    expect(page.run("document.documentElement.lang") == "en", "the page says its language")
    calm = bench.page(calm=True)
    calm.run("document.getElementById('prompt').focus()")
    calm.type("slow")
    calm.press("Enter")
    calm.wait("document.querySelector('.turn.assistant')")
    moving = calm.run("document.getAnimations().length")
    expect(moving == 0, "nothing moves where less motion is preferred")
    calm.press("Escape")
    calm.wait(ANSWERED.format(1))
    bench.finish()


def check_scrolling(bench):
    page = bench.page(height=500)
    ask(page, "long")
    at_end = "document.getElementById('scroll').scrollHeight - document.getElementById('scroll').scrollTop - document.getElementById('scroll').clientHeight"
    page.wait(f"{at_end} < 60")
    page.run("document.getElementById('prompt').focus()")
    page.type("slow")
    page.press("Enter")
    page.wait("[...document.querySelectorAll('.turn.assistant .text')].at(-1).textContent.includes('word5')")
    page.run("document.getElementById('scroll').scrollTop = 0")
    page.wait("!document.getElementById('newest').hidden")
    expect(page.run("document.getElementById('scroll').scrollTop") == 0, "who reads above is left there")
    page.click("#newest")
    page.wait(f"{at_end} < 60")
    page.press("Escape")
    page.wait(ANSWERED.format(2))
    bench.finish()


def check_looks(bench):
    """Sizes, dark and light: nothing sticks out, all text has contrast. Takes the pictures."""
    for size, (width, height) in SIZES.items():
        for dark in (False, True):
            name = f"{size}-{'dark' if dark else 'light'}"
            page = bench.page(width=width, height=height, dark=dark)

            def look(state):
                page.run("new Promise(done => setTimeout(done, 250)).then(() => Promise.allSettled(document.getAnimations().map(each => each.finished)))")
                if bench.shots:
                    page.picture(bench.shots / f"{name}-{state}.png")
                result = page.run((HERE / "contrast.js").read_text())
                expect(result["looked"] > 5, f"{name} {state}: {result['looked']} texts were looked at")
                expect(not result["found"], f"{name} {state}: {result['found'][:4]}")
                box = page.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight, innerWidth, innerHeight]")
                inner = page.run("[document.getElementById('scroll').scrollWidth, document.getElementById('scroll').clientWidth]")
                expect(inner[0] <= inner[1], f"{name} {state}: turns of {inner[0]} pixels in {inner[1]}")
                expect(box == [width, height] * 2, f"{name} {state}: the page is {box}")

            look("empty")
            ask(page, "think about stones and write three lines about them")
            ask(page, "markdown, please: why do stones sing?", 2)
            page.run("document.querySelectorAll('.turn')[2].scrollIntoView()")
            look("answer")
            page.run("document.querySelector('details').open = true; document.getElementById('scroll').scrollTop = 0")
            look("thoughts")
            ask(page, "fail", 3)
            look("error")
            page.press("s", "Alt")
            look("settings")
            page.press("Escape")
            if size == "phone":
                page.click("#menu")
                page.wait("getComputedStyle(document.querySelector('aside')).visibility === 'visible'")
                look("menu")
                page.press("Escape")
                expect(page.run("document.activeElement.id") == "menu", "the focus is back")
                small = page.run("""[...document.querySelectorAll('button')].filter(each => each.checkVisibility()
                    && each.getBoundingClientRect().height < 31).map(each => each.textContent)""")
                expect(not small, f"buttons that are too small to touch: {small}")
            page.press("e", "Alt")
            look("edit")
    bench.finish(allowed=["status of 400"])


CHECKS = {name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")}
