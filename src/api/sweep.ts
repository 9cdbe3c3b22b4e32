import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { apiVersion } from './group.ts';
import {
  boolean,
  duration,
  guid,
  instant,
  integer,
  list,
  mapList,
  object,
  oneOf,
  optional,
  string,
  type Static,
} from './schema.ts';
import { clouds, identity, resourceGroupName } from './spec.ts';
import { Condition } from './status.ts';

export const sweepKind = 'HciOrphanSweep';

/** The most orphans that status lists; the rest is counted. */
export const longestOrphanList = 100;

export const orphanKinds = ['Cluster', 'Machine', 'Application', 'RoleAssignment', 'ResourceGroup'] as const;
export type OrphanKind = (typeof orphanKinds)[number];

const azure = object(
  {
    cloud: oneOf([...clouds], { default: 'AzureCloud', description: 'The Azure cloud.' }),
    tenantId: guid('tenantId', 'Microsoft Entra tenant of the subscription.'),
    subscriptionId: guid('subscriptionId', 'Subscription that is searched.'),
    identity,
    resourceGroups: list(resourceGroupName('Name of a resource group.'), {
      maxItems: 100,
      default: [],
      description: 'Only what lies in these resource groups. Empty: the whole subscription.',
    }),
  },
  { description: 'What is searched.' },
);

const SweepSpec = object(
  {
    azure,
    interval: duration({ default: '24h', atLeast: '5m', description: 'How often it is searched.' }),
    mode: oneOf(['Report', 'Delete'], {
      default: 'Report',
      description:
        'Report: orphans are listed in status, nothing is deleted. Delete: those that are proven to be ours, or that spec.approved names, are deleted; docs/orphans.md has the rules.',
    }),
    minimumAge: duration({
      default: '720h',
      atLeast: '0s',
      description:
        'Nothing younger is deleted. Counted from its creation, or from when it was first found where Azure does not tell.',
    }),
    approved: list(
      string({
        maxLength: 2048,
        minLength: 1,
        rules: [
          {
            rule: "self.startsWith('/')",
            message: 'an id as status.orphans lists it, with a leading slash',
          },
        ],
      }),
      {
        maxItems: 100,
        default: [],
        description:
          'Ids from status.orphans that a person agrees to delete, with or without a proof that they are ours. All other rules hold for them as well.',
      },
    ),
    suspend: boolean({ default: false, description: 'true: nothing is read or deleted until it is false again.' }),
  },
  { description: 'What is wanted.' },
);
export type SweepSpec = Static<typeof SweepSpec>;

const text = (description: string, maxLength = 1024) => string({ maxLength, description });

const Orphan = object({
  id: text('Resource id; of an app registration /applications/<object id>.', 2048),
  kind: oneOf([...orphanKinds], { description: 'What it is.' }),
  evidence: text('Why it is taken for an orphan.'),
  firstSeenTime: instant('When a sweep found it first.'),
  action: oneOf(['Delete', 'Wait', 'Approve', 'Hold', 'Report', 'Leave'], {
    description:
      'Delete: it is being deleted. Wait: it is too young. Approve: nothing proves that it is ours; list its id in spec.approved to have it deleted. Hold: something forbids deleting now. Report: mode Delete would delete it. Leave: it belongs to another installation, and is never touched.',
  }),
  message: text('What the action waits for, or why deleting failed.'),
});
export type Orphan = Static<typeof Orphan>;

const SweepStatus = object(
  {
    observedGeneration: optional(integer({ format: 'int64', description: 'The newest generation that was swept.' })),
    lastHandledReconcileAt: optional(
      text('Value of the reconcile-requested-at annotation that was answered last.', 256),
    ),
    lastSweepTime: optional(instant('When everything was last searched.')),
    nextSweepTime: optional(instant('When it will be searched next.')),
    total: optional(integer({ description: 'Orphans found.' })),
    summary: optional(
      object(
        {
          clusters: integer({ description: 'Cluster resources without a living cluster.' }),
          machines: integer({ description: 'Arc-enabled servers whose cluster is gone.' }),
          applications: integer({ description: 'App registrations of clusters that are gone.' }),
          roleAssignments: integer({ description: 'Role assignments of principals that are gone.' }),
          resourceGroups: integer({ description: 'Empty resource groups that a registration made.' }),
        },
        { description: 'Orphans found, by kind.' },
      ),
    ),
    orphans: optional(
      mapList(Orphan, ['id'], {
        maxItems: longestOrphanList,
        description: 'Orphans, the worst first: those that cost money, then what only clutters.',
      }),
    ),
    truncated: optional(integer({ description: 'Orphans beyond those listed.' })),
    conditions: optional(mapList(Condition, ['type'], { maxItems: 16, description: 'What is true of the sweep.' })),
  },
  { description: 'What was found. Written by the controller only.' },
);
export type SweepStatus = Static<typeof SweepStatus>;

const Metadata = Type.Object({
  name: Type.String(),
  namespace: Type.String(),
  uid: Type.String(),
  generation: Type.Integer(),
  deletionTimestamp: optional(Type.String()),
  annotations: optional(Type.Record(Type.String(), Type.String())),
});

const Sweep = Type.Object({
  apiVersion: Type.Literal(apiVersion),
  kind: Type.Literal(sweepKind),
  metadata: Metadata,
  spec: SweepSpec,
  status: optional(SweepStatus),
});
const checkSweep = Compile(Sweep);
export type HciOrphanSweep = Static<typeof Sweep>;

/** Reads an object from the API server; undefined when this version of the controller does not understand it, and must do nothing. */
export const parseSweep = (value: unknown): HciOrphanSweep | undefined => (checkSweep.Check(value) ? value : undefined);

/** The schema of the whole object, for the CRD. */
export const sweepSchema = object(
  {
    apiVersion: Type.String(),
    kind: Type.String(),
    metadata: Type.Object({}),
    spec: SweepSpec,
    status: optional(SweepStatus),
  },
  {
    description:
      'Finds what registrations of Azure Stack HCI (Azure Local) clusters left behind in a subscription, and deletes it if asked to.',
  },
);
