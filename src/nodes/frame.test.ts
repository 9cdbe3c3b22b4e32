import { describe, expect, test } from 'vitest';
import { commandLine, readAnswer } from './frame.ts';
import type { NodeExecution } from './transport.ts';

const judge = (execution: NodeExecution, exitStatus: number, stderr: string, secrets: readonly string[] = []) =>
  readAnswer({ nodeName: 'NODE1', execution, operationName: 'sync', secrets }, { stdout: '', stderr, exitStatus }, 1);

const detailOf = (...parameters: Parameters<typeof judge>): string => {
  const outcome = judge(...parameters);
  if (outcome.kind !== 'protocol') throw new Error(`a protocol fault was expected, not ${outcome.kind}`);
  return outcome.detail;
};

const cliXml = (...errors: readonly string[]): string =>
  `#< CLIXML\r\n<Objs Version="1.1.0.1">${errors.map((text) => `<S S="Error">${text}</S>`).join('')}</Objs>`;

test('the inline command line is one that cmd.exe and PowerShell take without quotes, and fits cmd.exe', () => {
  const command = commandLine('Inline', 'sync');
  expect(command).toMatch(/^powershell\.exe( -[A-Za-z]+)+ Bypass -EncodedCommand [A-Za-z0-9+/]+={0,2}$/);
  expect(command.length).toBeLessThan(8191);
});

describe('no frame: what stands in the way, and what to do', () => {
  const outdated = cliXml(
    'hcireg: version 1 of the operations was asked for. This node has version 2, script release 2.0.0._x000D__x000A_',
  );
  test.each<[string, NodeExecution, number, string, RegExp]>([
    [
      'a script of another version',
      'Dispatcher',
      126,
      outdated,
      /refused; version 1 of the operations was asked for \(exit status 126\): .*This node has version 2, script release 2\.0\.0\.; install/,
    ],
    ['a forced command, and a script that was sent', 'Inline', 126, '', /ForceCommand.*; use execution Dispatcher/],
    [
      'cmd.exe',
      'Dispatcher',
      1,
      "'hcireg' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n",
      /no forced command.*; install .* or use execution Inline/,
    ],
    ['cmd.exe in German', 'Dispatcher', 1, 'Der Befehl "hcireg" ist entweder falsch', /no forced command/],
    [
      'PowerShell as the shell',
      'Dispatcher',
      1,
      cliXml("hcireg/1 : The term 'hcireg/1' is not recognized as the name of a cmdlet_x000D__x000A_"),
      /no forced command/,
    ],
    ['sh', 'Dispatcher', 127, 'sh: 1: hcireg/1: not found\n', /no forced command/],
    [
      'a script that is not signed',
      'Dispatcher',
      1,
      'File C:\\Program Files\\HciRegistration\\hcireg.ps1 cannot be loaded. The file is not digitally signed.',
      /could not run the installed script.*not digitally signed.*; run Test-HciRegistrationNode/,
    ],
    [
      'a script that is gone',
      'Dispatcher',
      4294770688,
      "The argument 'C:\\Program Files\\HciRegistration\\hcireg.ps1' to the -File parameter does not exist.",
      /could not run the installed script/,
    ],
    ['no Windows', 'Inline', 127, 'bash: line 1: powershell.exe: command not found', /could not start powershell\.exe/],
    [
      'a document that got lost on the way',
      'Inline',
      125,
      cliXml('Write-Error : hcireg: there is no readable document on standard input._x000D__x000A_'),
      /did not reach the script.*default shell/,
    ],
    [
      'an error of PowerShell itself',
      'Inline',
      1,
      cliXml('FullyQualifiedErrorId : Argument,Microsoft.PowerShell.Commands.InvokeExpressionCommand'),
      /no complete frame came/,
    ],
    ['anything else', 'Inline', 1, 'Out of memory', /no complete frame came.*Out of memory; run Test-/],
  ])('%s', (_, execution, exitStatus, stderr, expected) => {
    expect(judge(execution, exitStatus, stderr)).toMatchObject({ kind: 'protocol', sent: true, exitStatus });
    expect(detailOf(execution, exitStatus, stderr)).toMatch(expected);
    expect(detailOf(execution, exitStatus, stderr)).toMatch(/^sync on NODE1: /);
  });
});

describe('a secret never comes back', () => {
  const secret = 'p"ä\\ss $1.w*rd~x';
  test.each([
    ['as it is', `wrong: ${secret}!`],
    ['in JSON', `Invalid JSON primitive: ${JSON.stringify({ secret })}.`],
    ['in ASCII JSON', String.raw`"p\"\u00e4\\ss $1.w*rd~x"`],
    ['broken over lines', cliXml('p"ä\\s_x000D__x000A_', 's $1.w*_x000D__x000A_rd~x')],
    ['in CLIXML', cliXml('p&quot;ä\\ss $1.w*rd~x')],
  ])('%s', (_, stderr) => {
    const detail = detailOf('Dispatcher', 1, stderr, [secret]);
    expect(detail).toContain('(redacted)');
    expect(detail).not.toMatch(/w\*|rd~x/);
  });
});
