import { Counter, Gauge, Histogram, type GaugeConfiguration, type Registry } from '@prometheus-io/client';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { OnAzureExchange } from '../azure/http-client.ts';
import type { KubeObject } from '../kube/schema.ts';
import { operations } from '../nodes/operations.ts';
import type { NodeTransport, Outcome } from '../nodes/transport.ts';

export interface RegistrationMetrics {
  onAzureExchange: OnAzureExchange;
  /** A step was done, or failed. */
  onStep(step: string, result: 'success' | 'error'): void;
  /** The same transport, with its operations counted. */
  counted(transport: NodeTransport): NodeTransport;
}

const outcomes: readonly Outcome<unknown>['kind'][] = ['ok', 'operationError', 'protocol', 'unreachable', 'unknown'];

const createGauge = <L extends string>(configuration: GaugeConfiguration<L>): Gauge<L> => new Gauge(configuration);

/** Metrics of what is done for registrations, beside those of the controller runtime. */
export function createRegistrationMetrics(
  registry: Registry,
  options: {
    /** The registrations that this process works on: none while it stands by, or each would be counted twice. */
    registrations(): readonly KubeObject[];
    /** When the API server last said anything about registrations, as `performance.now()`. */
    lastHeardAt(): number | undefined;
  },
): RegistrationMetrics {
  const registers = [registry];
  observeRegistrations(registers, () => options.registrations());
  createGauge({
    name: 'hci_watch_last_event_timestamp_seconds',
    help: 'When the API server last said anything about registrations, bookmarks too.',
    registers,
    collect() {
      const at = options.lastHeardAt();
      if (at !== undefined) this.set((performance.timeOrigin + at) / 1000);
    },
  });
  const requests = new Counter({
    name: 'hci_azure_requests_total',
    help: 'Requests to Azure, by status code (0: no answer).',
    labelNames: ['service', 'method', 'code'],
    registers,
  });
  const requestTime = new Histogram({
    name: 'hci_azure_request_duration_seconds',
    help: 'How long Azure took to answer.',
    labelNames: ['service'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const nodeOperations = new Counter({
    name: 'hci_node_operations_total',
    help: 'Operations on nodes that were tried, by how they ended.',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const rotations = new Counter({
    name: 'hci_rotation_total',
    help: 'Secrets of Arc service principals that the nodes were given (success), and tries to make or hand one over that failed (error).',
    labelNames: ['result'],
    registers,
  });
  for (const result of ['success', 'error']) rotations.inc({ result }, 0);
  for (const operation of Object.keys(operations))
    for (const outcome of outcomes) nodeOperations.inc({ operation, outcome }, 0);

  return {
    onAzureExchange({ service, method, status, durationMs }) {
      requests.inc({ service, method, code: String(status) });
      requestTime.observe({ service }, durationMs / 1000);
    },
    onStep(step, result) {
      const ends =
        result === 'success' ? ['InitializeArcIntegration'] : ['GeneratePassword', 'InitializeArcIntegration'];
      if (ends.includes(step)) rotations.inc({ result });
    },
    counted: (transport) => ({
      ...transport,
      async run(node, operation, operationArguments, runOptions) {
        const outcome = await transport.run(node, operation, operationArguments, runOptions);
        nodeOperations.inc({ operation, outcome: outcome.kind });
        return outcome;
      },
    }),
  };
}

/** Only what is shown here, so that a status of another version of the controller is shown as far as it is understood. */
const Shown = Compile(
  Type.Object({
    status: Type.Object({
      conditions: Type.Optional(Type.Array(Type.Object({ type: Type.String(), status: Type.String() }))),
      credentials: Type.Optional(
        Type.Array(
          Type.Object({
            name: Type.String(),
            notAfter: Type.Optional(Type.String()),
            renewalTime: Type.Optional(Type.String()),
          }),
        ),
      ),
      nodes: Type.Optional(
        Type.Object({ total: Type.Integer(), registered: Type.Integer(), arcConnected: Type.Integer() }),
      ),
    }),
  }),
);

/** Of credentials, in seconds; no entry where it is not known. */
const times = (object: KubeObject, field: 'notAfter' | 'renewalTime') =>
  ((Shown.Check(object) ? object.status.credentials : undefined) ?? []).flatMap((credential) => {
    const at = Date.parse(credential[field] ?? '');
    return Number.isNaN(at) ? [] : [[credential.name, at / 1000] as const];
  });

/** From the cache at each scrape, so that an object that is gone leaves no series. */
function observeRegistrations(registers: Registry[], registrations: () => readonly KubeObject[]): void {
  const gauge = (
    name: string,
    help: string,
    label: string,
    values: (object: KubeObject) => readonly (readonly [label: string, value: number])[],
  ) =>
    createGauge({
      name,
      help,
      labelNames: ['namespace', 'name', label],
      registers,
      collect() {
        this.reset();
        for (const object of registrations()) {
          const { namespace = '', name: registration } = object.metadata;
          for (const [of, value] of values(object)) this.set({ namespace, name: registration, [label]: of }, value);
        }
      },
    });

  gauge(
    'hci_registration_ready',
    'The condition Ready: 1 for the status that it has. Unknown until it is written.',
    'condition',
    (object) => {
      const conditions = Shown.Check(object) ? object.status.conditions : undefined;
      const ready = conditions?.find(({ type }) => type === 'Ready')?.status ?? 'Unknown';
      return ['True', 'False', 'Unknown'].map((status) => [status, status === ready ? 1 : 0]);
    },
  );
  gauge(
    'hci_registration_nodes',
    'Nodes of the cluster: all, those that are registered, those that Arc shows as connected.',
    'state',
    (object) => {
      const nodes = Shown.Check(object) ? object.status.nodes : undefined;
      if (nodes === undefined) return [];
      return [
        ['total', nodes.total],
        ['registered', nodes.registered],
        ['arc_connected', nodes.arcConnected],
      ];
    },
  );
  gauge(
    'hci_registration_drift_detected',
    'The condition InSync is False: Azure or a node differs from what is wanted.',
    'reason',
    (object) => {
      const conditions = Shown.Check(object) ? object.status.conditions : undefined;
      const inSync = conditions?.find(({ type }) => type === 'InSync')?.status;
      return inSync === undefined ? [] : [['DriftDetected', inSync === 'False' ? 1 : 0]];
    },
  );
  gauge(
    'hci_registration_credential_expiration_timestamp_seconds',
    'When a credential in use expires; no series where that is not known.',
    'credential',
    (object) => times(object, 'notAfter'),
  );
  gauge(
    'hci_registration_credential_renewal_timestamp_seconds',
    'When a credential in use is to be renewed; no series where its expiry is not known.',
    'credential',
    (object) => times(object, 'renewalTime'),
  );
}
