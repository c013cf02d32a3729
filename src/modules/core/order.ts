import type { ModuleConfig } from "./module.ts";

/** In which order modules are started and stopped: what one depends on is there before it and until after it. */

type Node = Pick<ModuleConfig, "name" | "dependsOn">;
type Needs = ReadonlyMap<string, readonly string[]>;

const needsOf = (configs: readonly Node[]): Needs =>
  new Map(configs.map(({ name, dependsOn }) => [name, dependsOn]));

/**
 * Modules that wait for each other for ever: `["a", "b"]` where a depends on b and b on a. Each module that is in such a
 * circle is in one of those returned.
 */
export function findCycles(configs: readonly Node[]): string[][] {
  const needs = needsOf(configs);
  const cycles: string[][] = [];
  for (const name of [...needs.keys()].sort()) {
    const cycle = cycles.some((known) => known.includes(name)) ? undefined : wayBack(name, needs);
    if (cycle) cycles.push(cycle);
  }
  return cycles;
}

/** The shortest way along dependencies from a module to itself. */
function wayBack(name: string, needs: Needs): string[] | undefined {
  const from = new Map<string, string | undefined>([[name, undefined]]);
  // What is added meanwhile is gone through as well.
  for (const at of from.keys()) {
    for (const next of needs.get(at) ?? []) {
      if (next === name) {
        const way: string[] = [];
        for (let step: string | undefined = at; step !== undefined; step = from.get(step)) way.unshift(step);
        return way;
      }
      if (!from.has(next)) from.set(next, at);
    }
  }
  return undefined;
}

/**
 * Modules in the order to start them: what one depends on first, otherwise by name. Those in a circle have no order and
 * are left out; a dependency that isn't among them keeps nobody back.
 */
export function startOrder<Config extends Node>(configs: readonly Config[]): Config[] {
  const cyclic = new Set(findCycles(configs).flat());
  const left = new Map(
    configs.filter(({ name }) => !cyclic.has(name)).map((config) => [config.name, config]),
  );
  const byName = [...left.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const order: Config[] = [];
  while (left.size > 0) {
    const next = byName.find(
      ({ name, dependsOn }) => left.has(name) && !dependsOn.some((on) => left.has(on)),
    );
    if (!next) break;
    left.delete(next.name);
    order.push(next);
  }
  return order;
}

/**
 * Modules in groups, to be stopped one group after the other, each as soon as possible: what depends on one, be it through
 * others that aren't to be stopped, goes before it. Those of one group don't depend on each other, unless in a circle.
 */
export function stopWaves(names: readonly string[], configs: readonly Node[]): string[][] {
  const needs = needsOf(configs);
  const reach = new Map([...new Set(names)].sort().map((name) => [name, reachOf(name, needs)]));
  const waves: Map<string, ReadonlySet<string>>[] = [];
  // Who depends on another reaches more than that one does, and so comes first.
  for (const [name, reached] of [...reach].sort(([, a], [, b]) => b.size - a.size)) {
    const after = waves.findLastIndex((wave) =>
      wave.entries().some(([other, from]) => from.has(name) && !reached.has(other)),
    );
    const wave = waves[after + 1];
    if (wave) wave.set(name, reached);
    else waves.push(new Map([[name, reached]]));
  }
  return waves.map((wave) => [...wave.keys()].sort());
}

/** A module with all that it depends on, directly or through others. */
function reachOf(name: string, needs: Needs): ReadonlySet<string> {
  const reached = new Set([name]);
  for (const at of reached) for (const next of needs.get(at) ?? []) reached.add(next);
  return reached;
}
