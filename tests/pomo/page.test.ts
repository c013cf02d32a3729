import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { join } from "node:path";
import { ControlServer, type State } from "../../src/kernel/control.ts";
import { Expected } from "../../src/kernel/errors.ts";
import { type Log, openLog } from "../../src/kernel/log.ts";
import { type Page, page } from "../../src/pomo/adapters/page/page.ts";
import { pageToken } from "../../src/pomo/adapters/page/token.ts";
import { type Address, parseAddress } from "../../src/pomo/core/address.ts";
import { NOTHING_TOLD, viewOf } from "../../src/pomo/core/view.ts";
import { Browser, type Tab } from "../support/browser.ts";
import { enterHome, type Home, Other } from "../support/home.ts";
import { eventually } from "../support/parts.ts";
import { until } from "../support/sandbox.ts";

const TOKEN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP-";

/** A day on which something was done, of a profile with two open tasks. */
const overview = {
  date: "2026-11-22",
  today: { completed: 3, interrupted: 1, focus_ms: 4_980_000, goal: 5 },
  streak_days: 12,
  week: [],
  year: [],
  tasks: [
    { id: 1, title: "write the report", estimate: null, completed: 3 },
    { id: 2, title: "<b>bold</b>", estimate: null, completed: 0 },
  ],
};
const session = { v: 1, type: "pomo", profile: "default", degraded: [] };
const STOPPED: State = {
  ...viewOf(undefined, { mono: 0, wall: 0, offset: 0 }, NOTHING_TOLD, overview),
  ...session,
  state: "stopped",
};
const RUNNING: State = {
  ...STOPPED,
  state: "running",
  over: false,
  session_type: "WORK",
  ticking: true,
  interval: 1,
  remaining_ms: 1_499_000,
  duration_ms: 1_500_000,
  round: 2,
  rounds: 4,
  task: "write the report",
  next_type: "SHORT_BREAK",
};
const PAUSED: State = { ...RUNNING, state: "paused", ticking: false };

let home: Home;
let log: Log;
let state: State;
let control: ControlServer;
let commands: { name: string; args: unknown }[];
let becomes: (name: string) => State;
/** What the timer waits for before it answers a command. */
let answering: Promise<void> | undefined;
let served: Page;

beforeEach(async () => {
  home = enterHome();
  log = openLog("host");
  state = RUNNING;
  commands = [];
  answering = undefined;
  becomes = () => state;
  const command = async (name: string, args: unknown): Promise<State> => {
    commands.push({ name, args });
    await answering;
    if (name === "refuse") throw new Expected(1, "not now", "in a minute");
    if (name === "break") throw new RangeError("a bug");
    change(becomes(name));
    return state;
  };
  control = new ControlServer({ state: () => state, command }, log);
  served = await serve();
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
  log[Symbol.dispose]();
  home[Symbol.dispose]();
});

const serve = (address: Address = { host: "127.0.0.1", port: 0 }): Promise<Page> =>
  page({ control, address, token: TOKEN, log })(new AbortController().signal);
const port = (): number => Number(new URL(served.url).port);

/** Something happened to the timer. */
function change(to: State): void {
  state = to;
  control.push();
}

type Answer = { status: number; head: string; body: string };

