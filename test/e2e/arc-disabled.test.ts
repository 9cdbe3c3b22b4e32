import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { condition } from '../lab/registration.ts';
import { startEndToEnd, type EndToEnd, type Registration } from './harness.ts';

const disabled = (status: Awaited<ReturnType<Registration['status']>>) =>
  condition(status, 'Ready')?.status === 'True' && condition(status, 'ArcConnected')?.reason === 'NotRequested';

describe('Arc that is not wanted any more', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['plain', 'halfway']);
  });
  afterAll(async () => {
    await e2e?.stop();
  });

  /** All there is of Arc, in Azure and on the nodes. */
  const arcOf = (name: string) => {
    const { arcSettings, machines, applications, roleAssignments, servicePrincipals } = e2e.lab.azure.state;
    const inGroup = ({ id }: { id: string }) => id.toLowerCase().includes(`/resourcegroups/${name}-arc/`);
    const cluster = e2e.lab.nodes.state().clusters[name];
    return {
      arcSettings: Object.values(arcSettings).filter(({ id }) => id.toLowerCase().includes(`/clusters/${name}/`))
        .length,
      machines: Object.values(machines).filter(inGroup).length,
      applications: Object.values(applications).filter(({ displayName }) => displayName === `${name}.arc`).length,
      rolesOfNobody: Object.values(roleAssignments).filter(
        (assignment) => inGroup(assignment) && servicePrincipals[assignment.principalId] === undefined,
      ).length,
      onNodes: cluster?.arc?.status ?? 'cleared',
      task: cluster?.arcRegistrationTask === undefined ? 'none' : 'registered',
      agents: Object.values(cluster?.nodes ?? {}).filter(({ agent }) => agent !== undefined).length,
    };
  };
  const nothing = {
    arcSettings: 0,
    machines: 0,
    applications: 0,
    rolesOfNobody: 0,
    onNodes: 'cleared',
    task: 'none',
    agents: 0,
  };
  const everything = {
    arcSettings: 1,
    machines: 2,
    applications: 1,
    rolesOfNobody: 0,
    onNodes: 1,
    task: 'registered',
    agents: 2,
  };
  const hasGroup = (name: string) =>
    Object.keys(e2e.lab.azure.state.resourceGroups).some((id) => id.endsWith(`/${name}`));

  it('is taken away completely, the cluster stays registered, and Arc comes back when it is wanted again', async () => {
    const registration = await e2e.given('plain', { patch: { spec: { arc: { resourceGroup: 'plain-arc' } } } });
    await registration.until('Ready', 'True');
    expect(arcOf('plain')).toEqual(everything);

    await registration.patch({ spec: { arc: { state: 'Disabled' } } });
    const seen = await registration.until('ArcConnected', 'False', 'ArcDisableInProgress');
    expect(seen.message).toContain('the cluster stays registered');
    const status = await registration.eventually('Arc is gone', disabled);
    expect(arcOf('plain')).toEqual(nothing);
    expect(hasGroup('plain-arc')).toBe(false);
    expect(status.nodes).toMatchObject({ registered: 2, arcConnected: 0, arcSummary: 'Disabled' });
    expect(condition(status, 'Registered')?.status).toBe('True');

    await registration.patch({ spec: { arc: { state: 'Enabled' } } });
    await registration.until('ArcConnected', 'True');
    await registration.until('Ready', 'True');
    expect(arcOf('plain')).toEqual(everything);
  });

  it('is enabled anew where somebody began to disable it (9113)', async () => {
    const registration = await e2e.given('halfway', { patch: { spec: { arc: { resourceGroup: 'halfway-arc' } } } });
    await registration.until('Ready', 'True');
    const [settings] = Object.values(e2e.lab.azure.state.arcSettings).filter(({ id }) =>
      id.toLowerCase().includes('/clusters/halfway/'),
    );
    const before = settings?.properties.arcApplicationClientId;
    if (settings !== undefined) settings.properties.aggregateState = 'DisableInProgress';
    await e2e.lab.controlPlane.kubectl(
      'annotate',
      'hcireg',
      'halfway',
      '-n',
      registration.namespace,
      'azurestackhci.io/reconcile-requested-at=1',
    );
    const seen = await registration.until('ArcConnected', 'False', 'ArcDisableInProgress');
    expect(seen.message).toContain('Arc is enabled anew');
    await registration.until('ArcConnected', 'True');
    await registration.until('Ready', 'True');
    expect(arcOf('halfway')).toEqual(everything);
    const [after] = Object.values(e2e.lab.azure.state.arcSettings).filter(({ id }) =>
      id.toLowerCase().includes('/clusters/halfway/'),
    );
    expect(after?.properties.arcApplicationClientId).not.toBe(before);
  });
});
