// A page of an app, as its developer would write it with the official packages.
import * as dd from "dingtalk-jsapi";
import { openAuth } from "dingtalk-design-libs/biz/openAuth";

const ask = async (path, body) => (await fetch(path, { method: "POST", body: JSON.stringify(body) })).json();

window.app = {
  // What dd.ready and dd.error say to a signature that the app's server made.
  async config(spoilt) {
    const config = await ask("/sign", { url: location.href });
    if (spoilt) config.nonceStr += "x";
    const seen = { ready: false, error: null };
    const ready = new Promise((resolve) => dd.ready(resolve)).then(() => { seen.ready = true; });
    const failed = new Promise((resolve) => dd.error(resolve)).then((error) => { seen.error = error; });
    dd.config({ ...config, jsApiList: ["runtime.permission.requestAuthCode"] });
    await Promise.race([ready, failed]);
    // The client answers in order, so its verdict is here when this is.
    await dd.runtime.permission.requestAuthCode({ corpId: config.corpId });
    return seen;
  },
  // Who sits there, by the code of the silent log-in.
  async login(corpId) {
    const { code } = await dd.runtime.permission.requestAuthCode({ corpId });
    return ask("/login", { code });
  },
  // The person's consent, and whose token the app's server gets for its code.
  async auth(options) {
    const outcome = await openAuth(options);
    return outcome.status === "ok" ? { ...outcome, me: await ask("/exchange", outcome.result) } : outcome;
  },
};

// What a driver that cannot wait for promises looks at.
window.run = (name, ...args) => {
  window.result = undefined;
  window.app[name](...args).then((it) => { window.result = it; }, (it) => { window.result = { thrown: String(it.message || JSON.stringify(it)) }; });
};
