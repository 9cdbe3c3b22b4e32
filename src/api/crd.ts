import { group, version } from './group.ts';
import { kind, registrationSchema } from './registration.ts';
import { sweepKind, sweepSchema } from './sweep.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

const column = (name: string, type: string, jsonPath: string, description: string, priority = 0) => ({
  name,
  type,
  jsonPath,
  description,
  ...(priority === 0 ? {} : { priority }),
});
const condition = (type: string, field: string) => `.status.conditions[?(@.type=="${type}")].${field}`;

/** The CustomResourceDefinition of HciClusterRegistration, as plain data. */
export function registrationCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `hciclusterregistrations.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural: 'hciclusterregistrations',
        singular: 'hciclusterregistration',
        shortNames: ['hciregistrations', 'hciregistration', 'hcireg'],
        categories: ['hci', 'azure'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          selectableFields: [{ jsonPath: '.spec.azure.subscriptionId' }, { jsonPath: '.spec.azure.tenantId' }],
          additionalPrinterColumns: [
            column(
              'Ready',
              'string',
              condition('Ready', 'status'),
              'Registered, connected, Arc as asked, credentials good',
            ),
            column('Reason', 'string', condition('Ready', 'reason'), 'Why it is not ready'),
            column('Registered', 'string', condition('Registered', 'status'), 'Azure and all nodes agree'),
            column('Connected', 'string', condition('Connected', 'status'), 'Synchronised with Azure within a day'),
            column('Arc', 'string', '.status.nodes.arcSummary', 'Arc-connected nodes of all nodes'),
            // A column of type date prints an instant in the future as <invalid>.
            column('Cred-Expires', 'string', '.status.earliestCredentialExpiry', 'First expiry among the credentials'),
            column('Age', 'date', '.metadata.creationTimestamp', 'Since when the object exists'),
            column('Message', 'string', condition('Ready', 'message'), 'What is the matter', 1),
            column(
              'Offline-Days-Left',
              'integer',
              '.status.cluster.offlineDaysLeft',
              'Days of 30 left without a connection',
              1,
            ),
            column('Deletion', 'string', '.status.effective.deletionPolicy', 'What deleting this object does', 1),
            column('Resource-Id', 'string', '.status.azure.resourceId', 'The cluster in Azure', 1),
            column('Last-Sync', 'date', '.status.lastSyncTime', 'When it was last compared with Azure', 1),
          ],
          schema: { openAPIV3Schema: structural(JSON.parse(JSON.stringify(registrationSchema))) },
        },
      ],
    },
  };
}

/** The CustomResourceDefinition of HciOrphanSweep, as plain data. */
export function sweepCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `hciorphansweeps.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind: sweepKind,
        listKind: `${sweepKind}List`,
        plural: 'hciorphansweeps',
        singular: 'hciorphansweep',
        shortNames: ['hcisweep', 'hcisweeps'],
        categories: ['hci', 'azure'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          selectableFields: [{ jsonPath: '.spec.azure.subscriptionId' }, { jsonPath: '.spec.azure.tenantId' }],
          additionalPrinterColumns: [
            column('Ready', 'string', condition('Ready', 'status'), 'The last sweep was complete'),
            column('Reason', 'string', condition('Ready', 'reason'), 'Why it was not'),
            column('Mode', 'string', '.spec.mode', 'Whether orphans are deleted'),
            column('Orphans', 'integer', '.status.total', 'Orphans found'),
            column('Clusters', 'integer', '.status.summary.clusters', 'Of them cluster resources'),
            column('Machines', 'integer', '.status.summary.machines', 'Of them Arc-enabled servers'),
            column('Last-Sweep', 'date', '.status.lastSweepTime', 'When it was last searched'),
            column('Age', 'date', '.metadata.creationTimestamp', 'Since when the object exists'),
            column('Applications', 'integer', '.status.summary.applications', 'App registrations', 1),
            column('Roles', 'integer', '.status.summary.roleAssignments', 'Role assignments', 1),
            column('Groups', 'integer', '.status.summary.resourceGroups', 'Empty resource groups', 1),
            column('Next-Sweep', 'string', '.status.nextSweepTime', 'When it will be searched next', 1),
            column('Message', 'string', condition('Ready', 'message'), 'What is the matter', 1),
          ],
          schema: { openAPIV3Schema: structural(JSON.parse(JSON.stringify(sweepSchema))) },
        },
      ],
    },
  };
}

/** A property with a default need not be written by the user, although it is always there in what the API server returns. */
function structural(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(structural);
  if (typeof schema !== 'object' || schema === null) return schema;
  const mapped: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(schema)) {
    mapped[key] = key === 'default' || key === 'x-kubernetes-validations' ? value : structural(value);
  }
  const { required, properties } = schema;
  if (Array.isArray(required) && typeof properties === 'object' && properties !== null && !Array.isArray(properties)) {
    const needed = required.filter((name) => {
      const property = typeof name === 'string' ? properties[name] : undefined;
      const isObject = typeof property === 'object' && property !== null && !Array.isArray(property);
      return !(isObject && 'default' in property) && name !== 'apiVersion' && name !== 'kind' && name !== 'metadata';
    });
    if (needed.length > 0) mapped['required'] = needed;
    else delete mapped['required'];
  }
  return mapped;
}
