/** What a window is that no rule fits. */
const UNCATEGORISED = "uncategorised";

/**
 * Sorts windows: the first rule counts that fits both the app and the title, in any case; a pattern left out fits any,
 * and a title that wasn't kept fits none. The patterns are regular expressions that were checked.
 */
export function categories(
  rules: readonly { name: string; app?: string | undefined; title?: string | undefined }[],
): (app: string, title: string | null) => string {
  const pattern = (text: string | undefined) => (text === undefined ? undefined : new RegExp(text, "iu"));
  const compiled = rules.map(({ name, app, title }) => ({ name, app: pattern(app), title: pattern(title) }));
  return (app, title) => {
    const fits = compiled.find(
      (rule) => (rule.app?.test(app) ?? true) && (!rule.title || (title !== null && rule.title.test(title))),
    );
    return fits?.name ?? UNCATEGORISED;
  };
}
