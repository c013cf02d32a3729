/** Whether a program is ready that doesn't say so: real servers. */
import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { matches, whenReady } from "../../src/modules/adapters/readiness.ts";

const opened: Disposable[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each[Symbol.dispose]();
});

/** A server that does with each connection what it is told; `sockets` are all that it ever had. */
async function serve(connected: (socket: Socket) => void = () => {}, host = "127.0.0.1", port = 0) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    connected(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  opened.push({
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
  return { port: portOf(server), sockets };
}

const portOf = (server: Server): number => (server.address() as { port: number }).port;

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const answering =
  (head: string, body = "") =>
  (socket: Socket) =>
    socket.once("data", () => void socket.write(`HTTP/1.1 ${head}\r\n\r\n${body}`));

const never = new AbortController().signal;

/** Every socket was closed by the other side. */
const allClosed = (sockets: readonly Socket[]) =>
  Promise.all(
    sockets.map(
      (socket) =>
        socket.destroyed ||
        new Promise((resolve) => {
          socket.resume();
          socket.once("close", resolve);
        }),
    ),
  );

describe("a port", () => {
  test("is ready when somebody listens, and isn't kept busy", async () => {
    const { port, sockets } = await serve();
    expect(await whenReady({ by: "tcp", port }, { signal: never })).toBe(true);
    await allClosed(sockets);
  });

  test("is waited for until somebody does", async () => {
    const port = await freePort();
    const ready = whenReady({ by: "tcp", port }, { signal: never });
    await Bun.sleep(120);
    await serve(undefined, "127.0.0.1", port);
    const began = performance.now();
    expect(await ready).toBe(true);
    expect(performance.now() - began).toBeLessThan(400);
  });

  test("may be one of IPv6 alone", async () => {
    const { port } = await serve(undefined, "::1");
    expect(await whenReady({ by: "tcp", port }, { signal: never })).toBe(true);
  });
});

describe("an address", () => {
  test.each(["200 OK", "204 No Content", "302 Found\r\nLocation: http://127.0.0.1:1/"])(
    "is ready when it answers %j, and its connection is closed",
    async (head) => {
      const { port, sockets } = await serve(answering(`${head}\r\nContent-Length: 0`));
      expect(await whenReady({ by: "http", url: `http://127.0.0.1:${port}/` }, { signal: never })).toBe(true);
      await allClosed(sockets);
    },
  );

  test("isn't while it answers otherwise, breaks off, or speaks something else", async () => {
    const answers = [
      answering("503 Later\r\nContent-Length: 0"),
      answering("404 Not Found\r\nContent-Length: 4", "nope"),
      (socket: Socket) => void socket.destroy(),
      (socket: Socket) => void socket.end("what?\r\n\r\n"),
      answering("200 OK\r\nContent-Length: 0"),
    ];
    let asked = 0;
    const { port } = await serve((socket) => answers[asked++]?.(socket));
    expect(await whenReady({ by: "http", url: `http://127.0.0.1:${port}/` }, { signal: never })).toBe(true);
    expect(asked).toBe(answers.length);
  });

  test("is ready at the head of an answer that has no end", async () => {
    const { port, sockets } = await serve(answering("200 OK\r\nContent-Length: 1000000", "a beginning"));
    expect(await whenReady({ by: "http", url: `http://127.0.0.1:${port}/` }, { signal: never })).toBe(true);
    await allClosed(sockets);
  });

  test("is asked itself, whatever proxy the environment names", async () => {
    const { port } = await serve(answering("200 OK\r\nContent-Length: 0"));
    const script = `
      const { whenReady } = await import(${JSON.stringify(`${import.meta.dir}/../../src/modules/adapters/readiness.ts`)});
      const ready = await whenReady({ by: "http", url: "http://127.0.0.1:${port}/" }, { signal: AbortSignal.timeout(3_000) });
      process.exit(ready ? 0 : 1);`;
    const proxy = `http://127.0.0.1:${await freePort()}`;
    const env = { ...process.env, HTTP_PROXY: proxy, http_proxy: proxy, NO_PROXY: "", no_proxy: "" };
    expect(await Bun.spawn([process.execPath, "-e", script], { env }).exited).toBe(0);
  });

  test("that answers nothing is asked again after 2 s", async () => {
    let asked = 0;
    const answer = answering("200 OK\r\nContent-Length: 0");
    const { port } = await serve((socket) => void (asked++ > 0 && answer(socket)));
    const began = performance.now();
    expect(await whenReady({ by: "http", url: `http://127.0.0.1:${port}/` }, { signal: never })).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(1_900);
    expect(performance.now() - began).toBeLessThan(3_500);
  });
});

describe("a module that is no longer waited for", () => {
  test.each([
    ["a port", async () => ({ by: "tcp", port: await freePort() }) as const],
    [
      "a mute address",
      async () => ({ by: "http", url: `http://127.0.0.1:${(await serve()).port}/` }) as const,
    ],
    ["a time", async () => ({ by: "time", ms: 60_000 }) as const],
  ])("is left within 100 ms: %s", async (_, ready) => {
    const over = new AbortController();
    const waiting = whenReady(await ready(), over);
    await Bun.sleep(60);
    const began = performance.now();
    over.abort();
    expect(await waiting).toBe(false);
    expect(performance.now() - began).toBeLessThan(100);
  });

  test("isn't even asked when that was so before", async () => {
    const { port, sockets } = await serve();
    expect(await whenReady({ by: "tcp", port }, { signal: AbortSignal.abort() })).toBe(false);
    expect(sockets).toEqual([]);
  });
});

test("a module that stays up for its time is ready then", async () => {
  const began = performance.now();
  expect(await whenReady({ by: "time", ms: 150 }, { signal: never })).toBe(true);
  expect(performance.now() - began).toBeGreaterThan(148);
});

describe("a pattern", () => {
  test("is found in a line, also at the end of a long one, up to 4096 characters", () => {
    const ready = matches("ready on port \\d+$");
    expect(ready("server: ready on port 80")).toBe(true);
    expect(ready("not ready on port x")).toBe(false);
    expect(ready(`${"-".repeat(4_000)} ready on port 80`)).toBe(true);
    expect(ready(`${"-".repeat(5_000)} ready on port 80`)).toBe(false);
    expect(matches("^$")("")).toBe(true);
    expect(matches("^é😀$")("é😀")).toBe(true);
  });

  test("isn't found at the end of what was cut off a line, only at its own", () => {
    const slow = matches("^(a+)+$");
    expect(slow(`${"a".repeat(52)}!`)).toBe(false);
    expect(slow("aaaa")).toBe(true);
    const ready = matches("ready$");
    expect(ready(`${"-".repeat(4_091)}ready`)).toBe(true);
    expect(ready(`${"-".repeat(4_091)}ready or not`)).toBe(false);
    expect(matches("ready\\s*$")(`${"-".repeat(4_091)}ready or not`)).toBe(false);
    expect(matches("ready(?=.*$)")(`ready${"-".repeat(5_000)}`)).toBe(false);
    expect(matches("^ready.*")(`ready${"-".repeat(5_000)}`)).toBe(true);
    expect(matches("ready")(`${"-".repeat(4_000)}ready${"-".repeat(5_000)}`)).toBe(true);
  });

  test.each(["(x+x+)+y", ".*.*.*.*y"])("that takes for ever doesn't: %s", (pattern) => {
    const found = matches(pattern);
    const line = `${"x".repeat(10_000)}!`;
    const first = performance.now();
    found(line);
    expect(performance.now() - first).toBeLessThan(5_000);
    const next = performance.now();
    for (let n = 0; n < 20; n++) found(line);
    expect(performance.now() - next).toBeLessThan(1_000);
  });
});
