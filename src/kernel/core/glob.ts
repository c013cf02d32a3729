/** Whether a name fits a pattern in which `*` stands for any characters and `?` for one. */
function fits(pattern: string, name: string): boolean {
  const source = [...pattern]
    .map((letter) => (letter === "*" ? ".*" : letter === "?" ? "." : RegExp.escape(letter)))
    .join("");
  return new RegExp(`^${source}$`, "su").test(name);
}

/** The names that some patterns mean, each once and in the order of `names`; `unknown` are those that mean none. */
export function pick(
  patterns: readonly string[],
  names: readonly string[],
): { picked: string[]; unknown: string[] } {
  return {
    picked: names.filter((name) => patterns.some((pattern) => fits(pattern, name))),
    unknown: patterns.filter((pattern) => !names.some((name) => fits(pattern, name))),
  };
}