/** One HTTP request, byte for byte, and its answer. Without a Host of its own it has the right one. */
async function raw(line: string, headers: Record<string, string> = {}, body = ""): Promise<Answer> {
  const all = { Host: `127.0.0.1:${port()}`, ...headers };
  if (body !== "") Object.assign(all, { "Content-Length": String(Buffer.byteLength(body)) });
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connectTcp(port(), "127.0.0.1");
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  let said = "";
  socket.on("data", (chunk) => {
    said += String(chunk);
    const [head = "", ...rest] = said.split("\r\n\r\n");
    const answer = rest.join("\r\n\r\n");
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    if (rest.length === 0 || Buffer.byteLength(answer) < length) return;
    const [first = "", ...facts] = head.split("\r\n").filter((each) => !/^date:/i.test(each));
    resolve({ status: Number(first.split(" ")[1]), head: [first, ...facts].join("\n"), body: answer });
  });
  // It may refuse a body before it has come.
  socket.on("error", () => {});
  socket.on("close", () => reject(new Error(`${line}: closed without an answer`)));
  socket.write(`${line} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  return promise.finally(() => socket.destroy());
}

const bearer = { Authorization: `Bearer ${TOKEN}` };
const upgrade = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
};
const command = (name: string, body = "", headers: Record<string, string> = {}) =>
  raw(`POST /command/${name}`, { ...bearer, ...headers }, body);

/** A WebSocket of the page's own, as a browser would open it. */
function watcher() {
  const address = new URL(`/watch?token=${TOKEN}`, served.url);
  address.protocol = "ws";
  const origin = new URL(served.url).origin;
  const socket = new WebSocket(address.href, { headers: { origin } } as unknown as string[]);
  const told: State[] = [];
  socket.onmessage = ({ data }) => told.push(JSON.parse(String(data)) as State);
  const opened = new Promise<boolean>((resolve) => {
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  });
  const closed = new Promise<void>((resolve) => {
    socket.onclose = () => resolve();
  });
  return { socket, told, opened, closed };
}

describe("without the token", () => {
  const wrong: [what: string, path: string, headers: Record<string, string>][] = [
    ["no token", "", {}],
    ["an empty one", "?token=", {}],
    ["another", `?token=${"x".repeat(43)}`, {}],
    ["the beginning of it", `?token=${TOKEN.slice(0, 42)}`, {}],
    ["more than it", `?token=${TOKEN}a`, {}],
    ["another in the header", "", { Authorization: `Bearer ${"x".repeat(43)}` }],
    ["another kind of header", "", { Authorization: `Basic ${TOKEN}` }],
    ["a wrong header beside the right address", `?token=${TOKEN}`, { Authorization: "Bearer x" }],
    ["a long one", `?token=${"x".repeat(8_000)}`, {}],
  ];
  test.each(wrong)("%s: every path answers the same, and it is nothing", async (_, query, headers) => {
    const answers: Answer[] = [];
    for (const path of ["/", "/watch", "/command/pause", "/command/stop", "/state", "/nothing/here", "//"]) {
      for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
        answers.push(await raw(`${method} ${path}${query}`, headers));
      }
      answers.push(await raw(`GET ${path}${query}`, { ...headers, ...upgrade }));
      answers.push(await raw(`POST ${path}${query}`, headers, '{"ms":1}'));
    }
    const different = new Set(answers.map(({ head, body }) => `${head.toLowerCase()}\n\n${body}`));
    expect([...different]).toEqual(["http/1.1 401 unauthorized\ncontent-length: 0\n\n"]);
    expect(answers[0]).toMatchObject({ status: 401, body: "" });
    expect(commands).toEqual([]);
  });

  test("the token in the address is no command", async () => {
    expect(await raw(`POST /command/stop?token=${TOKEN}`, {}, "{}")).toMatchObject({ status: 401, body: "" });
    expect(commands).toEqual([]);
  });

  test("a large body is refused as a small one is", async () => {
    const small = await raw("POST /command/pause", {}, "{}");
    expect(await raw("POST /command/pause", {}, "x".repeat(4 << 20))).toEqual(small);
    expect(await raw("POST /command/pause", { "Content-Length": "999999999999" })).toEqual(small);
  });
});

describe("whoever leads a browser here from elsewhere", () => {
  const ours = () => `127.0.0.1:${port()}`;
  const foreign = (): [string, Record<string, string>][] => [
    ["a name that resolves to us", { Host: `evil.example:${port()}` }],
    ["our address and another port", { Host: `127.0.0.1:${port() + 1}` }],
    ["our address without a port", { Host: "127.0.0.1" }],
    ["the other loopback address", { Host: `[::1]:${port()}` }],
    ["a name that begins like ours", { Host: `${ours()}.evil.example` }],
    ["no name", { Host: "" }],
    ["another site's page", { Origin: "https://evil.example" }],
    ["a page on another port", { Origin: `http://127.0.0.1:${port() + 1}` }],
    ["a page over TLS", { Origin: `https://${ours()}` }],
    ["a page of nobody's", { Origin: "null" }],
    ["a page by another of our names", { Origin: `http://localhost:${port()}` }],
  ];
  test("is refused with or without the token, on every path, and told nothing", async () => {
    for (const [what, headers] of foreign()) {
      for (const token of [TOKEN, "wrong"]) {
        const all = [
          await raw(`GET /?token=${token}`, headers),
          await raw(`GET /watch?token=${token}`, { ...upgrade, ...headers }),
          await raw("POST /command/pause", { Authorization: `Bearer ${token}`, ...headers }, "{}"),
          await raw(`GET /nothing?token=${token}`, headers),
        ];
        for (const answer of all)
          expect([what, answer]).toEqual([what, { ...answer, status: 403, body: "" }]);
      }
    }
    expect(commands).toEqual([]);
  });

  test("a WebSocket says whose page it is of", async () => {
    expect(await raw(`GET /watch?token=${TOKEN}`, upgrade)).toMatchObject({ status: 403, body: "" });
    const own = { ...upgrade, Origin: `http://127.0.0.1:${port()}` };
    expect((await raw(`GET /watch?token=${TOKEN}`, own)).status).toBe(101);
  });

  test("localhost is another name of ours, in any case", async () => {
    for (const host of [`localhost:${port()}`, `LOCALHOST:${port()}`]) {
      expect((await raw(`GET /?token=${TOKEN}`, { Host: host })).status).toBe(200);
    }
  });
});

