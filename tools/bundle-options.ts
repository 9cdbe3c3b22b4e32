import type { BuildOptions } from 'esbuild';

/** How everything is bundled that is to be measured or shipped. */
export const bundleOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  // Node keeps the text in memory, and all of it at two bytes a character when one character, in a comment say, is not ASCII. Names
  // stay, and lines are short enough for a stack trace to point at something.
  minifyWhitespace: true,
  lineLimit: 160,
  charset: 'ascii',
  logLevel: 'warning',
  // The CommonJS packages among the dependencies call require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url), __dirname = import.meta.dirname;",
  },
} as const satisfies BuildOptions;
