import { describe, expect, test } from 'vitest';
import { lintScript, type LintRules } from './lint.ts';

const rules: LintRules = {
  operations: { 'Invoke-Probe': ['Get-Service'], 'Invoke-Sync': ['Sync-AzureStackHCI'] },
  everywhere: ['Test-Path'],
  computedCommands: ['"Invoke-$operation"', '$agentPath'],
  variables: ['hcireg'],
  allowsInvokeExpression: false,
};

const good = `$agentPath = 'C:\\agent.exe'
$operation = "$($hcireg.command)"

function Get-Status {
    param($Name)
    try {
        [Console]::OutputEncoding = [System.Text.Encoding]::UTF8
        return "$((Get-Service -Name $Name -ErrorAction Stop).Status)".Trim()
    }
    catch {
        throw
    }
}

function Invoke-Probe {
    $names = @('a', 'b') | Where-Object { Test-Path -Path $_ }
    foreach ($name in $names) {
        Get-Status -Name $name
    }
    & $agentPath show -j
}

function Invoke-Sync {
    Sync-AzureStackHCI -ErrorAction Stop
}

$result = & "Invoke-$operation"
ConvertTo-Json -InputObject $result -Depth 6 -Compress
`;

const rulesFound = async (text: string): Promise<readonly string[]> =>
  (await lintScript(text, rules)).map(({ rule, line }) => `${rule} ${line}`);

test('a script that keeps the rules', async () => {
  expect(await lintScript(good, rules)).toEqual([]);
});

describe('a script that breaks one', () => {
  const lineCount = good.split('\n').length;

  test.each([
    ['Get-Date |', 'syntax'],
    ['if ($true) {', 'syntax'],
    ['Test-Path -Path a && Test-Path -Path b', 'subset'],
    ['Test-Path -Path a || Test-Path -Path b', 'subset'],
    ['class A { }', 'subset'],
    ['for ($i = 0; $i -lt 2; $i += 1) { }', 'subset'],
    ['$x = 1 ? 2 : 3', 'syntax'],
    ["'\u00e9'", 'ascii'],
    ['Invoke-Expression -Command $operation', 'banned command'],
    ['iex -Command $operation', 'alias'],
    ['dir -Path x', 'alias'],
    ['& $operation', 'computed command'],
    ['& "Get-$operation"', 'computed command'],
    ["Test-Path 'C:\\x'", 'positional'],
    ["Get-Status 'a'", 'positional'],
    ["Get-Status -Nome 'a'", 'parameter'],
    ['ConvertTo-Json -InputObject 1 -Compress', 'json depth'],
    ['[System.IO.File]::Exists("x")', 'type'],
    ['[math]::Round(1.5)', 'type'],
    ['[Console]::OutputEncoding = [System.Text.Encoding]::UTF8', 'type'],
    ['$operation.Normalize()', 'member'],
    ['$hcireg.Invoke()', 'member'],
    ['$null = $hcirge', 'variable'],
    ['Test-Path @argumnets', 'variable'],
    ['$input = 1', 'automatic variable'],
    ['try { Test-Path -Path a } catch { }', 'empty catch'],
    ["$operation = 'password=hunter2'", 'secret'],
    ["$operation = 'Zx8Q~aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3'", 'secret'],
    ['Test-Path -Path "x $($hcireg.secret)"', 'secret'],
    ['function Get-Unused {\n    Test-Path -Path a\n}', 'unused'],
    ['Start-Process -FilePath a', 'banned command'],
    ['Restart-Service -Name a', 'command list'],
  ])('%s', async (line, rule) => {
    const found = await rulesFound(`${good}${line}\n`);
    expect(found).toContain(`${rule} ${lineCount}`);
  });

  test('a command of one operation in another, through a function', async () => {
    const text = good.replace('    Sync-AzureStackHCI -ErrorAction Stop', "    Get-Status -Name 'a'");
    const [finding, ...others] = await lintScript(text, rules);
    expect(others).toEqual([]);
    expect(finding).toEqual({
      line: 8,
      rule: 'command list',
      message: 'Invoke-Sync calls Get-Service, which is not on its list',
    });
  });

  test('an operation without its function', async () => {
    expect(await rulesFound(good.replace('function Invoke-Sync', 'function Invoke-Sink'))).toContain('operation 1');
  });
});
