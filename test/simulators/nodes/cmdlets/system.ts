import { X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { builds } from '../builds.ts';
import { CloudUnreachable } from '../cloud.ts';
import { localTime } from '../powershell/values.ts';
import { clusterOf, nodeOf, type NodeContext } from '../world.ts';
import { cmdlet, CmdletError, enumeration, mandatory, optional, toggle, type Cmdlet } from './cmdlet.ts';
import { fileAt, parsePath } from './items.ts';

// The rest of Windows that scripts ask: CIM, firmware, processes, certificates, time, the network.

const commands = 'Microsoft.PowerShell.Commands';

const processIdOf = (filter: string | undefined): string | undefined =>
  /^\s*ProcessId\s*=\s*'?(\d+)'?\s*$/i.exec(filter ?? '')?.[1];

const processes = (context: NodeContext, filter: string | undefined): readonly unknown[] => {
  const wanted = processIdOf(filter);
  return Object.entries(nodeOf(context).processes)
    .filter(([id]) => filter === undefined || id === wanted)
    .map(([id, { name, startTime }]) => ({
      ProcessId: Number(id),
      Name: `${name}.exe`,
      CreationDate: localTime(new Date(startTime)),
    }));
};

const operatingSystem = (context: NodeContext): readonly unknown[] => {
  const { number } = builds[nodeOf(context).build];
  return [
    {
      Caption: 'Microsoft Azure Stack HCI',
      Version: `10.0.${number}`,
      BuildNumber: String(number),
      CSName: context.nodeName,
      LastBootUpTime: localTime(new Date(nodeOf(context).bootTime)),
      LocalDateTime: localTime(context.world.now()),
    },
  ];
};

const bios = (context: NodeContext): readonly unknown[] => {
  const { manufacturer, version, releaseDate } = nodeOf(context).bios;
  return [
    {
      Manufacturer: manufacturer,
      Name: version,
      SMBIOSBIOSVersion: version,
      SerialNumber: `SN-${context.clusterName}-${context.nodeName}`,
      ReleaseDate: localTime(new Date(releaseDate)),
      Version: 'CONTOSO - 1072009',
    },
  ];
};

const getCimInstance = cmdlet({
  name: 'Get-CimInstance',
  module: 'CimCmdlets',
  parameters: { ClassName: mandatory, Filter: optional },
  run: ({ context, parameters: { ClassName, Filter } }) => {
    switch (ClassName.toLowerCase()) {
      case 'cim_operatingsystem':
      case 'win32_operatingsystem':
        return operatingSystem(context);
      case 'win32_bios':
        return bios(context);
      case 'win32_process':
        return processes(context, Filter);
      default:
        throw new CmdletError(
          'Invalid class ',
          'HRESULT 0x80041010,Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand',
          'CimException',
          { terminating: false },
        );
    }
  },
});

const confirmSecureBootUEFI = cmdlet({
  name: 'Confirm-SecureBootUEFI',
  module: 'SecureBoot',
  parameters: {},
  run: ({ context }) => {
    const { firmware, secureBoot } = nodeOf(context).bios;
    if (firmware === 'UEFI') return secureBoot;
    throw new CmdletError(
      'Cmdlet not supported on this platform: 0xC0000002',
      'GetFWVarFailed,Microsoft.SecureBoot.Commands.ConfirmSecureBootUefiCommand',
      'PlatformNotSupportedException',
      { terminating: false },
    );
  },
});

const getProcess = cmdlet({
  name: 'Get-Process',
  module: 'Microsoft.PowerShell.Management',
  parameters: { Id: Type.Integer() },
  run: ({ context, parameters: { Id } }) => {
    const found = nodeOf(context).processes[String(Id)];
    if (found !== undefined) return { Id, ProcessName: found.name, StartTime: localTime(new Date(found.startTime)) };
    throw new CmdletError(
      `Cannot find a process with the process identifier ${Id}.`,
      `NoProcessFoundForGivenId,${commands}.GetProcessCommand`,
      'ProcessCommandException',
      { terminating: false },
    );
  },
});

const parseCertificate = (content: string): X509Certificate => {
  try {
    return new X509Certificate(content);
  } catch (error) {
    throw new CmdletError(
      'Cannot find the requested object.',
      `System.Security.Cryptography.CryptographicException,${commands}.GetPfxCertificateCommand`,
      'CryptographicException',
      error instanceof Error ? { detail: error.message } : {},
    );
  }
};

const getPfxCertificate = cmdlet({
  name: 'Get-PfxCertificate',
  module: 'Microsoft.PowerShell.Security',
  parameters: { FilePath: mandatory },
  run: ({ context, parameters: { FilePath } }) => {
    const content = fileAt(context, parsePath(FilePath, `${commands}.GetPfxCertificateCommand`).path)?.content;
    if (content === undefined) {
      throw new CmdletError(
        `Cannot find path '${FilePath}' because it does not exist.`,
        `FileNotFound,${commands}.GetPfxCertificateCommand`,
        'ItemNotFoundException',
        { terminating: false },
      );
    }
    const certificate = parseCertificate(content);
    return {
      Subject: certificate.subject,
      Thumbprint: certificate.fingerprint.replaceAll(':', ''),
      NotBefore: localTime(certificate.validFromDate),
      NotAfter: localTime(certificate.validToDate),
      HasPrivateKey: false,
    };
  },
});

const startSleep = cmdlet({
  name: 'Start-Sleep',
  module: 'Microsoft.PowerShell.Utility',
  parameters: { Seconds: Type.Optional(Type.Number()), Milliseconds: Type.Optional(Type.Integer()) },
  run: async ({ context, signal }) => {
    await sleep(context.world.settings.scriptSleepSeconds * 1000, undefined, { signal, ref: false });
  },
});

const webError = (message: string, properties: Readonly<Record<string, unknown>>): CmdletError =>
  new CmdletError(message, `WebCmdletWebResponseException,${commands}.InvokeWebRequestCommand`, 'WebException', {
    exceptionProperties: properties,
  });

const statusName = (status: number, text: string): string =>
  text === '' ? `Status${status}` : text.replaceAll(' ', '');

const invokeWebRequest = cmdlet({
  name: 'Invoke-WebRequest',
  module: 'Microsoft.PowerShell.Utility',
  parameters: {
    Uri: mandatory,
    UseBasicParsing: toggle,
    TimeoutSec: Type.Optional(Type.Integer()),
    Method: Type.Optional(Type.Enum(['Get', 'Head'], { type: 'string' })),
  },
  run: async ({ context, parameters: { Uri, UseBasicParsing } }) => {
    let answer;
    try {
      answer = await context.world.cloud.get(Uri);
    } catch (error) {
      if (!(error instanceof CloudUnreachable)) throw error;
      throw webError('Unable to connect to the remote server', { Response: null });
    }
    const { status, statusText, body } = answer;
    if (status >= 400) {
      const StatusCode = enumeration('System.Net.HttpStatusCode', { [statusName(status, statusText)]: status })(status);
      throw webError(`The remote server returned an error: (${status}) ${statusText}.`, { Response: { StatusCode } });
    }
    // Server Core has no Internet Explorer to parse the page with.
    if (UseBasicParsing !== true) {
      throw new CmdletError(
        "The response content cannot be parsed because the Internet Explorer engine is not available, or Internet Explorer's first-launch configuration is not complete. Specify the UseBasicParsing parameter and try again.",
        `WebCmdletIEDomNotSupportedException,${commands}.InvokeWebRequestCommand`,
        'NotSupportedException',
      );
    }
    return { StatusCode: status, StatusDescription: statusText, Content: body };
  },
});

const logLevels = { Information: 4, Warning: 3, Error: 2 } as const;
/** A node's log is kept to so many entries, the newest. */
const longestLog = 200;

const writeEventLog = cmdlet({
  name: 'Write-EventLog',
  module: 'Microsoft.PowerShell.Management',
  parameters: {
    LogName: mandatory,
    Source: mandatory,
    EventId: Type.Integer({ minimum: 0, maximum: 65535 }),
    EntryType: Type.Optional(Type.Enum(['Information', 'Warning', 'Error'], { type: 'string' })),
    Message: mandatory,
  },
  run: ({ context, parameters: { LogName, Source, EventId, EntryType = 'Information', Message } }) => {
    const node = nodeOf(context);
    if (!node.eventSources.includes(Source)) {
      throw new CmdletError(
        `The source name "${Source}" does not exist on computer "localhost".`,
        `InvalidOperation,${commands}.WriteEventLogCommand`,
        'InvalidOperationException',
        { terminating: false },
      );
    }
    const time = context.world.now().toISOString();
    const entry = {
      logName: LogName,
      source: Source,
      id: EventId,
      level: logLevels[EntryType],
      time,
      message: Message,
    };
    node.eventLog = [...node.eventLog, entry].slice(-longestLog);
  },
});

const levelNames: Readonly<Record<number, string>> = { 1: 'Critical', 2: 'Error', 3: 'Warning', 4: 'Information' };
const hciLog = 'Microsoft-AzureStack-HCI/Admin';

const EventFilter = Type.Object(
  { LogName: Type.String(), Id: Type.Array(Type.Integer()) },
  { additionalProperties: false },
);

const getWinEvent = cmdlet({
  name: 'Get-WinEvent',
  module: 'Microsoft.PowerShell.Diagnostics',
  parameters: { FilterHashtable: EventFilter, MaxEvents: Type.Integer({ minimum: 1 }) },
  run: ({ context, parameters: { FilterHashtable, MaxEvents } }) => {
    const { LogName, Id } = FilterHashtable;
    const command = `${commands}.GetWinEventCommand`;
    if (LogName !== hciLog && LogName !== 'Application') {
      throw new CmdletError(
        `There is not an event log on the localhost computer that matches "${LogName}".`,
        `NoMatchingLogsFound,${command}`,
        'Exception',
        { terminating: false },
      );
    }
    const found = nodeOf(context)
      .eventLog.filter(({ logName, id }) => logName === LogName && Id.includes(id))
      .toReversed()
      .slice(0, MaxEvents);
    if (found.length === 0) {
      throw new CmdletError(
        'No events were found that match the specified selection criteria.',
        `NoMatchingEventsFound,${command}`,
        'Exception',
        { terminating: false },
      );
    }
    return found.map(({ id, source, level, time, message }) => ({
      Id: id,
      LogName,
      ProviderName: source,
      Level: level,
      LevelDisplayName: levelNames[level] ?? '',
      TimeCreated: localTime(new Date(time)),
      MachineName: `${context.nodeName}.${clusterOf(context).dnsSuffix}`,
      Message: message,
    }));
  },
});

export const systemCmdlets: readonly Cmdlet[] = [
  getCimInstance,
  confirmSecureBootUEFI,
  getProcess,
  getPfxCertificate,
  startSleep,
  invokeWebRequest,
  writeEventLog,
  getWinEvent,
];
