import { localTime } from "../../kernel/core/local-time.ts";
import type { Effort, Span, SpanKind } from "./span.ts";

/**
 * Corrections of what was tracked: an edit of some spans becomes a change of rows, and a change can be taken back. The
 * spans of a profile never overlap, and none lies in the future; an edit that would have it so is refused.
 */

/** What is to be corrected. Times are UTC ms, `span` is the id of one. */
export type Edit =
  /**
   * Time that wasn't tracked. With `replace`, what is in its way is cut; what it takes of a session's time stays that
   * session's, and so do the windows and the input that were seen then.
   */
  | (Effort & {
      readonly do: "add";
      readonly from: number;
      readonly to: number;
      readonly note: string | null;
      readonly replace: boolean;
    })
  /** What isn't given stays. */
  | {
      readonly do: "modify";
      readonly span: number;
      readonly from?: number | undefined;
      readonly to?: number | undefined;
      readonly kind?: SpanKind | undefined;
      readonly project?: string | null | undefined;
      readonly tags?: readonly string[] | undefined;
      readonly note?: string | null | undefined;
      readonly replace: boolean;
    }
  | { readonly do: "split"; readonly span: number; readonly at: number }
  | { readonly do: "remove"; readonly span: number }
  /**
   * The live session is about this from `at` on; without, from now on, or from the beginning of the pause or the time
   * away that goes on. As in Timewarrior and Toggl no tags are carried over: it has those that it is given.
   */
  | (Effort & { readonly do: "switch"; readonly at?: number | undefined })
  /** A time away was work on what was worked on before, or stays away, or was work on another project. */
  | { readonly do: "away"; readonly span: number; readonly decision: AwayDecision };

export type AwayDecision = "keep" | "drop" | { readonly project: string | null };

/** What an edit is made on. */
export type Scene = {
  /**
   * The spans of the profile that reach into the time of the edit, the edited one among them; for `switch` those of the
   * live session.
   */
  readonly spans: readonly Span[];
  /** UTC ms. */
  readonly now: number;
  /** The time zone, whose offset changes cut a span. */
  readonly zone: string;
  /** The span that is going on: the last one of the live session. */
  readonly open: number | undefined;
  /** The id of the next new span, and the number of a new session. */
  readonly nextSpan: number;
  readonly nextSession: number;
};

/** Which rows change, and how. What changes nothing has none. */
export type Change = {
  /** In words, for people. */
  readonly what: string;
  readonly removed: readonly Span[];
  readonly added: readonly Span[];
  readonly updated: readonly { readonly before: Span; readonly after: Span }[];
  /** The span that is going on afterwards. */
  readonly open: number | undefined;
};

/** `usage`: it can't be meant so; `no`: it doesn't fit what is there. */
export type Refusal = {
  readonly refused: string;
  readonly hint?: string;
  readonly because: "usage" | "no";
};

export const isRefusal = (outcome: Change | Refusal): outcome is Refusal => "refused" in outcome;

const no = (refused: string, hint?: string): Refusal => ({
  refused,
  because: "no",
  ...(hint === undefined ? {} : { hint }),
});
const usage = (refused: string, hint: string): Refusal => ({ refused, hint, because: "usage" });

/** Makes an edit. */
export function edited(edit: Edit, scene: Scene): Change | Refusal {
  const draft = new Draft(scene.spans, scene.open, scene.nextSpan);
  const outcome = made(edit, draft, scene);
  return typeof outcome === "string" ? draft.change(outcome) : outcome;
}

function made(edit: Edit, draft: Draft, scene: Scene): string | Refusal {
  if (edit.do === "add") return add(edit, draft, scene);
  if (edit.do === "switch") return switchTo(edit, draft, scene);
  const span = draft.get(edit.span);
  if (!span) return no(`there is no span #${edit.span}`, "stint track show names them");
  switch (edit.do) {
    case "modify":
      return modify(edit, span, draft, scene);
    case "split":
      return split(edit.at, span, draft, scene);
    case "remove":
      return remove(span, draft);
    case "away":
      return decide(edit.decision, span, draft);
  }
}

