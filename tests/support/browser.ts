/** Drives a real browser, Debian's Chromium without a window, over its DevTools protocol: what a user would see. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Json = { [key: string]: unknown };

/** One tab. */
export interface Tab extends AsyncDisposable {
  /** The text of the element that a CSS selector finds; undefined when there is none or it isn't shown. */
  text(selector: string): Promise<string | undefined>;
  /** Presses the left button of the mouse in the middle of an element. @throws when it isn't shown */
  click(selector: string): Promise<void>;
  /** Types text where the focus is. */
  type(text: string): Promise<void>;
  /** Presses a key: `Tab`, `Enter`, `Space`. */
  press(key: "Tab" | "Enter" | "Space"): Promise<void>;
  /** The value of a JavaScript expression in the page; promises are awaited. @throws what it throws */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until a JavaScript expression holds in the page; the error of a time-out shows the page's text. */
  until(expression: string, ms?: number): Promise<void>;
  reload(): Promise<void>;
  /** Whether the user has set their desktop to dark. */
  dark(dark: boolean): Promise<void>;
  screenshot(): Promise<Uint8Array>;
  close(): Promise<void>;
  /** What the browser has complained of: uncaught errors, what a policy forbade, what wasn't found. */
  readonly complaints: readonly string[];
}

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A tab that isn't in front ticks all the same.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  "--remote-debugging-port=0",
];

const KEYS = {
  Tab: { key: "Tab", code: "Tab", windowsVirtualKeyCode: 9 },
  Enter: { key: "Enter", code: "Enter", windowsVirtualKeyCode: 13, text: "\r" },
  Space: { key: " ", code: "Space", windowsVirtualKeyCode: 32, text: " " },
};

