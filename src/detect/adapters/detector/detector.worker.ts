import { Expected, message } from "../../../kernel/errors.ts";
import { type Model, openModel } from "./model.ts";
import type { Answered, Asked } from "./protocol.ts";

/** The thread in which pictures are looked at, so that the host answers while they are. */

let model: Model | undefined;

async function answer(asked: Asked): Promise<Answered> {
  if (asked.type === "open") {
    model = await openModel(asked.config);
    return { type: "opened" };
  }
  if (asked.type === "close") return { type: "closed" };
  if (!model) throw new Error("asked before it was opened");
  const { pixels, width, height } = asked;
  const began = performance.now();
  const data = new Uint8Array(pixels, 0, width * height * 3);
  const detections = await model.detect({ data, width, height });
  return { type: "found", detections, ms: performance.now() - began };
}

/** One after another: the last is answered when all before it are. */
let answering: Promise<void> = Promise.resolve();

addEventListener("message", (event) => {
  answering = answering.then(() => say((event as MessageEvent<Asked>).data));
});

async function say(asked: Asked): Promise<void> {
  let answered: Answered;
  try {
    answered = await answer(asked);
  } catch (error) {
    const { exit, hint } = error instanceof Expected ? error : {};
    answered = { type: "failed", message: message(error), ...(exit === undefined ? {} : { exit, hint }) };
  }
  postMessage(answered);
}
