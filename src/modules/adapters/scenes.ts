import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectThat, inMs, type Scene, type SceneStage } from "../../kernel/scene.ts";

/** The scenes of `stint demo` that show what a supervisor and its modules can be put through. */

/** A module that counts into a file, fifty times a second, and never minds who looks after it. */
const COUNTER = `n=0
while :; do
  n=$((n + 1))
  echo $n >> counted.txt
  sleep 0.02
done
`;

function makeModule(stage: SceneStage, name: string, config: string): string {
  const folder = join(stage.folder, "modules", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "count.sh"), COUNTER);
  writeFileSync(join(folder, "config.txt"), config);
  return folder;
}

/** Does something with a supervisor in the background; whatever comes of it, nothing is left running. */
async function supervised<T>(stage: SceneStage, work: () => Promise<T>): Promise<T> {
  await stage.ask("modules", "up", "--detach");
  try {
    return await work();
  } finally {
    // One that was killed has left its modules: only a supervisor ends them in order.
    if ((await stage.run("modules", "down")).code !== 0) {
      await stage.run("modules", "up", "--detach");
      await stage.run("modules", "down");
    }
  }
}

const row = async (stage: SceneStage, name: string) => {
  const { lines } = await stage.run("modules", "status", name);
  return lines[0] ?? {};
};

async function until<T>(ask: () => Promise<T>, holds: (answer: T) => boolean, what: string): Promise<T> {
  const end = performance.now() + 15_000;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    expectThat(performance.now() < end, `${what}; last: ${JSON.stringify(answer)}`);
  }
}

export const scenes: readonly Scene[] = [
  {
    title:
      "the supervisor is killed with kill -9; its module goes on counting, and is taken over by the next",
    async play(stage) {
      const folder = makeModule(stage, "counter", "command = sh count.sh\nready = 100ms\n");
      return supervised(stage, async () => {
        const before = await until(
          () => row(stage, "counter"),
          ({ actual }) => actual === "IDLE",
          "it isn't ready",
        );
        await stage.kill("modules");
        const { ms } = await stage.ask("modules", "up", "--detach");
        const after = await row(stage, "counter");
        expectThat(after["pid"] === before["pid"] && after["adopted"] === true, "it isn't the same process");
        await stage.ask("modules", "stop", "counter");
        const counted = readFileSync(join(folder, "counted.txt"), "utf8").trim().split("\n").map(Number);
        expectThat(
          counted.every((n, at) => n === at + 1),
          "it has not counted through, or there were two of it",
        );
        return {
          words: `taken over in ${inMs(ms)}, pid ${String(after["pid"])} as before; ${counted.length} counted, none missing`,
          measured: { takeover_ms: ms, counted: counted.length },
        };
      });
    },
  },
  {
    title: "a module killed with SIGSEGV is started again; one that can't start gives its preference back",
    async play(stage) {
      makeModule(stage, "counter", "command = sh count.sh\nready = 100ms\nrestart = on-failure\n");
      const broken = makeModule(stage, "broken", "enabled = false # for now\ncommand = ./nothing-here\n");
      return supervised(stage, async () => {
        const isUp = ({ actual }: Record<string, unknown>) => actual === "IDLE";
        const before = await until(() => row(stage, "counter"), isUp, "it isn't ready");
        process.kill(Number(before["pid"]), "SIGSEGV");
        const begin = performance.now();
        const after = await until(
          () => row(stage, "counter"),
          (now) => isUp(now) && now["pid"] !== before["pid"],
          "it isn't back",
        );
        const ms = performance.now() - begin;
        expectThat(after["last_exit"] === "SIGSEGV" && after["restarts"] === 1, "the crash isn't told");
        const { code, lines } = await stage.run("modules", "enable", "broken");
        expectThat(code === 1 && lines[0]?.["actual"] === "ERROR", "a start that can't be is told as one");
        const config = readFileSync(join(broken, "config.txt"), "utf8");
        expectThat(config.startsWith("enabled = false # for now\n"), "its preference isn't what it was");
        return {
          words: `back after ${inMs(ms)} (1 s of them is the backoff); what can't start is off as before, and says why`,
          measured: { back_ms: ms },
        };
      });
    },
  },
];
