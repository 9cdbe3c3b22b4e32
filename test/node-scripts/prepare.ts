import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationArguments, OperationName, OperationResult } from '../../src/nodes/operations.ts';
import { operations } from '../../src/nodes/operations.ts';
import { nodeScript } from '../../src/nodes/script/script.ts';
import { Value } from 'typebox/value';
import { azureByHand } from '../simulators/nodes/azureByHand.ts';
import { startAzureLab, startNodesLab } from '../simulators/nodes/lab.ts';
import type { State } from '../simulators/nodes/state.ts';
import { nodesOf, type NodeContext } from '../simulators/nodes/world.ts';
import { ask } from './ask.ts';

// A cluster on its way from nothing to registered and Arc-enabled and back, as the script itself takes it there: each stage's state is kept.

export const clusterName = 'hci001';
const nodeNames = ['NODE1', 'NODE2'];

export const stageNames = [
  'fresh',
  'certificateCreated',
  'certificateSet',
  'registered',
  'initialized',
  'taskRegistered',
  'enabled',
  'disabling',
  'disabled',
  'cleared',
  'unregistered',
] as const;
export type StageName = (typeof stageNames)[number];

export type Given = { readonly [N in OperationName]: OperationArguments<N> };

export interface Prepared {
  readonly context: NodeContext;
  readonly stages: Readonly<Record<StageName, State>>;
  /** Arguments that fit each operation. */
  readonly given: Given;
  readonly close: () => Promise<void>;
}

export const prepare = async (): Promise<Prepared> => {
  const azureLab = await startAzureLab();
  const hand = await azureByHand(azureLab.azure);
  const lab = await startNodesLab({
    azure: azureLab.azure,
    clusters: [{ name: clusterName, dnsSuffix: 'corp.example.com', nodes: nodeNames }],
    settings: { arcOnboardingSeconds: 0, scriptSleepSeconds: 0 },
  });
  const close = async (): Promise<void> => {
    await lab.close();
    await hand.close();
    await azureLab.close();
  };
  try {
    const context = lab.nodes.context(clusterName, 'NODE1');
    const script = nodeScript();
    const run = async <N extends OperationName>(
      on: NodeContext,
      operation: N,
      given: OperationArguments<N>,
    ): Promise<OperationResult<N>> => {
      const { outcome } = await ask(on, script, 'Dispatcher', operation, given);
      const schema: (typeof operations)[N]['result'] = operations[operation].result;
      const value: unknown = outcome.kind === 'ok' ? outcome.value : undefined;
      if (!Value.Check(schema, value)) throw new Error(`${operation}: ${JSON.stringify(outcome)}`);
      return value;
    };
    const everywhere = <N extends OperationName>(operation: N, given: OperationArguments<N>) =>
      Promise.all(nodesOf(context).map((on) => run(on, operation, given)));
    const state = (): State => structuredClone(context.world.state);

    const cluster = await hand.createCluster(clusterName);
    const certificate = hand.setCertificateArguments(cluster);
    const registration = hand.setRegistrationArguments(cluster, clusterName);
    const fresh = state();
    const made = await everywhere('newRegistrationCertificate', {});
    await hand.uploadCertificates(
      clusterName,
      made.map((each) => each.certificate),
    );
    const certificateCreated = state();
    await everywhere('setRegistrationCertificate', certificate);
    const certificateSet = state();
    await run(context, 'setRegistration', registration);
    await run(context, 'sync', {});
    await run(context, 'startCloudManagement', { serviceName: 'HciClusterAgentSvc' });
    const registered = state();
    const arc = hand.arcArguments(clusterName, await hand.createArc(clusterName));
    await run(context, 'initializeArcIntegration', arc);
    const initialized = state();
    await run(context, 'registerArcRegistrationTask', {});
    const taskRegistered = state();
    await everywhere('startArcRegistrationTask', {});
    const running = (): boolean =>
      Object.values(context.world.state.clusters[clusterName]?.nodes ?? {}).some(
        ({ arcRegistrationTask }) => arcRegistrationTask.running,
      );
    while (running()) await sleep(20);
    const enabled = state();
    await run(context, 'clearArcIntegration', { setDisableInProgress: true });
    const disabling = state();
    await run(context, 'unregisterArcRegistrationTask', {});
    await everywhere('disableArcIntegration', {});
    const disabled = state();
    await run(context, 'clearArcIntegration', { setDisableInProgress: false });
    await run(context, 'removeCloudManagement', {});
    const cleared = state();
    await run(context, 'removeRegistration', {});
    const unregistered = state();
    return {
      context,
      stages: {
        fresh,
        certificateCreated,
        certificateSet,
        registered,
        initialized,
        taskRegistered,
        enabled,
        disabling,
        disabled,
        cleared,
        unregistered,
      },
      given: {
        probe: {},
        clusterProbe: {},
        connectivity: { serviceEndpoint: certificate.serviceEndpoint },
        events: {},
        newRegistrationCertificate: {},
        setRegistrationCertificate: certificate,
        removeRegistrationCertificate: {},
        setRegistration: registration,
        removeRegistration: {},
        startCloudManagement: { serviceName: 'HciClusterAgentSvc' },
        removeCloudManagement: {},
        sync: {},
        removeCustomImdsHostAddress: {},
        initializeArcIntegration: arc,
        clearArcIntegration: { setDisableInProgress: true },
        disableArcIntegration: {},
        registerArcRegistrationTask: {},
        unregisterArcRegistrationTask: {},
        startArcRegistrationTask: {},
        setAgentProxy: { url: 'http://proxy.corp.example.com:8080', bypass: 'ARM,Arc' },
        disconnectAgent: {},
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
