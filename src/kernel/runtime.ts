/**
 * The one place that knows which JavaScript runtime this is. Bun's is the shipped executable; the same source runs
 * under Deno. Each function says what it does and hides the two ways of doing it.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { Exit, Expected, errno, message } from "./errors.ts";

const bun = "Bun" in globalThis;
/** Deno's own types aren't loaded beside Bun's: these are the few that are called. */
interface DenoNamespace {
  version: { deno: string };
  openSync(path: string, options: object): DenoFile;
  serve(options: object, handler: (request: Request) => Promise<Response>): { shutdown(): Promise<void> };
  upgradeWebSocket(request: Request): { socket: WebSocket; response: Response };
  createHttpClient(options: object): { close(): void };
}
interface DenoFile {
  tryLockSync(exclusive: boolean): boolean;
  statSync(): { ino: number | null };
  truncateSync(length: number): void;
  writeSync(bytes: Uint8Array): number;
  close(): void;
}
const deno = (globalThis as { Deno?: DenoNamespace }).Deno;
const require = createRequire(import.meta.url);

/** "bun 1.4.5", for `--version` and the log. */
export const runtime = bun ? `bun ${Bun.version}` : `deno ${deno?.version.deno}`;

/** Whether a path lies inside the executable: such a file can be read as a whole, and no more. */
export const isEmbedded = (path: string): boolean => /[\\/]\$bunfs[\\/]|[A-Z]:[\\/]~BUN[\\/]/.test(path);

/** True in the one executable; false when the source runs. */
const compiled = bun && isEmbedded(import.meta.url);

/** The command line that starts this program again: the executable, or the runtime and the script. */
export function selfCommand(): [string, ...string[]] {
  if (compiled) return [process.execPath];
  const script = process.argv[1] ?? "";
  return bun ? [process.execPath, script] : [process.execPath, "run", "-A", script];
}

/** Blocks this thread. Never by Atomics.wait with a time-out: that runs on the wall clock. */
export function sleepThread(ms: number): void {
  const end = performance.now() + ms;
  if (bun) Bun.sleepSync(ms);
  else while (performance.now() < end);
}

/** What SQLite stores and gives back. */
export type SqlValue = number | bigint | string | null | Uint8Array;
export type Row = Record<string, SqlValue>;
/** A prepared statement: positional parameters, plain rows. */
export interface Statement {
  run(...values: SqlValue[]): void;
  get(...values: SqlValue[]): Row | undefined;
  all(...values: SqlValue[]): Row[];
}
/** An open SQLite database. What its errors mean says {@link sqliteCode}. */
export interface Database {
  exec(sql: string): void;
  /** Statements are kept for the life of the database: pass constant text. */
  prepare(sql: string): Statement;
  close(): void;
}

/** SQLite's words for the result codes that somebody here acts on: Deno gives nothing else. */
const SQLITE_WORDS: Readonly<Record<string, string>> = {
  "database is locked": "BUSY",
  "locking protocol": "PROTOCOL",
  "database disk image is malformed": "CORRUPT",
  "file is not a database": "NOTADB",
  "database or disk is full": "FULL",
  "disk I/O error": "IOERR",
  "attempt to write a readonly database": "READONLY",
  "unable to open database file": "CANTOPEN",
};

/** SQLite's primary result code (`BUSY`, `CORRUPT`, …) of an error, undefined when it isn't SQLite's. */
export function sqliteCode(error: unknown): string | undefined {
  const code = errno(error) ?? "";
  if (code !== "ERR_SQLITE_ERROR") return /^SQLITE_([A-Z]+)/.exec(code)?.[1];
  return Object.entries(SQLITE_WORDS).find(([words]) => message(error).startsWith(words))?.[1] ?? "ERROR";
}