function add(edit: Edit & { do: "add" }, draft: Draft, scene: Scene): string | Refusal {
  const { from, to, project, tags, note, replace } = edit;
  const refused = timesRefused(from, to, scene);
  if (refused) return refused;
  const parts = shareOut(draft, from, to, scene.nextSession);
  const blocked = draft.makeRoom(from, to, replace);
  if (blocked) return blocked;
  const spans = parts.flatMap(({ session, from, to }) =>
    localPieces(from, to, scene.zone).map((piece) =>
      draft.add({ session, kind: "work", project, tags, note, ...piece }),
    ),
  );
  return `added ${spans.map((span) => draft.words(span)).join(", ")}`;
}

/** Whose the parts of a time are: those of a session that is in it, with its gaps there; the rest is of a new one. */
function shareOut(draft: Draft, from: number, to: number, newSession: number) {
  const parts: { session: number; from: number; to: number }[] = [];
  let until = from;
  for (const { id, session, started_at, ended_at } of draft.inTheWay(from, to)) {
    const begins = Math.max(from, started_at);
    // Whatever goes on has all that follows.
    const ends = id === draft.open ? to : Math.min(to, ended_at);
    if (begins === ends) continue;
    const last = parts.at(-1);
    if (last?.session === session) last.to = ends;
    else {
      if (until < begins) parts.push({ session: newSession, from: until, to: begins });
      parts.push({ session, from: begins, to: ends });
    }
    until = ends;
  }
  if (until < to) parts.push({ session: newSession, from: until, to });
  return parts;
}

function modify(edit: Edit & { do: "modify" }, span: Span, draft: Draft, scene: Scene): string | Refusal {
  const { id, started_at, ended_at } = span;
  const isOpen = id === draft.open;
  const { kind = span.kind, project = span.project, tags = span.tags, note = span.note } = edit;
  if (isOpen && (edit.to !== undefined || kind !== span.kind)) {
    return no(
      `#${id} is going on: its end and its kind can't be changed`,
      "stint track pause, resume or stop",
    );
  }
  const { from = started_at, to = ended_at, replace } = edit;
  let pieces: Piece[] = [span];
  if (from !== started_at || to !== ended_at) {
    // What goes on has everything before it: also what has no length, and is where it ends for now.
    const until = isOpen ? Number.POSITIVE_INFINITY : to;
    const refused = timesRefused(from, to, scene) ?? draft.makeRoom(from, until, replace, id);
    if (refused) return refused;
    pieces = localPieces(from, to, scene.zone);
    const elsewhere =
      localPieces(started_at, ended_at, scene.zone)[0]?.utc_offset_min !== span.utc_offset_min;
    if (elsewhere) pieces = [{ started_at: from, ended_at: to, utc_offset_min: span.utc_offset_min }];
  }
  const spans = draft.replace(
    span,
    pieces.map(({ started_at, ended_at, utc_offset_min }) => {
      return { ...span, kind, project, tags, note, started_at, ended_at, utc_offset_min };
    }),
  );
  const words = spans.map((each) => draft.words(each)).join(", ");
  return draft.isChanged ? `changed to ${words}` : `nothing to change: ${words}`;
}

function split(at: number, span: Span, draft: Draft, scene: Scene): string | Refusal {
  const end = span.id === draft.open ? scene.now : span.ended_at;
  if (at <= span.started_at || at >= end) {
    const when = clockTime(at, span.utc_offset_min);
    return usage(`${when} isn't within ${draft.words(span)}`, "a time may have its date: 2026-11-22 14:05");
  }
  const halves = [
    { ...span, ended_at: at },
    { ...span, started_at: at, ended_at: Math.max(at, span.ended_at) },
  ];
  return `split into ${draft
    .replace(span, halves)
    .map((half) => draft.words(half))
    .join(" and ")}`;
}