export class Browser implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  readonly #folder: string;
  readonly #protocol: Protocol;

  private constructor(child: Bun.Subprocess<"ignore", "ignore", "pipe">, folder: string, protocol: Protocol) {
    this.#child = child;
    this.#folder = folder;
    this.#protocol = protocol;
  }

  /** Starts one with a profile of its own. */
  static async launch(): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), "stint-test-browser-"));
    const child = Bun.spawn(["/usr/bin/chromium", ...FLAGS, `--user-data-dir=${folder}`, "about:blank"], {
      // What Chromium keeps outside its profile goes with it too.
      env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    try {
      const address = await debuggerAddress(child.stderr);
      return new Browser(child, folder, await Protocol.connect(address));
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  /** Opens an address in a tab of its own and waits until it is loaded. */
  async open(url: string): Promise<Tab> {
    const protocol = this.#protocol;
    const { targetId } = (await protocol.call("Target.createTarget", { url: "about:blank" })) as {
      targetId: string;
    };
    const attached = await protocol.call("Target.attachToTarget", { targetId, flatten: true });
    const session = attached["sessionId"] as string;
    const call = (method: string, params: Json = {}) => protocol.call(method, params, session);
    const complaints: string[] = [];
    protocol.on(session, "Log.entryAdded", ({ entry }) => {
      const { level, text, url: of } = entry as { level: string; text: string; url?: string };
      if (level === "error") complaints.push(`${text} ${of ?? ""}`.trim());
    });
    protocol.on(session, "Runtime.exceptionThrown", ({ exceptionDetails }) => {
      complaints.push(thrown(exceptionDetails as Json));
    });
    for (const domain of ["Page", "Runtime", "Log"]) await call(`${domain}.enable`);
    const loading = async (method: string, params: Json = {}) => {
      const loaded = protocol.next(session, "Page.loadEventFired");
      const { errorText } = await call(method, params);
      // For an error with an empty body it shows a page of its own.
      if (errorText !== undefined && errorText !== "net::ERR_HTTP_RESPONSE_CODE_FAILURE")
        throw new Error(`${params["url"]}: ${errorText}`);
      await loaded;
    };
    const evaluate = async <T>(expression: string): Promise<T> => {
      const { result, exceptionDetails } = await call("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
        userGesture: true,
      });
      if (exceptionDetails) throw new Error(thrown(exceptionDetails as Json));
      return (result as { value: T }).value;
    };
    const shown = (selector: string) =>
      `[...document.querySelectorAll(${JSON.stringify(selector)})].find((each) => each.checkVisibility())`;
    let closed = false;
    const close = async () => {
      if (closed) return;
      closed = true;
      await protocol.call("Target.closeTarget", { targetId });
    };
    await loading("Page.navigate", { url });
    return {
      complaints,
      evaluate,
      close,
      text: (selector) => evaluate(`${shown(selector)}?.textContent`),
      async click(selector) {
        const at = await evaluate<{ x: number; y: number } | null>(`(() => {
          const found = ${shown(selector)};
          found?.scrollIntoView({ block: "nearest" });
          const box = found?.getBoundingClientRect();
          return box ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : null;
        })()`);
        if (!at) throw new Error(`${selector} isn't shown`);
        const mouse = { ...at, button: "left", clickCount: 1 };
        await call("Input.dispatchMouseEvent", { ...mouse, type: "mousePressed" });
        await call("Input.dispatchMouseEvent", { ...mouse, type: "mouseReleased" });
      },
      type: async (text) => void (await call("Input.insertText", { text })),
      async press(key) {
        await call("Input.dispatchKeyEvent", { ...KEYS[key], type: "keyDown" });
        const { text: _, ...up } = { text: "", ...KEYS[key] };
        await call("Input.dispatchKeyEvent", { ...up, type: "keyUp" });
      },
      async until(expression, ms = 10_000) {
        const end = performance.now() + ms;
        for (;;) {
          // A page that is being replaced answers nothing.
          const holds = await evaluate<unknown>(expression).catch((error: unknown) =>
            /context|navigat/i.test(String(error)) ? false : Promise.reject(error),
          );
          if (holds) return;
          if (performance.now() > end) {
            const page = await evaluate<string>("document.body.innerText").catch(String);
            throw new Error(`not within ${ms} ms: ${expression}\n${page}\n${complaints.join("\n")}`);
          }
          await Bun.sleep(10);
        }
      },
      reload: () => loading("Page.reload"),
      async dark(dark) {
        const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
        await call("Emulation.setEmulatedMedia", { features });
      },
      async screenshot() {
        const { data } = await call("Page.captureScreenshot", { format: "png" });
        return Uint8Array.fromBase64(data as string);
      },
      [Symbol.asyncDispose]: close,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Asked to go, it takes its helpers along.
    await Promise.race([this.#protocol.call("Browser.close").catch(() => {}), this.#child.exited]);
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.#child.exited;
    clearTimeout(late);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const thrown = ({ text, exception }: Json): string =>
  (exception as { description?: string } | undefined)?.description ?? String(text);

/** Where it says that it listens. */
async function debuggerAddress(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let said = "";
  const reader = stderr.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Chromium ended: ${said}`);
    said += decoder.decode(value, { stream: true });
    const address = /listening on (ws:\S+)\n/.exec(said)?.[1];
    if (address === undefined) continue;
    // Read on, so that it never waits for us.
    void (async () => {
      while (!(await reader.read()).done);
    })();
    return address;
  }
}

/** The DevTools protocol: calls and their answers, and events, of several tabs on one socket. */
class Protocol {
  readonly #socket: WebSocket;
  readonly #calls = new Map<number, PromiseWithResolvers<Json>>();
  readonly #listeners = new Set<{ session: string; event: string; heard(params: Json): void }>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as Json);
    socket.onclose = () => {
      for (const { reject } of this.#calls.values()) reject(new Error("the browser is gone"));
      this.#calls.clear();
    };
  }

  static async connect(address: string): Promise<Protocol> {
    const socket = new WebSocket(address);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`${address} doesn't answer`));
    await promise;
    return new Protocol(socket);
  }

  call(method: string, params: Json = {}, sessionId?: string): Promise<Json> {
    const id = ++this.#last;
    const answered = Promise.withResolvers<Json>();
    this.#calls.set(id, answered);
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) }));
    return answered.promise;
  }

  on(session: string, event: string, heard: (params: Json) => void): Disposable {
    const listener = { session, event, heard };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async next(session: string, event: string): Promise<Json> {
    const { promise, resolve } = Promise.withResolvers<Json>();
    using _ = this.on(session, event, resolve);
    return await promise;
  }

  #take({ id, result, error, method, params, sessionId }: Json): void {
    if (typeof id === "number") {
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error) call?.reject(new Error(String((error as Json)["message"])));
      else call?.resolve(result as Json);
      return;
    }
    for (const { session, event, heard } of [...this.#listeners]) {
      if (session === sessionId && event === method) heard(params as Json);
    }
  }
}
