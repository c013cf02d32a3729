import { expectThat, inMs, type Scene } from "../../kernel/scene.ts";

/** The scenes of `stint demo` that show what a tracked session can be put through. Keys and titles aren't watched. */

const CYCLES = 5;
const only = ["--only", "apps"];

export const scenes: readonly Scene[] = [
  {
    title: "paused and resumed, killed with kill -9, resumed under the same id with what was tracked",
    async play(stage) {
      await stage.run("config", "set", "track.titles", "drop");
      const { line: begun } = await stage.ask("track", "start", "--project", "tour", ...only, "--detach");
      let slowest = 0;
      for (let n = 0; n < CYCLES; n++) {
        const { line: paused, ms: toPause } = await stage.ask("track", "pause");
        const { line: running, ms: toResume } = await stage.ask("track", "resume");
        expectThat(paused["state"] === "paused" && running["state"] !== "paused", "a pause didn't hold");
        slowest = Math.max(slowest, toPause, toResume);
      }
      const { line: last } = await stage.ask("track", "status");
      await stage.kill("track");
      const { line: left } = await stage.ask("track", "status");
      expectThat(left["crashed"] === true && left["resumable"] === true, "the crash wasn't found");
      const lost = Number(last["worked_ms"]) - Number(left["worked_ms"]);
      expectThat(lost < 1_500, `${lost} ms are lost`);
      const { line: resumed } = await stage.ask("track", "resume");
      expectThat(resumed["session_id"] === begun["session_id"], "it is another session");
      await stage.ask("track", "stop");
      return {
        words: `${CYCLES} pauses, the slowest command ${inMs(slowest)}; kill -9 lost ${inMs(Math.max(0, lost))} of work`,
        measured: { slowest_ms: slowest, lost_ms: Math.max(0, lost) },
      };
    },
  },
  {
    title: "an hour forgotten, added, split, given to another project, and all of it undone",
    async play(stage) {
      const now = Temporal.Now.zonedDateTimeISO();
      const at = (minutes: number) =>
        now.subtract({ minutes }).toPlainDateTime().toString().slice(0, 16).replace("T", " ");
      const range = ["--from", at(180), "--to", at(120)];
      const { line: added } = await stage.ask("track", "add", ...range, "--project", "forgotten");
      const { line: whole } = await stage.ask("track", "report", "--by", "project", "--from", at(200));
      const { line: half } = await stage.ask("track", "split", String(added["id"]), at(150));
      await stage.ask("track", "modify", String(half["id"]), "--project", "found");
      const { line: parted } = await stage.ask("track", "report", "--by", "project", "--from", at(200));
      for (let n = 0; n < 3; n++) await stage.ask("track", "undo");
      const { line: gone } = await stage.ask("track", "report", "--by", "project", "--from", at(200));
      const worked = (line: Record<string, unknown>, name: string) =>
        (line["groups"] as { key: string | null; ms: number }[]).find(({ key }) => key === name)?.ms ?? 0;
      const hour = 3_600_000;
      expectThat(worked(whole, "forgotten") === hour, "the hour isn't in the report");
      expectThat(
        worked(parted, "forgotten") === hour / 2 && worked(parted, "found") === hour / 2,
        "it wasn't split",
      );
      expectThat(worked(gone, "forgotten") + worked(gone, "found") === 0, "it wasn't undone");
      return { words: "each in one transaction, taken back one after another", measured: { undone: 3 } };
    },
  },
];
