import { parentPort } from 'node:worker_threads';
import { nodeScript } from '../../src/nodes/script/script.ts';
import { createJudge } from './judge.ts';
import { lintScript } from './lint.ts';
import { prepare } from './prepare.ts';
import { scriptRules } from './rules.ts';

// Judges scripts one after the other, in a thread that can be ended when one of them never comes to an end.

const port = parentPort;
if (port === null) throw new Error('this is a worker');
const prepared = await prepare();
const judge = createJudge(prepared, await lintScript(nodeScript(), scriptRules));
port.on('message', (script: unknown) => {
  void judge.firstProblem(String(script)).then((problem) => port.postMessage(problem ?? ''));
});
port.postMessage('ready');