describe("the page", () => {
  test("may run its own script and speak to us, and be neither kept, framed nor named to others", async () => {
    const { status, head, body } = await raw(`GET /?token=${TOKEN}`);
    expect(status).toBe(200);
    const policy = /^content-security-policy: (.*)$/im.exec(head)?.[1] ?? "";
    const nonce = /script-src 'nonce-([\w+/=]+)'/.exec(policy)?.[1] ?? "";
    expect(nonce).toHaveLength(24);
    for (const rule of ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"]) {
      expect(policy).toContain(rule);
    }
    expect(policy).not.toContain("unsafe");
    expect(body.match(/<(script|style)\b[^>]*>/g)).toEqual([
      `<style nonce="${nonce}">`,
      `<script nonce="${nonce}">`,
    ]);
    expect(head).toMatch(/^referrer-policy: no-referrer$/im);
    expect(head).toMatch(/^x-content-type-options: nosniff$/im);
    expect(head).toMatch(/^cache-control: no-store$/im);
    expect(head).toMatch(/^content-type: text\/html; charset=utf-8$/im);
    expect((await raw(`GET /?token=${TOKEN}`)).head).not.toContain(nonce);
    // The token is in the address alone, and nothing is fetched from anywhere.
    expect(body).not.toContain(TOKEN);
    expect(body.replace("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:\/\//);
  });

  test("its token stands in no log", async () => {
    await raw(`GET /?token=${TOKEN}`);
    await command("break");
    const logs = readdirSync(join(home.path, "state/stint")).map((file) =>
      readFileSync(join(home.path, "state/stint", file), "utf8"),
    );
    expect(logs.join()).toContain("a bug");
    expect(logs.join()).not.toContain(TOKEN);
  });
});

describe("a command", () => {
  test("goes to the timer with its arguments and gives the state after it", async () => {
    becomes = () => PAUSED;
    const { status, body } = await command("pause", '{"ms":300000}');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual(PAUSED);
    await command("skip");
    expect(commands).toEqual([
      { name: "pause", args: { ms: 300_000 } },
      { name: "skip", args: {} },
    ]);
  });

  test("that is refused says why and what to do; a bug says so and is logged", async () => {
    const { status, body } = await command("refuse");
    expect([status, JSON.parse(body)]).toEqual([
      409,
      { v: 1, error: "not now", hint: "in a minute", exit: 1 },
    ]);
    expect((await command("break")).status).toBe(500);
  });

  test.each([
    ["no JSON", "{"],
    ["no object", "[1]"],
    ["null", "null"],
    ["too long", JSON.stringify({ task: "x".repeat(20_000) })],
  ])("with a body that is %s isn't passed on", async (_, body) => {
    const answer = await command("start", body);
    expect([answer.status, JSON.parse(answer.body).exit]).toEqual([409, 2]);
    expect(commands).toEqual([]);
  });

  test("there is nothing else to be asked", async () => {
    for (const path of ["/command/", "/command/Pause", "/command/a/b", "/command/%2e", "/state", "/x"]) {
      expect((await raw(`POST ${path}`, bearer, "{}")).status).toBe(404);
    }
    expect((await raw("GET /command/pause", bearer)).status).toBe(404);
    expect((await raw("PUT /command/pause", bearer, "{}")).status).toBe(404);
    expect(commands).toEqual([]);
  });
});

describe("a watcher", () => {
  test("is told the state first and every one after it", async () => {
    const { told, socket } = watcher();
    await eventually(() => told.length === 1);
    change(PAUSED);
    change(RUNNING);
    await eventually(() => told.length === 3);
    expect(told).toEqual([RUNNING, PAUSED, RUNNING]);
    socket.close();
  });

  test("is shown what there is while no host is alive", async () => {
    let changed: (state: State | undefined) => void = () => {};
    let stopped = 0;
    const alone: State = { ...STOPPED, host: false };
    const control = {
      state: async () => alone,
      command: async () => alone,
      watch(each: typeof changed) {
        changed = each;
        each(undefined);
        return { [Symbol.asyncDispose]: async () => void stopped++ };
      },
    };
    await served[Symbol.asyncDispose]();
    served = await page({ control, address: { host: "127.0.0.1", port: 0 }, token: TOKEN, log })(
      new AbortController().signal,
    );
    const { told, socket, closed } = watcher();
    await eventually(() => told.length === 1);
    changed(RUNNING);
    changed(undefined);
    await eventually(() => told.length === 3);
    // One that came meanwhile is newer than the answer to a question.
    changed(undefined);
    changed(RUNNING);
    await eventually(() => told.length === 4);
    changed(PAUSED);
    await eventually(() => told.length === 5);
    expect(told).toEqual([alone, RUNNING, alone, RUNNING, PAUSED]);
    socket.close();
    await closed;
    await eventually(() => stopped === 1);
  });

  test("that stops reading is closed, and the others go on", async () => {
    const stalled = connectTcp(port(), "127.0.0.1");
    stalled.on("error", () => {});
    const own = { ...upgrade, Host: `127.0.0.1:${port()}`, Origin: `http://127.0.0.1:${port()}` };
    const head = Object.entries(own).map(([name, value]) => `${name}: ${value}\r\n`);
    stalled.write(`GET /watch?token=${TOKEN} HTTP/1.1\r\n${head.join("")}\r\n`);
    await firstBytes(stalled);
    const { told, socket } = watcher();
    await eventually(() => told.length === 1);
    const large = { ...RUNNING, notice: "x".repeat(200_000) };
    let pushed = 0;
    const closed = until(() => established(port()) === 1, Boolean, 20_000);
    let over = false;
    void closed.finally(() => {
      over = true;
    });
    while (!over) {
      change({ ...large, events: ++pushed });
      await eventually(() => told.at(-1)?.["events"] === pushed);
    }
    await closed;
    expect(told.at(-1)?.["events"]).toBe(pushed);
    stalled.destroy();
    socket.close();
  });

  test("too many of them aren't let in until one leaves", async () => {
    const all = Array.from({ length: 64 }, watcher);
    expect(await Promise.all(all.map(({ opened }) => opened))).not.toContain(false);
    expect(await watcher().opened).toBe(false);
    const own = { ...upgrade, Origin: `http://127.0.0.1:${port()}` };
    expect(await raw(`GET /watch?token=${TOKEN}`, own)).toMatchObject({ status: 503, body: "" });
    all[0]?.socket.close();
    await all[0]?.closed;
    await until(async () => {
      const next = watcher();
      all.push(next);
      return next.opened;
    });
    for (const { socket } of all) socket.close();
  });
});

/** Waits until a socket has said something, and reads no more of it. */
function firstBytes(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("data", () => {
      socket.pause();
      resolve();
    });
  });
}

