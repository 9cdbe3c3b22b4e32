import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeScript } from '../../src/nodes/script/script.ts';
import { createJudge, type Judge } from './judge.ts';
import { lintScript } from './lint.ts';
import { prepare, type Prepared } from './prepare.ts';
import { scriptRules } from './rules.ts';

// Scripts that are wrong in one place each. What a real node would only do to us in the field has to be found here.

let prepared: Prepared;
let judge: Judge;
const script = nodeScript();
beforeAll(async () => {
  prepared = await prepare();
  judge = createJudge(prepared, await lintScript(script, scriptRules));
});
afterAll(() => prepared.close());

interface Edit {
  readonly name: string;
  readonly from: string | RegExp;
  readonly to: string;
  /** What the first thing found says. */
  readonly found: RegExp;
}

const edits: readonly Edit[] = [
  {
    name: 'a misspelt parameter of a cmdlet',
    from: 'AADAuthority           =',
    to: 'AadAutority            =',
    found: /NamedParameterNotFound|parameter name 'AadAutority'/,
  },
  {
    name: 'a parameter of another cmdlet',
    from: 'Remove-ClusterGroup -Name $cloudManagementName -RemoveResources -Force',
    to: 'Remove-ClusterGroup -Name $cloudManagementName -Recurse -Force',
    found: /NamedParameterNotFound|parameter name 'Recurse'/,
  },
  {
    name: 'a misspelt cmdlet',
    from: 'Get-ScheduledTaskInfo -InputObject',
    to: 'Get-ScheduledTasksInfo -InputObject',
    found: /Get-ScheduledTasksInfo/,
  },
  {
    name: 'a misspelt variable',
    from: 'return $instant.ToString',
    to: 'return $instance.ToString',
    found: /\$?instance/,
  },
  {
    name: 'ConvertTo-Json without -Depth',
    from: 'ConvertTo-Json -InputObject $Value -Depth 6 -Compress',
    to: 'ConvertTo-Json -InputObject $Value -Compress',
    found: /./,
  },
  {
    name: 'ConvertTo-Json not deep enough',
    from: '-Depth 6',
    to: '-Depth 2',
    found: /the answer|does not fit/,
  },
  {
    name: 'an enumeration that is not named',
    from: 'registrationStatus = Get-BoundedText -Value $found.RegistrationStatus',
    to: 'registrationStatus = $found.RegistrationStatus',
    found: /registrationStatus/,
  },
  {
    name: 'a date that is not projected',
    from: 'lastConnected      = Get-OptionalInstant -Value $found.LastConnected',
    to: 'lastConnected      = $found.LastConnected',
    found: /lastConnected/,
  },
  {
    name: 'a date left in local time',
    from: '([datetime]$Value).ToUniversalTime()',
    to: '([datetime]$Value)',
    found: /./,
  },
  {
    name: 'a date in the culture of the node',
    from: "return $instant.ToString('o')",
    to: 'return "$instant"',
    found: /does not fit|the answer/,
  },
  {
    name: 'wrong casing where it matters',
    from: 'computerName            =',
    to: 'ComputerName            =',
    found: /computerName/,
  },
  {
    name: 'operations in any case',
    from: '($readingOperations + $changingOperations) -ccontains $operation',
    to: '($readingOperations + $changingOperations) -contains $operation',
    found: /hcireg\/1 Probe/,
  },
  {
    name: 'a one-element array that is lost',
    from: /(function Invoke-Events[\s\S]*?\$events = )@\(\n([\s\S]*?)\n    \)\n/,
    to: '$1$(\n$2\n    )\n',
    found: /events/,
  },
  {
    name: '&& of PowerShell 7',
    from: '    $imds = Get-RegistryKey -Path $imdsPath\n',
    to: '    $imds = Get-RegistryKey -Path $imdsPath && $true\n',
    found: /&&|syntax|subset|parse/,
  },
  {
    name: '?? of PowerShell 7',
    from: '$group = Get-CloudManagementGroup\n    if',
    to: '$group = Get-CloudManagementGroup ?? 1\n    if',
    found: /\?\?|syntax|subset|parse/,
  },
  {
    name: '[Convert], which constrained language forbids',
    from: '$caller = "$CorrelationId" -replace',
    to: '$caller = [Convert]::ToString($CorrelationId) -replace',
    found: /ToString|Convert/,
  },
  {
    name: 'an assembly of its own',
    from: '        $mark = Get-ProcessMark -ProcessId $PID\n',
    to: '        Add-Type -AssemblyName System.Web\n        $mark = Get-ProcessMark -ProcessId $PID\n',
    found: /Add-Type/,
  },
  {
    name: 'a secret that is printed',
    from: '$null = Initialize-AzureStackHCIArcIntegration @parameters -ErrorAction Stop',
    to: 'Write-Error -Message $parameters.ServicePrincipalSecret -ErrorAction Continue\n    $null = Initialize-AzureStackHCIArcIntegration @parameters -ErrorAction Stop',
    found: /secret|stdout/,
  },
  {
    name: 'a secret in an error',
    from: '$Text = $Text.Replace("$($property.Value)", \'(redacted)\')',
    to: '$Text = $Text',
    found: /secret/,
  },
  {
    name: 'a secret in the log of events',
    from: 'Operation $Operation succeeded. Correlation id',
    to: 'Operation $Operation succeeded ($($document.arguments.secret)). Correlation id',
    found: /secret/,
  },
  {
    name: 'an answer without its frame',
    from: 'Write-Output -InputObject "<<<HCIREG${json}HCIREG>>>"',
    to: 'Write-Output -InputObject $json',
    found: /frame|protocol/,
  },
  {
    name: 'output beside the answer',
    from: '$null = Sync-AzureStackHCI -ErrorAction Stop',
    to: "Write-Output -InputObject 'synchronized'\n    $null = Sync-AzureStackHCI -ErrorAction Stop",
    found: /does not fit|frame/,
  },
  {
    name: 'a forgotten exit status',
    from: '    exit 10\n',
    to: '',
    found: /exit status|syntax|subset|parse|protocol/,
  },
  {
    name: 'a positional parameter',
    from: 'Get-ScheduledTask -TaskName $taskName',
    to: 'Get-ScheduledTask $taskName',
    found: /positional/,
  },
  {
    name: 'an alias',
    from: 'Where-Object { $_.TaskName -eq $taskName }',
    to: '? { $_.TaskName -eq $taskName }',
    found: /alias|subset|syntax/,
  },
  {
    name: 'strictness, under which a property that older releases do not have is an error',
    from: "$ErrorActionPreference = 'Stop'\n",
    to: "$ErrorActionPreference = 'Stop'\nSet-StrictMode -Version Latest\n",
    found: /Set-StrictMode/,
  },
  {
    name: 'a parameter that older releases do not have',
    from: "if ($command.Parameters.Keys -contains 'Cloud') {",
    to: 'if ($true) {',
    found: /Cloud/,
  },
  {
    name: 'a cmdlet that older releases do not have',
    from: "if ('Get-AzureStackHCIArcIntegration' -notin $Commands) {",
    to: 'if ($false) {',
    found: /CommandNotFoundException/,
  },
  {
    name: 'a record before its effect',
    from: /(    \$record = Get-CertificateRecord[^\n]*\n)(    Set-Record -Name 'Created' -Value \$record\n)/,
    to: '$1',
    found: /record/,
  },
  {
    name: 'a lock that is never left',
    from: 'Remove-Item -Path "$locksPath\\$Mark" -Recurse',
    to: 'Remove-Item -Path "$locksPath\\$PID" -Recurse',
    found: /lock/,
  },
  {
    name: 'a lock that is taken after the look',
    from: /( {4}\$path = [\s\S]*?\n)( {4}\$others = @\([\s\S]*?\n {4}\)\n)/,
    to: '$2$1',
    found: /certificates were made|New-Item/,
  },
  {
    name: 'no look at the other nodes before a synchronisation',
    from: 'if ($notUp.Count -gt 0) {',
    to: 'if ($notUp.Count -gt 100) {',
    found: /answered ok/,
  },
  {
    name: 'a cmdlet that has no business there',
    from: '    $registration = Get-Registration\n',
    to: '    $registration = Get-Registration\n    $null = Get-ClusterNode -ErrorAction Stop\n',
    found: /Get-ClusterNode/,
  },
];

test('the script as it is passes', async () => {
  expect(await judge.firstProblem(script)).toBeUndefined();
});

test.each(edits)('$name is found', async ({ from, to, found }) => {
  const wrong = script.replace(from, to);
  expect(wrong).not.toBe(script);
  expect(await judge.firstProblem(wrong)).toMatch(found);
});
