/** A program with what detect has of native code in it: `detect hid`, `detect look` or anything else to leave it alone. */
async function main(): Promise<void> {
  const [, , what] = process.argv;
  if (what === "hid") {
    const { default: hid } = await import("node-hid");
    console.log(
      JSON.stringify({ devices: hid.devices().length, version: hid.getHidapiVersion(), maps: maps() }),
    );
  } else if (what === "look") {
    const { Detector } = await import("../../../../src/detect/adapters/detector/detector.ts");
    const found = Promise.withResolvers<number>();
    const began = performance.now();
    await using detector = await Detector.open(
      { model: "builtin", layout: "auto", score: 0.4, threads: 1 },
      {
        found: ({ detections }) => found.resolve(detections.length),
        lost: (why) => found.reject(new Error(why)),
        back: () => {},
      },
      new AbortController().signal,
    );
    const opened = performance.now() - began;
    detector.offer(0, {
      data: new Uint8Array(416 * 234 * 3),
      width: 416,
      height: 234,
      at: performance.now(),
    });
    console.log(JSON.stringify({ people: await found.promise, opened, maps: maps() }));
  } else {
    console.log(JSON.stringify({ maps: maps() }));
  }
}

/** The shared libraries mapped into this process. */
function maps(): string[] {
  const { readFileSync } = require("node:fs") as typeof import("node:fs");
  const paths = readFileSync("/proc/self/maps", "utf8").matchAll(/ (\/\S*(?:\.node|\.so[.\d]*))$/gm);
  return [...new Set([...paths].map(([, path]) => path ?? ""))];
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
