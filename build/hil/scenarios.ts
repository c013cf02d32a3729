import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { now, type Write } from "./uhid.ts";

/** What is done with the executable in the machine, and what must come of it. Throws what is wrong. */

/** The processor is emulated: all takes its time. */
const PATIENCE_MS = 60_000;
/** After SIGKILL nothing of ours is left within this, ms: on a real machine 2 s. */
const LEFT_MS = 5_000;
const ALL_OFF = 0xfc;
const NOBODY = 65_534;

async function until<T>(what: string, ask: () => T | undefined | false, ms = PATIENCE_MS): Promise<T> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(5)) {
    const answer = ask();
    if (answer !== undefined && answer !== false) return answer;
  }
  throw new Error(`${what}: not within ${ms} ms`);
}

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** A virtual board, in a process of its own. */
class Board implements Disposable {
  readonly writes: Write[] = [];
  readonly #process: ChildProcess;

  private constructor(serial: string) {
    this.#process = spawn(process.execPath, ["board", serial, "4"], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    lines.on("line", (line) => this.writes.push(JSON.parse(line) as Write));
  }

  /** One that is plugged in, and seen by the kernel. */
  static async plugged(serial: string): Promise<Board> {
    const board = new Board(serial);
    await board.plug();
    return board;
  }

  get bits(): number {
    return this.writes.at(-1)?.bits ?? 0;
  }

  async plug(): Promise<void> {
    const before = devices().length;
    this.#process.stdin?.write("plug\n");
    await until("the kernel sees the board", () => devices().length > before);
  }

  async unplug(): Promise<void> {
    const before = devices().length;
    this.#process.stdin?.write("unplug\n");
    await until("the kernel misses the board", () => devices().length < before);
    this.writes.length = 0;
  }

  /** The first write since `from` after which the relays are so. */
  was(bits: number, from = 0): Promise<Write> {
    const met = () => this.writes.find((write) => write.at >= from && write.bits === bits);
    return until(`the relays are ${bits}`, met);
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
  }
}

const devices = () => readdirSync("/dev").filter((name) => name.startsWith("hidraw"));

/** A folder for what stint keeps, with an installation. */
function home(name: string, installation: string, owner = 0): Record<string, string> {
  const folder = `/tmp/${name}`;
  const kinds = ["CONFIG_HOME", "DATA_HOME", "STATE_HOME", "CACHE_HOME", "RUNTIME_DIR"];
  const env = Object.fromEntries(kinds.map((kind) => [`XDG_${kind}`, `${folder}/${kind.toLowerCase()}`]));
  for (const path of Object.values(env)) mkdirSync(path, { recursive: true, mode: 0o700 });
  const config = `${env["XDG_CONFIG_HOME"]}/stint`;
  mkdirSync(config, { mode: 0o700 });
  writeFileSync(`${config}/detect.yaml`, installation, { mode: 0o600 });
  for (const path of [folder, ...Object.values(env), config, `${config}/detect.yaml`]) {
    chownSync(path, owner, owner);
  }
  return { PATH: "/bin", HOME: folder, ...env };
}

const installation = (board: string) => `version: 2
boards: [{ name: board, ${board} }]
relays:
  - { id: lamp, channel: 1 }
  - { id: horn, channel: 2 }
`;
/** A camera that there isn't, and a lost one trips. */
const withCamera = `${installation("kind: usb-hid")}cameras:
  - name: hall
    url: rtsp://127.0.0.1:1/
    zones: [{ name: press, points: [[0, 0], [1, 0], [1, 1]], relays: [lamp] }]
`;
const env = home("root", installation("kind: usb-hid"));

type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

/** A command of stint that runs. */
class Stint implements Disposable {
  readonly process: ChildProcess;
  readonly ended: Promise<Ran>;
  out = "";
  err = "";