/** How many connections the server has on a port, as the kernel lists them. */
function established(at: number): number {
  const hex = at.toString(16).toUpperCase().padStart(4, "0");
  const lines = readFileSync("/proc/self/net/tcp", "utf8").split("\n");
  return lines.filter((line) => new RegExp(`^\\s*\\d+: 0100007F:${hex} \\S+ 01 `).test(line)).length;
}

describe("where it listens", () => {
  test.each<[string, Address]>([
    ["127.0.0.1:7625", { host: "127.0.0.1", port: 7625 }],
    ["localhost:0", { host: "127.0.0.1", port: 0 }],
    [" LOCALHOST:65535 ", { host: "127.0.0.1", port: 65_535 }],
    ["[::1]:80", { host: "::1", port: 80 }],
  ])("%s is this machine alone", (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  test.each([
    "0.0.0.0:7625",
    "[::]:7625",
    ":7625",
    "7625",
    "*:7625",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "127.0.0.1:7625/x",
    "127.0.0.2:7625",
    "::1:7625",
    "192.168.1.5:7625",
    "stint.localhost:7625",
    "localhost.evil.example:7625",
    "http://127.0.0.1:7625",
    "",
  ])("'%s' isn't", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test("is on loopback alone, by the port that was free", () => {
    expect(new URL(served.url).hostname).toBe("127.0.0.1");
    expect(port()).toBeGreaterThan(0);
    const hex = port().toString(16).toUpperCase().padStart(4, "0");
    const listening = ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
      .filter(existsSync)
      .flatMap((file) => readFileSync(file, "utf8").split("\n"))
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local = "", , at]) => at === "0A" && local.endsWith(`:${hex}`))
      .map(([, local]) => local);
    expect(listening).toEqual([`0100007F:${hex}`]);
  });

  test("may be the other loopback address", async () => {
    await using other = await serve({ host: "::1", port: 0 });
    const { host } = new URL(other.url);
    expect(host).toStartWith("[::1]:");
    expect((await fetch(other.url)).status).toBe(200);
    expect((await fetch(other.url, { headers: { origin: `http://${host}` } })).status).toBe(200);
  });

  test("a port that is taken is refused with what to do, and is free once the page is gone", async () => {
    const again = serve({ host: "127.0.0.1", port: port() });
    await expect(again).rejects.toThrow(`port ${port()} is in use`);
    expect(await again.catch((error: Expected) => error.exit)).toBe(75);
    await served[Symbol.asyncDispose]();
    served = await serve({ host: "127.0.0.1", port: port() });
  });
});

