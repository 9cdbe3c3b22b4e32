import { lost } from '../modes.ts';
import type { Scenario, World } from '../scenario.ts';
import type { Check } from '../../lab/agreement.ts';
import { sampleCluster } from '../../lab/lab.ts';
import { isReady, register } from './register.ts';

const lostSecret = {
  oneMore: 'Azure: passwords created',
  state: /^azure\.applications\.<application [^>]+\.arc>\.passwordCredentials\.2\./,
} as const;

/** The secret of the Arc service principal of a registered cluster, on request. */
export const rotate: Scenario = {
  ...register,
  name: 'rotate',
  says: "makes the Arc service principal's secret of a registered cluster anew",
  given: isReady,
  begin: async (world) => {
    await world.kubectl('annotate', 'hciregistration', sampleCluster.name, 'azurestackhci.io/rotate-requested-at=1');
  },
  done: (world) => world.status(sampleCluster.name)?.lastHandledRotateAt === '1' && isReady(world),
  checks: async (world) => [...(await register.checks(world)), newestCheck(world)],
  allowances: [
    {
      write: /^POST clusters\/[^/]+\/arcSettings\/default\/generatePassword$/,
      effects: lost,
      ...lostSecret,
      reason: 'the secret stood in the lost answer only, and Azure does not tell it again',
    },
    {
      write: /^PATCH secret \S+ \(.*clientSecret\)$/,
      effects: ['killed before'],
      ...lostSecret,
      reason: 'the secret was in the memory of the process that was killed, and Azure does not tell it again',
    },
  ],
};

/** The nodes hold the newest: of those that were made none was put in place of a later one. */
function newestCheck({ outside: { azure, nodes } }: World): Check {
  const handedOver = nodes.state().clusters[sampleCluster.name]?.arc?.secret;
  const application = Object.values(azure.state.applications).find(
    ({ displayName }) => displayName === `${sampleCluster.name}.arc`,
  );
  return {
    what: 'Nodes: the Arc secret is the one that was made last',
    holds: handedOver !== undefined && application?.passwordCredentials.at(-1)?.secretText === handedOver,
  };
}
