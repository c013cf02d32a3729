/** A hint with the nearest of some words, if it is near. */
export function didYouMean(word: string, words: readonly string[]): string | undefined {
  const [near] = [1, 2].flatMap((slips) => words.find((other) => isNear(word, other, slips)) ?? []);
  return near && `did you mean ${near}?`;
}

/** Whether a word becomes another by so many letters added, left out, replaced, or swapped with the next. */
function isNear(word: string, other: string, slips: number): boolean {
  if (word === other) return true;
  if (slips === 0) return false;
  let i = 0;
  while (word[i] === other[i]) i++;
  const after = (a: number, b: number) => isNear(word.slice(i + a), other.slice(i + b), slips - 1);
  const swapped = word[i] === other[i + 1] && word[i + 1] === other[i];
  return after(1, 1) || after(1, 0) || after(0, 1) || (swapped && after(2, 2));
}
