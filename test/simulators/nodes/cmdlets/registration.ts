import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createClientCertificate } from '../../azure/certificates.ts';
import { machineUrl } from '../arcAgent.ts';
import { builds } from '../builds.ts';
import { CloudRefused, CloudUnreachable } from '../cloud.ts';
import type { NodeState, RegistrationCertificate } from '../state.ts';
import { CertificateNotFound, report, signIn, synchronize } from '../synchronization.ts';
import { clusterOf, count, instant, nodeOf, nodesOf, type NodeContext } from '../world.ts';
import { localTime, type DateTime } from '../powershell/values.ts';
import { cmdlet, CmdletError, enumeration, mandatory, optional, type Cmdlet, type EnumValue } from './cmdlet.ts';

// The registration half of the module AzureStackHCI.

const module = 'AzureStackHCI';
const dayMilliseconds = 24 * 3600 * 1000;
/** A cluster must register, and later connect, once in so many days. */
const graceDays = 30;

// The numbers of ClusterStatus are not published; those of the others are.
const clusterStatus = enumeration('Microsoft.AzureStack.HCI.ClusterStatus', {
  Clustered: 0,
  NotYet: 1,
  OutOfPolicy: 2,
});
const registrationStatus = enumeration('Microsoft.AzureStack.HCI.RegistrationStatus', {
  Registered: 0,
  NotYet: 1,
  OutOfPolicy: 2,
});
const diagnosticLevel = enumeration('Microsoft.AzureStack.HCI.DiagnosticLevel', { Off: 0, Basic: 1, Enhanced: 2 });

/** Get-AzureStackHCI. `NextSync` and what follows does not exist on older releases. */
interface AzureStackHCI {
  readonly ClusterStatus: EnumValue;
  readonly RegistrationStatus: EnumValue;
  readonly RegistrationDate: DateTime | null;
  readonly AzureResourceName: string | null;
  readonly AzureResourceUri: string | null;
  /** Connected, Disconnected, OutOfPolicy, RepairRegistrationRequired; null: never connected, or not registered. */
  readonly ConnectionStatus: string | null;
  readonly LastConnected: DateTime | null;
  readonly NextSync?: DateTime | null;
  readonly IMDSAttestation?: string | null;
  readonly DiagnosticLevel?: EnumValue;
  readonly Region?: string | null;
}

const failure = (message: string, command: string, detail?: string): CmdletError =>
  new CmdletError(
    message,
    `${message},Microsoft.AzureStack.HCI.${command}`,
    'InvalidOperationException',
    detail === undefined ? {} : { detail },
  );

const requireService = (node: NodeState, command: string): void => {
  if (node.hcisvc !== 'Running') {
    throw new CmdletError(
      'The Azure Stack HCI Service (hcisvc) is not running.',
      `ServiceNotRunning,Microsoft.AzureStack.HCI.${command}`,
      'CommunicationException',
    );
  }
};

const isOutOfPolicy = (now: Date, node: NodeState, since: string): boolean =>
  node.outOfPolicy || now.getTime() - Date.parse(since) > graceDays * dayMilliseconds;

const getAzureStackHCI = cmdlet({
  name: 'Get-AzureStackHCI',
  module,
  parameters: {},
  run: ({ context }): AzureStackHCI => {
    const cluster = clusterOf(context);
    const node = nodeOf(context);
    requireService(node, 'GetAzureStackHCI');
    const registration = node.registered ? cluster.registration : undefined;
    const outOfPolicy = isOutOfPolicy(
      context.world.now(),
      node,
      registration === undefined ? cluster.createdTime : (node.lastConnected ?? registration.date),
    );
    const has = builds[node.build].registrationProperties;
    return {
      ClusterStatus: clusterStatus(node.evicted ? 'NotYet' : 'Clustered'),
      RegistrationStatus: registrationStatus(
        outOfPolicy ? 'OutOfPolicy' : registration === undefined ? 'NotYet' : 'Registered',
      ),
      RegistrationDate: registration === undefined ? null : localTime(new Date(registration.date)),
      AzureResourceName: registration?.resourceName ?? null,
      AzureResourceUri: registration?.resourceUri ?? null,
      ConnectionStatus:
        registration === undefined ? null : outOfPolicy ? 'OutOfPolicy' : (node.connectionStatus ?? null),
      LastConnected:
        registration === undefined || node.lastConnected === undefined ? null : localTime(new Date(node.lastConnected)),
      ...(has.includes('NextSync')
        ? { NextSync: registration === undefined ? null : localTime(new Date(registration.nextSync)) }
        : {}),
      ...(has.includes('IMDSAttestation') ? { IMDSAttestation: registration === undefined ? null : 'Disabled' } : {}),
      ...(has.includes('DiagnosticLevel') ? { DiagnosticLevel: diagnosticLevel(cluster.diagnosticLevel) } : {}),
      ...(has.includes('Region') ? { Region: null } : {}),
    };
  },
});