  constructor(args: readonly string[], options: { env?: Record<string, string>; uid?: number } = {}) {
    this.process = spawn("/bin/stint", [...args], { env, stdio: ["ignore", "pipe", "pipe"], ...options });
    this.process.stdout?.on("data", (text) => {
      this.out += text;
    });
    this.process.stderr?.on("data", (text) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) =>
      this.process.once("close", (code) => resolve({ code, out: this.out, err: this.err })),
    );
  }

  get said(): string {
    return this.out + this.err;
  }

  /** Waits for what is to come of it while it runs. @throws at once when it ends instead */
  async does<T>(awaited: Promise<T>): Promise<T> {
    const over = this.ended.then(({ code }) => {
      throw new Error(`it ended with ${code}`);
    });
    try {
      return await Promise.race([awaited, over]);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}; it said: ${this.said}`);
    }
  }

  [Symbol.dispose](): void {
    this.process.kill("SIGKILL");
  }
}

async function stint(...args: string[]): Promise<Ran> {
  using running = new Stint(args);
  return await running.ended;
}

const linesOf = ({ out }: Ran) =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Debian's program, asked or told. @returns what it says of each relay: `BITFT_1=0 …` */
function usbrelay(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("/bin/usbrelay", args, { encoding: "utf8" });
  must(status === 0, `usbrelay: ${stderr}`);
  return stdout.trim().replaceAll("\n", " ");
}

/** The processes of stint, by their command lines. */
function processes(): { pid: number; command: string }[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      const command = readFileSync(`/proc/${Number(name)}/cmdline`, "utf8")
        .replaceAll("\0", " ")
        .trim();
      return command.startsWith("/bin/stint") ? [{ pid: Number(name), command }] : [];
    } catch {
      return [];
    }
  });
}

const nothingLeft = (ms = PATIENCE_MS) =>
  until("nothing of stint's is left", () => processes().length === 0, ms);

const guardPid = () =>
  until("there is a guard", () => processes().find(({ command }) => command.includes("__guard"))?.pid);

/** Runs `relay on lamp` until the board has it on. */
async function holding(board: Board): Promise<Stint> {
  const from = now();
  const running = new Stint(["detect", "relay", "on", "lamp"]);
  await running.does(board.was(1, from));
  return running;
}

const ms = (since: number, write: Write) => `${Math.round(write.at - since)} ms`;

const board = await Board.plugged("BITFT");

/** By their names, in order. Each may say something of how it went. */
export const scenarios: Readonly<Record<string, () => Promise<string | undefined>>> = {
  "relay list finds the board through hidraw, as usbrelay does": async () => {
    must(usbrelay() === "BITFT_1=0 BITFT_2=0 BITFT_3=0 BITFT_4=0", `usbrelay: ${usbrelay()}`);
    const ran = await stint("detect", "relay", "list");
    must(ran.code === 0, `${ran.code}: ${ran.err}`);
    const found = linesOf(ran).find(({ serial }) => serial === "BITFT");
    must(found?.["path"] === "/dev/hidraw0" && found["channels"] === 4, ran.out);
    return undefined;
  },

  "relay on holds it on: usbrelay sees it, and SIGTERM ends it": async () => {
    using running = await holding(board);
    must(usbrelay() === "BITFT_1=1 BITFT_2=0 BITFT_3=0 BITFT_4=0", `usbrelay: ${usbrelay()}`);
    must(
      board.writes.every(({ via }) => via === "feature"),
      "there was a write that is no feature report",
    );
    const from = now();
    running.process.kill("SIGTERM");
    const off = await board.was(0, from);
    const { code } = await running.ended;
    must(usbrelay() === "BITFT_1=0 BITFT_2=0 BITFT_3=0 BITFT_4=0", `usbrelay: ${usbrelay()}`);
    await nothingLeft();
    return `off after ${ms(from, off)}, exit ${code}`;
  },

  "relay pulse switches on and off": async () => {
    const from = now();
    const { code, err } = await stint("detect", "relay", "pulse", "horn");
    must(code === 0, `${code}: ${err}`);
    const on = await board.was(2, from);
    const off = await board.was(0, on.at);
    must(board.bits === 0, `the relays are ${board.bits}`);
    return `on for ${ms(on.at, off)}`;
  },

  "relay test switches each on and off and reads it back": async () => {
    const from = now();
    const { code, err } = await stint("detect", "relay", "test");
    must(code === 0, `${code}: ${err}`);
    for (const bits of [1, 2]) await board.was(0, (await board.was(bits, from)).at);
    must(board.bits === 0, `the relays are ${board.bits}`);
    return undefined;
  },

  "relay off switches off what usbrelay has switched on": async () => {
    usbrelay("BITFT_2=1");
    const { at } = await board.was(2);
    const { code, err } = await stint("detect", "relay", "off");
    must(code === 0, `${code}: ${err}`);
    await board.was(0, at);
    must(usbrelay() === "BITFT_1=0 BITFT_2=0 BITFT_3=0 BITFT_4=0", `usbrelay: ${usbrelay()}`);
    return undefined;
  },

  "SIGKILL of the process that holds it: off, and nothing is left": async () => {
    const took: string[] = [];
    for (let n = 0; n < 3; n++) {
      using running = await holding(board);
      const from = now();
      running.process.kill("SIGKILL");
      took.push(ms(from, await board.was(0, from)));
      await nothingLeft(LEFT_MS);
    }
    return `after ${took.join(", ")}`;
  },

  "SIGKILL of the guard: off": async () => {
    using running = await holding(board);
    const guard = await guardPid();
    const from = now();
    process.kill(guard, "SIGKILL");
    const off = await board.was(0, from);
    running.process.kill("SIGTERM");
    await running.ended;
    must(board.bits === 0, `the relays are ${board.bits}`);
    await nothingLeft();
    return `after ${ms(from, off)}`;
  },

  "a board that is pulled while it is on is told of, and what held it ends": async () => {
    using running = await holding(board);
    await board.unplug();
    const { code, out } = await running.ended;
    await board.plug();
    must(code === 1 && out.includes('"ok":false'), `${code}: ${running.said}`);
    must(board.bits === 0, `the relays are ${board.bits}`);
    await nothingLeft();
    return undefined;
  },

  "detect run trips on a lost camera, and a board that is back is switched off before all": async () => {
    using running = new Stint(["detect", "run"], { env: home("run", withCamera) });
    const event = (name: string, after = 0) => {
      const met = () => running.out.indexOf(`"event":${name}`, after);
      return running.does(until(name, () => met() >= 0 && met() + 1));
    };
    await running.does(board.was(1));
    // The relay is on before the detector is open: a start that fails over that switches it off again for good.
    const started = await event('"session","is":"started"');
    await board.unplug();
    const lost = await event('"board_lost"', started);
    await board.plug();
    await event('"board_back"', lost);
    const on = await running.does(board.was(1));
    const first = board.writes[0];
    must(first?.code === ALL_OFF && first.bits === 0, `the first write was ${JSON.stringify(first)}`);
    const from = now();
    running.process.kill("SIGTERM");
    const off = await board.was(0, from);
    const { code } = await running.ended;
    must(code === 143 && board.bits === 0, `${code}, the relays are ${board.bits}`);
    await nothingLeft();
    return `on again ${ms(first.at, on)} later; off after ${ms(from, off)}`;
  },

  "a board that this user may not open: the udev rule is shown, exit 69": async () => {
    const other = home("nobody", installation("kind: usb-hid"), NOBODY);
    using running = new Stint(["detect", "relay", "on", "lamp"], { env: other, uid: NOBODY });
    const { code, err } = await running.ended;
    must(code === 69 && err.includes("udev-rule"), `${code}: ${err}`);
    must(board.bits === 0, `the relays are ${board.bits}`);
    return undefined;
  },

  "two boards with one serial are refused, exit 78": async () => {
    using second = await Board.plugged("BITFT");
    const twice = home("twice", installation("serial: BITFT"));
    using running = new Stint(["detect", "relay", "on", "lamp"], { env: twice });
    const { code, err } = await running.ended;
    must(code === 78 && err.includes("two boards have the serial BITFT"), `${code}: ${err}`);
    must(second.bits === 0 && board.bits === 0, "a relay is on");
    return undefined;
  },
};
