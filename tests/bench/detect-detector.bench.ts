// The detector: bun tests/bench/detect-detector.bench.ts [--pictures N] [--labels FILE --images FOLDER] [--width N]
// What it costs in its thread against ONNX Runtime alone in the same run, what it finds on Debian's vtest.avi, and how its
// memory stands after N pictures (10,000). Labels are COCO's (instances_*.json): of category 1, persons.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { nanodet } from "../../build/nanodet.ts";
import { Detector, type Found } from "../../src/detect/adapters/detector/detector.ts";
import { iou } from "../../src/detect/core/boxes.ts";
import type { Box, Detection, Picture } from "../../src/detect/core/frame.ts";
import { matches, vtestDetected, vtestMarked, vtestPictures } from "../support/vtest.ts";
import { memory } from "./processes.ts";
import { median, row } from "./table.ts";

const { values } = parseArgs({
  options: {
    pictures: { type: "string", default: "10000" },
    width: { type: "string", default: "416" },
    labels: { type: "string" },
    images: { type: "string" },
  },
});
const width = Number(values.width);
const config = { model: "builtin", layout: "auto", score: 0.4, threads: 1 } as const;

/** A detector, and a way to wait for what it finds. */
async function opened(score: number) {
  let heard: (found: Found) => void = () => {};
  const detector = await Detector.open(
    { ...config, score },
    {
      found: (found) => heard(found),
      lost: (why) => {
        throw new Error(why);
      },
      back: () => {},
    },
    new AbortController().signal,
  );
  const look = (picture: Picture) =>
    new Promise<readonly Detection[]>((resolve) => {
      heard = ({ detections }) => resolve(detections);
      detector.offer(0, { ...picture, at: performance.now() });
    });
  return { look, [Symbol.asyncDispose]: () => detector[Symbol.asyncDispose]() };
}

await cost();
await vtest();
if (values.labels !== undefined) await labelled(values.labels, values.images ?? ".");

async function cost(): Promise<void> {
  const [picture] = vtestPictures(width, 1, 1).values();
  if (!picture) throw new Error("no picture");
  ort.env.logLevel = "fatal";
  const session = await ort.InferenceSession.create(nanodet(), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 4,
  });
  const [high, wide] = [picture.height, picture.width].map((length) => Math.ceil(length / 32) * 32);
  const dims = [1, 3, high as number, wide as number];
  const input = new ort.Tensor("float32", new Float32Array(dims.reduce((a, b) => a * b)), dims);
  await using detector = await opened(config.score);
  const times: Record<"bare" | "detector", number[]> = { bare: [], detector: [] };
  const timed = async (name: keyof typeof times, work: () => Promise<unknown>) => {
    const began = performance.now();
    await work();
    times[name].push(performance.now() - began);
  };
  // One after the other in each round, so that what else the machine does falls on both.
  for (let round = 0; round < 200; round++) {
    await timed("bare", () => session.run({ picture: input }));
    await timed("detector", () => detector.look(picture));
  }
  const [bare, whole] = [median(times.bare), median(times.detector)];
  row("ONNX Runtime alone, p50", bare, "ms", "no goal");
  row("Detector, offered to found, p50", whole, "ms", "no goal");
  row("Detector against ONNX Runtime alone", whole / bare, "×", "≤ 1.3");

  // At the pace of four cameras.
  const spent = process.cpuUsage();
  const paced = 200;
  for (let n = 0; n < paced; n++) {
    const began = performance.now();
    await detector.look(picture);
    await Bun.sleep(Math.max(0, 50 - (performance.now() - began)));
  }
  const { user, system } = process.cpuUsage(spent);
  row("CPU a picture, at 20 a second", (user + system) / 1000 / paced, "ms", "≤ 22");

  const total = Number(values.pictures);
  const readings: number[] = [];
  for (let n = 1; n <= total; n++) {
    await detector.look(picture);
    if (n % Math.ceil(total / 10) === 0) readings.push(memory(process.pid).rss);
  }
  readings.forEach((rss, n) => {
    row(`RSS after ${Math.round(((n + 1) * total) / 10)} pictures`, rss, "MB", "flat");
  });
}

