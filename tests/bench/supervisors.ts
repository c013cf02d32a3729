/** stint and its peers, each with the same programs in a home of its own, for benches that compare them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { install, machine } from "../../build/debian.ts";
import { ModulesBox } from "../support/modules.ts";
import { Sandbox, until } from "../support/sandbox.ts";

/** Held to one version, so that a number can be measured again. */
const PM2 = "pm2@7.0.4";

/**
 * A program that does nothing, told as `$1` which one it is. It notes that it runs before it does nothing: so it is
 * measured in the same way whoever started it. What it is called is in its environment, and seen from outside.
 */
const program = (folder: string) => `export BENCH_PROGRAM=$1
echo "$1 $$" >>'${folder}/started'
printf '{"event":"ready"}\\n'
exec sleep 1000000
`;

/** A supervisor and its programs. */
export abstract class Supervisor implements AsyncDisposable {
  abstract readonly name: string;
  /** What it is told that matters to what is measured, and how it is told. */
  abstract readonly configured: string;
  /** The command that says how its programs are. */
  abstract readonly status: readonly string[];
  readonly box: Sandbox;
  readonly names: readonly string[];

  constructor(box: Sandbox, count: number) {
    this.box = box;
    this.names = Array.from({ length: count }, (_, i) => `p${i}`);
    writeFileSync(join(box.work, "started"), "");
    writeFileSync(join(box.work, "idle.sh"), program(box.work));
  }

  /** Runs the command that starts it, in the background, with all its programs. */
  abstract start(): Promise<void>;
  /** Its own process. */
  abstract get pid(): number;
  /** How many of its programs it says are running, as its status prints it. */
  abstract running(status: string): number;

  /** Runs a command in its home. @returns stdout, whatever it ended with */
  async run(...argv: string[]): Promise<string> {
    const child = Bun.spawn(argv, {
      cwd: this.box.work,
      env: this.box.env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    const [out] = await Promise.all([child.stdout.text(), child.exited]);
    return out;
  }

  /** Every start of a program so far: which, and its pid. */
  get started(): { name: string; pid: number }[] {
    const lines = readFileSync(join(this.box.work, "started"), "utf8").split("\n").slice(0, -1);
    return lines.map((line) => {
      const [name = "", pid] = line.split(" ");
      return { name, pid: Number(pid) };
    });
  }

  /** The programs that live, each with all of its processes. */
  alive(): Map<string, number[]> {
    const found = new Map<string, number[]>(this.names.map((name) => [name, []]));
    for (const pid of this.box.processes()) {
      const name = /(?:^|\0)BENCH_PROGRAM=([^\0]*)/.exec(environment(pid))?.[1];
      if (name !== undefined) found.get(name)?.push(pid);
    }
    return found;
  }

  /** Waits until it says that all of them run. */
  async settled(): Promise<void> {
    await until(
      async () => this.running(await this.run(...this.status)),
      (running) => running === this.names.length,
      60_000,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Before its programs: it would start them again.
    try {
      process.kill(this.pid, "SIGKILL");
    } catch {
      // It isn't there any more, or never was.
    }
    await this.box[Symbol.asyncDispose]();
  }
}

function environment(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}

const pidIn = (path: string): number => (existsSync(path) ? Number(readFileSync(path, "utf8")) : 0);

export class Stint extends Supervisor {
  override readonly name = "stint";
  override readonly configured = "restart = always: a backoff of 1 s, doubling, with jitter";
  override readonly status: readonly string[];
  override readonly box: ModulesBox;

  constructor(count: number) {
    const box = new ModulesBox();
    super(box, count);
    this.box = box;
    this.status = [...box.command, "modules", "status", "--json"];
    const script = join(box.work, "idle.sh");
    for (const name of this.names) {
      box.module(name, { enabled: "true", command: `/bin/sh ${script} ${name}`, restart: "always" });
    }
  }

  async start(): Promise<void> {
    await this.box.up();
  }

  get pid(): number {
    return this.box.host;
  }

  running(status: string): number {
    return status.match(/"actual":"IDLE"/g)?.length ?? 0;
  }
}

class Supervisord extends Supervisor {
  override readonly name = "supervisord";
  override readonly configured =
    "autorestart=true, startsecs=1 (its default): at once, if it ran for a second";
  override readonly status: readonly string[];
  readonly #config: string;

  constructor(count: number) {
    const box = new Sandbox();
    super(box, count);
    const { work } = box;
    this.#config = join(work, "supervisord.conf");
    mkdirSync(join(work, "logs"));
    const programs = this.names.map(
      (name) => `[program:${name}]\ncommand=/bin/sh ${work}/idle.sh ${name}\nautorestart=true\n`,
    );
    writeFileSync(
      this.#config,
      `[unix_http_server]
file=${work}/socket
[supervisord]
logfile=${work}/supervisord.log
pidfile=${work}/supervisord.pid
childlogdir=${work}/logs
user=root
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${work}/socket
${programs.join("")}`,
    );
    this.status = ["supervisorctl", "-c", this.#config, "status"];
  }

  async start(): Promise<void> {
    await this.run("supervisord", "-c", this.#config);
  }

  get pid(): number {
    return pidIn(join(this.box.work, "supervisord.pid"));
  }

  running(status: string): number {
    return status.match(/ RUNNING /g)?.length ?? 0;
  }
}

class Pm2 extends Supervisor {
  override readonly name = "pm2";
  override readonly configured = "autorestart (its default): at once";
  override readonly status: readonly string[];
  readonly #pm2: string;

  constructor(count: number, pm2: string) {
    const box = new Sandbox(undefined, { PM2_HOME: "" });
    super(box, count);
    box.env["PM2_HOME"] = join(box.home, "pm2");
    this.#pm2 = pm2;
    const apps = this.names.map((name) => ({
      name,
      script: "/bin/sh",
      args: [join(box.work, "idle.sh"), name],
      interpreter: "none",
      cwd: box.work,
    }));
    writeFileSync(join(box.work, "rack.json"), JSON.stringify({ apps }));
    this.status = [pm2, "jlist"];
  }

  async start(): Promise<void> {
    await this.run(this.#pm2, "start", "rack.json");
  }

  get pid(): number {
    return pidIn(join(this.box.home, "pm2/pm2.pid"));
  }

  running(status: string): number {
    return status.match(/"status":"online"/g)?.length ?? 0;
  }
}

/** One that can be made as often as a bench wants it. */
export type Maker = (count: number) => Supervisor;

/**
 * Installs the peers, as far as it can here: supervisord from Debian, pm2 by npm.
 * @param scratch a folder for what belongs to no system
 * @returns those there are, stint the first, and why the others aren't
 */
export async function supervisors(scratch: string): Promise<{ makers: Maker[]; missing: string[] }> {
  const makers: Maker[] = [(count) => new Stint(count)];
  const missing: string[] = [];

  const supervisord = install([{ command: "supervisord", package: "supervisor" }], machine);
  if (supervisord.missing.length === 0) makers.push((count) => new Supervisord(count));
  else missing.push(`supervisord: ${supervisord.command}`);

  const argv = ["npm", "install", "--prefix", scratch, "--no-audit", "--no-fund", "--ignore-scripts", PM2];
  const pm2 = join(scratch, "node_modules/.bin/pm2");
  const installed = machine.has("npm") && machine.has("node") && machine.run(argv) && existsSync(pm2);
  if (installed) makers.push((count) => new Pm2(count, pm2));
  else missing.push(`pm2: ${argv.join(" ")}`);
  return { makers, missing };
}
