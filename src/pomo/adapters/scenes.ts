import { expectThat, inMs, type Scene, type SceneStage } from "../../kernel/scene.ts";

/** The scenes of `stint demo` that show what a pomodoro can be put through. */

/** Nothing of a tour belongs on the user's desktop. */
const quiet = (stage: SceneStage) => stage.run("config", "set", "pomo.notify", "false");

export const scenes: readonly Scene[] = [
  {
    title: "finished when its time is up, counted once",
    async play(stage) {
      await quiet(stage);
      const { ms } = await stage.ask("pomo", "start", "a second of work", "--work", "1s", "--wait");
      await stage.ask("pomo", "stop");
      const { lines } = await stage.run("pomo", "log");
      const done = lines.filter(({ outcome }) => outcome === "completed");
      expectThat(done.length === 1, `${done.length} are counted`);
      const late = Number(done[0]?.["ended_at"]) - Number(done[0]?.["started_at"]) - 1_000;
      return {
        words: `noticed ${inMs(late)} after its end, ${inMs(ms)} from the command to its exit code`,
        measured: { late_ms: late, command_ms: ms },
      };
    },
  },
  {
    title: "skipped by mistake, undone, killed with kill -9, taken up under the same id",
    async play(stage) {
      await quiet(stage);
      const { line: begun } = await stage.ask("pomo", "start", "the report", "--detach");
      await stage.ask("pomo", "skip");
      const { line: back } = await stage.ask("pomo", "undo");
      const since = performance.now();
      await stage.kill("pomo");
      const { line: seen } = await stage.ask("pomo", "status");
      const { line: resumed, ms } = await stage.ask("pomo", "resume");
      const passed = performance.now() - since;
      expectThat(resumed["session_id"] === begun["session_id"], "it is another session");
      expectThat(seen["state"] === "running" && resumed["restored"] === true, "it wasn't taken up");
      const off = Number(back["remaining_ms"]) - Number(resumed["remaining_ms"]);
      expectThat(off >= 0 && off <= passed + 1_000, `${off} ms are gone after ${passed} ms`);
      await stage.ask("pomo", "finish");
      await stage.ask("pomo", "stop");
      const { lines } = await stage.run("pomo", "log");
      const rows = lines.filter(({ task, session_type }) => task === "the report" && session_type === "WORK");
      expectThat(rows.length === 1, `it is in history ${rows.length} times`);
      return {
        words: `taken up in ${inMs(ms)}, with what passed meanwhile taken off, in history once`,
        measured: { resume_ms: ms, taken_off_ms: off },
      };
    },
  },
];
