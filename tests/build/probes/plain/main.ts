/** A small program built like stint, for what holds of any executable the build makes. */
async function main(): Promise<void> {
  switch (process.argv[2]) {
    case "defines":
      console.log(JSON.stringify({ version: STINT_VERSION, commit: STINT_COMMIT, faults: STINT_FAULTS }));
      if (typeof STINT_FAULTS !== "undefined" && STINT_FAULTS) console.log("FAULTS" + "-MARKER-7319");
      return;
    case "worker":
      console.log(await (await import("./deep/ask.ts")).ask());
      return;
    case "throw":
      throw new Error("on purpose");
    case "environment":
      console.log(JSON.stringify({ secret: process.env["PROBE_SECRET"] ?? null, ink: await inkUnderDev() }));
      return;
    default:
      console.log("probe");
  }
}

/** Draws with Ink, which under DEV=true would load react-devtools-core from where it can. */
async function inkUnderDev(): Promise<string> {
  const { renderToString } = await import("ink");
  const { createElement } = await import("react");
  const { Text } = await import("ink");
  return renderToString(createElement(Text, null, "drawn"));
}

void main();
