// Loaded into the controller before it starts: at SIGUSR2 it fails with an error that nobody catches, and that repeats secrets.
import { readFileSync } from 'node:fs';

process.on('SIGUSR2', () => {
  const texts = JSON.parse(readFileSync(process.env.SECRETS_SCAN_FILE ?? '', 'utf8'));
  setImmediate(() => {
    throw new Error(`unexpected: ${texts.join(' ')}`, { cause: new Error(texts.join('\n')) });
  });
});