async function vtest(): Promise<void> {
  await using detector = await opened(config.score);
  const detected = vtestDetected();
  const marked = vtestMarked();
  const tally = (boxes: Map<number, Box[]>) => ({ boxes, wanted: 0, found: 0, right: 0 });
  const [reference, truth] = [tally(detected), tally(marked)];
  for (const [number, picture] of vtestPictures(width, 5, 795)) {
    const detections = await detector.look(picture);
    for (const each of [reference, truth]) {
      const boxes = each.boxes.get(number);
      if (!boxes) continue;
      each.wanted += boxes.length;
      each.found += detections.length;
      each.right += matches(boxes, detections).filter(Boolean).length;
    }
  }
  row("vtest.avi: recall of the other detector's", reference.right / reference.wanted, "", "≥ 0.90");
  row("vtest.avi: recall of what people marked", truth.right / truth.wanted, "", "no goal");
  row("vtest.avi: precision by what people marked", truth.right / truth.found, "", "no goal");
}

type Coco = {
  readonly images: readonly { id: number; file_name: string; width: number; height: number }[];
  readonly annotations: readonly {
    image_id: number;
    category_id: number;
    bbox: [number, number, number, number];
    iscrowd?: number;
  }[];
};

/** Photos are made as wide as a camera's pictures, or as high where they are higher. */
async function labelled(file: string, folder: string): Promise<void> {
  await using detector = await opened(0.01);
  const { images, annotations } = JSON.parse(readFileSync(file, "utf8")) as Coco;
  const all: Seen[] = [];
  let people = 0;
  for (const { id, file_name, ...size } of images) {
    const { data, info } = await sharp(join(folder, file_name))
      .rotate()
      .resize(width, width, { fit: "inside" })
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const detections = await detector.look({ data, width: info.width, height: info.height });
    const labels = annotations
      .filter(({ image_id, category_id }) => image_id === id && category_id === 1)
      .map(({ bbox: [x, y, w, h], iscrowd }) => ({
        box: [x / size.width, y / size.height, (x + w) / size.width, (y + h) / size.height] as const,
        crowd: iscrowd === 1,
      }));
    people += labels.filter(({ crowd }) => !crowd).length;
    all.push(...judged(detections, labels));
  }
  row(`AP50 of persons in ${images.length} photos`, averagePrecision(all, people), "", "≥ 0.60");
}

type Seen = { readonly score: number; readonly right: boolean };

/** As COCO's evaluation has it: what lies in a crowd is neither right nor wrong. */
function judged(detections: readonly Detection[], labels: readonly { box: Box; crowd: boolean }[]): Seen[] {
  const people = labels.filter(({ crowd }) => !crowd).map(({ box }) => box);
  const right = matches(people, detections);
  return detections
    .toSorted((a, b) => b.score - a.score)
    .map(({ box, score }, i) => ({ box, score, right: right[i] === true }))
    .filter((each) => each.right || !labels.some(({ box, crowd }) => crowd && within(each.box, box) >= 0.5));
}

/** The share of a box that lies in another. */
function within(box: Box, other: Box): number {
  const area = ([left, top, right, bottom]: Box) => (right - left) * (bottom - top);
  const share = iou(box, other);
  // Of iou = both / (a + b − both).
  return (share * (area(box) + area(other))) / (1 + share) / area(box);
}

/** The mean, at 101 recalls, of the best precision at that recall or a higher one. */
function averagePrecision(seen: readonly Seen[], people: number): number {
  let right = 0;
  const curve = seen
    .toSorted((a, b) => b.score - a.score)
    .map((each, i) => {
      right += each.right ? 1 : 0;
      return { recall: right / people, precision: right / (i + 1) };
    });
  for (let i = curve.length - 2; i >= 0; i--) {
    const [here, next] = [curve[i], curve[i + 1]];
    if (here && next) here.precision = Math.max(here.precision, next.precision);
  }
  let sum = 0;
  for (let i = 0; i <= 100; i++) sum += curve.find(({ recall }) => recall >= i / 100)?.precision ?? 0;
  return sum / 101;
}
