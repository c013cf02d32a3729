/** A program with a full screen, for the tests: ends as `main.ts` would. */
import process from "node:process";
import { message } from "../../../src/kernel/errors.ts";
import { Output } from "../../../src/kernel/output.ts";
import { terminal } from "../../../src/kernel/terminal.ts";
import type { Binding } from "../../../src/kernel/tui/keys.ts";
import { resetTerminal } from "../../../src/kernel/tui/terminal.ts";
import { prepareColour } from "../../../src/kernel/tui/theme.ts";

const mode = process.argv[2] ?? "plain";
if (mode === "reset") {
  resetTerminal();
  process.exit(0);
}
prepareColour(process.env["NO_COLOR"] === undefined);
const { Box, Text, useApp } = await import("ink");
const { useEffect, useState } = await import("react");
const { Field, Progress } = await import("../../../src/kernel/tui/components.tsx");
const { brailleLine, sparkline } = await import("../../../src/kernel/tui/charts.ts");
const { Screen, useBody } = await import("../../../src/kernel/tui/screen.tsx");
const { show } = await import("../../../src/kernel/tui/show.tsx");
const { sessionTone } = await import("../../../src/kernel/tui/theme.ts");

if (mode === "ignore-hangup") process.on("SIGHUP", () => {});

function Body({ presses }: { presses: number }) {
  const { width, height } = useBody();
  if (mode === "throw-first") throw new Error("broken at first");
  if (mode === "throw-string") throw "not an Error";
  if (mode === "throw-later" && presses > 0) throw new Error("broken later");
  useEffect(() => {
    if (mode === "throw-effect") throw new Error("broken in an effect");
  }, []);
  return (
    <Box flexDirection="column">
      <Text>{`body ${width}×${height}`}</Text>
      <Field label="presses" value={String(presses)} tone="selected" />
      <Progress fraction={0.5} text="half done" />
      <Text>{brailleLine([1, 3, 2, 5, 4], width, 2).join("\n")}</Text>
      <Text>{sparkline([1, 3, 2, 5, 4], 5)}</Text>
    </Box>
  );
}

function View() {
  const { exit } = useApp();
  const [paused, setPaused] = useState(false);
  const [presses, setPresses] = useState(0);
  const [name, setName] = useState("restored from 13:52");
  const naming: Binding = {
    keys: ["n"],
    label: "name",
    help: "Name it",
    run: (ask) =>
      ask({
        label: "name",
        initial: "so",
        done: (text) => {
          if (text === "bad") throw new Error("no such name");
          setName(text === undefined ? "given up" : `named ${text}`);
        },
      }),
  };
  const state = paused ? "paused" : "running";
  return (
    <Screen
      title={`stint fixture ${mode}`}
      status={{ word: state, tone: sessionTone(state), notes: ["default", "14:05"] }}
      message={{ text: name }}
      keymap={[
        {
          keys: ["space", "p"],
          label: paused ? "resume" : "pause",
          help: "Pause or resume the run",
          run: () => setPaused(!paused),
        },
        {
          keys: ["+"],
          label: "add",
          help: "Add one",
          run: () => {
            if (mode === "talk") new Output().note("taken up where it was");
            setPresses((n) => n + 1);
          },
        },
        {
          keys: ["s"],
          label: "step",
          help: "One step",
          when: () => paused,
          run: () => setPresses((n) => n + 10),
        },
        {
          keys: ["ctrl+r"],
          label: "restart",
          help: "Start again",
          bar: false,
          run: () => setPresses(0),
        },
        {
          keys: ["!"],
          label: "break",
          help: "Throw in a key",
          bar: false,
          run: () => {
            throw new Error("broken by a key");
          },
        },
        ...(mode === "twice" ? [{ keys: ["s"], label: "again", help: "", run: () => {} }] : []),
        ...(mode === "entry" ? [naming] : []),
        { keys: ["q"], label: "leave", help: "Leave", run: () => exit("left") },
      ]}
    >
      <Body presses={presses} />
    </Screen>
  );
}

process.stdout.write("before\n");
if (mode === "talk") {
  const left = Promise.withResolvers<unknown>();
  const screen = await terminal(left.resolve)(new AbortController().signal);
  await screen.show(async () => <View />);
  await left.promise;
  await screen[Symbol.asyncDispose]();
  new Output().note("said at the end");
  process.exit(0);
}
try {
  const shown = await show(<View />);
  if (mode === "close") {
    process.on("SIGTERM", async () => {
      await shown[Symbol.asyncDispose]();
      await shown.close();
    });
  }
  process.stdout.write(`done: ${await shown.done}\n`);
  if (mode === "slow-end") {
    const alive = setInterval(() => {}, 60_000);
    process.once("SIGTERM", () => clearInterval(alive));
    process.stdout.write(`pid ${process.pid}\n`);
  }
  if (mode === "again") process.stdout.write(`done again: ${await (await show(<View />)).done}\n`);
} catch (error) {
  process.stdout.write(`internal error: ${message(error)}\n`);
  process.exitCode = 70;
}
