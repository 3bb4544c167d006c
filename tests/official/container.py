"""The official front-end packages in a real browser: `python container.py PATH/dingtalk-sandbox PATH/node_modules`.

npm's `dingtalk-jsapi` and `dingtalk-design-libs` run unmodified in an app's page. Around it is a page that does what the
PC client does (`container/client.html`), beside it the app's own server, and behind both the sandbox. Every name below
dingtalk.com leads to this machine.
"""

import hashlib
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.parse

import sandbox as demo
from browser import chromium

HERE = pathlib.Path(__file__).parent / "container"
JSON = {"content-type": "application/json"}


def bundle(modules):
    """The app's page with both packages, as one script."""
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        (place / "app.js").write_text((HERE / "app.js").read_text())
        (place / "node_modules").symlink_to(pathlib.Path(modules).resolve())
        done = subprocess.run(
            [place / "node_modules/.bin/esbuild", "app.js", "--bundle", "--format=iife", "--log-level=error"],
            cwd=place, capture_output=True, text=True, check=True)
        return done.stdout


class World(http.server.BaseHTTPRequestHandler):
    """The app's server, and what the client asks its own platform."""

    origin = script = ""

    def do_GET(self):
        pages = {"/client": (HERE / "client.html").read_text(),
                 "/app": "<!DOCTYPE html><link rel=icon href=data:,><script src=app.js></script>",
                 "/app.js": type(self).script}
        self.reply(pages.get(self.path, ""), "text/javascript" if self.path == "/app.js" else "text/html")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        calls = {"/sign": self.sign, "/login": self.login, "/exchange": self.exchange,
                 "/client/config": self.judge, "/client/code": self.code}
        self.reply(json.dumps(calls[self.path](body)), "application/json")

    def reply(self, text, kind):
        self.send_response(200)
        self.send_header("content-type", f"{kind};charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass

    # The app's server: tickets, signatures and tokens, with its secret.

    def v1(self, path, body, token=None):
        headers = JSON if token is None else {**JSON, "x-acs-dingtalk-access-token": token}
        data = None if body is None else json.dumps(body).encode()
        status, _, text = demo.http(f"{self.origin}/v1.0/{path}", data, headers)
        assert status == 200, text
        return json.loads(text)

    def token(self):
        return self.v1("oauth2/accessToken", {"appKey": demo.CLIENT, "appSecret": demo.SECRET})["accessToken"]

    def sign(self, body):
        ticket = self.v1("oauth2/jsapiTickets", {}, self.token())["jsapiTicket"]
        nonce, at, url = "nonceOfTheTest", "1700000000000", body["url"].split("#")[0]
        text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={at}&url={urllib.parse.unquote_plus(url)}"
        return {"agentId": AGENT, "corpId": demo.CORP, "timeStamp": at, "nonceStr": nonce,
                "signature": hashlib.sha256(text.encode()).hexdigest()}

    def login(self, body):
        return demo.topapi(self.origin, "topapi/v2/user/getuserinfo", self.token(), code=body["code"])

    def exchange(self, body):
        pair = self.v1("oauth2/userAccessToken", {
            "clientId": demo.CLIENT, "clientSecret": demo.SECRET, "code": body["authCode"],
            "grantType": "authorization_code"})
        return self.v1("contact/users/me", None, pair["accessToken"])

    # The client: its verdict on a page, and a code for whoever sits there.

    def judge(self, body):
        url = body.get("url") or "http://app.dingtalk.com/app"
        asked = json.dumps({"config": body, "url": url}).encode()
        status, _, text = demo.http(f"{self.origin}/_sandbox/v1/verify-config", asked, demo.CONTROL)
        verdict = json.loads(text)
        assert status == 200, text
        return {"success": verdict["ok"], "body": {} if verdict["ok"] else {
            "errorCode": verdict["code"], "errorMessage": verdict["message"]}}

    def code(self, body):
        assert body["corpId"] == demo.CORP, body
        return {"success": True, "body": {"code": demo.code(self.origin, "silent", demo.MEMBER)}}


class Container:
    def __init__(self, browser):
        self.browser = browser

    def start(self):
        self.browser.open("http://client.dingtalk.com/client")
        self.into("app")
        self.browser.until("the app", lambda: self.browser.script("return !!window.app"))

    def into(self, frame):
        self.browser.call("/frame", {"id": None})
        found = self.browser.until(frame, lambda: self.browser.call(
            "/element", {"using": "css selector", "value": f"iframe[id={frame}]"}))
        self.browser.call("/frame", {"id": found})

    def run(self, name, *arguments):
        self.into("app")
        self.browser.script("window.run(...arguments)", name, *arguments)

    def result(self):
        self.into("app")
        return self.browser.until("a result", lambda: self.browser.script("return window.result"))

    def consent(self, **options):
        options = {"clientId": demo.CLIENT, "corpId": demo.CORP, "type": 0, "fieldScope": "", **options}
        self.run("auth", options)

    # The steps.

    def a_page_signed_by_the_apps_server_is_accepted(self):
        self.start()
        self.run("config", False)
        assert self.result() == {"ready": True, "error": None}, self.result()

    def a_spoilt_signature_comes_to_dd_error(self):
        self.start()
        self.run("config", True)
        error = self.result()["error"]
        assert error and error["errorCode"] == 52013, error

    def the_silent_code_tells_who_sits_there(self):
        self.start()
        self.run("login", demo.CORP)
        found = self.result()
        assert found["result"]["userid"] == demo.MEMBER, found

    def a_person_who_refuses_is_a_cancel(self):
        self.start()
        self.consent(rpcScope="Contact.User.Read")
        self.into("modal")
        self.browser.click(f"input[name=user][value='{demo.MEMBER}']")
        self.browser.click("form button")
        self.browser.decide("refuse")
        assert self.result() == {"status": "cancel", "result": None}, self.result()

    def a_dialog_that_is_shut_is_a_cancel(self):
        self.start()
        self.consent(rpcScope="Contact.User.Read")
        self.into("modal")
        self.browser.shows("Contact.User.Read")
        self.browser.call("/frame", {"id": None})
        self.browser.script("window.dismiss()")
        # The library finds no JSON in nothing, says so on the console, and takes it for a cancel.
        assert self.result() == {"status": "cancel"}, self.result()
        self.browser.console()

    def approving_brings_a_code_for_a_token_of_that_person(self):
        self.start()
        self.consent(rpcScope="Contact.User.Read", fieldScope="Contact.User.mobile")
        self.into("modal")
        self.browser.shows("Contact.User.mobile")
        self.browser.decide("approve")
        found = self.result()
        assert found["status"] == "ok" and found["me"]["mobile"] == "13900000004", found

    def what_was_granted_is_not_asked_again(self):
        self.start()
        self.consent(rpcScope="Contact.User.Read")
        assert self.result()["me"]["mobile"] == "13900000004"

    def whole(self):
        for step in [
            self.a_page_signed_by_the_apps_server_is_accepted,
            self.a_spoilt_signature_comes_to_dd_error,
            self.the_silent_code_tells_who_sits_there,
            self.a_person_who_refuses_is_a_cancel,
            self.a_dialog_that_is_shut_is_a_cancel,
            self.approving_brings_a_code_for_a_token_of_that_person,
            self.what_was_granted_is_not_asked_again,
        ]:
            step()
            said = self.browser.console()
            assert not said, f"{step.__name__}: {said}"
            print("ok", step.__name__.replace("_", " "))


def main():
    global AGENT
    World.script = bundle(sys.argv[2])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), World)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with demo.running(sys.argv[1]) as origin:
        World.origin = origin
        _, _, text = demo.http(f"{origin}/_sandbox/v1/apps/{demo.CLIENT}", headers=demo.CONTROL)
        AGENT = str(json.loads(text)["agentId"])
        world = f"127.0.0.1:{server.server_port}"
        rules = (f"MAP n.dingtalk.com {origin.removeprefix('http://')}, MAP *.dingtalk.com {world}, "
                 "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        with chromium(rules) as browser:
            Container(browser).whole()
    server.shutdown()


if __name__ == "__main__":
    main()