function remove(span: Span, draft: Draft): string | Refusal {
  if (span.id === draft.open) return no(`#${span.id} is going on`, "stint track stop ends it");
  const words = draft.words(span);
  draft.remove(span.id);
  return `removed ${words}`;
}

function switchTo(edit: Edit & { do: "switch" }, draft: Draft, scene: Scene): string | Refusal {
  const { project, tags } = edit;
  const spans = inOrder(scene.spans);
  const [first, last] = [spans[0], spans.at(-1)];
  if (!first || !last || last.id !== draft.open) return no("nothing is tracked", "stint track start");
  const at = edit.at ?? (last.kind === "work" ? scene.now : last.started_at);
  if (at > scene.now) return inTheFuture(at, scene);
  if (at < first.started_at) {
    const began = clockTime(first.started_at, first.utc_offset_min);
    return usage(`the session began only at ${began}`, "stint track add adds time before it");
  }
  for (const span of spans) {
    if ((span !== last && span.ended_at <= at) || isSameEffort(span, edit)) continue;
    const changed = { ...span, project, tags };
    if (span.started_at >= at) draft.replace(span, [changed]);
    else {
      const ended_at = Math.max(at, span.ended_at);
      draft.replace(span, [
        { ...span, ended_at: at },
        { ...changed, note: null, started_at: at, ended_at },
      ]);
    }
  }
  const now = `${effortWords(edit)}, since ${clockTime(at, last.utc_offset_min)}`;
  return draft.isChanged ? `switched to ${now}` : `it is ${effortWords(edit)} already`;
}

function decide(decision: AwayDecision, span: Span, draft: Draft): string | Refusal {
  if (span.kind !== "away") {
    return no(`${draft.words(span)} is no time away`, "stint track modify corrects it");
  }
  if (span.id === draft.open) return no(`#${span.id} is going on`, "say what it was once it is over");
  if (decision === "drop") return `left away: ${draft.words(span)}`;
  const project = decision === "keep" ? span.project : decision.project;
  // Tags belong to what was worked on: another project has none of them.
  const tags = project === span.project ? span.tags : [];
  const counted: Span = { ...span, kind: "work", project, tags };
  draft.replace(span, [counted]);
  return `counted as work: ${draft.words(counted)}`;
}

/** A row as a change has left it. The end of the span that was going on moves on by itself: it has none. */
export type Image = Omit<Span, "ended_at"> & { readonly ended_at: number | null };

/** A change as it is kept to be taken back. */
export type Images = {
  readonly removed: readonly Image[];
  readonly added: readonly Image[];
  readonly updated: readonly { readonly before: Image; readonly after: Image }[];
};

/** @param openBefore the span that was going on before it */
export function imagesOf({ removed, added, updated, open }: Change, openBefore: number | undefined): Images {
  const image = (span: Span, going: number | undefined): Image =>
    span.id === going ? { ...span, ended_at: null } : span;
  return {
    removed,
    added: added.map((span) => image(span, open)),
    updated: updated.map(({ before, after }) => ({
      before: image(before, openBefore),
      after: image(after, open),
    })),
  };
}

/**
 * Takes a change back. What was going on then may have ended since, and other spans may have followed it: those that
 * have its effort only for that get the effort from before.
 * @param scene.spans those of the sessions concerned, and those that reach into the time of the change
 */