/** Opens a SQLite file; without `readonly` it is made when missing. */
export async function openDatabase(path: string, options: { readonly?: boolean } = {}): Promise<Database> {
  const readonly = options.readonly ?? false;
  const cache = new Map<string, Statement>();
  const cached = (sql: string, make: () => Statement): Statement => {
    const known = cache.get(sql);
    if (known) return known;
    const made = make();
    cache.set(sql, made);
    return made;
  };
  if (bun) {
    const { Database: Sqlite } = await import("bun:sqlite");
    const db = new Sqlite(path, readonly ? { readonly: true } : { create: true });
    return {
      exec: (sql) => void db.run(sql),
      prepare: (sql) =>
        cached(sql, () => {
          const statement = db.query(sql);
          return {
            run: (...values) => void statement.run(...values),
            get: (...values) => (statement.get(...values) as Row | null) ?? undefined,
            all: (...values) => statement.all(...values) as Row[],
          };
        }),
      close: () => {
        cache.clear();
        db.close();
      },
    };
  }
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(path, { readOnly: readonly });
  return {
    exec: (sql) => db.exec(sql),
    prepare: (sql) =>
      cached(sql, () => {
        const statement = db.prepare(sql);
        return {
          run: (...values) => void statement.run(...values),
          get: (...values) => statement.get(...values) as Row | undefined,
          all: (...values) => statement.all(...values) as Row[],
        };
      }),
    close: () => {
      cache.clear();
      db.close();
    },
  };
}

/** A held file lock. The kernel frees it however this process dies; no child inherits it. */
export interface FileLock extends Disposable {
  /** Replaces what the locked file says. */
  write(text: string): void;
  /** Whether the file still has its name: a lock on one that was removed or replaced keeps nobody out. */
  readonly inPlace: boolean;
}

/** LOCK_SH, LOCK_EX and LOCK_NB of flock(2). */
const flockBits = { shared: 1, exclusive: 2, nonBlocking: 4 };
let flock: ((fd: number, operation: number) => number) | undefined;

/**
 * Locks a file (made private when missing) without waiting: flock(2), which any process on this machine sees.
 * @returns undefined while another process holds it in a way that excludes this one
 * @throws Expected 74 when the file can't be made or opened
 */
export function lockFile(path: string, kind: "shared" | "exclusive"): FileLock | undefined {
  for (;;) {
    let lock: FileLock | undefined;
    try {
      lock = tryLock(path, kind);
    } catch (error) {
      const hint = "is its folder writable, and the disk not full?";
      throw new Expected(Exit.io, `${path} can't be opened: ${errno(error) ?? message(error)}`, hint);
    }
    // Its last holder may have removed the file between our opening and our locking it.
    if (!lock || lock.inPlace) return lock;
    lock[Symbol.dispose]();
  }
}

