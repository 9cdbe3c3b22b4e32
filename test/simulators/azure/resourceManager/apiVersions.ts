// Which api-versions each resource type is served in, and from which one on a field or an action exists.

const hci = [
  '2022-05-01',
  '2022-09-01',
  '2022-10-01',
  '2022-12-01',
  '2023-02-01',
  '2023-03-01',
  '2023-06-01',
  '2023-08-01',
  '2023-08-01-preview',
  '2024-01-01',
  '2024-04-01',
  '2026-10-01',
];
const hciExtensions = ['2021-09-01', ...hci];
const hybridCompute = [
  '2021-05-20',
  '2022-03-10',
  '2022-12-27',
  '2023-10-03-preview',
  '2024-07-10',
  '2024-11-10-preview',
  '2026-07-15',
];
const resources = [
  '2019-10-01',
  '2020-01-01',
  '2020-06-01',
  '2020-10-01',
  '2021-01-01',
  '2021-04-01',
  '2022-09-01',
  '2022-12-01',
  '2023-07-01',
  '2024-03-01',
  '2024-07-01',
  '2024-11-01',
  '2025-03-01',
  '2025-04-01',
];
const authorization = ['2015-07-01', '2018-07-01', '2020-04-01-preview', '2022-04-01', '2022-05-01-preview'];

const byType: Readonly<Record<string, readonly string[]>> = {
  'microsoft.azurestackhci/clusters': hci,
  'microsoft.azurestackhci/clusters/arcsettings': hci,
  'microsoft.azurestackhci/clusters/arcsettings/extensions': hciExtensions,
  'microsoft.azurestackhci/locations/operationstatuses': hciExtensions,
  'microsoft.hybridcompute/machines': hybridCompute,
  'microsoft.hybridcompute/machines/extensions': hybridCompute,
  'microsoft.hybridcompute/locations/operationstatus': hybridCompute,
  'microsoft.authorization/roleassignments': authorization,
  'microsoft.authorization/roledefinitions': authorization,
  'microsoft.authorization/permissions': authorization,
  'microsoft.authorization/locks': ['2016-09-01', '2017-04-01', '2020-05-01'],
  'microsoft.policyinsights/checkpolicyrestrictions': ['2020-07-01', '2022-03-01', '2023-03-01', '2024-10-01'],
  'microsoft.resourcegraph/resources': ['2021-03-01', '2022-10-01', '2024-04-01'],
};

export const apiVersionsOf = (resourceType: string): readonly string[] =>
  byType[resourceType.toLowerCase()] ?? resources;

export const knownType = (resourceType: string): boolean => resourceType.toLowerCase() in byType;

export const knownNamespace = (namespace: string): boolean =>
  Object.keys(byType).some((type) => type.startsWith(`${namespace.toLowerCase()}/`));

/** `version` is not older than `first`. Previews count as their date. */
export const since = (version: string, first: string): boolean => version.slice(0, 10) >= first;

/** Actions that came later than their resource type. */
export const actionsSince: Readonly<Record<string, string>> = {
  extendsoftwareassurancebenefit: '2022-12-01',
  consentandinstalldefaultextensions: '2023-03-01',
  initializedisableprocess: '2023-03-01',
};