export function undone(images: Images, what: string, scene: Pick<Scene, "spans" | "open">): Change | Refusal {
  const draft = new Draft(scene.spans, scene.open, 0);
  const left = [...images.added, ...images.updated.map(({ after }) => after)];
  const restored = [...images.removed, ...images.updated.map(({ before }) => before)];
  const [going, went] = [left, restored].map((all) => all.find(({ ended_at }) => ended_at === null));
  const { ended_at: end, note } = (going && draft.get(going.id)) ?? {};
  const changed =
    left.find((image) => !isAsLeft(draft.get(image.id), image)) ??
    (went && end !== undefined && end < went.started_at ? going : undefined);
  if (changed) {
    return no(`#${changed.id} isn't any more as that change has left it`, "stint track modify corrects it");
  }
  for (const { id } of images.added) draft.remove(id);
  for (const image of restored) draft.put({ ...image, ended_at: image.ended_at ?? end ?? image.started_at });
  // What was noted since of what goes on is noted of what goes on then.
  const noted = going && note !== undefined && note !== going.note && went && draft.get(went.id);
  if (noted) draft.put({ ...noted, note });
  if (going && went && end !== undefined && !isSameEffort(going, went)) {
    const course = inOrder(scene.spans).filter(({ session }) => session === going.session);
    const followers = course.slice(course.findIndex(({ id }) => id === going.id) + 1);
    for (const span of followers) {
      if (!isSameEffort(span, going)) break;
      draft.put({ ...span, project: went.project, tags: went.tags });
    }
  }
  for (const { id, started_at } of restored) {
    const span = draft.get(id);
    const other = span && draft.inTheWay(started_at, span.ended_at, id)[0];
    if (other) return no(`what it was overlaps ${draft.words(other)} now`, "stint track modify corrects it");
  }
  if (going && going.id === draft.open) draft.open = went?.id;
  return draft.change(`took back: ${what}`);
}

/** Of what went on, time has passed since, and it may have been given another note. */
function isAsLeft(span: Span | undefined, image: Image): boolean {
  if (!span) return false;
  const { ended_at } = image;
  return isSame(
    span,
    ended_at === null ? { ...image, ended_at: span.ended_at, note: span.note } : { ...image, ended_at },
  );
}

const isSame = (a: Span, b: Span): boolean =>
  isSameEffort(a, b) &&
  (["session", "kind", "note", "started_at", "ended_at", "utc_offset_min"] as const).every(
    (field) => a[field] === b[field],
  );

const isSameEffort = (a: Effort, b: Effort): boolean =>
  a.project === b.project && a.tags.length === b.tags.length && a.tags.every((tag) => b.tags.includes(tag));

const inOrder = (spans: readonly Span[]): Span[] =>
  spans.toSorted((a, b) => a.started_at - b.started_at || a.id - b.id);

/** Spans as they become, beside what they were. */
class Draft {
  readonly #before: ReadonlyMap<number, Span>;
  readonly #spans: Map<number, Span>;
  readonly #wasOpen: number | undefined;
  /** The one that is going on. */
  open: number | undefined;
  #next: number;

  constructor(spans: readonly Span[], open: number | undefined, next: number) {
    this.#before = new Map(spans.map((span) => [span.id, span]));
    this.#spans = new Map(this.#before);
    this.#wasOpen = open;
    this.open = open;
    this.#next = next;
  }

  get(id: number): Span | undefined {
    return this.#spans.get(id);
  }

  put(span: Span): void {
    this.#spans.set(span.id, span);
  }

