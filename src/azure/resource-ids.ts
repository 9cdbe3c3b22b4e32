import { createHash } from 'node:crypto';

/** Arm ids are compared without regard to case: answers keep the caller's case, or not. */
export const sameId = (a: string | null | undefined, b: string | null | undefined): boolean =>
  a !== null && a !== undefined && b !== null && b !== undefined && a.toLowerCase() === b.toLowerCase();

export interface ClusterName {
  subscriptionId: string;
  resourceGroup: string;
  resourceName: string;
}

/** With the capital S that Az.StackHCI writes, and that nodes therefore hold. */
export const clusterResourceId = ({ subscriptionId, resourceGroup, resourceName }: ClusterName): string =>
  `/Subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.AzureStackHCI/clusters/${resourceName}`;

/** What an id of a cluster resource names, as Register-AzStackHCI takes it apart; undefined when it is no such id. */
export function parseClusterResourceId(id: string): ClusterName | undefined {
  const parts =
    /^\/subscriptions\/([\da-f-]{36})\/resourceGroups\/([-\w.()]{0,89}[-\w()])\/providers\/Microsoft\.AzureStackHCI\/clusters\/([a-z\d][-\w]{0,259})$/i.exec(
      id,
    );
  const [, subscriptionId, resourceGroup, resourceName] = parts ?? [];
  if (subscriptionId === undefined || resourceGroup === undefined || resourceName === undefined) return undefined;
  return { subscriptionId, resourceGroup, resourceName };
}

export const resourceGroupId = (subscriptionId: string, resourceGroup: string): string =>
  `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;

/** Region names as Az.StackHCI compares them: without white space, in lower case. */
export const normalizeRegion = (region: string): string => region.replace(/\s+/g, '').toLowerCase();

/** Built-in roles that Register-AzStackHCI assigns. */
export const roles = {
  'Azure Connected Machine Onboarding': 'b64e21ea-ac4e-4cdf-9dc9-5b892992bee7',
  'Azure Connected Machine Resource Administrator': 'cd570a14-e51a-42ad-bac8-bafd67325302',
  'Azure Connected Machine Resource Manager': 'f5819b54-e033-4d82-ac66-4fec3cbf3f4c',
} as const;
export type RoleName = keyof typeof roles;

export const roleDefinitionId = (subscriptionId: string, role: RoleName): string =>
  `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${roles[role]}`;

/** One name for one assignment, whoever makes it and how often: a UUID of version 5 from scope, principal and role. */
export function roleAssignmentName(scope: string, principalId: string, role: RoleName): string {
  const namespace = Buffer.from('1412d89fb8a84111b4fde82905cbd85d', 'hex'); // the HCI provider's application id
  const hash = createHash('sha1')
    .update(namespace)
    .update(`${scope}|${principalId}|${roles[role]}`.toLowerCase())
    .digest()
    .subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const managementGroups = '/providers/microsoft.management/managementgroups/';

/** An assignment at this scope counts at that one: the same, or above it. */
export function countsAt(assigned: string, scope: string): boolean {
  const here = scope.toLowerCase();
  const there = assigned.toLowerCase().replace(/\/$/, '');
  // Of management groups Azure tells only those that the subscription is in.
  return here === there || here.startsWith(`${there}/`) || there.startsWith(managementGroups);
}
