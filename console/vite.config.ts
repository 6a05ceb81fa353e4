import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const DIST = join(import.meta.dirname, 'dist');
/** Below this many bytes a compressed copy saves less than its own headers. */
const COMPRESSED_BYTES_MIN = 512;

/**
 * Empties `dist` but for its `.gitignore`, which keeps the directory in the repository, and writes a `.br` and a `.gz`
 * beside each asset, so that the server never compresses anything itself.
 */
function distribution(): Plugin {
  return {
    name: 'muster-distribution',
    apply: 'build',
    buildStart() {
      for (const name of readdirSync(DIST)) {
        if (name !== '.gitignore') rmSync(join(DIST, name), { recursive: true });
      }
    },
    closeBundle() {
      const assets = join(DIST, 'assets');
      for (const name of readdirSync(assets)) {
        const bytes = readFileSync(join(assets, name));
        if (bytes.length < COMPRESSED_BYTES_MIN || !/\.(js|css|svg)$/.test(name)) continue;
        const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
        writeFileSync(join(assets, `${name}.br`), brotli);
        writeFileSync(join(assets, `${name}.gz`), gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

/** Where `npm run dev` finds the API. */
const SERVER = process.env.MUSTER_SERVER ?? 'http://127.0.0.1:6878';

export default defineConfig({
  plugins: [react(), tailwindcss(), distribution()],
  build: {
    outDir: 'dist',
    emptyOutDir: false,
    manifest: true,
    target: 'es2023',
    // A `data:` script or image would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: Object.fromEntries(
      ['/v1', '/version', '/openapi.json'].map((path) => [path, { target: SERVER, changeOrigin: false }]),
    ),
  },
  test: { include: ['src/**/*.test.ts'] },
});
