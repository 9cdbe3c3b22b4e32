import { describe, expect, test } from 'vitest';
import { asCase, linesOf, quiet, run, type Row } from './testHost.ts';

const caught: readonly Row[] = [
  [
    'try { throw "bad" } catch { "$_"; $_.FullyQualifiedErrorId; $_.CategoryInfo.Reason }',
    'bad',
    'bad',
    'RuntimeException',
  ],
  ['try { throw @{ id = 7 } } catch { $_.TargetObject.id }', '7'],
  ['try { $null.Trim() } catch { $_.Exception.Message }', 'You cannot call a method on a null-valued expression.'],
  ['try { $null[0] } catch { $_.Exception.Message }', 'Cannot index into a null array.'],
  [
    'try { [int]"x" } catch { $_.Exception.Message }',
    'Cannot convert value "x" to type "System.Int32". Error: "Input string was not in a correct format."',
  ],
  ['try { 1 / 0 } catch { "$_" }', 'Attempted to divide by zero.'],
  [
    'try { Get-Missing } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.Reason; $_.Exception.GetType().FullName }',
    'CommandNotFoundException',
    'CommandNotFoundException',
    'System.Management.Automation.CommandNotFoundException',
  ],
  ['try { Get-Missing -ErrorAction SilentlyContinue } catch { "thrown all the same" }', 'thrown all the same'],
  [
    'try { Fail-Softly -ErrorAction Stop } catch { "$_"; $_.FullyQualifiedErrorId; $_.CategoryInfo.Reason; $_.Exception.InnerException.Detail.Error }',
    'before',
    'It failed.',
    'Failed,Test-Failure',
    'InvalidOperationException',
    'What Azure said',
  ],
  ['try { Fail-Softly -ErrorAction SilentlyContinue; "goes on" } catch { "never" }', 'before', 'goes on'],
  ['try { Fail-Hard -ErrorAction SilentlyContinue; "never" } catch { "caught" }', 'before', 'caught'],
  ['$ErrorActionPreference = "Stop"\ntry { Fail-Softly } catch { "caught" }', 'before', 'caught'],
  [
    '$ErrorActionPreference = "Stop"\nfunction F {\n  $ErrorActionPreference = "SilentlyContinue"\n  Fail-Softly\n  "goes on"\n}\nF',
    'before',
    'goes on',
  ],
  [
    'try { "x".Substring(2, 1) } catch { $_.FullyQualifiedErrorId; $_.Exception.Message }',
    'ArgumentOutOfRangeException',
    'Exception calling "Substring" with "2" argument(s): "Index and length must refer to a location within the string."',
  ],
  [
    'try { $o = [pscustomobject]@{ a = 1 }\n  $o.b = 2\n} catch { "$_" }',
    "The property 'b' cannot be found on this object. Verify that the property exists and can be set.",
  ],
  ['try { ([ordered]@{ a = 1 }).ContainsKey("a") } catch { $_.FullyQualifiedErrorId }', 'MethodNotFound'],
  ['try { throw "a" } catch { try { throw "b" } catch { "$_" }\n  "$_"\n}', 'b', 'a'],
  ['try { try { throw "a" } catch { throw } } catch { "again $_" }', 'again a'],
  ['function F {\n  try {\n    return 1\n  }\n  finally {\n    "finally"\n  }\n}\n(F) -join ","', '1,finally'],
  ['function F {\n  "out"\n  throw "x"\n}\ntry { $x = F } catch { "x is $x" }', 'x is '],
  ['function F {\n  "out"\n  throw "x"\n}\ntry { F } catch { "caught" }', 'out', 'caught'],
  [
    'try { Get-Missing } catch [System.Management.Automation.CommandNotFoundException] { "typed" } catch { "other" }',
    'typed',
  ],
  [
    'try { throw "x" } catch { $_.InvocationInfo.PositionMessage; $_.InvocationInfo.ScriptLineNumber }',
    'At C:\\scripts\\test.ps1:2 char:7',
    '+ try { throw "x" } catch { $_.InvocationInfo.PositionMessage; $_.InvocationInfo.ScriptLineNumber }',
    '+       ~~~~~~~~~',
    '2',
  ],
  ['Fail-Softly 2>$null\n$Error.Count\n"$($Error[0])"', 'before', '1', 'It failed.'],
  ['$all = @(Fail-Softly 2>&1)\n$all.Count\n"$($all[1])"', '2', 'It failed.'],
  ['try { Write-Error -Message "m" -ErrorAction Stop } catch { "$_" }', 'm'],
];

describe('errors that are caught', () => {
  test.each(caught.map(asCase))('$name', async ({ script, lines }) => {
    expect(await linesOf(script)).toEqual(lines);
  });
});

describe('errors that are not caught', () => {
  test('throw ends the script with 1', async () => {
    const { stdout, stderr, exitCode } = await run(quiet('"a"\nthrow "bad <x>"\n"b"'));
    expect({ stdout, exitCode }).toEqual({ stdout: 'a\r\n', exitCode: 1 });
    expect(stderr).toMatch(/^#< CLIXML\r\n<Objs Version="1\.1\.0\.1" /);
    expect(stderr).toContain('<S S="Error">bad &lt;x&gt;_x000D__x000A_</S>');
  });

  test('an error of one statement is shown and the next one runs', async () => {
    const { stdout, stderr, exitCode } = await run(quiet('$null.Trim()\nGet-Missing\nFail-Softly\n"b"'));
    expect({ stdout, exitCode }).toEqual({ stdout: 'before\r\nb\r\n', exitCode: 0 });
    expect(stderr.match(/FullyQualifiedErrorId/g)).toHaveLength(3);
  });

  test('under Stop it ends the script', async () => {
    const { stdout, exitCode } = await run(quiet('$ErrorActionPreference = "Stop"\n$null.Trim()\n"b"'));
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
  });

  test('exit runs finally and sets the exit code', async () => {
    const { stdout, stderr, exitCode } = await run(quiet('try {\n  exit 10\n}\nfinally {\n  "finally"\n}\n"never"'));
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'finally\r\n', stderr: '', exitCode: 10 });
  });

  test('progress is written unless it is silenced', async () => {
    expect((await run('Get-One')).stderr).toContain('Preparing modules for first use.');
    expect((await run(quiet('Get-One'))).stderr).toBe('');
  });
});

describe('programs', () => {
  const echo = "$path = 'C:\\tools\\echo.exe'\n";

  test('arguments, exit code, lines', async () => {
    const { stdout, stderr } = await run(`${echo}$x = & $path show -j '' --no-color ("a", "b")\n$x\n$LASTEXITCODE`);
    expect(stdout).toBe('show|-j|--no-color|a|b\r\n5\r\n');
    expect(stderr).toBe('warned\r\n');
  });

  test('standard input', async () => {
    const { stdout } = await run(`${echo}"in" | & $path x`);
    expect(stdout).toBe('x\r\nin\r\n');
  });

  test('a redirected stderr is an error under Stop, also when it goes to $null', async () => {
    const script = `${echo}$ErrorActionPreference = 'Stop'\ntry { & $path x 2>$null } catch { $_.FullyQualifiedErrorId }`;
    expect((await run(script)).stdout).toBe('x\r\nNativeCommandError\r\n');
  });

  test('one that is not there', async () => {
    const { stdout } = await run("try { & 'C:\\tools\\other.exe' } catch { $_.CategoryInfo.Reason }");
    expect(stdout).toBe('CommandNotFoundException\r\n');
  });
});
