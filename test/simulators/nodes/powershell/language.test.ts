import { describe, expect, test } from 'vitest';
import { asCase, linesOf, type Row } from './testHost.ts';

// Each row: a script, and the lines that Windows PowerShell 5.1 prints.

const streams: readonly Row[] = [
  ['function F {\n  1\n  return 2\n  3\n}\nF', '1', '2'],
  ['function F {\n  "a"\n  $null = "b"\n}\n$x = F\n$x', 'a'],
  ['$x = Get-One\n$x.GetType().Name', 'String'],
  ['$x = Get-Two\n$x.GetType().Name', 'Object[]'],
  ['$x = Get-None\n$null -eq $x', 'True'],
  ['@(Get-None).Count', '0'],
  ['@(Get-Null).Count', '1'],
  ['@(Get-One).Count\n@(Get-Two).Count', '1', '2'],
  ['$null | ForEach-Object { "once" }', 'once'],
  ['$x = Get-None\n$x | ForEach-Object { "never" }\n"end"', 'end'],
  ['foreach ($x in $null) { "never" }\n"end"', 'end'],
  ['foreach ($x in 5) { $x }', '5'],
  ['function F {\n  return ,@()\n}\n(F).GetType().Name', 'Object[]'],
  ['function F {\n  return @()\n}\n$null -eq (F)', 'True'],
  ['function F {\n  return $null\n}\n@(F).Count', '1'],
  ['function F {\n  return @(5)\n}\n(F).GetType().Name', 'Int32'],
  ['$x = @(5)\n$x.GetType().Name', 'Object[]'],
  ['$x = if ($true) { @(5) }\n$x.GetType().Name', 'Int32'],
  ['$x = if ($false) { 1 }\n@($x | ForEach-Object { $_ }).Count', '0'],
  ['(1, 2, 3).Count\n(,1).Count\n(,(1, 2)).Count', '3', '1', '1'],
  ['@(1, @(2, 3)).Count', '2'],
  ['$a = @()\n$a += 1\n$a += 2, 3\n$a.Count', '3'],
  ['$i = 1\n$i++\n$i', '2'],
  ['$x = $y = 3\n"$x$y"', '33'],
  ['[void]"a"\n"b"', 'b'],
  ['"a" | Out-Null\n"b" > $null\n"c"', 'c'],
];

const members: readonly Row[] = [
  ['(5).Count\n"abc".Length\n"abc".Count\n$null.Count', '1', '3', '1', '0'],
  ['$null -eq ([pscustomobject]@{ a = 1 }).Count', 'True'],
  ['$o = [pscustomobject]@{ Name = "x" }\n$o.NAME\n$null -eq $o.Other', 'x', 'True'],
  ['$null -eq $null.Anything.At.All', 'True'],
  ['(Get-Thing).Parts.Id -join ","', '1,2'],
  ['@(@{ a = 1 }, @{ b = 2 }).a', '1'],
  ['("a", "b").ToUpper() -join ""', 'AB'],
  ['$h = @{ Count = 7 }\n$h.Count', '7'],
  ['$h = @{ a = 1 }\n$h.Count\n$h["A"]\n$h.b = 2\n$h.Count', '1', '1', '2'],
  ['$h = [ordered]@{ z = 1; a = 2 }\n$h.Keys -join ","\n$h[0]', 'z,a', '1'],
  ['$a = 1, 2, 3\n$a[-1]\n$null -eq $a[9]\n$a[0, 1] -join ","', '3', 'True', '1,2'],
  ['"abc"[1]\n"abc"[1].GetType().Name', 'b', 'Char'],
  ['@(Get-None)[0] -eq $null', 'True'],
  ['(Get-Thing).PSObject.Properties.Name -contains "when"', 'True'],
  ['(Get-Thing).PSObject.Properties["State"].Value\n$null -eq (Get-Thing).PSObject.Properties["Other"]', 'Up', 'True'],
  [
    'foreach ($p in ([pscustomobject]@{ a = 1; b = 2 }).PSObject.Properties) { "$($p.Name)=$($p.Value)" }',
    'a=1',
    'b=2',
  ],
  ['$name = "State"\n"$((Get-Thing).$name)"', 'Up'],
  ['$h = @{ b = 2 }\n$h.GetEnumerator() | ForEach-Object { "$($_.Key)$($_.Value)" }', 'b2'],
  ['$h = @{ a = 1 }\n$h.ContainsKey("A")\n$h.Remove("a")\n$h.Count', 'True', '0'],
];

