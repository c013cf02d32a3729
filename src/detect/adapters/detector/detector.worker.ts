import { Expected, message } from "../../../kernel/errors.ts";
import { type Model, openModel } from "./model.ts";
import type { Answered, Asked } from "./protocol.ts";

/** The thread in which pictures are looked at, so that the host answers while they are. */

let model: Model | undefined;

async function answer(asked: Exclude<Asked, { type: "close" }>): Promise<Answered> {
  if (asked.type === "open") {
    model = await openModel(asked.config);
    return { type: "opened" };
  }
  if (!model) throw new Error("asked before it was opened");
  const { pixels, width, height } = asked;
  const began = performance.now();
  const data = new Uint8Array(pixels, 0, width * height * 3);
  const detections = await model.detect({ data, width, height });
  return { type: "found", detections, ms: performance.now() - began };
}

/** What was asked is answered one after another: nothing native is at work when the last comes. */
let answering: Promise<void> = Promise.resolve();

addEventListener("message", (event) => {
  const asked = (event as MessageEvent<Asked>).data;
  // Of a thread alone this ends nothing else.
  answering = answering.then(() => (asked.type === "close" ? process.exit(0) : say(asked)));
});

async function say(asked: Exclude<Asked, { type: "close" }>): Promise<void> {
  let answered: Answered;
  try {
    answered = await answer(asked);
  } catch (error) {
    const { exit, hint } = error instanceof Expected ? error : {};
    answered = { type: "failed", message: message(error), ...(exit === undefined ? {} : { exit, hint }) };
  }
  postMessage(answered);
}