function tryLock(path: string, kind: "shared" | "exclusive"): FileLock | undefined {
  const isAt = (ino: number | null) => ino === statSync(path, { throwIfNoEntry: false })?.ino;
  if (deno) {
    closeSync(openSync(path, "a", 0o600));
    const file = deno.openSync(path, { read: true, append: true });
    if (!file.tryLockSync(kind === "exclusive")) {
      file.close();
      return undefined;
    }
    return {
      write(text: string) {
        file.truncateSync(0);
        file.writeSync(new TextEncoder().encode(text));
      },
      get inPlace() {
        return isAt(file.statSync().ino);
      },
      [Symbol.dispose]: () => file.close(),
    };
  }
  // Windows has no flock(2): a file that others can't open while we have it is its nearest kin, and Bun opens files
  // shared. Runs there go unlocked, which `backtest run` (one session, one lock name) can bear.
  if (process.platform !== "win32") {
    flock ??= libc("flock", { args: ["i32", "i32"], returns: "i32" }) as NonNullable<typeof flock>;
  }
  const fd = openSync(path, "a+", 0o600);
  if (flock && flock(fd, flockBits[kind] | flockBits.nonBlocking) !== 0) {
    closeSync(fd);
    return undefined;
  }
  return {
    write(text: string) {
      ftruncateSync(fd, 0);
      writeSync(fd, text);
    },
    get inPlace() {
      return isAt(fstatSync(fd).ino);
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** A function of the C library, where there is Bun to call it. */
function libc(name: string, type: import("bun:ffi").FFIFunction): unknown {
  const { dlopen } = require("bun:ffi") as typeof import("bun:ffi");
  const library = process.platform === "darwin" ? "libSystem.dylib" : "libc.so.6";
  return dlopen(library, { [name]: type }).symbols[name];
}

let usleep: ((micros: number) => number) | undefined;

/**
 * Holds this thread for less than a second, to a tenth of a ms: usleep(3), which no clock that is set can stretch, as it
 * does Atomics.wait's timeout. Where there is no such thing it only returns.
 */
export function nap(ms: number): void {
  if (!bun || process.platform === "win32") return;
  usleep ??= libc("usleep", { args: ["u32"], returns: "i32" }) as NonNullable<typeof usleep>;
  usleep(Math.floor(ms * 1000));
}

/** POLLIN of poll(2), and POLLERR, POLLHUP and POLLNVAL, which are told unasked. */
const READABLE = 0x01;
const HUNG_UP = 0x08 | 0x10 | 0x20;
let poll: ((fds: Uint8Array, count: number, ms: number) => number) | undefined;

/** What is true of each descriptor now, as bits: poll(2), which doesn't wait. Nothing where that can't be asked. */
function polled(fds: readonly number[], events: number): number[] {
  if (!bun || process.platform === "win32" || fds.length === 0) return fds.map(() => 0);
  poll ??= libc("poll", { args: ["ptr", "u64", "i32"], returns: "i32" }) as NonNullable<typeof poll>;
  // struct pollfd: int fd, short events, short revents
  const bytes = new Uint8Array(8 * fds.length);
  const view = new DataView(bytes.buffer);
  for (const [n, fd] of fds.entries()) {
    view.setInt32(8 * n, fd, true);
    view.setInt16(8 * n + 4, events, true);
  }
  const any = (poll?.(bytes, fds.length, 0) ?? 0) > 0;
  return fds.map((_, n) => (any ? view.getInt16(8 * n + 6, true) : 0));
}

/** MSG_DONTWAIT and MSG_NOSIGNAL of send(2), on Linux. */
const SEND_NOW = 0x40 | 0x4000;
let send: ((fd: number, bytes: Uint8Array, size: number, flags: number) => number) | undefined;

/**
 * Sends to a socket what it takes at once. Linux, under Bun.
 * @returns how many bytes; 0 when it takes none now
 * @throws EPIPE when nobody is at its other end
 */
export function sendNow(fd: number, bytes: Uint8Array): number {
  send ??= libc("send", { args: ["i32", "ptr", "u64", "i32"], returns: "i64" }) as NonNullable<typeof send>;
  const sent = Number(send(fd, bytes, bytes.length, SEND_NOW));
  if (sent < 0 && isHungUp(fd)) {
    throw Object.assign(new Error("EPIPE: nobody is at the other end"), { code: "EPIPE" });
  }
  return Math.max(0, sent);
}

/** Whether {@link sendNow} can be called. */
export const canSendNow = bun && process.platform === "linux";

/** How many timers are alive in this process, once garbage is collected, which takes a while; null under Deno. */
export async function liveTimers(): Promise<number | null> {
  if (!bun) return null;
  const { heapStats } = await import("bun:jsc");
  Bun.gc(true);
  return heapStats().objectTypeCounts["Timeout"] ?? 0;
}

/** MADV_DONTNEED of madvise(2). */
const DONT_NEED = 4;
let madvise: ((at: number, bytes: number, advice: number) => number) | undefined;
/** Where the executable's pages are that are the file's own: nobody has written to them, or can. */
let filePages: { at: number; bytes: number }[] | undefined;

/**
 * Gives back the memory of the executable's own pages: those that are still needed come back from the page cache as they
 * are. What a start needs is much more than what a host needs that has nothing to do.
 */
export function releaseFilePages(): void {
  if (!compiled || process.platform !== "linux") return;
  madvise ??= libc("madvise", { args: ["ptr", "u64", "i32"], returns: "i32" }) as typeof madvise;
  filePages ??= findFilePages();
  for (const { at, bytes } of filePages) madvise?.(at, bytes, DONT_NEED);
}

function findFilePages(): { at: number; bytes: number }[] {
  // Each mapping begins with a line `address perms offset dev inode path`, see proc(5).
  const mappings = (readText("/proc/self/smaps") ?? "").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return mappings.flatMap((mapping) => {
    const [, from = "", to = ""] = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p /.exec(mapping) ?? [];
    const own = mapping.slice(0, mapping.indexOf("\n")).endsWith(` ${process.execPath}`);
    const untouched = /^Anonymous: +0 kB$/m.test(mapping) && /^Private_Dirty: +0 kB$/m.test(mapping);
    if (from === "" || !own || !untouched) return [];
    const at = Number.parseInt(from, 16);
    return [{ at, bytes: Number.parseInt(to, 16) - at }];
  });
}

/** Whether nobody is at the other end of a descriptor any more. False where that can't be asked. */
export const isHungUp = (fd: number): boolean => polled([fd], 0).some((bits) => (bits & HUNG_UP) !== 0);

/** Those of some descriptors that can be read without waiting. None where that can't be asked. */
export function readable(fds: readonly number[]): number[] {
  const bits = polled(fds, READABLE);
  return fds.filter((_, n) => ((bits[n] ?? 0) & READABLE) !== 0);
}

/** pidfd_open(2) has this number on every machine. */
const PIDFD_OPEN = 434;
let syscall: ((number: number, first: number, second: number) => number) | undefined;

/**
 * A descriptor that is {@link readable} once a process has ended, whosever child it is; to be closed.
 * @returns undefined when there is no such process, or no such call (before Linux 5.3, elsewhere, under Deno)
 */
export function openPidfd(pid: number): number | undefined {
  if (!bun || process.platform !== "linux") return undefined;
  syscall ??= libc("syscall", { args: ["i64", "i64", "i64"], returns: "i32" }) as NonNullable<typeof syscall>;
  const fd = syscall(PIDFD_OPEN, pid, 0);
  return fd < 0 ? undefined : fd;
}

/** EPOLL_CLOEXEC and EPOLL_CTL_ADD. */
const CLOSE_ON_EXEC = 0o2000000;
const ADD = 1;
let epoll:
  | {
      create(flags: number): number;
      control(set: number, what: number, fd: number, event: Uint8Array): number;
    }
  | undefined;

/**
 * Opens a descriptor that stands for any number of others, so that asking after all costs no more than after one: it is
 * {@link readable} once one of those is that were added. What is closed leaves it. To be closed.
 * @returns undefined where there is no epoll(7), or it can't be had (elsewhere than on Linux, under Deno)
 */
export function openReadySet(): { fd: number; add(fd: number): void } | undefined {
  if (!bun || process.platform !== "linux") return undefined;
  epoll ??= {
    create: libc("epoll_create1", { args: ["i32"], returns: "i32" }) as NonNullable<typeof epoll>["create"],
    control: libc("epoll_ctl", {
      args: ["i32", "i32", "i32", "ptr"],
      returns: "i32",
    }) as NonNullable<typeof epoll>["control"],
  };
  const { create, control } = epoll;
  const fd = create(CLOSE_ON_EXEC);
  if (fd < 0) return undefined;
  // struct epoll_event: u32 events, and data that nobody reads
  const event = new Uint8Array(16);
  new DataView(event.buffer).setUint32(0, READABLE, true);
  return { fd, add: (added) => void control(fd, ADD, added, event) };
}

/** mkfifo(3) under Bun, mkfifo(1) under Deno. */
const MKFIFO = "mkfifo";
let mkfifo: ((path: Uint8Array, mode: number) => number) | undefined;

/** Makes a named pipe that only its owner can open. The path must be free. @throws Error when it can't be made */
export function makeFifo(path: string): void {
  let made: boolean;
  if (bun && process.platform !== "win32") {
    mkfifo ??= libc(MKFIFO, { args: ["ptr", "u32"], returns: "i32" }) as NonNullable<typeof mkfifo>;
    made = mkfifo(new TextEncoder().encode(`${path}\0`), 0o600) === 0;
  } else made = spawnSync(MKFIFO, ["-m", "600", path]).status === 0;
  if (!made) throw new Error(`${path} can't be made a pipe`);
}

/** Modes of fallocate(2): PUNCH_HOLE with KEEP_SIZE, and COLLAPSE_RANGE. */
const FALLOCATE = { hole: 0x02 | 0x01, shorter: 0x08 } as const;
let fallocate: ((fd: number, mode: number, offset: number, length: number) => number) | undefined;

/**
 * Gives the disk back the first bytes of a file that others may append to meanwhile: nothing of what they write is
 * touched. `hole`: they read as zeros, and the file keeps its length; most file systems of Linux can. `shorter`: they are
 * gone, and what comes after them is at the beginning; ext4 and xfs can, for whole blocks that don't reach the end.
 * @param fd open for writing
 * @returns whether it could be done; never outside Linux, nor under Deno
 */
export function freeStart(fd: number, bytes: number, how: keyof typeof FALLOCATE): boolean {
  if (!bun || process.platform !== "linux") return false;
  fallocate ??= libc("fallocate", { args: ["i32", "i32", "i64", "i64"], returns: "i32" }) as NonNullable<
    typeof fallocate
  >;
  return fallocate(fd, FALLOCATE[how], 0, bytes) === 0;
}

/** One connected watcher of a {@link Server}. */
export interface Watcher {
  send(text: string): void;
  close(): void;
  /** Bytes accepted by {@link send} that the other side hasn't read. */
  buffered(): number;
}
/** What a served socket does with what comes in. */
export interface Handlers {
  request(method: string, path: string, body: string): Promise<{ status: number; body: string }>;
  opened(watcher: Watcher): void;
  closed(watcher: Watcher): void;
}
export interface Server {
  stop(): Promise<void>;
}

/** A command says little: more would only keep the host from its work, bytes. */
const LARGEST_BODY = 1 << 20;

/** Serves HTTP on a unix socket; `GET /watch` upgrades to a WebSocket. The path must be free. */
export async function serveUnix(path: string, handlers: Handlers): Promise<Server> {
  const answer = async (request: Request) => {
    if (Number(request.headers.get("content-length")) > LARGEST_BODY)
      return new Response("", { status: 413 });
    const { status, body } = await handlers.request(
      request.method,
      new URL(request.url).pathname,
      await request.text(),
    );
    return new Response(body, { status, headers: { "content-type": "application/json" } });
  };
  if (bun) {
    type Data = { watcher?: Watcher };
    const server = Bun.serve<Data>({
      unix: path,
      maxRequestBodySize: LARGEST_BODY,
      // A command may take as long as what it asks for; who asks knows how long to wait. The types don't know of it for a
      // unix socket.
      ...({ idleTimeout: 0 } as object),
      async fetch(request, self) {
        if (new URL(request.url).pathname === "/watch") {
          return self.upgrade(request, { data: {} }) ? undefined : new Response("", { status: 400 });
        }
        return answer(request);
      },
      websocket: {
        // Far above the limit at which the host closes a watcher that fell behind: it decides, not this.
        backpressureLimit: 16 << 20,
        idleTimeout: 0,
        open(socket) {
          socket.data.watcher = {
            send: (text) => void socket.send(text),
            close: () => socket.close(),
            buffered: () => socket.getBufferedAmount(),
          };
          handlers.opened(socket.data.watcher);
        },
        message() {},
        close(socket) {
          if (socket.data.watcher) handlers.closed(socket.data.watcher);
        },
      },
    });
    return { stop: () => server.stop(true) };
  }
  const watchers = new Set<WebSocket>();
  const server = (deno as DenoNamespace).serve({ path, onListen() {} }, async (request) => {
    if (request.headers.get("upgrade") !== "websocket") return answer(request);
    const { socket, response } = (deno as DenoNamespace).upgradeWebSocket(request);
    const watcher: Watcher = {
      send: (text) => socket.send(text),
      close: () => socket.close(),
      buffered: () => socket.bufferedAmount,
    };
    socket.onopen = () => {
      watchers.add(socket);
      handlers.opened(watcher);
    };
    socket.onclose = () => {
      watchers.delete(socket);
      handlers.closed(watcher);
    };
    return response;
  });
  return {
    async stop() {
      for (const socket of watchers) socket.close();
      await server.shutdown();
    },
  };
}

/** One HTTP request to a unix socket. Rejects when nobody answers. */
export async function requestUnix(
  socket: string,
  method: "GET" | "POST",
  path: string,
  options: { body?: string; timeoutMs: number },
): Promise<{ status: number; body: string }> {
  const client = deno?.createHttpClient({ proxy: { transport: "unix", path: socket } });
  try {
    const response = await fetch(`http://stint${path}`, {
      method,
      signal: AbortSignal.timeout(options.timeoutMs),
      ...(options.body === undefined ? {} : { body: options.body }),
      ...(client ? { client } : { unix: socket }),
    } as RequestInit);
    return { status: response.status, body: await response.text() };
  } finally {
    client?.close();
  }
}

/** A WebSocket to `/watch` of a unix socket; undefined where the runtime can't (Deno has no such address). */
export function watchUnix(socket: string): WebSocket | undefined {
  return bun ? new WebSocket(`ws+unix://${socket}:/watch`) : undefined;
}

/**
 * Starts a process of its own session (no terminal, its own group), with one pipe on fd 3 that it may write to.
 * The child outlives this process; `said` ends when the child closes fd 3 or dies. One that couldn't be started has
 * neither code nor signal.
 */
export function spawnDetached(
  command: [string, ...string[]],
  options: { env: Record<string, string | undefined>; cwd: string; stderr: number | "ignore" },
): {
  pid: number;
  said: NodeJS.ReadableStream;
  exited: Promise<{ code: number | null; signal: string | null }>;
} {
  const [file, ...args] = command;
  const child = spawn(file, args, {
    detached: true,
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "ignore", options.stderr, "pipe"],
  });
  child.unref();
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on("exit", (code, signal) => resolve({ code, signal }));
    child.on("error", () => resolve({ code: null, signal: null }));
  });
  // A child that couldn't be started has no pipes.
  const said = (child.stdio[3] ?? Readable.from([])) as NodeJS.ReadableStream;
  return { pid: child.pid ?? 0, said, exited };
}