/** Answers with one base64 DER certificate. */
const newAzureStackHCIRegistrationCertificate = cmdlet({
  name: 'New-AzureStackHCIRegistrationCertificate',
  module,
  parameters: {},
  run: async ({ context }): Promise<string> => {
    requireService(nodeOf(context), 'NewRegistrationCertificate');
    const { world } = context;
    // Made by the real clock; the nodes' own may be ahead of it.
    const lifetimeDays =
      (world.settings.certificateLifetimeSeconds + world.settings.clockOffsetSeconds) / (dayMilliseconds / 1000);
    const made = await createClientCertificate(`${context.nodeName}.${clusterOf(context).dnsSuffix}`, lifetimeDays);
    const certificate = new X509Certificate(made.certificatePem);
    const thumbprint = certificate.fingerprint.replaceAll(':', '');
    const node = nodeOf(context);
    node.certificateStore[thumbprint] = {
      certificate: certificate.raw.toString('base64'),
      privateKey: createPrivateKey(made.privateKeyPem).export({ format: 'der', type: 'pkcs8' }).toString('base64'),
      notAfter: certificate.validToDate.toISOString(),
    };
    node.generatedCertificate = thumbprint;
    count(world, 'certificatesCreated');
    return certificate.raw.toString('base64');
  },
});

/** What Azure said, wrapped as the real cmdlets wrap it. */
const wrapped = (error: unknown, message: string, command: string): unknown => {
  if (error instanceof CertificateNotFound) return failure(error.message, command);
  return error instanceof CloudRefused || error instanceof CloudUnreachable
    ? failure(message, command, error.message)
    : error;
};

/** What both Set- cmdlets are told about the application. */
const application = {
  ServiceEndpoint: mandatory,
  BillingServiceApiScope: mandatory,
  GraphServiceApiScope: mandatory,
  AADAuthority: mandatory,
  AppId: mandatory,
  TenantId: mandatory,
  CloudId: mandatory,
  /** Empty: the certificate that New-AzureStackHCIRegistrationCertificate made. */
  CertificateThumbprint: optional,
};
const applicationAliases = {
  SE: 'ServiceEndpoint',
  BillingSc: 'BillingServiceApiScope',
  GraphSc: 'GraphServiceApiScope',
  Auth: 'AADAuthority',
  AI: 'AppId',
  TI: 'TenantId',
  CldId: 'CloudId',
  CertTh: 'CertificateThumbprint',
} as const;

const setAzureStackHCIRegistrationCertificate = cmdlet({
  name: 'Set-AzureStackHCIRegistrationCertificate',
  module,
  parameters: application,
  aliases: applicationAliases,
  run: async ({ context, parameters }): Promise<void> => {
    const command = 'SetRegistrationCertificate';
    requireService(nodeOf(context), command);
    const { CertificateThumbprint = '' } = parameters;
    const thumbprint =
      CertificateThumbprint === '' ? nodeOf(context).generatedCertificate : CertificateThumbprint.toUpperCase();
    if (thumbprint === undefined)
      throw failure('There is no registration certificate on this node. Create one first.', command);
    const certificate: RegistrationCertificate = {
      thumbprint,
      serviceEndpoint: parameters.ServiceEndpoint,
      billingServiceApiScope: parameters.BillingServiceApiScope,
      aadAuthority: parameters.AADAuthority,
      appId: parameters.AppId,
      tenantId: parameters.TenantId,
      cloudId: parameters.CloudId,
    };
    try {
      await signIn(context, certificate);
    } catch (error) {
      throw wrapped(error, 'The registration certificate could not be verified with Azure.', command);
    }
    nodeOf(context).registrationCertificate = certificate;
    count(context.world, 'certificatesSet');
  },
});

