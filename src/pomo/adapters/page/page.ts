import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Control, State } from "../../../kernel/control.ts";
import { Exit, Expected, errno, message } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Part } from "../../../kernel/stack.ts";
import type { Address } from "../../core/address.ts";

/** A watcher with this much unread is closed; it reconnects and is in sync with its first message. */
const FALLEN_BEHIND_BYTES = 1 << 20;
/** Far above any command's. */
const LONGEST_BODY_BYTES = 16 << 10;
/** How long answers under way may take at the end, ms. */
const ANSWERED_MS = 200;
/** How many pages may be open at once. */
const MOST_WATCHERS = 64;

/** Where the page is served, with its token: whoever has it commands the timer. */
export type Page = AsyncDisposable & { readonly url: string };

/**
 * Serves the timer to browsers on this machine: `GET /` is the page, `GET /watch` a WebSocket with every state, the
 * state first, `POST /command/NAME` a command. All of it needs the token: in the address for GET, where a browser can
 * send no header of ours, else as `Authorization: Bearer`. It isn't kept in a cookie, since a browser gives a
 * loopback cookie to every port.
 * @throws Expected 75 when the port is in use, 69 when the address can't be listened on
 */
export const page =
  (options: { control: Control; address: Address; token: string; log: Log }): Part<Page> =>
  async () => {
    const { control, address, token, log } = options;
    if (!("Bun" in globalThis)) {
      throw new Expected(Exit.unavailable, "the page is served by the stint executable alone");
    }
    // The type is Bun's for a bundle; as text it is a string.
    const imported = await import("./page.html", { with: { type: "text" } });
    const html = imported.default as unknown as string;
    const isOurs = compare(token);
    const watching = new Set<AsyncDisposable>();
    type Data = { watching?: AsyncDisposable };

    /** The hosts it goes by; known once the port is. */
    let hosts: string[] = [];
    let sockets = 0;

    function answer(request: Request, server: Bun.Server<Data>): Response | Promise<Response> | undefined {
      // Before anything else: a name that was made to lead here (DNS rebinding), a page of somebody else's.
      const host = request.headers.get("host")?.toLowerCase() ?? "";
      const origin = request.headers.get("origin");
      if (!hosts.includes(host) || (origin !== null && origin !== `http://${host}`)) return nothing(403);
      const { pathname, searchParams } = new URL(request.url);
      const bearer = /^Bearer (.*)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
      const given = bearer ?? (request.method === "GET" ? searchParams.get("token") : null);
      if (!isOurs(given ?? "")) return nothing(401);

      if (request.method === "GET" && pathname === "/") return show(html);
      if (request.method === "GET" && pathname === "/watch") {
        // Browsers always say whose page a WebSocket is of.
        if (origin === null) return nothing(403);
        if (sockets >= MOST_WATCHERS) return nothing(503);
        return server.upgrade(request, { data: {} }) ? undefined : nothing(400);
      }
      const name = /^\/command\/([a-z-]+)$/.exec(pathname)?.[1];
      if (request.method !== "POST" || name === undefined) return nothing(404);
      return command(name, request);
    }

    async function command(name: string, request: Request): Promise<Response> {
      try {
        return json(200, await control.command(name, await argsOf(request)));
      } catch (error) {
        if (error instanceof Expected) {
          const { exit, hint } = error;
          return json(409, { v: 1, error: error.message, hint, exit });
        }
        log.error(`${name} failed`, { error });
        return json(500, { v: 1, error: message(error), exit: Exit.internal });
      }
    }

    function watch(socket: Bun.ServerWebSocket<Data>): AsyncDisposable {
      const send = (state: State) => {
        if (socket.getBufferedAmount() > FALLEN_BEHIND_BYTES) socket.terminate();
        else socket.send(JSON.stringify(state));
      };
      let told = 0;
      return control.watch((state) => {
        const turn = ++told;
        if (state) return send(state);
        // Nobody pushes while no host is alive, but there is something to be shown.
        control.state().then(
          (alone) => turn === told && send(alone),
          // It comes again, and finds what there is then.
          () => turn === told && socket.close(),
        );
      });
    }

    let server: Bun.Server<Data>;
    try {
      server = Bun.serve<Data>({
        hostname: address.host,
        port: address.port,
        development: false,
        // Outside of development Bun would share a port that is taken.
        reusePort: false,
        fetch: answer,
        // A body is refused by us, and only once it is known whose it is: Bun would speak first.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        error(error) {
          log.error("a request failed", { error });
          return nothing(500);
        },
        websocket: {
          // Far above the limit at which a watcher that fell behind is closed: that decides, not this.
          backpressureLimit: 16 << 20,
          maxPayloadLength: 1 << 10,
          open(socket) {
            sockets++;
            try {
              socket.data.watching = watch(socket);
              watching.add(socket.data.watching);
            } catch (error) {
              log.error("the timer can't be watched", { error });
              socket.close();
            }
          },
          message() {},
          close(socket) {
            sockets--;
            const { watching: gone } = socket.data;
            if (gone && watching.delete(gone)) void gone[Symbol.asyncDispose]();
          },
        },
      });
    } catch (error) {
      throw cantListen(address, error);
    }
    const base = new URL(`http://${address.host === "::1" ? "[::1]" : address.host}:${server.port}/`);
    // As a browser writes them: without the port where that is 80.
    hosts = [base.host, base.host.replace(base.hostname, "localhost")];
    log.info(`the page is served on ${base.host}`);
    base.searchParams.set("token", token);
    return {
      url: base.href,
      async [Symbol.asyncDispose]() {
        // Whoever asked for this end over the page still gets the answer.
        await Promise.race([server.stop(), new Promise((resolve) => setTimeout(resolve, ANSWERED_MS))]);
        await server.stop(true);
        await Promise.all([...watching].map((each) => each[Symbol.asyncDispose]()));
      },
    };
  };

function cantListen({ host, port }: Address, error: unknown): Expected {
  if (errno(error) === "EADDRINUSE") {
    const hint = "a timer with pomo.listen serves its page itself; --listen 127.0.0.1:0 takes any free port";
    return new Expected(Exit.again, `port ${port} is in use`, hint);
  }
  const why = errno(error) ?? message(error);
  const hint = "try --listen 127.0.0.1:0";
  return new Expected(Exit.unavailable, `${host} port ${port} can't be listened on: ${why}`, hint);
}

/** Whether a text is the token, in a time that says nothing of either. */
function compare(token: string): (given: string) => boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  const wanted = hash(token);
  return (given) => timingSafeEqual(hash(given), wanted);
}

/** The page, which may do nothing but speak to us: what it runs is named by a number used once. */
function show(html: string): Response {
  const nonce = randomBytes(16).toString("base64");
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ];
  return new Response(html.replaceAll('nonce=""', `nonce="${nonce}"`), {
    headers: {
      ...PRIVATE,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy.join("; "),
      "referrer-policy": "no-referrer",
    },
  });
}

const PRIVATE = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

const nothing = (status: number): Response => new Response(null, { status });

const json = (status: number, value: object): Response => Response.json(value, { status, headers: PRIVATE });

/** @throws Expected 2 for what isn't a JSON object of a reasonable size */
async function argsOf(request: Request): Promise<object> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > LONGEST_BODY_BYTES) throw new Expected(Exit.usage, "the body is too long");
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  let args: unknown;
  try {
    args = JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Expected(Exit.usage, "the body isn't JSON");
  }
  if (typeof args === "object" && args !== null && !Array.isArray(args)) return args;
  throw new Expected(Exit.usage, "the body isn't a JSON object");
}
