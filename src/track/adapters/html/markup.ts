import { oneLine } from "../../../kernel/core/plain.ts";

/** Markup that is built from text: all that isn't {@link Markup} already is escaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Markup | undefined | readonly (Markup | undefined)[];

const ESCAPED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const textOf = (part: Part): string => {
  if (part === undefined) return "";
  if (part instanceof Markup) return part.text;
  if (typeof part === "object") return part.map(textOf).join("");
  return oneLine(String(part)).replace(/[&<>"']/g, (sign) => ESCAPED[sign] ?? "");
};

/** A template of markup; what is put in is text, safe within an element and within the quotes of an attribute. */
export const html = (texts: TemplateStringsArray, ...parts: readonly Part[]): Markup =>
  new Markup(texts.map((text, at) => text + textOf(parts[at])).join(""));
