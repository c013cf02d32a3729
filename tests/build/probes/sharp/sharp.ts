/** A program with sharp in it, loaded as lazily as stint does: `sharp load` or anything else to leave it alone. */
async function main(): Promise<void> {
  if (process.argv[2] !== "load") {
    console.log(JSON.stringify({ maps: maps() }));
    return;
  }
  const started = performance.now();
  const { default: sharp } = await import("sharp");
  const milliseconds = performance.now() - started;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><circle cx="30" cy="20" r="15" fill="tomato"/></svg>`;
  const png = await sharp(Buffer.from(svg)).png().toBuffer();
  const { width, height, format } = await sharp(png).metadata();
  console.log(JSON.stringify({ width, height, format, milliseconds, maps: maps() }));
}

/** The shared libraries mapped into this process. */
function maps(): string[] {
  const { readFileSync } = require("node:fs") as typeof import("node:fs");
  const paths = readFileSync("/proc/self/maps", "utf8").matchAll(/ (\/\S*(?:\.node|\.so[.\d]*))$/gm);
  return [...new Set([...paths].map(([, path]) => path ?? ""))];
}

void main();
