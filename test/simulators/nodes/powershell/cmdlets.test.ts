import { describe, expect, test } from 'vitest';
import { asCase, linesOf, quiet, run, type Row } from './testHost.ts';

const json: readonly Row[] = [
  ['ConvertTo-Json -InputObject @{ a = 1 } -Compress', '{"a":1}'],
  [
    'ConvertTo-Json -InputObject ([ordered]@{ a = $null; b = $true; c = 1.5; d = "é" }) -Compress',
    '{"a":null,"b":true,"c":1.5,"d":"é"}',
  ],
  [
    'ConvertTo-Json -InputObject "<a> & \'b\' ""c"" \\`n" -Compress',
    '"\\u003ca\\u003e \\u0026 \\u0027b\\u0027 \\"c\\" \\\\\\n"',
  ],
  ['ConvertTo-Json -InputObject @{ s = (Get-Thing).State } -Compress', '{"s":0}'],
  ['ConvertTo-Json -InputObject @{ t = (Get-Thing).When } -Compress', '{"t":"\\/Date(1772395445678)\\/"}'],
  [
    'ConvertTo-Json -InputObject @{ a = @{ b = @{ c = @{ d = 1 } } } } -Compress',
    '{"a":{"b":{"c":"System.Collections.Hashtable"}}}',
  ],
  [
    'ConvertTo-Json -InputObject @{ a = @{ b = @{ c = [pscustomobject]@{ d = 1 } } } } -Compress',
    '{"a":{"b":{"c":"@{d=1}"}}}',
  ],
  ['ConvertTo-Json -InputObject @{ a = @{ b = @{ c = 1, 2 } } } -Compress', '{"a":{"b":{"c":"1 2"}}}'],
  ['ConvertTo-Json -InputObject @{ a = @{ b = @{ c = @{ d = 1 } } } } -Compress -Depth 3', '{"a":{"b":{"c":{"d":1}}}}'],
  ['@(1) | ConvertTo-Json -Compress', '1'],
  ['ConvertTo-Json -InputObject @(1) -Compress', '[1]'],
  ['1, 2 | ConvertTo-Json -Compress', '[1,2]'],
  ['@(@() | ConvertTo-Json).Count', '0'],
  ['ConvertTo-Json -InputObject @() -Compress\nConvertTo-Json -InputObject $null', '[]'],
  ['1, $null, 2 | ConvertTo-Json -Compress', '[1,2]'],
  // No output at all is not $null here.
  [
    'ConvertTo-Json -InputObject @{ a = Get-None } -Compress\nConvertTo-Json -InputObject @{ a = Get-Null } -Compress',
    '{"a":{}}',
    '{"a":null}',
  ],
  [
    '$x = Get-None\nfunction F {\n  param($Value)\n  @{ a = $Value }\n}\nConvertTo-Json -InputObject (F -Value $x) -Compress',
    '{"a":null}',
  ],
  [
    'ConvertTo-Json -InputObject ([ordered]@{ a = 1; b = @(1, @{ c = 2 }) })',
    '{',
    '    "a":  1,',
    '    "b":  [',
    '              1,',
    '              {',
    '                  "c":  2',
    '              }',
    '          ]',
    '}',
  ],
  ['(ConvertFrom-Json -InputObject \'{"a":{"B":[1]}}\').A.b.GetType().Name', 'Object[]'],
  ['@(ConvertFrom-Json -InputObject "[1,2]").Count', '1'],
  ['(ConvertFrom-Json -InputObject "[1,2]").Count', '2'],
  ['(ConvertFrom-Json -InputObject \'"2024-01-01T00:00:00Z"\').GetType().Name', 'String'],
  ['(ConvertFrom-Json -InputObject \'"\\/Date(0)\\/"\').ToString("s")', '1970-01-01T00:00:00'],
  ['@(ConvertFrom-Json -InputObject "").Count', '0'],
  ['try { ConvertFrom-Json -InputObject "{" } catch { "bad" }', 'bad'],
  ['try { ConvertFrom-Json -InputObject \'{"a":1,"A":2}\' } catch { "bad" }', 'bad'],
  ['try { ConvertFrom-Json -InputObject $null } catch { $_.CategoryInfo.Reason }', 'ParameterBindingException'],
];

