import type { OperationName } from '../../src/nodes/operations.ts';
import type { LintRules } from './lint.ts';

// What each operation may call: its cmdlets and nothing else.

const certificateRecord = ['Set-Content', 'Get-PfxCertificate', 'New-Item', 'Remove-Item', 'Test-Path'];
const records = ['Test-Path', 'New-Item', 'Get-ItemProperty', 'New-ItemProperty', 'Remove-ItemProperty'];
const cloudManagement = ['Get-ClusterGroup', 'Get-ClusterResource', 'Get-ClusterParameter'];

export const commandsOf: Readonly<Record<OperationName, readonly string[]>> = {
  probe: [
    'Get-AzureStackHCI',
    'Get-AzureStackHCIArcIntegration',
    'Get-CimInstance',
    'Get-Command',
    'Get-ItemProperty',
    'Get-ScheduledTask',
    'Get-ScheduledTaskInfo',
    'Get-Service',
    'Confirm-SecureBootUEFI',
    'Test-Path',
  ],
  clusterProbe: ['Get-Cluster', 'Get-ClusterNode', 'Get-ItemProperty', ...cloudManagement],
  connectivity: ['Invoke-WebRequest', 'Test-Path'],
  events: ['Get-WinEvent'],
  newRegistrationCertificate: ['New-AzureStackHCIRegistrationCertificate', ...certificateRecord, ...records],
  setRegistrationCertificate: ['Set-AzureStackHCIRegistrationCertificate', ...records],
  removeRegistrationCertificate: [
    'Remove-AzureStackHCIRegistrationCertificate',
    'Get-AzureStackHCIRegistrationCertificate',
    ...records,
  ],
  setRegistration: ['Set-AzureStackHCIRegistration'],
  removeRegistration: ['Get-AzureStackHCI', 'Remove-AzureStackHCIRegistration'],
  startCloudManagement: [
    ...cloudManagement,
    'Add-ClusterGroup',
    'Add-ClusterResource',
    'Set-ClusterParameter',
    'Start-ClusterGroup',
    'Stop-ClusterGroup',
  ],
  removeCloudManagement: ['Get-ClusterGroup', 'Stop-ClusterGroup', 'Remove-ClusterGroup'],
  sync: ['Get-ClusterNode', 'Get-CimInstance', 'Sync-AzureStackHCI'],
  removeCustomImdsHostAddress: ['Test-Path', 'Get-ItemProperty', 'Remove-ItemProperty'],
  initializeArcIntegration: [
    'Get-Command',
    'Initialize-AzureStackHCIArcIntegration',
    'Test-Path',
    'New-Item',
    'New-ItemProperty',
  ],
  clearArcIntegration: ['Get-AzureStackHCIArcIntegration', 'Clear-AzureStackHCIArcIntegration'],
  disableArcIntegration: [
    'Get-AzureStackHCIArcIntegration',
    'Disable-AzureStackHCIArcIntegration',
    'Test-Path',
    'New-Item',
  ],
  registerArcRegistrationTask: [
    'Get-ClusteredScheduledTask',
    'New-ScheduledTaskAction',
    'New-ScheduledTaskTrigger',
    'Register-ClusteredScheduledTask',
  ],
  unregisterArcRegistrationTask: ['Get-ClusteredScheduledTask', 'Unregister-ClusteredScheduledTask'],
  startArcRegistrationTask: ['Get-ScheduledTask', 'Start-ScheduledTask'],
  setAgentProxy: ['Test-Path'],
  disconnectAgent: ['Test-Path'],
};

const functionOf = (operation: string): string => `Invoke-${operation.slice(0, 1).toUpperCase()}${operation.slice(1)}`;

/** The lock, the log of what was done, and the answer. */
const everyOperation = [
  'Test-Path',
  'New-Item',
  'New-ItemProperty',
  'Get-ItemProperty',
  'Get-ChildItem',
  'Remove-Item',
  'Get-CimInstance',
  'Write-EventLog',
];

export const scriptRules: LintRules = {
  operations: Object.fromEntries(
    Object.entries(commandsOf).map(([operation, names]) => [functionOf(operation), names]),
  ),
  everywhere: everyOperation,
  computedCommands: ['"Invoke-$operation"', '$agentPath'],
  variables: ['hcireg'],
  allowsInvokeExpression: false,
};

export const taskRules: LintRules = {
  operations: {},
  everywhere: [
    'Get-AzureStackHCIArcIntegration',
    'Enable-AzureStackHCIArcIntegration',
    'Test-Path',
    'New-Item',
    'Add-Content',
    'Start-Sleep',
  ],
  computedCommands: ['$agentPath'],
  variables: [],
  allowsInvokeExpression: false,
};

export const bootstrapRules: LintRules = {
  operations: {},
  everywhere: [],
  computedCommands: [],
  variables: [],
  allowsInvokeExpression: true,
};