/**
 * Starts a process of its own session (no terminal, its own group) on three descriptors of the caller, who closes them. It
 * outlives this process, and doesn't keep it from ending. Under Bun it has no other descriptor and no signal is ignored;
 * under Deno it has what this process was itself started with.
 * @param options.cgroup the folder of a cgroup to be born in; Bun alone can
 * @throws what the system says, with its `code`; what was wrong may be the cgroup
 */
export async function spawnSession(
  command: readonly [string, ...string[]],
  options: {
    env: Record<string, string | undefined>;
    cwd: string;
    stdio: [number, number, number];
    cgroup?: string | undefined;
  },
): Promise<{ pid: number; exited: Promise<{ code: number | null; signal: string | null }> }> {
  const { cgroup, ...rest } = options;
  if (bun) {
    const child = Bun.spawn([...command], { ...rest, detached: true, ...(cgroup ? { cgroup } : {}) });
    child.unref();
    const exited = child.exited.then(() => {
      const { exitCode: code, signalCode } = child;
      // A signal without a name is a number: those for real-time use.
      return { code, signal: typeof signalCode === "number" ? `signal ${signalCode}` : signalCode };
    });
    return { pid: child.pid, exited };
  }
  if (cgroup !== undefined) throw new Error("this runtime can't start a process in a cgroup");
  const [file, ...args] = command;
  const child = spawn(file, args, { ...rest, detached: true });
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  child.unref();
  return { pid: child.pid ?? 0, exited };
}