describe("the token of a profile", () => {
  const path = (profile: string) => join(home.path, "state/stint", `pomo.${profile}.token`);
  const warnings: string[] = [];
  const token = (profile = "default") => pageToken(profile, (text) => warnings.push(text));
  beforeEach(() => {
    warnings.length = 0;
  });

  test("is 32 random bytes, its owner's alone, and stays", () => {
    const made = token();
    expect(made).toMatch(/^[\w-]{43}$/);
    expect(statSync(path("default")).mode & 0o777).toBe(0o600);
    expect(token()).toBe(made);
    expect(token("acme")).not.toBe(made);
    expect(warnings).toEqual([]);
    expect(readdirSync(join(home.path, "state/stint")).filter((file) => file.includes("token"))).toHaveLength(
      2,
    );
  });

  test("is private again if it was left open, and whoever starts the page is told", () => {
    const made = token();
    chmodSync(path("default"), 0o644);
    expect(token()).toBe(made);
    expect(statSync(path("default")).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual([expect.stringContaining("was open to others")]);
    expect(warnings.join()).not.toContain(made);
  });

  test.each(["", "short", "x".repeat(44), `${"x".repeat(42)}/`, "x".repeat(43).replace("x", "é")])(
    "isn't anything that stands in its file: '%s'",
    (text) => {
      token();
      writeFileSync(path("default"), text);
      expect(() => token()).toThrow("holds no token");
    },
  );

  test("is one, whichever of two processes makes it", async () => {
    const fixture = [process.execPath, join(import.meta.dir, "fixture-token.ts")];
    await using one = new Other(fixture);
    await using two = new Other(fixture);
    await Promise.all([one.line(), two.line()]);
    for (let n = 0; n < 50; n++) {
      for (const each of [one, two]) each.tell(`race${n}`);
      const [mine, its] = await Promise.all([one.line(), two.line()]);
      expect(mine).toMatch(/^[\w-]{43}$/);
      expect(its).toBe(mine);
    }
    const left = readdirSync(join(home.path, "state/stint")).filter((file) => file.startsWith("pomo.race"));
    expect(left).toHaveLength(50);
  });
});

describe("in a browser", () => {
  let browser: Browser;
  let tab: Tab;
  beforeAll(async () => {
    browser = await Browser.launch();
  });
  afterAll(() => browser[Symbol.asyncDispose]());
  beforeEach(async () => {
    tab = await browser.open(served.url);
    await tab.until(`${text("#connection")} === "connected"`);
  });
  afterEach(() => tab.close());

  /** The expression for an element's text. */
  const text = (selector: string) => `document.querySelector(${JSON.stringify(selector)}).textContent`;
  const shows = (selector: string, what: string) =>
    tab.until(`${text(selector)} === ${JSON.stringify(what)}`);

  test("it shows the state, as text and nothing else", async () => {
    change({ ...PAUSED, task: "<img src=x onerror=alert(1)>", notice: "restored from 13:52" });
    await shows("#state", "paused");
    expect(await tab.text("#remaining")).toBe("24:59");
    expect(await tab.text("#type")).toBe("Work");
    expect(await tab.text("#task")).toBe("<img src=x onerror=alert(1)>");
    expect(await tab.text("#round")).toBe("round 2 of 4 · next: short break");
    expect(await tab.text("#dots")).toBe("●●●○○");
    expect(await tab.text("#today")).toBe(
      "3 of 5 done today · 1 interrupted · 1 h 23 min focus · streak 12 days",
    );
    expect(await tab.text("#message")).toBe("restored from 13:52");
    expect(await tab.evaluate<string>("document.title")).toBe("24:59 ⏸ <img src=x onerror=alert(1)>");
    expect(await tab.evaluate<number>("document.querySelector('progress').value")).toBe(1_000);
    expect(tab.complaints).toEqual([]);
  });

  test("it ticks by itself, in the title too, stands at 0 and stands still when paused", async () => {
    const titled = `document.title.startsWith(${text("#remaining")})`;
    await tab.until(`${text("#remaining")} < "24:59" && ${titled}`);
    const ms = "document.querySelector('#remaining').dataset.ms";
    change({ ...RUNNING, remaining_ms: 600 });
    await shows("#remaining", "00:00");
    expect(await tab.evaluate<string>(ms)).toBe("0");
    change({ ...PAUSED, remaining_ms: 3_600_000, duration_ms: 3_600_000 });
    await shows("#remaining", "1:00:00");
    // It looks at its clock again when it comes to the front.
    const toTheFront = "document.dispatchEvent(new Event('visibilitychange'))";
    await tab.evaluate(`new Promise((resolve) => setTimeout(resolve, 50)).then(() => ${toTheFront})`);
    expect(await tab.evaluate<string>(ms)).toBe("3600000");
  });

  test("its buttons do what they say", async () => {
    becomes = (name) => (name === "pause" ? PAUSED : { ...RUNNING, undo: "extend" });
    expect(await tab.text("#go")).toBe("Pause");
    await tab.click("#go");
    await shows("#go", "Resume");
    await tab.click("#go");
    await shows("#go", "Pause");
    for (const button of ["#skip", "#finish", "#extend", "#undo"]) {
      const { length } = commands;
      await tab.click(button);
      await eventually(() => commands.length > length);
    }
    expect(await tab.text("#undo")).toBe("Undo extend");
    expect(commands).toEqual([
      { name: "pause", args: {} },
      { name: "resume", args: {} },
      { name: "skip", args: { interval: 1 } },
      { name: "finish", args: { interval: 1 } },
      { name: "extend", args: { ms: 300_000 } },
      { name: "undo", args: {} },
    ]);
    expect(tab.complaints).toEqual([]);
  });

  test("a button pressed twice before the timer has answered is pressed once", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    answering = promise;
    await tab.click("#skip");
    await tab.click("#skip");
    // Another one needn't wait.
    await tab.click("#finish");
    await eventually(() => commands.length === 2);
    resolve();
    await tab.until("underWay.size === 0");
    await tab.click("#skip");
    await eventually(() => commands.length === 3);
    expect(commands.map(({ name }) => name)).toEqual(["skip", "finish", "skip"]);
  });

  test("a stopped timer is started with a task, from the keyboard alone, and stopped again", async () => {
    becomes = (name) =>
      name === "stop" ? { ...STOPPED, undo: "stop" } : { ...RUNNING, task: "do the dishes" };
    expect(await tab.text("#start")).toBeUndefined();
    await tab.click("#stop");
    await shows("#state", "stopped");
    expect(await tab.text("#skip")).toBeUndefined();
    expect(await tab.text("#undo")).toBe("Undo stop");
    expect(await tab.evaluate<string>("document.title")).toBe("stint pomo");
    const titles = "[...document.querySelectorAll('#tasks option')].map((each) => each.value)";
    expect(await tab.evaluate<string[]>(titles)).toEqual(["write the report", "<b>bold</b>"]);
    // The button that was pressed is gone: the focus is on what comes next.
    await tab.type("do the dishes");
    await tab.press("Enter");
    await shows("#task", "do the dishes");
    await tab.until("document.activeElement.id === 'go'");
    await tab.press("Tab");
    await tab.press("Space");
    await eventually(() => commands.length === 3);
    expect(commands.map(({ name, args }) => [name, args])).toEqual([
      ["stop", {}],
      ["start", { task: "do the dishes" }],
      ["skip", { interval: 1 }],
    ]);
  });

  test("a refusal is shown with its hint until the next command", async () => {
    await tab.evaluate("command('refuse')");
    await shows("#error", "not now (in a minute)");
    await tab.click("#go");
    await shows("#error", "");
  });

  test("an interval that is over offers the next; one that ended while nobody was there, to count it", async () => {
    change({ ...PAUSED, completed: true, remaining_ms: 0 });
    await shows("#go", "Start short break");
    expect(await tab.text("#state")).toBe("done");
    expect(await tab.text("#finish")).toBeUndefined();
    change({ ...PAUSED, remaining_ms: 0, finished_away_at: Date.UTC(2026, 10, 22, 14, 5) });
    await tab.until(`${text("#message")}.includes("finished while away at ")`);
    expect(await tab.text("#finish")).toBe("Finish");
  });

  test("what a dead host left can be taken up, and isn't paused", async () => {
    change({ ...RUNNING, host: false });
    await shows("#go", "Resume");
    expect(await tab.text("#message")).toContain("Resume takes this one up");
  });

  test("a refresh, and the same address opened again later, show how it is now", async () => {
    change({ ...PAUSED, remaining_ms: 600_000 });
    await tab.reload();
    await shows("#remaining", "10:00");
    await tab.close();
    change({ ...PAUSED, remaining_ms: 300_000, round: 3 });
    tab = await browser.open(served.url);
    await shows("#remaining", "05:00");
    expect(await tab.text("#round")).toStartWith("round 3 of 4");
    expect(await tab.evaluate<string>("document.cookie")).toBe("");
  });

  test("two tabs show the same", async () => {
    await using other = await browser.open(served.url);
    change(PAUSED);
    await shows("#state", "paused");
    await other.until(`${text("#state")} === "paused"`);
    becomes = () => RUNNING;
    await other.click("#go");
    await shows("#state", "running");
  });

  test("it comes back by itself after whoever serves it was restarted, with how it is then", async () => {
    const address: Address = { host: "127.0.0.1", port: port() };
    await served[Symbol.asyncDispose]();
    await shows("#connection", "reconnecting…");
    await tab.click("#go");
    await shows("#error", "the timer can't be reached");
    state = { ...PAUSED, remaining_ms: 420_000, task: "after the restart" };
    served = await serve(address);
    await shows("#connection", "connected");
    expect(await tab.text("#task")).toBe("after the restart");
    expect(await tab.text("#remaining")).toBe("07:00");
  });

  test("its own Stop, which ends the host that serves it, is no failure", async () => {
    const address: Address = { host: "127.0.0.1", port: port() };
    const { promise, resolve } = Promise.withResolvers<void>();
    answering = promise;
    await tab.click("#stop");
    await eventually(() => commands.length === 1);
    await served[Symbol.asyncDispose]();
    await shows("#connection", "reconnecting…");
    await shows("#state", "stopped");
    await tab.until("underWay.size === 0");
    expect(await tab.text("#error")).toBe("");
    expect(await tab.text("#stop")).toBeUndefined();
    // Not connected it can't be known.
    await tab.evaluate("command('stop')");
    await shows("#error", "the timer can't be reached");
    resolve();
    state = STOPPED;
    served = await serve(address);
    await shows("#connection", "connected");
    expect(await tab.text("#state")).toBe("stopped");
  });

  test("a host that ends without a stop leaves the timer as it was", async () => {
    change({ ...PAUSED, state: "stopped" });
    await shows("#go", "Resume");
    expect(await tab.text("#state")).toBe("paused");
  });

  test("another address than its own shows nothing of it", async () => {
    await using other = await browser.open(served.url.replace(TOKEN, "wrong"));
    expect(await other.evaluate<string>("document.body.innerText")).not.toContain("write the report");
    expect(await other.text("#remaining")).toBeUndefined();
  });

  test("it is dark where the user's desktop is", async () => {
    const paper = "getComputedStyle(document.body).backgroundColor";
    await tab.dark(false);
    const light = await tab.evaluate<string>(paper);
    await tab.dark(true);
    expect(await tab.evaluate<string>(paper)).not.toBe(light);
  });
});