const objects: readonly Row[] = [
  ['1, 2, 3 | Where-Object { $_ -gt 1 } | ForEach-Object { $_ * 10 }', '20', '30'],
  ['(3, 1, 2 | Sort-Object) -join ","\n(3, 1, 2 | Sort-Object -Descending) -join ","', '1,2,3', '3,2,1'],
  ['("b", "A", "c", "a" | Sort-Object -Unique) -join ","', 'A,b,c'],
  ['(@{ n = 2 }, @{ n = 1 } | Sort-Object -Property { $_.n } | ForEach-Object { $_.n }) -join ","', '1,2'],
  ['(1..9 | Select-Object -First 2) -join ","\n(1..9 | Select-Object -Last 2) -join ","', '1,2', '8,9'],
  ['("a", "A", "a" | Select-Object -Unique) -join ","', 'a,A'],
  ['(Get-Thing | Select-Object -Property "name", "Missing").PSObject.Properties.Name -join ","', 'Name,Missing'],
  ['(Get-Thing | Select-Object -Property @{ Name = "n"; Expression = { $_.Name.Length } }).n', '5'],
  [
    'Get-Thing | Select-Object -ExpandProperty Name\n@(Get-Thing | Select-Object -ExpandProperty Parts).Count',
    'thing',
    '2',
  ],
  [
    'Get-Thing | Select-Object -ExpandProperty Nope -ErrorAction SilentlyContinue\n$Error[0].FullyQualifiedErrorId',
    'ExpandPropertyNotFound,Microsoft.PowerShell.Commands.SelectObjectCommand',
  ],
  [
    '(1, 2, 3 | Measure-Object -Sum).Sum\n(1, $null, 3 | Measure-Object).Count\n(@() | Measure-Object).Count',
    '6',
    '2',
    '0',
  ],
  ['Write-Output -InputObject 1, 2 | ForEach-Object { "<$_>" }', '<1>', '<2>'],
  ['("a", "b" | Out-String).Length', '6'],
  ['Get-Arguments -Name "a", "b" -Force -Value:$false', '{"Name":["a","b"],"Force":true,"Value":false}'],
  ['1, 2 | Get-Arguments -Name x', '{"Name":"x"} < 1,2'],
  ['$h = @{ Name = "n"; Switch = $true }\nGet-Arguments @h -ErrorAction Stop', '{"Name":"n","Switch":true}'],
  [
    'Join-Path -Path "C:\\a\\" -ChildPath "b"\nSplit-Path -Path "C:\\a\\b.txt" -Leaf\nSplit-Path -Path "C:\\a\\b.txt"',
    'C:\\a\\b',
    'b.txt',
    'C:\\a',
  ],
  [
    '$x = 5\nGet-Variable -Name x -ValueOnly\n$null -eq (Get-Variable -Name nope -ErrorAction SilentlyContinue)',
    '5',
    'True',
  ],
  ['Invoke-Expression -Command "`$y = 3"\n$y', '3'],
  ['(New-TimeSpan -Hours 23 -Minutes 55).TotalMinutes', '1435'],
  ['Write-Warning -Message "careful"\nWrite-Host "host"\nWrite-Verbose -Message "quiet"', 'WARNING: careful', 'host'],
];

describe.each([
  ['JSON', json],
  ['objects', objects],
])('cmdlets of the language: %s', (_, rows) => {
  test.each(rows.map(asCase))('$name', async ({ script, lines }) => {
    expect(await linesOf(script)).toEqual(lines);
  });
});

test('an object that leaks to stdout is printed, not dropped', async () => {
  const { stdout } = await run(quiet('Get-Thing\n@{ a = 1 }'));
  expect(stdout).toContain('Name');
  expect(stdout).toContain('thing');
});

test('standard input is $input, line by line', async () => {
  const { stdout } = await run('(@($input) -join "|")', {}, 'a\r\nb\n');
  expect(stdout).toBe('a|b\r\n');
});