const setAzureStackHCIRegistration = cmdlet({
  name: 'Set-AzureStackHCIRegistration',
  module,
  parameters: {
    ...application,
    SubscriptionId: mandatory,
    ObjectId: mandatory,
    ResourceName: mandatory,
    ProviderNamespace: mandatory,
    ResourceArmId: mandatory,
    ServicePrincipalClientId: mandatory,
  },
  aliases: {
    ...applicationAliases,
    SubId: 'SubscriptionId',
    ObId: 'ObjectId',
    ResName: 'ResourceName',
    ProvNS: 'ProviderNamespace',
    ArmId: 'ResourceArmId',
    SpClId: 'ServicePrincipalClientId',
  },
  run: async ({ context, parameters }): Promise<void> => {
    const command = 'SetRegistration';
    requireService(nodeOf(context), command);
    const certificate = nodeOf(context).registrationCertificate;
    if (
      certificate === undefined ||
      certificate.appId !== parameters.AppId ||
      certificate.cloudId !== parameters.CloudId
    ) {
      throw failure(
        'The registration certificate of this node has not been set for this application and cloud id.',
        command,
      );
    }
    const existing = clusterOf(context).registration;
    if (existing !== undefined && existing.resourceUri.toLowerCase() !== parameters.ResourceArmId.toLowerCase()) {
      throw failure(`The cluster is already registered with ${existing.resourceUri}. Unregister it first.`, command);
    }
    try {
      const token = await signIn(context, certificate);
      await report(context, { ...certificate, serviceEndpoint: parameters.ServiceEndpoint }, token);
    } catch (error) {
      throw wrapped(error, 'The registration could not be verified with Azure.', command);
    }
    const { world } = context;
    clusterOf(context).registration = {
      date: clusterOf(context).registration?.date ?? instant(world),
      resourceName: parameters.ResourceName,
      resourceUri: parameters.ResourceArmId,
      subscriptionId: parameters.SubscriptionId,
      objectId: parameters.ObjectId,
      servicePrincipalClientId: parameters.ServicePrincipalClientId,
      providerNamespace: parameters.ProviderNamespace,
      appId: parameters.AppId,
      tenantId: parameters.TenantId,
      cloudId: parameters.CloudId,
      serviceEndpoint: parameters.ServiceEndpoint,
      billingServiceApiScope: parameters.BillingServiceApiScope,
      aadAuthority: parameters.AADAuthority,
      certificateThumbprint: parameters.CertificateThumbprint ?? '',
      nextSync: instant(world, world.settings.syncIntervalSeconds),
    };
    for (const each of nodesOf(context)) {
      const node = nodeOf(each);
      if (node.registrationCertificate?.cloudId !== parameters.CloudId) continue;
      node.registered = true;
      node.outOfPolicy = false;
      if (node.connectionStatus === 'RepairRegistrationRequired') delete node.connectionStatus;
    }
    count(world, 'registrationsSet');
    world.reschedule();
  },
});

/** Microsoft documents that a synchronization right after a reboot takes a node's Arc resource away. */
const freshlyBootedSeconds = 600;

