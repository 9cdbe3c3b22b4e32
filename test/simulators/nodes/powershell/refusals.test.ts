import { describe, expect, test } from 'vitest';
import { asCase, linesOf, quiet, run, type Row } from './testHost.ts';
import { UnsupportedPowerShell } from './unsupported.ts';

const constrained: readonly Row[] = [
  [
    'try { [math]::Round(1.5) } catch { "$_"; $_.FullyQualifiedErrorId }',
    'Cannot invoke method. Method invocation is supported only on core types in this language mode.',
    'MethodInvocationNotSupportedInConstrainedLanguage',
  ],
  ['try { [Convert]::FromBase64String("") } catch { $_.CategoryInfo.Reason }', 'RuntimeException'],
  [
    'try { [Console]::OutputEncoding = [System.Text.Encoding]::UTF8 } catch { "$_" }',
    'Cannot set property. Property setting is supported only on core types in this language mode.',
  ],
  [
    'try { New-Object -TypeName System.Net.WebClient } catch { "$_" }',
    'Cannot create type. Only core types are supported in this language mode.',
  ],
  [
    'try { Add-Type -TypeDefinition "x" } catch { $_.FullyQualifiedErrorId }',
    'CannotDefineNewType,Microsoft.PowerShell.Commands.AddTypeCommand',
  ],
  ['try { [scriptblock]"1" } catch { "refused" }', 'refused'],
  ['try { try { throw "x" } catch { $_.Exception.ToString() } } catch { "refused" }', 'refused'],
  [
    '"a".ToUpper()\n[regex]::Escape(".")\n[int][char]"A"\n(Get-Date).ToUniversalTime().Year\n@{ a = 1 }.ContainsKey("a")',
    'A',
    '\\.',
    '65',
    '2026',
    'True',
  ],
  [
    '[pscustomobject]@{ a = 1 } | ForEach-Object { $_.a }\n([datetime]"2024-01-02").Day\n[guid]"0f8fad5b-d9cb-469f-a165-70867728950e" -is [guid]',
    '1',
    '2',
    'True',
  ],
  ['"$($ExecutionContext.SessionState.LanguageMode)"', 'ConstrainedLanguage'],
];

describe('constrained language', () => {
  test.each(constrained.map(asCase))('$name', async ({ script, lines }) => {
    expect(await linesOf(script, { languageMode: 'ConstrainedLanguage' })).toEqual(lines);
  });

  test("full language sets the console's encoding", async () => {
    expect((await run(quiet('[Console]::OutputEncoding = [System.Text.Encoding]::UTF8'))).exitCode).toBe(0);
  });
});

describe('outside the subset', () => {
  test.each([
    ['Get-One && Get-Two', '&&'],
    ['Get-One || Get-Two', '||'],
    ['$x = $true ? 1 : 2', 'parsed'],
    ['$x = $null ?? 1', 'parsed'],
    ['$x?.Length', ''],
    ['ConvertFrom-Json -InputObject "{}" -AsHashtable', 'AsHashtable'],
    ['ConvertTo-Json -InputObject 1 -EnumsAsStrings', 'EnumsAsStrings'],
    ['for ($i = 0; $i -lt 1; $i++) { $i }', 'for statement'],
    ['do { 1 } while ($false)', 'do statement'],
    ['class A { }', 'class'],
    ['function F {\n  process { 1 }\n}', 'begin, process and end'],
    ['filter F { 1 }', 'filter'],
    ['function F($a) { $a }', 'parameters outside'],
    ['. C:\\x.ps1', 'dot-sourcing'],
    ['1 | % { $_ }', '%'],
    ['Get-One `\n  -Name x', 'start of a line'],
    ['Get-Date -Nonsense 1', '-Nonsense of Get-Date'],
    ['@(1, 2).Where{ $_ }', ''],
    ['[System.IO.File]::ReadAllText("x")', 'System.IO.File'],
    ['[math]::Sqrt(2)', 'math'],
    ['"a".Normalize()', 'Normalize'],
    ['(Get-Date).Ticks', 'Ticks'],
    ['Get-Arguments "positional"', 'without its parameter'],
    ['Get-One > C:\\file.txt', 'redirection'],
    ['1 -bxor 2', '-bxor'],
    ['function F {\n  param($A)\n  $A\n}\nF -B 1', '-B'],
    ['function F {\n  1\n}\n2 | F', 'piping into F'],
    ['trap { 1 }', 'trap'],
    ['$global:x = 1', 'global'],
    ['"x: $y: z"', 'colon'],
    ['Get-One -Name a -EA Stop', '-EA'],
    ['"a" -replace "(?>a)", "b"', 'regular expression'],
    ['switch -Regex ("a") {\n  "a" { 1 }\n}', 'switch'],
  ])('%s', async (script, what) => {
    // A script's own try must not hide it.
    const failure = await run(`try {\n${script}\n}\ncatch {\n  1\n}`).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(UnsupportedPowerShell);
    expect(String(failure)).toContain(what);
    expect(String(failure)).toMatch(/line \d+:/);
  });

  test('a loop without an end', async () => {
    await expect(run('while ($true) {\n  $x = 1\n}')).rejects.toThrow('line 2: the script does not end');
  });

  test('the line is the one of the construct', async () => {
    await expect(run('1\n2\n"a".Normalize()')).rejects.toThrow(/^line 3: /);
    await expect(run('1\nif ($true) {\n')).rejects.toThrow(/^line \d: /);
  });
});
