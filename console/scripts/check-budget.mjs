// Counts the compressed script that each page needs before it is seen, and fails when one needs more than the budget.
// Bytes, not time: the same on every machine.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const BYTES_MAX = 300 * 1024;
const DIST = join(import.meta.dirname, '../dist');

const manifest = JSON.parse(readFileSync(join(DIST, '.vite/manifest.json'), 'utf8'));
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);

/** The chunks that come with a chunk. */
function withImports(key, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  for (const imported of manifest[key].imports ?? []) withImports(imported, found);
  return found;
}

function compressedBytes(file) {
  const path = join(DIST, file);
  try {
    return statSync(`${path}.gz`).size;
  } catch {
    return statSync(path).size;
  }
}

const first = withImports(entry);
let worst = { page: '', bytes: 0 };
for (const page of manifest[entry].dynamicImports ?? []) {
  const chunks = new Set([...first, ...withImports(page)]);
  const files = new Set([...chunks].map((key) => manifest[key].file).filter((file) => file.endsWith('.js')));
  const bytes = [...files].reduce((sum, file) => sum + compressedBytes(file), 0);
  if (bytes > worst.bytes) worst = { page, bytes };
}
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const told = `the largest first view is ${worst.page} with ${kib(worst.bytes)} of script (gzip), ${kib(BYTES_MAX)} allowed`;
if (worst.bytes > BYTES_MAX || worst.bytes === 0) {
  process.stderr.write(`budget: ${told}\n`);
  process.exit(1);
}
process.stdout.write(`budget: ${told}\n`);
