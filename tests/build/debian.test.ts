import { expect, test } from "bun:test";
import { install, type Machine } from "../../build/debian.ts";

const needed = [
  { command: "Xvfb", package: "xvfb" },
  { command: "xdotool", package: "xdotool" },
  { command: "sh", package: "dash" },
];

/** A machine on which some commands exist, and apt-get works, or works only with new lists, or doesn't. */
function fake(
  has: string[],
  options: { root?: boolean; sudo?: boolean; apt?: "works" | "old lists" | "fails" },
) {
  const ran: string[] = [];
  const commands = new Set(has);
  let { apt = "works" } = options;
  const on: Machine = {
    root: options.root ?? false,
    has: (command) => commands.has(command),
    run(command) {
      ran.push(command.join(" "));
      const last = command.at(-1);
      if (last === "true") return options.sudo ?? false;
      if (last === "update" && apt === "old lists") apt = "works";
      if (apt === "works")
        for (const one of needed) if (command.includes(one.package)) commands.add(one.command);
      return apt === "works";
    },
  };
  return { on, ran };
}

const apt = "apt-get install -y --no-install-recommends xdotool xvfb";

test("runs nothing when nothing is missing", () => {
  const { on, ran } = fake(["Xvfb", "xdotool", "sh"], { root: true });
  expect([install(needed, on).missing, ran]).toEqual([[], []]);
});

test("root installs what is missing", () => {
  const { on, ran } = fake(["sh", "apt-get"], { root: true });
  expect([install(needed, on).missing, ran]).toEqual([[], [apt]]);
});

test("another user installs it by a sudo without a password", () => {
  const { on, ran } = fake(["sh", "apt-get", "sudo"], { sudo: true });
  expect([install(needed, on).missing, ran]).toEqual([[], ["sudo -n true", `sudo -n ${apt}`]]);
});

test("fetches the lists when they are too old", () => {
  const { on, ran } = fake(["sh", "apt-get"], { root: true, apt: "old lists" });
  expect([install(needed, on).missing, ran]).toEqual([[], [apt, "apt-get update", apt]]);
});

test.each([
  ["who may not", fake(["sh", "apt-get", "sudo"], { sudo: false }).on],
  ["without sudo", fake(["sh", "apt-get"], {}).on],
  ["on another system", fake(["sh"], { root: true }).on],
  ["offline", fake(["sh", "apt-get"], { root: true, apt: "fails" }).on],
])("says what is missing, and how to install it, to one %s", (_, on) => {
  expect(install(needed, on)).toEqual({ missing: ["xdotool", "xvfb"], command: `sudo ${apt}` });
});
