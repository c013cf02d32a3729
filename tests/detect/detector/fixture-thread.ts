import type { Answered, Asked } from "../../../src/detect/adapters/detector/protocol.ts";

/**
 * A detector's thread that sees nobody, and does as the width of a picture says: 1 answers after as many ms as the
 * picture is high, 2 never answers, 3 throws, 4 ends its thread, 5 says that it failed, 6 is held for 3 s as by native code.
 */
addEventListener("message", async (event) => {
  const asked = (event as MessageEvent<Asked>).data;
  const say = (answered: Answered) => postMessage(answered);
  if (asked.type === "close") return say({ type: "closed" });
  if (asked.type === "open") {
    if (asked.config.model === "damaged")
      say({ type: "failed", message: "damaged", exit: 78, hint: "mend it" });
    else if (asked.config.model !== "slow") say({ type: "opened" });
    return;
  }
  switch (asked.width) {
    case 1:
      await Bun.sleep(asked.height);
      return say({ type: "found", detections: [], ms: asked.height });
    case 3:
      throw new Error("on purpose");
    case 4:
      return process.exit(0);
    case 5:
      return say({ type: "failed", message: "out of memory" });
    case 6:
      Bun.sleepSync(3_000);
  }
});