  add(span: Omit<Span, "id">): Span {
    const added = { ...span, id: this.#next++ };
    this.put(added);
    return added;
  }

  remove(id: number): void {
    this.#spans.delete(id);
  }

  /** Puts others in the place of one. The first of them is that one still; the last goes on if that one did. */
  replace(span: Span, [first, ...others]: readonly Span[]): Span[] {
    if (!first) {
      this.remove(span.id);
      return [];
    }
    this.put(first);
    const spans = [first, ...others.map((other) => this.add(other))];
    if (span.id === this.open) this.open = spans.at(-1)?.id;
    return spans;
  }

  inTheWay(from: number, to: number, except?: number): Span[] {
    return inOrder([...this.#spans.values()]).filter(
      ({ id, started_at, ended_at }) => id !== except && started_at < to && ended_at > from,
    );
  }

  /** Cuts what is in the way of a time; the end of the span that is going on stays, even if it has no length. */
  makeRoom(from: number, to: number, replace: boolean, except?: number): Refusal | undefined {
    const others = this.inTheWay(from, to, except);
    const [other] = others;
    if (other && !replace) return no(`it overlaps ${this.words(other)}`, "--replace cuts what is in the way");
    for (const span of others) {
      const before = span.started_at < from ? [{ ...span, ended_at: from }] : [];
      const stays = span.ended_at > to || span.id === this.open;
      const ended_at = Math.max(to, span.ended_at);
      this.replace(span, [...before, ...(stays ? [{ ...span, started_at: to, ended_at }] : [])]);
    }
    return undefined;
  }

  /** `#12 2026-11-22 14:00–15:30 work on acme` */
  words(span: Span): string {
    const { id, kind, started_at, ended_at, utc_offset_min } = span;
    const [began, ended] = [started_at, ended_at].map((at) => clockTime(at, utc_offset_min));
    const until =
      id === this.open ? "now" : ended?.startsWith(`${began?.slice(0, 10)}`) ? ended.slice(11) : ended;
    return `#${id} ${began}–${until} ${kind === "work" ? `work on ${effortWords(span)}` : kind}`;
  }

  get isChanged(): boolean {
    const { removed, added, updated } = this.change("");
    return removed.length + added.length + updated.length > 0;
  }

  change(what: string): Change {
    const before = [...this.#before.values()];
    return {
      what,
      removed: before.filter(({ id }) => !this.#spans.has(id)),
      added: [...this.#spans.values()].filter(({ id }) => !this.#before.has(id)),
      updated: before.flatMap((span) => {
        const after = this.#spans.get(span.id);
        // Whether it goes on is part of it, though its row has nothing of that.
        const turns = (span.id === this.#wasOpen) !== (span.id === this.open);
        return after && (turns || !isSame(span, after)) ? [{ before: span, after }] : [];
      }),
      open: this.open,
    };
  }
}

const effortWords = ({ project, tags }: Effort): string =>
  [project ?? "no project", ...tags.map((tag) => `+${tag}`)].join(" ");

/** `2026-11-22 14:05` */
const clockTime = (wall: number, offsetMin: number): string =>
  localTime(wall, offsetMin).toPlainDateTime().toString({ smallestUnit: "minute" }).replace("T", " ");

function timesRefused(from: number, to: number, scene: Scene): Refusal | undefined {
  if (to > scene.now) return inTheFuture(to, scene);
  if (from < to) return undefined;
  const [began, ended] = [from, to].map((at) => hereTime(at, scene.zone));
  return usage(
    `it would begin at ${began} and end at ${ended}`,
    "a time may have its date: 2026-11-22 14:05",
  );
}

const inTheFuture = (at: number, { zone }: Scene): Refusal =>
  usage(`${hereTime(at, zone)} is in the future`, "a time may have its date: 2026-11-22 14:05");

const hereTime = (at: number, zone: string): string =>
  clockTime(at, localPieces(at, at, zone)[0]?.utc_offset_min ?? 0);

/** A stretch in which local time has one offset. */
type Piece = Pick<Span, "started_at" | "ended_at" | "utc_offset_min">;

/** Cuts a time where the offset of local time changes. @param zone an IANA name */
export function localPieces(from: number, to: number, zone: string): Piece[] {
  const pieces: Piece[] = [];
  let at = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(zone);
  for (;;) {
    const next = at.getTimeZoneTransition("next");
    const ended_at = Math.min(to, next?.epochMilliseconds ?? to);
    const utc_offset_min = Math.round(at.offsetNanoseconds / 60e9);
    pieces.push({ started_at: at.epochMilliseconds, ended_at, utc_offset_min });
    if (!next || ended_at >= to) return pieces;
    at = next;
  }
}
