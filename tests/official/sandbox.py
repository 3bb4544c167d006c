"""A running sandbox, and a person in front of its pages, for the scripts in this directory."""

import contextlib
import html
import html.parser
import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

# The demo company is the same in every sandbox; `dingtalk_sandbox::Demo` has the list.
CORP = "ding5ab0c5c0de5a4db0c5ca5e0f1a2b3c4d5e6f"
CLIENT, SECRET = "dingdemo5ab0c5quick", "demo-client-secret-not-a-real-one-0123456789"
PLAIN, PLAIN_SECRET = "dingdemo5ab0c5plain", "demo-plain-secret-not-a-real-one-0123456789"
SUITE, SUITE_SECRET = "suitedemo5ab0c5vend", "demo-suite-secret-not-a-real-one-0123456789"
SUITE_TICKET = "5ab0c5DemoSuiteTicket001"
SSO_SECRET = "demo-sso-secret-not-a-real-one"
REDIRECT = "http://localhost:8080/callback"
ADMIN, MEMBER = "manager01", "u-su-mei"

# The header that opens the control API of the sandbox that runs.
CONTROL = {"content-type": "application/json"}


@contextlib.contextmanager
def running(program):
    """Starts the program on a free port, gives its origin, and ends it whatever happens."""
    process = subprocess.Popen(
        [program, "--port", "0", "--quiet", "--print-env"], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        said = {}
        for line in process.stdout:
            if line == "# ready\n":
                break
            if found := re.fullmatch(r"export (\w+)='([^']*)'\n", line):
                said[found.group(1)] = found.group(2)
        if "DINGTALK_BASE_URL" not in said:
            raise SystemExit(f"the sandbox did not say where it listens: {said}")
        CONTROL["authorization"] = f"Bearer {said['DINGTALK_SANDBOX_TOKEN']}"
        yield said["DINGTALK_BASE_URL"]
    finally:
        process.terminate()
        process.communicate(timeout=10)


class Page(html.parser.HTMLParser):
    """The forms of a page, as a browser without JavaScript sees them."""

    def __init__(self, text):
        super().__init__()
        self.text, self.action, self.fields = text, None, {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = attributes.get("action")
        elif tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes["name"]] = attributes["value"]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# No proxy of the machine's and no redirect: the callback's server does not exist.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def http(url, data=None, headers=None):
    """One exchange: status, headers, text. A status of 300 or more is an answer too."""
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


def submit(origin, page, cookie="", **fields):
    """Sends a page's form the way a browser does."""
    body = urllib.parse.urlencode({**page.fields, **fields}).encode()
    headers = {"origin": origin, "content-type": "application/x-www-form-urlencoded", "cookie": cookie}
    return http(origin + page.action, body, headers)


def login(origin, user=ADMIN, decision="approve", client=CLIENT, scope="openid corpid", state="s t&ä"):
    """Logs a person in on the login page and returns the callback's parameters."""
    query = urllib.parse.urlencode({
        "redirect_uri": REDIRECT, "response_type": "code", "client_id": client,
        "scope": scope, "prompt": "consent", "state": state,
    })
    status, _, text = http(f"{origin}/oauth2/auth?{query}")
    assert status == 200, text
    status, headers, text = submit(origin, Page(text), user=user, decision=decision)
    assert status == 302, text
    location = headers["location"]
    assert location.startswith(REDIRECT + "?"), location
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))


def consent(origin, rpc_scope, user, client=CLIENT):
    """Agrees on the openAuth page and returns what the component's promise resolves with."""
    url = (f"{origin}/dingding/h5-common-authority/auth/index.html"
           f"?type=0&clientId={client}&corpId={CORP}&rpcScope={rpc_scope}&fieldScope=")
    _, _, text = http(url)
    status, headers, text = submit(origin, Page(text), user=user)
    assert status == 303, text
    cookie = headers["set-cookie"].split(";")[0]
    _, _, text = http(origin + headers["location"], headers={"cookie": cookie})
    _, _, text = submit(origin, Page(text), cookie, decision="approve")
    outcome = re.search(r'<pre id="outcome">(.*?)</pre>', text).group(1)
    return json.loads(html.unescape(outcome))


def code(origin, kind, user):
    """A one-time code over the control API, as the client or the admin backend would bring it."""
    body = json.dumps({"kind": kind, "userId": user}).encode()
    status, _, text = http(f"{origin}/_sandbox/v1/codes", body, CONTROL)
    assert status in (200, 201), text
    return json.loads(text)["code"]


def topapi(origin, path, token, **arguments):
    """A call in the way of the old SDK: the token in the query, every scalar as a JSON string."""
    url = f"{origin}/{path}?{urllib.parse.urlencode({'access_token': token})}"
    body = json.dumps({name: str(value) for name, value in arguments.items()}).encode()
    status, _, text = http(url, body, {"content-type": "application/json;charset=utf-8"})
    assert status == 200, (status, text)
    return json.loads(text)
