import { Type, type Static, type TSchema } from 'typebox';

// What is read of Azure's answers, and no more: Azure adds fields at any time, and enumerations are open.

const text = Type.String();
const optionalText = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const tags = Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]));
const listOf = <T extends TSchema>(item: T) => Type.Optional(Type.Union([Type.Array(item), Type.Null()]));

export const ClusterResource = Type.Object({
  id: text,
  name: text,
  location: text,
  tags,
  identity: Type.Optional(Type.Union([Type.Object({ type: text, principalId: optionalText }), Type.Null()])),
  properties: Type.Object({
    provisioningState: optionalText,
    status: optionalText,
    connectivityStatus: optionalText,
    cloudId: optionalText,
    aadClientId: optionalText,
    aadTenantId: optionalText,
    aadApplicationObjectId: optionalText,
    aadServicePrincipalObjectId: optionalText,
    resourceProviderObjectId: optionalText,
    serviceEndpoint: optionalText,
    registrationTimestamp: optionalText,
    lastSyncTimestamp: optionalText,
    reportedProperties: Type.Optional(
      Type.Union([
        Type.Object({
          clusterName: optionalText,
          clusterId: optionalText,
          clusterVersion: optionalText,
          lastUpdated: optionalText,
        }),
        Type.Null(),
      ]),
    ),
  }),
});
export type ClusterResource = Static<typeof ClusterResource>;

export const ArcSettings = Type.Object({
  id: text,
  properties: Type.Object({
    provisioningState: optionalText,
    arcInstanceResourceGroup: optionalText,
    arcApplicationClientId: optionalText,
    arcApplicationTenantId: optionalText,
    arcApplicationObjectId: optionalText,
    arcServicePrincipalObjectId: optionalText,
    aggregateState: optionalText,
    perNodeDetails: listOf(Type.Object({ name: text, state: optionalText, arcInstance: optionalText })),
    defaultExtensions: listOf(Type.Object({ category: optionalText, consentTime: optionalText })),
  }),
});
export type ArcSettings = Static<typeof ArcSettings>;

export const Extension = Type.Object({
  id: text,
  name: text,
  properties: Type.Optional(Type.Object({ provisioningState: optionalText, managedBy: optionalText })),
});
export type Extension = Static<typeof Extension>;

export const Machine = Type.Object({
  id: text,
  name: text,
  properties: Type.Optional(
    Type.Object({ status: optionalText, agentVersion: optionalText, parentClusterResourceId: optionalText }),
  ),
});
export type Machine = Static<typeof Machine>;

export const RoleAssignment = Type.Object({
  id: text,
  name: text,
  properties: Type.Object({ roleDefinitionId: text, principalId: text, scope: text }),
});
export type RoleAssignment = Static<typeof RoleAssignment>;

export const Permission = Type.Object({ actions: Type.Array(text), notActions: Type.Array(text) });
export type Permission = Static<typeof Permission>;

export const Page = <T extends TSchema>(item: T) =>
  Type.Object({ value: Type.Array(item), nextLink: Type.Optional(Type.Union([Type.String(), Type.Null()])) });

export const OperationStatus = Type.Object({
  status: text,
  error: Type.Optional(Type.Union([Type.Object({ code: optionalText, message: optionalText }), Type.Null()])),
});
export type OperationStatus = Static<typeof OperationStatus>;

export interface ResourceGroup {
  name: string;
  location: string;
  provisioningState: string;
  tags: Record<string, string>;
}

/** Anything that lies in a resource group. */
export const GroupResource = Type.Object({ id: text });
export type GroupResource = Static<typeof GroupResource>;

export interface ResourceProvider {
  namespace: string;
  registrationState: string;
  /** Locations of the resource type `clusters`, as display names; empty for other providers. */
  clusterLocations: string[];
}

export interface GeneratedPassword {
  secretText: string;
  keyId: string | undefined;
  /** RFC 3339. */
  startDateTime: string | undefined;
  endDateTime: string | undefined;
}