const conversions: readonly Row[] = [
  ['"5" + 1\n5 + "1"', '51', '6'],
  ['$null + 1\n"a" * 3\n7 / 2\n6 / 2\n7 % 3', '1', 'aaa', '3.5', '3', '1'],
  ['[int]2.5\n[int]3.5\n[int]"2.5"\n[int]$null\n[int]""\n[int]$true', '2', '4', '2', '0', '0', '1'],
  ['[int][char]"A"\n[char]66\n[string][char]67', '65', 'B', 'C'],
  ['[string]$null -eq ""\n[string]$true\n[string](1, 2)\n[string]1.5', 'True', 'True', '1 2', '1.5'],
  [
    '"$(@(1, 2))"\n"$([pscustomobject]@{ a = 1; b = $null })"\n"$(@{ a = 1 })"',
    '1 2',
    '@{a=1; b=}',
    'System.Collections.Hashtable',
  ],
  [
    '[bool]"false"\n[bool]0\n[bool]@()\n[bool]@(0)\n[bool]@(0, 0)\n[bool]@{}',
    'True',
    'False',
    'False',
    'False',
    'True',
    'True',
  ],
  ['if ("0") { "t" } else { "f" }\nif ((Get-Thing).State) { "t" } else { "f" }', 't', 'f'],
  ['[version]"1.10.0" -gt [version]"1.9.0"\n"1.10.0" -gt "1.9.0"', 'True', 'False'],
  ['[guid]"{0F8FAD5B-D9CB-469F-A165-70867728950E}"', '', 'Guid : 0f8fad5b-d9cb-469f-a165-70867728950e', ''],
  ['"x" -as [int] -eq $null\n"7" -as [int]', 'True', '7'],
  ['[int]$x = "5"\n$x = "6"\n$x + 1', '7'],
  ['1kb\n0x10\n1.50', '1024', '16', '1.5'],
];

const operators: readonly Row[] = [
  ['"A" -eq "a"\n"A" -ceq "a"\n"A" -ne "a"', 'True', 'False', 'False'],
  ['$null -eq ""\n"" -eq $null\n0 -eq $null\n$null -eq @()', 'False', 'False', 'False', 'False'],
  ['1 -eq "1.0"\n"1" -eq 1.0\n$true -eq "false"\n"true" -eq $true\n1 -eq "x"', 'True', 'True', 'True', 'True', 'False'],
  ['(1, 2, 2 -eq 2).Count\n@(1, 2 -ne 1)[0]\n@("a", "b" -like "a*").Count', '2', '2', '1'],
  [
    '(Get-Thing).State -eq "up"\n(Get-Thing).State -eq 0\n"Up" -eq (Get-Thing).State\n(Get-Thing).State -eq "other"',
    'True',
    'True',
    'True',
    'False',
  ],
  ['"abc" -match "(?<first>a)(b)"\n$Matches[0]\n$Matches.first\n$Matches[1]', 'True', 'ab', 'a', 'b'],
  ['$null = "x1" -match "\\d"\n$null = "y" -match "\\d"\n$Matches[0]', '1'],
  ['"a`n" -match "^a$"\n"a`n" -match "\\Aa\\z"', 'True', 'False'],
  [
    '"2026-01-02" -replace "(\\d+)-(\\d+)", \'$2/$1\'\n"aXa" -replace "x"\n"aXa" -creplace "x", "-"',
    '01/2026-02',
    'aa',
    'aXa',
  ],
  ['("a,b;c" -split "[,;]") -join "|"\n("a b c" -split " ", 2)[1]\n(-split " a  b ").Count', 'a|b|c', 'b c', '2'],
  ['"a.b.c".Split(".").Count\n"a--b".Split("--").Count', '3', '3'],
  [
    '1, 2 -contains 2\n2 -in 1, 2\n"a" -in "A"\n"A", "b" -ccontains "a"\n3 -notin 1, 2',
    'True',
    'True',
    'True',
    'False',
    'True',
  ],
  [
    '"x" -is [string]\n5 -is [int]\n5 -isnot [string]\n$null -is [string]\n@() -is [array]\n@{} -is [hashtable]',
    'True',
    'True',
    'True',
    'False',
    'True',
    'True',
  ],
  ['"{0}-{1:d3}-{2,4}|{{}}" -f "a", 7, "b"\n"{0:x4}" -f 233\n"{0:X2}" -f 10', 'a-007-   b|{}', '00e9', '0A'],
  ['-join ("a", "b")\n"a", "b" -join ","\n1 + 1 -eq 2 -and -not $false', 'ab', 'a,b', 'True'],
  ['(1..3) -join ","\n(3..1) -join ","', '1,2,3', '3,2,1'],
  ['"$(1 + 1) ${x}y`t|""q""" -replace "`t", "T"', '2 yT|"q"'],
  ['@{ a = 1 } + @{ b = 2 } | ForEach-Object { $_.Count }', '2'],
  ['"b" -gt "a"\n"a" -lt "B"\n$null -lt 1', 'True', 'True', 'True'],
  ['"a".Equals("A")\n"a".StartsWith("A")\n"ab".Contains("b")\n"abc".IndexOf("c")', 'False', 'False', 'True', '2'],
  ['" a ".Trim() + "|"\n"xax".Trim("x")\n"7".PadLeft(3, "0")\n"abcd".Substring(1, 2)', 'a|', 'a', '007', 'bc'],
  [
    '[string]::IsNullOrEmpty("")\n[string]::Join(",", @(1, 2))\n[regex]::Escape("a.b")\n[regex]::Matches("a1b2", "\\d").Count',
    'True',
    '1,2',
    'a\\.b',
    '2',
  ],
];

