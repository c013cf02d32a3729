// How soon clients see a change and the end of an interval: bun tests/bench/pomo-sync.bench.ts
import { connect } from "../../src/kernel/client.ts";
import type { State } from "../../src/kernel/control.ts";
import { Sandbox } from "../support/sandbox.ts";
import { seated } from "./processes.ts";
import { quantile, row } from "./table.ts";

const COMMANDS = 200;
const INTERVALS = 60;
/** Between two commands, so that each finds a host at rest. */
const PAUSE_MS = 20;

/** A client: when it saw that so many things had happened, and what it was shown then. */
class Client {
  readonly #waiting = new Set<() => void>();
  readonly #seen = new Map<number, { at: number; state: State }>();

  readonly tell = (state: State | undefined): void => {
    const at = performance.now();
    const events = Number(state?.["events"] ?? -1);
    if (state && !this.#seen.has(events)) this.#seen.set(events, { at, state });
    for (const check of this.#waiting) check();
  };

  /** When it saw the n-th thing that happened, or was shown at once what came after. */
  sees(n: number): Promise<{ at: number; state: State }> {
    return new Promise((resolve) => {
      const check = () => {
        const found = this.#seen.get(n);
        if (!found) return;
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      check();
    });
  }
}

function table(what: string, values: readonly number[], wanted: string): void {
  row(`${what}, p50`, quantile(values, 0.5), "ms", wanted);
  row(`${what}, p99`, quantile(values, 0.99), "ms", wanted);
  row(`${what}, max`, Math.max(...values), "ms", wanted);
}

/** The loopback page's own WebSocket, as a browser opens it. */
function openPage(url: string, client: Client): WebSocket {
  const { host, origin, search } = new URL(url);
  const socket = new WebSocket(`ws://${host}/watch${search}`, { headers: { origin } });
  socket.onmessage = ({ data }) => client.tell(JSON.parse(String(data)) as State);
  return socket;
}

{
  await using box = new Sandbox();
  await box.run(["pomo", "start", "write", "--detach"]);
  const control = connect(await seated(box, "pomo"));
  const serving = box.start(["pomo", "serve", "--listen", "127.0.0.1:0"]);
  const line = (await serving.stdout.getReader().read()).value;
  const { url } = JSON.parse(new TextDecoder().decode(line)) as { url: string };

  const terminals = [new Client(), new Client(), new Client()];
  const watching = terminals.map(({ tell }) => control.watch(tell));
  const page = new Client();
  const socket = openPage(url, page);
  await Promise.all([...terminals, page].map((client) => client.sees(1)));

  const late = {
    issued: [] as number[],
    acknowledged: [] as number[],
    page: [] as number[],
    pageAck: [] as number[],
  };
  const answers: number[] = [];
  for (let n = 2; n < COMMANDS + 2; n++) {
    await Bun.sleep(PAUSE_MS);
    const begin = performance.now();
    await control.command("toggle");
    const answered = performance.now();
    const at = await Promise.all(terminals.map(async (client) => (await client.sees(n)).at));
    const onPage = (await page.sees(n)).at;
    answers.push(answered - begin);
    late.issued.push(...at.map((each) => each - begin));
    late.acknowledged.push(...at.map((each) => each - answered));
    late.page.push(onPage - begin);
    late.pageAck.push(onPage - answered);
  }
  table(`${COMMANDS} commands, issued to acknowledged`, answers, "no goal");
  table("issued to seen by each of 3 clients", late.issued, "< 50");
  table("acknowledged to seen by each of 3 clients", late.acknowledged, "< 50");
  table("issued to seen by the page", late.page, "< 50");
  table("acknowledged to seen by the page", late.pageAck, "< 50");
  socket.close();
  for (const each of watching) await each[Symbol.asyncDispose]();
}
{
  await using box = new Sandbox(undefined, {
    STINT_POMO_AUTO_START_BREAKS: "true",
    STINT_POMO_AUTO_START_WORK: "true",
  });
  const lengths = ["--work", "1s", "--break", "1s", "--long-break", "1s"];
  await box.run(["pomo", "start", "write", ...lengths, "--paused", "--detach"]);
  const control = connect(await seated(box, "pomo"));
  const client = new Client();
  await using _ = control.watch(client.tell);
  await client.sees(1);
  await control.command("resume");
  const noticed: number[] = [];
  // Two things happen at each end: the one is completed, the next is started.
  for (let n = 4; noticed.length < INTERVALS; n += 2) {
    const begun = await client.sees(n);
    const due = begun.at + Number(begun.state["remaining_ms"]);
    const { at, state } = await client.sees(n + 1);
    if (!String(state["event"]).endsWith("_COMPLETED")) throw new Error(`${state["event"]} came instead`);
    noticed.push(at - due);
  }
  const { lines } = await box.run(["pomo", "log", "--all"]);
  const written = lines
    // The first one stood paused for a while.
    .slice(1)
    .map((one) => Number(one["ended_at"]) - Number(one["started_at"]) - Number(one["duration_ms"]));
  table(`end of ${written.length} intervals, late in history`, written, "< 50");
  table(`end of ${noticed.length} intervals, late for a client`, noticed, "< 50");
}
