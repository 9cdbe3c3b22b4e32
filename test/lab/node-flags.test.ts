import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { flagsOf, nodeFlags } from './node-flags.ts';

test('flags: what stands between Node and the program', () => {
  expect(flagsOf('FROM x\nENTRYPOINT ["/nodejs/bin/node", "--a=1", "--b", "/app/controller.js"]\n')).toEqual([
    '--a=1',
    '--b',
  ]);
  expect(flagsOf('ENTRYPOINT ["node", "main.js"]')).toEqual([]);
  expect(() => flagsOf('ENTRYPOINT node main.js')).toThrow('no ENTRYPOINT');
  expect(() => flagsOf('ENTRYPOINT ["node", "a.js", "b.js"]')).toThrow('a.js');
});

test("the image's flags are ones that this Node knows", () => {
  const { status, stderr } = spawnSync(process.execPath, [...nodeFlags, '--eval', '0'], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