const scopes: readonly Row[] = [
  ['$x = 1\nfunction F {\n  $x\n  $x = 2\n  $x\n}\nF\n$x', '1', '2', '1'],
  ['$x = 1\nfunction F {\n  $script:x = 2\n}\nF\n$x', '2'],
  ['function F {\n  $inner = 5\n  G\n}\nfunction G {\n  $inner\n}\nF', '5'],
  ['$x = 0\n1..3 | ForEach-Object { $x += $_ }\n$x', '6'],
  ['$x = 0\n& { $x = 1 }\n$x', '0'],
  [
    'function F {\n  param([string]$A, [int]$B = 3, [switch]$C)\n  "$A/$B/$C"\n}\nF\nF "x" -C\nF -b "4" -A 1',
    '/3/False',
    'x/3/True',
    '1/4/False',
  ],
  ['function F {\n  param($A)\n  $null -eq $A\n}\nF', 'True'],
  ['function F {\n  param($A, $B)\n  "$A-$B"\n}\n$arguments = @{ B = 2; a = 1 }\nF @arguments', '1-2'],
  ['function Get-X {\n  "called"\n}\nGET-x\n$name = "Get-X"\n& $name', 'called', 'called'],
  ['function F {\n  $args.Count\n}\nF 1 2', '2'],
  ['$env:COMPUTERNAME\n$PID\n$null -eq $env:NOTHING', 'NODE1', '42', 'True'],
  ['1..4 | ForEach-Object {\n  if ($_ -eq 2) {\n    return\n  }\n  $_\n}', '1', '3', '4'],
  ['foreach ($i in 1..5) {\n  if ($i -eq 2) { continue }\n  if ($i -eq 4) { break }\n  $i\n}', '1', '3'],
  ['$i = 0\nwhile ($true) {\n  $i += 1\n  if ($i -gt 2) { break }\n}\n$i', '3'],
  ['switch ("B") {\n  "a" { 1 }\n  "b" { 2 }\n  "B" { 3 }\n  default { 4 }\n}', '2', '3'],
  ['switch (1, 5) {\n  1 { "one" }\n  default { "other" }\n}', 'one', 'other'],
];

const dates: readonly Row[] = [
  // The node is at UTC-8.
  ['$d = Get-Date\n"$d"\n$d.ToString()\n$d', '03/01/2026 12:04:05', '3/1/2026 12:04:05 PM', '3/1/2026 12:04:05 PM'],
  [
    '(Get-Date).ToString("o")\n(Get-Date).ToUniversalTime().ToString("o")',
    '2026-03-01T12:04:05.6780000-08:00',
    '2026-03-01T20:04:05.6780000Z',
  ],
  ['(Get-Date).Kind\n[datetime]::UtcNow.Kind\n[datetime]::UtcNow.Hour', 'Local', 'Utc', '20'],
  [
    '[datetime]"2024-05-06T07:08:09Z"\n([datetime]"2024-05-06").ToString("s")',
    '5/5/2024 11:08:09 PM',
    '2024-05-06T00:00:00',
  ],
  [
    '([datetime]"2024-05-06T07:08:09.1234567Z").ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ")',
    '2024-05-06T07:08:09Z',
  ],
  ['((Get-Date).AddMinutes(90) - (Get-Date)).TotalHours\n(Get-Date).AddDays(-1).Day', '1.5', '28'],
  // .NET ignores the kind when it subtracts.
  ['((Get-Date).ToUniversalTime() - (Get-Date)).TotalHours', '8'],
  ['(Get-Date) -lt (Get-Date).AddSeconds(1)\nGet-Date -Format "yyyyMMdd"', 'True', '20260301'],
];

const german: readonly Row[] = [
  [
    '$d = Get-Date\n"$d"\n$d.ToString()\n"{0}" -f $d',
    '03/01/2026 21:04:05',
    '01.03.2026 21:04:05',
    '01.03.2026 21:04:05',
  ],
  ['"$(1.5)"\n(1.5).ToString()\n1.5\n"{0}" -f 1.5', '1.5', '1,5', '1,5', '1,5'],
  ['(Get-Date).ToString("yyyy/MM/dd")', '2026.03.01'],
];

describe('Windows PowerShell 5.1', () => {
  describe.each([
    ['output and arrays', streams],
    ['members', members],
    ['conversions', conversions],
    ['operators', operators],
    ['scopes and flow', scopes],
    ['dates', dates],
  ])('%s', (_, rows) => {
    test.each(rows.map(asCase))('$name', async ({ script, lines }) => {
      expect(await linesOf(script)).toEqual(lines);
    });
  });

  test.each(german.map(asCase))('on a German node: $name', async ({ script, lines }) => {
    expect(await linesOf(script, { culture: 'de-DE' })).toEqual(lines);
  });
});
