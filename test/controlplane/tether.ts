// Reads process ids from standard input and kills them when it ends, which it also does when the writer was killed.
const pids: number[] = [];
let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk: string) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  pids.push(...lines.map(Number));
});
process.stdin.on('end', () => {
  for (const pid of pids.toReversed()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended already: this is the usual case.
    }
  }
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