/** A process told apart from any other that ever had its pid. */
export type ProcessIdentity = { pid: number; start: string; boot: string };

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

/** What the system says of a process: its process group, its session, and when it was started, in clock ticks after boot. */
export type ProcessStat = { zombie: boolean; group: number; session: number; start: string };

/** Reads proc(5)'s `stat`. @returns undefined when there is no such process, or no /proc */
export function processStat(pid: number): ProcessStat | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name in field 2 may hold spaces and parentheses: count from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, , group, session] = fields;
  // One whose first thread has left looks like a zombie too, while its others run: those are counted in field 20.
  const zombie = state === "X" || (state === "Z" && Number(fields[17]) < 2);
  return { zombie, group: Number(group), session: Number(session), start: fields[19] ?? "" };
}

const bootId = (): string => readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "";

/** Who the process with this pid is now; `start` is "" where there is no /proc. */
export function identityOf(pid: number): ProcessIdentity {
  return { pid, start: processStat(pid)?.start ?? "", boot: bootId() };
}

/** Who this process is. */
export const ownIdentity = (): ProcessIdentity => identityOf(process.pid);

/** Whether exactly this process still lives: same pid, same start, same boot. Zombies don't count. */
export function isAlive(who: ProcessIdentity): boolean {
  if (who.boot !== bootId()) return false;
  if (who.start !== "") {
    const stat = processStat(who.pid);
    return stat?.start === who.start && !stat.zombie;
  }
  try {
    process.kill(who.pid, 0);
    return true;
  } catch (error) {
    return errno(error) === "EPERM";
  }
}
