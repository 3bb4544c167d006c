"""The sandbox's pages in a real browser: `python browser.py PATH/dingtalk-sandbox`.

Needs `chromium` and `chromedriver` (Debian: chromium, chromium-driver), and speaks the WebDriver protocol by itself.
Every step ends with a look at the browser's console: nothing may be wrong there.
"""

import contextlib
import http.server
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import sandbox as demo

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--no-proxy-server",
    # Nothing here has TLS, and a browser that tries it first only sometimes comes back.
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedMode,HttpsFirstBalancedModeAutoEnable,HttpsFirstModeV2",
]
AUTH = "/dingding/h5-common-authority/auth/index.html"
CANCEL = "/dingding/h5-common-authority/pages/cancel"
XSS = "\"'><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


class Refused(AssertionError):
    """The driver cannot do what it was asked."""


class Browser:
    def __init__(self, driver, profile, rules):
        capabilities = {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "binary": shutil.which("chromium"),
                "args": [*FLAGS, f"--user-data-dir={profile}", f"--host-resolver-rules={rules}"],
            },
        }}
        self.base = driver
        session = self.call("/session", {"capabilities": capabilities})
        self.base = f"{driver}/session/{session['sessionId']}"

    def call(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        if method == "DELETE":
            request = urllib.request.Request(self.base + path, method="DELETE")
            with demo.opener.open(request, timeout=30):
                return None
        status, _, text = demo.http(self.base + path, data, headers)
        value = json.loads(text)["value"]
        if status != 200:
            raise Refused(f"{path}: {value['error']}: {value['message']}")
        return value

    def open(self, url):
        self.call("/url", {"url": url})

    def url(self):
        return self.call("/url")

    def script(self, source, *arguments):
        return self.call("/execute/sync", {"script": source, "args": arguments})

    def text(self):
        return self.script("return document.body?.innerText ?? ''")

    def click(self, selector):
        # A page that opens in a frame is not waited for by the driver; the click itself is never repeated.
        element = self.until(selector, lambda: self.call(
            "/element", {"using": "css selector", "value": selector}))
        self.call(f"/element/{next(iter(element.values()))}/click", {})

    def decide(self, decision):
        self.click(f"button[name=decision][value={decision}]")

    def shows(self, *texts):
        self.until(f"the page to show {texts}", lambda: all(text in self.text() for text in texts))

    def outcome(self):
        text = self.until("an outcome", lambda: self.script(
            "return document.getElementById('outcome')?.textContent"))
        return json.loads(text)

    def until(self, what, condition):
        for _ in range(400):
            # Between two pages there is nothing to ask.
            with contextlib.suppress(Refused):
                if value := condition():
                    return value
            time.sleep(0.05)
        raise AssertionError(f"waited in vain for {what}: {self.url()} {self.text()}")

    def console(self):
        """What went wrong since the last look."""
        return [entry["message"] for entry in self.call("/se/log", {"type": "browser"})
                if entry["level"] in ("SEVERE", "WARNING")]


class Others(http.server.BaseHTTPRequestHandler):
    """The rest of the world: the app's callback, a container, and a site that means harm."""

    page = ""

    def do_GET(self):
        body = b"callback" if self.path.startswith("/callback") else type(self).page.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html;charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def chromium(rules):
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    profile = tempfile.mkdtemp(prefix="sandbox-browser-")
    browser = None
    try:
        for line in driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                break
        else:
            raise SystemExit("chromedriver does not start")
        browser = Browser(f"http://127.0.0.1:{found.group(1)}", profile, rules)
        yield browser
    finally:
        if browser is not None:
            browser.call("", method="DELETE")
        driver.terminate()
        driver.communicate(timeout=10)
        shutil.rmtree(profile, ignore_errors=True)


class Visit:
    def __init__(self, origin, browser, others):
        self.origin, self.browser, self.others = origin, browser, others

    def login_url(self, **changes):
        query = {"redirect_uri": demo.REDIRECT, "response_type": "code", "client_id": demo.CLIENT,
                 "scope": "openid corpid", "prompt": "consent", "state": "s t&ä", **changes}
        return f"{self.origin}/oauth2/auth?{urllib.parse.urlencode(query)}"

    def auth_url(self, rpc="Contact.User.Read", field="", client=demo.CLIENT, kind="0"):
        """As the component writes it: nothing is encoded."""
        return (f"{self.origin}{AUTH}?type={kind}&clientId={client}&corpId={demo.CORP}"
                f"&rpcScope={rpc}&fieldScope={field}")

    def exchange(self, code):
        body = {"clientId": demo.CLIENT, "clientSecret": demo.SECRET, "code": code,
                "grantType": "authorization_code"}
        status, _, text = demo.http(f"{self.origin}/v1.0/oauth2/userAccessToken",
                                    json.dumps(body).encode(), {"content-type": "application/json"})
        assert status == 200, text
        return json.loads(text)

    def callback(self):
        url = self.browser.until("the callback", lambda: (
            url if (url := self.browser.url()).startswith(demo.REDIRECT) else None))
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))

    def sits_down(self, user):
        self.browser.click(f"input[name=user][value='{user}']")
        self.browser.click("form button")

    # The steps.

    def logging_in_approves_for_the_person_chosen(self):
        self.browser.open(self.login_url())
        self.browser.shows("青石样品科技")
        self.browser.click("input[name=user][value=u-su-mei]")
        self.browser.decide("approve")
        found = self.callback()
        assert found["code"] == found["authCode"] and found["state"] == "s t&ä", found
        assert self.exchange(found["code"])["corpId"] == demo.CORP

    def refusing_to_log_in_brings_an_error(self):
        self.browser.open(self.login_url())
        self.browser.decide("refuse")
        assert self.callback() == {"error": "access_denied", "state": "s t&ä"}

    def a_foreign_callback_is_not_visited(self):
        self.browser.open(self.login_url(redirect_uri="http://evil.example/"))
        self.browser.shows("redirect_uri参数错误")

    def whatever_state_holds_comes_back_as_it_was(self):
        self.browser.open(self.login_url(state=XSS))
        assert self.browser.call("/title") == "DingTalk sandbox"
        self.browser.decide("approve")
        assert self.callback()["state"] == XSS

    def consent_is_asked_for_given_and_remembered(self):
        self.browser.open(self.auth_url())
        self.sits_down("u-lin-xia")
        self.browser.shows("林夏", "工时登记", "Contact.User.Read")
        self.browser.decide("approve")
        self.exchange(self.browser.outcome()["result"]["authCode"])
        self.browser.open(self.auth_url())
        self.exchange(self.browser.outcome()["result"]["authCode"])

    def consent_is_taken_back_and_asked_for_again(self):
        self.browser.open(self.origin + CANCEL)
        self.browser.click(f"button[name=revoke][value={demo.CLIENT}]")
        self.browser.shows("没有授权记录")
        for decision, wanted in [("refuse", {"status": "cancel", "result": None}),
                                 ("close", {"status": "cancel"})]:
            self.browser.open(self.auth_url())
            self.browser.decide(decision)
            assert self.browser.outcome() == wanted, self.browser.text()

    def an_error_is_shown_with_its_number(self):
        self.browser.open(self.auth_url(rpc="No.Such"))
        self.browser.shows("500201")
        assert self.browser.outcome()["status"] == "failed"
        self.browser.open(self.auth_url(client=f"{demo.CLIENT}&type=1"))
        self.browser.shows("参数重复")

    def nothing_in_an_address_becomes_a_script(self):
        evil = urllib.parse.quote(XSS)
        for url in [self.auth_url(client=evil), self.auth_url(kind=evil), self.auth_url(rpc=evil),
                    f"{self.auth_url()}&x={evil}", f"{self.origin}{CANCEL}?corpId={evil}",
                    self.login_url(client_id=XSS)]:
            self.browser.open(url)
            assert self.browser.call("/title") == "DingTalk sandbox", url

    def a_container_gets_the_outcome(self):
        name = {"hostOrigin": self.others, "containerId": "c1", "hostVersion": "7", "language": "zh"}
        self.in_a_frame(name, self.auth_url(field="Contact.User.mobile"))
        self.browser.call("/frame", {"id": 0})
        self.browser.decide("approve")
        self.browser.call("/frame", {"id": None})
        message = self.browser.until("the message", lambda: self.browser.script("return window.got"))
        assert (message["type"], message["containerId"], message["methodName"]) == (
            "request", "c1", "biz.navigation.quit"), message
        outcome = json.loads(message["body"]["message"])
        assert outcome["status"] == "ok" and self.exchange(outcome["result"]["authCode"]), outcome

    def a_container_hears_of_a_failure_when_it_was_read(self):
        name = {"hostOrigin": self.others, "containerId": "c2"}
        self.in_a_frame(name, self.auth_url(rpc="No.Such"))
        assert self.browser.script("return window.got") is None
        self.browser.call("/frame", {"id": 0})
        self.browser.click("#close")
        self.browser.call("/frame", {"id": None})
        message = self.browser.until("the message", lambda: self.browser.script("return window.got"))
        assert json.loads(message["body"]["message"]) == {"status": "failed", "result": None}

    def nobody_else_gets_it(self):
        for name in [{"hostOrigin": "http://dingtalk.com.evil.example", "containerId": "c"},
                     {"hostOrigin": "*", "containerId": "c"}, "no container"]:
            self.in_a_frame(name, self.auth_url())
            self.browser.call("/frame", {"id": 0})
            assert self.browser.outcome()["status"] == "ok"
            self.browser.call("/frame", {"id": None})
            time.sleep(0.1)
            assert self.browser.script("return window.got") is None

    def another_site_cannot_send_the_form(self):
        self.browser.open(self.auth_url(rpc="Todo.Todo.Write"))
        nonce = self.browser.script("return document.querySelector('[name=nonce]').value")
        login = demo.Page(demo.http(self.login_url())[2]).fields["nonce"]
        for path, nonce in [(AUTH, nonce), ("/oauth2/auth", login)]:
            Others.page = (
                f"<form method=post action='{self.origin}{path}'><input name=nonce value={nonce}>"
                "<input name=decision value=approve><input name=user value=manager01><button>Win!</button></form>")
            self.browser.open("http://evil.example/")
            self.browser.click("button")
            self.browser.shows("请求来自其他网站")
            assert self.browser.url() == self.origin + path
            said = self.browser.console()
            assert all("403" in line for line in said), said

    def another_site_cannot_frame_the_login_page(self):
        Others.page = f"<iframe src='{self.login_url()}'></iframe><iframe src='{self.auth_url()}'></iframe>"
        self.browser.open("http://evil.example/")
        said = self.browser.until("the policy's word", self.browser.console)
        assert all("frame" in line.lower() for line in said), said

    def in_a_frame(self, name, url):
        name = name if isinstance(name, str) else json.dumps(name)
        Others.page = (
            "<link rel=icon href=data:,><script>addEventListener('message',event=>window.got=event.data)</script>"
            f"<iframe name='{name}' src='{url}' width=600 height=600></iframe>")
        self.browser.open(self.others + "/container")

    def whole(self):
        steps = [
            self.logging_in_approves_for_the_person_chosen,
            self.refusing_to_log_in_brings_an_error,
            self.a_foreign_callback_is_not_visited,
            self.whatever_state_holds_comes_back_as_it_was,
            self.consent_is_asked_for_given_and_remembered,
            self.consent_is_taken_back_and_asked_for_again,
            self.an_error_is_shown_with_its_number,
            self.nothing_in_an_address_becomes_a_script,
            self.a_container_gets_the_outcome,
            self.a_container_hears_of_a_failure_when_it_was_read,
            self.nobody_else_gets_it,
            self.another_site_cannot_send_the_form,
            self.another_site_cannot_frame_the_login_page,
        ]
        for step in steps:
            step()
            said = self.browser.console()
            assert not said, f"{step.__name__}: {said}"
            print("ok", step.__name__.replace("_", " "))


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Others)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    others = f"127.0.0.1:{server.server_port}"
    # The registered callback's port may be somebody's on this machine, and nothing may leave it.
    rules = f"MAP localhost:8080 {others}, MAP *.example {others}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with demo.running(sys.argv[1]) as origin, chromium(rules) as browser:
        Visit(origin, browser, f"http://{others}").whole()
    server.shutdown()


if __name__ == "__main__":
    main()
