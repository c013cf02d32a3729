// From a command to a module's answer, through the supervisor: bun tests/bench/modules-command.bench.ts [COMMANDS]
import { connect } from "../../src/kernel/client.ts";
import { ModulesBox } from "../support/modules.ts";
import { seated } from "./processes.ts";
import { median, quantile, row } from "./table.ts";

const commands = Number(process.argv[2] ?? 2_000);
const WARM_UP = 200;

await using box = new ModulesBox();
box.tiny("camera");
await box.up();
await box.until("camera", ({ actual }) => actual === "IDLE");
const control = connect(await seated(box, "modules"));

/** One after the other: what a person or a script at a module's side waits for. @returns ms each took */
async function timed(ask: (i: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + commands; i++) {
    const begin = performance.now();
    await ask(i);
    if (i >= WARM_UP) times.push(performance.now() - begin);
  }
  return times;
}

const asked = await timed(() => control.state());
const sent = await timed(async (i) => {
  const said = JSON.stringify(
    await control.command("send", { name: "camera", command: { command: "zoom", i } }),
  );
  if (!said.includes('"ack"')) throw new Error(`no answer: ${said}`);
});
row("the supervisor's own state, without the module, median", median(asked), "ms", "no goal");
row("the supervisor's own state, without the module, p99", quantile(asked, 0.99), "ms", "no goal");
row(`a command and its answer, median of ${commands}`, median(sent), "ms", "no goal");
row("a command and its answer, p99", quantile(sent, 0.99), "ms", "≤ 5");
row("a command and its answer, longest", Math.max(...sent), "ms", "no goal");
row("median, against the supervisor's own state", median(sent) / median(asked), "×", "no goal");
