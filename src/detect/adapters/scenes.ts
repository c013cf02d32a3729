import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, run } from "../../kernel/programs.ts";
import { selfCommand } from "../../kernel/runtime.ts";
import { expectThat, inMs, type Scene, type SceneStage } from "../../kernel/scene.ts";
import type { DetectView } from "../core/view.ts";

/** The scenes of `stint demo` that show what becomes of a relay. */

/** A machine may run only while nobody is in the picture of its camera, which shows a test picture. */
const INSTALLED = (folder: string) => `version: 2
cameras:
  - name: hall
    url: ${JSON.stringify(join(folder, "camera.mp4"))}
    zones: [{ name: press, points: [[0, 0], [1, 0], [1, 1], [0, 1]], mode: permit, relays: [machine] }]
boards: [{ name: main, kind: simulator, socket: ${JSON.stringify(join(folder, "board.sock"))} }]
relays: [{ id: machine }]
`;

/** A simulated board, which stamps each write. */
async function withBoard<T>(stage: SceneStage, work: (bits: () => number) => Promise<T>): Promise<T> {
  const log = join(stage.folder, "board.log");
  const [file, ...args] = selfCommand();
  const words = ["detect", "__board", join(stage.folder, "board.sock"), "--log", log];
  const board = spawn(file, [...args, ...words], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    await new Promise((resolve, reject) => board.stdout.once("data", resolve).once("end", reject));
    return await work(() => {
      const last = readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
      return last === "" ? 0 : Number((JSON.parse(last) as { bits: number }).bits);
    });
  } finally {
    board.kill("SIGKILL");
  }
}

async function install(stage: SceneStage): Promise<void> {
  const source = ["-f", "lavfi", "-i", "testsrc=size=640x360:rate=10:duration=5"];
  const { failure } = await run({
    command: ["ffmpeg", "-nostdin", "-v", "error", "-y", ...source, join(stage.folder, "camera.mp4")],
    ms: 30_000,
    signal: AbortSignal.timeout(30_000),
  });
  expectThat(failure === undefined, `ffmpeg: ${failure}`);
  mkdirSync(join(stage.folder, "config/stint"), { recursive: true, mode: 0o700 });
  writeFileSync(join(stage.folder, "config/stint/detect.yaml"), INSTALLED(stage.folder), { mode: 0o600 });
}

/** @returns how long it took, ms */
async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<number> {
  const begin = performance.now();
  while (!(await holds())) {
    expectThat(performance.now() - begin < 15_000, what);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return performance.now() - begin;
}

export const scenes: readonly Scene[] = [
  {
    title: "a machine is permitted while nobody is there; host and guard are killed, and it never stays on",
    lacks: async () =>
      findProgram("ffmpeg") === undefined
        ? "ffmpeg, which reads the cameras (apt install ffmpeg)"
        : undefined,
    async play(stage) {
      await install(stage);
      return withBoard(stage, async (bits) => {
        const view = async () => (await stage.ask("detect", "status")).line as DetectView;
        const granted = () => until(() => bits() === 1, "it isn't permitted though nobody is there");
        const withdrawn = () => until(() => bits() === 0, "it stays permitted");
        try {
          const begin = await stage.ask("detect", "run", "--detach");
          await granted();
          process.kill(Number((await view()).guard?.pid), "SIGKILL");
          const guard = await withdrawn();
          await granted();
          await stage.kill("detect");
          const host = await withdrawn();
          const again = await stage.ask("detect", "run", "--detach");
          expectThat(again.line["session_id"] === begin.line["session_id"], "it is another session");
          await granted();
          await stage.ask("detect", "stop");
          expectThat(bits() === 0, "it is left on after the stop");
          return {
            words: `off ${inMs(guard)} after kill -9 of its guard, ${inMs(host)} after that of its host; the same session goes on`,
            measured: { guard_killed_ms: guard, host_killed_ms: host },
          };
        } finally {
          await stage.run("detect", "stop");
        }
      });
    },
  },
];
