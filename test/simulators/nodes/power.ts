import { Type, type Static } from 'typebox';
import { fingerprintOf, newKeyPair } from './sshKeys.ts';
import type { NodeServer } from './sshServer.ts';
import { newNode } from './state.ts';
import { clusterOf, instant, keyOf, nodeOf, type NodeContext, type World } from './world.ts';

// What happens to a node's machine: the admin call PUT /nodes/<cluster>/<name>.

const changes = [
  'up',
  'down',
  'reboot',
  'hang',
  'garbage',
  'newHostKey',
  'reimaged',
  'paused',
  'draining',
  'resumed',
  'evicted',
  'joined',
] as const;
export const NodePowerChange = Type.Object(
  { state: Type.Enum([...changes], { type: 'string' }) },
  { additionalProperties: false },
);
type Change = Static<typeof NodePowerChange>['state'];

export interface NodePower {
  readonly change: (context: NodeContext, to: Change) => void;
  /** Makes everything follow the power that the state says. */
  readonly apply: (context: NodeContext) => void;
  readonly stop: () => void;
}

export const createPower = (world: World, serverOf: (context: NodeContext) => NodeServer | undefined): NodePower => {
  const boots = new Map<string, NodeJS.Timeout>();

  const apply = (context: NodeContext): void => {
    clearTimeout(boots.get(keyOf(context)));
    boots.delete(keyOf(context));
    const { power } = nodeOf(context);
    if (power === 'down' || power === 'rebooting') world.processes.kill(context);
    serverOf(context)?.applyPower();
    if (power !== 'rebooting') return;
    const boot = (): void => {
      const node = nodeOf(context);
      node.power = 'up';
      node.bootTime = instant(world);
      apply(context);
    };
    boots.set(keyOf(context), setTimeout(boot, world.settings.rebootSeconds * 1000).unref());
  };

  const setHostKey = (context: NodeContext): void => {
    const hostKey = newKeyPair().privateKey;
    nodeOf(context).hostKey = fingerprintOf(hostKey);
    serverOf(context)?.setHostKey(hostKey);
  };

  const change = (context: NodeContext, to: Change): void => {
    const node = nodeOf(context);
    switch (to) {
      case 'up':
        // A machine that was off has booted since; one that hung or talked nonsense has not.
        if (node.power === 'down') node.bootTime = instant(world);
        node.power = 'up';
        break;
      case 'reboot':
        node.power = 'rebooting';
        break;
      case 'newHostKey':
        node.power = 'up';
        setHostKey(context);
        break;
      case 'reimaged': {
        world.processes.kill(context);
        const fresh = newNode(
          node.id,
          node.build,
          clusterOf(context).execution,
          node.address,
          node.hostKey,
          world.now(),
        );
        clusterOf(context).nodes[context.nodeName] = { ...fresh, bootTime: instant(world) };
        setHostKey(context);
        break;
      }
      case 'paused':
      case 'draining':
        Object.assign(node, { clusterNodeState: 2, drainStatus: to === 'paused' ? 'Completed' : 'InProgress' });
        break;
      case 'resumed':
        Object.assign(node, { clusterNodeState: 0, drainStatus: 'NotInitiated' });
        break;
      case 'evicted':
        // What the cluster knew of its registration is gone from it; its agent and its certificates' keys are its own.
        Object.assign(node, { evicted: true, registered: false, arcStatus: 2 });
        delete node.registrationCertificate;
        delete node.connectionStatus;
        delete node.lastConnected;
        break;
      case 'joined':
        Object.assign(node, { evicted: false, clusterNodeState: 0, drainStatus: 'NotInitiated' });
        break;
      case 'down':
      case 'hang':
      case 'garbage':
        node.power = to;
        break;
      default:
        to satisfies never;
    }
    apply(context);
  };

  return {
    change,
    apply,
    stop: () => {
      for (const boot of boots.values()) clearTimeout(boot);
    },
  };
};