const dropFreshlyBooted = async (context: NodeContext): Promise<void> => {
  const { world } = context;
  const { arc } = clusterOf(context);
  for (const each of nodesOf(context)) {
    const { agent, bootTime } = nodeOf(each);
    if (agent?.status !== 'Connected' || world.now().getTime() - Date.parse(bootTime) >= freshlyBootedSeconds * 1000)
      continue;
    if (arc !== undefined) {
      const token = await world.cloud
        .signInWithSecret(arc.tenantId, arc.applicationId, arc.secret, arc.cloud)
        .catch(() => undefined);
      const url = machineUrl(each, arc.subscriptionId, arc.resourceGroup);
      if (token !== undefined) await world.cloud.request('DELETE', url, token).catch(() => undefined);
    }
    const node = nodeOf(each);
    node.agent = { ...agent, status: 'Disconnected', errorDetails: 'The Azure resource of this machine was deleted.' };
    node.arcStatus = 2;
  }
};

const syncAzureStackHCI = cmdlet({
  name: 'Sync-AzureStackHCI',
  module,
  parameters: {},
  run: async ({ context }): Promise<void> => {
    const command = 'Sync';
    requireService(nodeOf(context), command);
    if (clusterOf(context).registration === undefined || !nodeOf(context).registered) {
      throw failure('This node is not registered with Azure.', command);
    }
    try {
      await synchronize(context);
    } catch (error) {
      throw wrapped(error, 'The synchronization with Azure failed.', command);
    }
    count(context.world, 'syncs');
    await dropFreshlyBooted(context);
  },
});

const removeAzureStackHCIRegistration = cmdlet({
  name: 'Remove-AzureStackHCIRegistration',
  module,
  parameters: {},
  run: ({ context }): void => {
    const command = 'RemoveRegistration';
    requireService(nodeOf(context), command);
    const cluster = clusterOf(context);
    if (cluster.registration === undefined || !nodeOf(context).registered)
      throw failure('This node is not registered with Azure.', command);
    delete cluster.registration;
    for (const node of Object.values(cluster.nodes)) {
      node.registered = false;
      node.outOfPolicy = false;
      delete node.connectionStatus;
      delete node.lastConnected;
    }
    count(context.world, 'registrationsRemoved');
    context.world.reschedule();
  },
});

const removeAzureStackHCIRegistrationCertificate = cmdlet({
  name: 'Remove-AzureStackHCIRegistrationCertificate',
  module,
  parameters: {},
  run: ({ context }): void => {
    const command = 'RemoveRegistrationCertificate';
    const node = nodeOf(context);
    requireService(node, command);
    if (node.generatedCertificate === undefined && node.registrationCertificate === undefined)
      throw failure('There is no registration certificate on this node.', command);
    for (const thumbprint of [node.generatedCertificate, node.registrationCertificate?.thumbprint])
      if (thumbprint !== undefined) Reflect.deleteProperty(node.certificateStore, thumbprint);
    delete node.generatedCertificate;
    delete node.registrationCertificate;
    count(context.world, 'certificatesRemoved');
  },
});

const certificateManagedBy = enumeration('Microsoft.AzureStack.HCI.CertificateManagedBy', {
  Invalid: 0,
  User: 1,
  Cluster: 2,
});

/** No output of the real one is published: scripts may look whether there is any. */
const getAzureStackHCIRegistrationCertificate = cmdlet({
  name: 'Get-AzureStackHCIRegistrationCertificate',
  module,
  parameters: {},
  run: ({ context }) => {
    const { registrationCertificate, generatedCertificate } = nodeOf(context);
    const Thumbprint = registrationCertificate?.thumbprint ?? generatedCertificate;
    return Thumbprint === undefined ? undefined : { Thumbprint, CertificateManagedBy: certificateManagedBy('Cluster') };
  },
});

export const registrationCmdlets: readonly Cmdlet[] = [
  getAzureStackHCI,
  newAzureStackHCIRegistrationCertificate,
  setAzureStackHCIRegistrationCertificate,
  getAzureStackHCIRegistrationCertificate,
  removeAzureStackHCIRegistrationCertificate,
  setAzureStackHCIRegistration,
  removeAzureStackHCIRegistration,
  syncAzureStackHCI,
];

/** Exist on every release and are not simulated. */
export const otherCommands: readonly string[] = [
  'Get-AzureStackHCIBillingRecord',
  'Get-AzureStackHCISubscriptionStatus',
  'Update-AzureStackHCIRegistrationCertificate',
];
