import { builds } from './builds.ts';
import type { RegistrationCertificate } from './state.ts';
import { clusterOf, instant, isUp, nodeOf, nodesOf, type NodeContext } from './world.ts';

// What the Azure Stack HCI Service (hcisvc) does with Azure's data plane (test/README.md).

/** The private key of a registration certificate is gone from the node. */
export class CertificateNotFound extends Error {
  override name = 'CertificateNotFound';
}

export const signIn = async (context: NodeContext, certificate: RegistrationCertificate): Promise<string> => {
  const stored = nodeOf(context).certificateStore[certificate.thumbprint];
  if (stored === undefined) {
    throw new CertificateNotFound(
      `The certificate ${certificate.thumbprint} was not found in the local machine store.`,
    );
  }
  return context.world.cloud.signInWithCertificate({
    aadAuthority: certificate.aadAuthority,
    tenantId: certificate.tenantId,
    appId: certificate.appId,
    scope: certificate.billingServiceApiScope,
    certificate: stored.certificate,
    privateKey: stored.privateKey,
    now: context.world.now(),
  });
};

/** Tells Azure what the cluster is. Azure checks the cloud id and whose token it is. */
export const report = async (
  context: NodeContext,
  certificate: RegistrationCertificate,
  token: string,
): Promise<void> => {
  const cluster = clusterOf(context);
  const url = `${certificate.serviceEndpoint.replace(/\/+$/, '')}/clusters/${encodeURIComponent(certificate.cloudId)}/sync`;
  await context.world.cloud.request('POST', url, token, {
    clusterName: context.clusterName,
    clusterId: cluster.id,
    clusterVersion: `10.0.${builds[nodeOf(context).build].number}`,
    diagnosticLevel: ['Off', 'Basic', 'Enhanced'][cluster.diagnosticLevel],
    imdsAttestation: 'Disabled',
    nodes: nodesOf(context).map((each) => {
      const node = nodeOf(each);
      return {
        name: each.nodeName,
        id: node.id,
        osName: 'Azure Stack HCI',
        osVersion: `10.0.${builds[node.build].number}.${builds[node.build].updateRevision}`,
        osDisplayVersion: node.build,
        manufacturer: node.bios.manufacturer,
        model: 'Simulated',
        serialNumber: `SN-${context.clusterName}-${each.nodeName}`,
        coreCount: 16,
        memoryInGiB: 128,
      };
    }),
  });
};

const connected = (context: NodeContext): void => {
  const node = nodeOf(context);
  node.lastConnected = instant(context.world);
  // A repair needs new registration certificates; connecting alone does not end it.
  if (node.connectionStatus !== 'RepairRegistrationRequired') node.connectionStatus = 'Connected';
};

const disconnected = (context: NodeContext): void => {
  const node = nodeOf(context);
  if (node.connectionStatus === 'Connected') node.connectionStatus = 'Disconnected';
};

const signInAlone = async (each: NodeContext): Promise<void> => {
  const own = nodeOf(each).registrationCertificate;
  if (own === undefined) return;
  try {
    await signIn(each, own);
    connected(each);
  } catch {
    // What went wrong stands in the other node's own event log; here only its state shows it.
    disconnected(each);
  }
};

/**
 * One synchronization: this node signs in and reports the cluster, every other registered node that is up signs in. Rejects
 * when this node's part fails.
 */
export const synchronize = async (context: NodeContext): Promise<void> => {
  const { registration } = clusterOf(context);
  const certificate = nodeOf(context).registrationCertificate;
  if (registration === undefined) throw new Error('synchronize needs a registered node');
  if (certificate === undefined) throw new CertificateNotFound('There is no registration certificate on this node.');
  registration.nextSync = instant(context.world, context.world.settings.syncIntervalSeconds);
  context.world.reschedule();

  const others = nodesOf(context).filter(
    (each) => each.nodeName !== context.nodeName && nodeOf(each).registered && isUp(nodeOf(each)),
  );
  const signInAndReport = async (): Promise<void> => {
    try {
      await report(context, certificate, await signIn(context, certificate));
      connected(context);
    } catch (error) {
      disconnected(context);
      throw error;
    }
  };
  const [own] = await Promise.allSettled([signInAndReport(), ...others.map(signInAlone)]);
  if (own.status === 'rejected') throw own.reason;
};

/** Who can synchronize for the cluster by itself: the first registered node that is up. */
export const synchronizer = (context: NodeContext): NodeContext | undefined =>
  nodesOf(context).find((each) => isUp(nodeOf(each)) && nodeOf(each).registered && nodeOf(each).hcisvc === 'Running');
