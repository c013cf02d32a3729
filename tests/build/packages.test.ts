/** That `npm ci` goes through on a new machine: what npm itself says too late, or only on another platform. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Locked {
  version?: string;
  resolved?: string;
  hasInstallScript?: boolean;
  optionalDependencies?: Record<string, string>;
}

const read = (file: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dir, "../..", file), "utf8"));
const { packages } = read("package-lock.json") as { packages: Record<string, Locked> };
const { allowScripts, dependencies, devDependencies } = read("package.json") as Record<
  "allowScripts" | "dependencies" | "devDependencies",
  Record<string, unknown>
>;

test("the lockfile names the packages of every platform", () => {
  // npm leaves those out that the registry it asks doesn't have, and then its own `npm ci` refuses the lockfile.
  const missing = Object.values(packages).flatMap((locked) =>
    Object.keys(locked.optionalDependencies ?? {}).filter(
      (name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)),
    ),
  );
  expect(missing).toEqual([]);
});

test("the lockfile names no registry", () => {
  expect(Object.entries(packages).filter(([, locked]) => locked.resolved)).toEqual([]);
});

test("package.json says yes or no to every install script", () => {
  const scripts = Object.entries(packages).filter(([, locked]) => locked.hasInstallScript);
  const names = scripts.map(([path]) => path.replace(/^.*node_modules\//, "")).sort();
  expect(Object.keys(allowScripts).sort()).toEqual(names);
});

test("every dependency is pinned", () => {
  const versions = Object.entries({ ...dependencies, ...devDependencies });
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
});
