import { scenes as backtest } from "./backtest/adapters/scenes.ts";
import { scenes as detect } from "./detect/adapters/scenes.ts";
import type { Context } from "./kernel/command.ts";
import { Exit, message } from "./kernel/errors.ts";
import { type Scene, SceneStage } from "./kernel/scene.ts";
import { scenes as modules } from "./modules/adapters/scenes.ts";
import { scenes as pomo } from "./pomo/adapters/scenes.ts";
import { scenes as track } from "./track/adapters/scenes.ts";

/** The tour, feature by feature. */
const TOUR: readonly { feature: string; scenes: readonly Scene[] }[] = [
  { feature: "track", scenes: track },
  { feature: "pomo", scenes: pomo },
  { feature: "detect", scenes: detect },
  { feature: "modules", scenes: modules },
  { feature: "backtest", scenes: backtest },
];

/** `stint demo`: plays every scene. @returns 0 only if all that could be played held */
export async function demo({ output, life }: Context): Promise<number> {
  const count = { held: 0, failed: 0, lacking: 0 };
  let ended = false;
  await using stage = new SceneStage();
  using _ = life.own({
    end: () => {
      ended = true;
    },
    hurry: async () => {},
  });
  output.onClosed(() => {
    ended = true;
  });
  for (const { feature, scenes } of TOUR) {
    if (!output.json) output.text(`${output.paint(1, feature)}\n`);
    for (const { title, lacks, play } of scenes) {
      if (ended) break;
      const lacking = await lacks?.();
      if (lacking !== undefined) {
        count.lacking++;
        output.emit(
          { type: "scene", feature, title, held: null, lacking },
          () => `  ${output.paint(33, "–")} ${title}\n    not played: ${lacking}`,
        );
        continue;
      }
      try {
        const { words, measured } = await play(stage);
        count.held++;
        output.emit(
          { type: "scene", feature, title, held: true, measured },
          () => `  ${output.paint(32, "✓")} ${title}\n    ${output.paint(2, words)}`,
        );
      } catch (error) {
        // Cut short by us, not by what it shows.
        if (ended) break;
        count.failed++;
        output.emit(
          { type: "scene", feature, title, held: false, why: message(error) },
          () => `  ${output.paint(31, "✗")} ${title}\n    ${message(error)}`,
        );
      }
    }
  }
  const { held, failed, lacking } = count;
  output.emit(
    { type: "demo", held, failed, lacking },
    () => `${held} held, ${failed} failed, ${lacking} not played`,
  );
  return failed === 0 ? Exit.ok : Exit.no;
}
