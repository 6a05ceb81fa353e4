/** Ids as people paste them. */

/** One id a line; what is empty is none, and a repetition counts once. */
export function idsIn(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  return [...new Set(lines)].filter((line) => line !== '');
}

/** The ids in parts that fit into calls of so many bytes. */
export function parts(ids: readonly string[], bytesMax: number): string[][] {
  const all: string[][] = [];
  let part: string[] = [];
  let bytes = 0;
  const encoder = new TextEncoder();
  for (const id of ids) {
    // Quotes, a comma, and what JSON escapes.
    const size = encoder.encode(JSON.stringify(id)).length + 1;
    if (part.length > 0 && bytes + size > bytesMax) {
      all.push(part);
      part = [];
      bytes = 0;
    }
    part.push(id);
    bytes += size;
  }
  if (part.length > 0) all.push(part);
  return all;
}
