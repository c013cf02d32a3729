import { existsSync } from "node:fs";

/** A program of Debian's that the tests call, or a file of a package that they need. */
export interface Needed {
  /** A command's name, or an absolute path. */
  readonly command: string;
  readonly package: string;
}

/** What the machine is asked: a seam for the tests. */
export interface Machine {
  has(command: string): boolean;
  /** Runs a command and says whether it ended well. */
  run(command: readonly string[]): boolean;
  readonly root: boolean;
}

/** This machine. What apt-get says goes to stderr. */
export const machine: Machine = {
  has: (command) => Bun.which(command) !== null || (command.startsWith("/") && existsSync(command)),
  run: (command) =>
    Bun.spawnSync([...command], {
      stdout: 2,
      stderr: 2,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    }).success,
  root: process.getuid?.() === 0,
};

/**
 * Installs what is missing, when it may: as root, or by a sudo that asks for no password.
 *
 * @returns the packages still missing, and the command that installs them
 */
export function install(needed: readonly Needed[], on: Machine): { missing: string[]; command: string } {
  const missing = () => [...new Set(needed.filter((n) => !on.has(n.command)).map((n) => n.package))].sort();
  const packages = missing();
  const apt = ["apt-get", "install", "-y", "--no-install-recommends", ...packages];
  const may = on.root || (on.has("sudo") && on.run(["sudo", "-n", "true"]));
  if (packages.length > 0 && on.has("apt-get") && may) {
    const sudo = on.root ? [] : ["sudo", "-n"];
    // The lists of a fresh machine or image are old or empty.
    if (!on.run([...sudo, ...apt])) on.run([...sudo, "apt-get", "update"]) && on.run([...sudo, ...apt]);
  }
  return { missing: missing(), command: `sudo ${apt.join(" ")}` };
}
