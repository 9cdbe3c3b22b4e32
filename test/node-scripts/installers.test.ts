import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { installerRules } from './installerRules.ts';
import { installerFindings, type InstallerRules } from './installers.ts';

const textOf = (file: string): string => readFileSync(new URL(`../../deploy/nodes/${file}`, import.meta.url), 'utf8');

const rulesOf = (file: string): InstallerRules => {
  const rules = installerRules[file];
  if (rules === undefined) throw new Error(`there are no rules of ${file}`);
  return rules;
};

test.each(Object.keys(installerRules))('%s keeps its rules', async (file) => {
  expect(await installerFindings(textOf(file), rulesOf(file))).toEqual([]);
});

test.each(Object.keys(installerRules))('%s refuses constrained language before it does anything', (file) => {
  const text = textOf(file);
  const refusal = text.indexOf("if ($languageMode -ne 'FullLanguage') {\n    throw");
  expect(refusal).toBeGreaterThan(0);
  const before = text.slice(text.indexOf('[CmdletBinding('), refusal);
  expect(before.match(/[A-Z][a-z]+-[A-Z]\w+/g)?.filter((name) => name !== 'Join-Path') ?? []).toEqual([]);
  expect(before).not.toMatch(/&|::|\.\w+\(/);
});

describe('the doctor', () => {
  const doctor = 'Test-HciRegistrationNode.ps1';
  const rules = rulesOf(doctor);
  const text = textOf(doctor);
  const lastLine = text.split('\n').length;

  test('has reading commands only', () => {
    const isReading = /^(?:Get|Test|Select)-|^(?:ForEach-Object|Where-Object|Write-Output)$/;
    expect(rules.commands.filter((name) => !isReading.test(name))).toEqual([]);
  });

  test.each([
    ['Set-Service -Name sshd -StartupType Automatic', 'command list'],
    ["Remove-Item -Path 'C:\\x'", 'command list'],
    ['Get-Servcie -Name sshd', 'command list'],
    ['Get-Service -Nmae sshd', 'parameter'],
    ['Get-Service @unknown', 'parameter'],
    ['Test-Condition -Waht x', 'parameter'],
    ['"$(Stop-Service -Name sshd)"', 'command list'],
    ["Write-Fact -Name 'x' -Value { Restart-Service -Name sshd }", 'command list'],
    ["del 'C:\\x'", 'command list'],
    ['netsh.exe advfirewall reset', 'command list'],
    ['& $env:ComSpec', 'computed command'],
    [". 'C:\\x.ps1'", 'computed command'],
    ["[System.IO.File]::Delete('C:\\x')", 'method'],
    ["(Get-Item -Path 'C:\\x').Delete()", 'method'],
    ["(Get-Item -Path 'C:\\x').IsReadOnly = $true", 'assignment'],
    ["$env:Path = ''", 'assignment'],
    ["Get-Service > 'C:\\x'", 'redirection'],
    ['Get-Service && Get-Cluster', 'version'],
    ['if ($true) {', 'syntax'],
  ])('with the line %s is refused', async (line, rule) => {
    const found = await installerFindings(`${text}${line}\n`, rules);
    expect(found.map((each) => each.rule)).toContain(rule);
    expect(found.some((each) => each.line >= lastLine - 1 || each.rule === 'syntax')).toBe(true);
  });
});

describe('a splatted table', () => {
  const installer = 'Install-HciRegistrationNode.ps1';

  test.each(['UserMayNotChangePassword', 'DisplayName'])('with %s misspelt is refused', async (key) => {
    const broken = textOf(installer).replace(new RegExp(`\\b${key}(?= +=)`), `${key}s`);
    expect(await installerFindings(broken, rulesOf(installer))).toMatchObject([
      { rule: 'parameter', message: expect.stringContaining(`no parameter ${key}s`) },
    ]);
  });
});
