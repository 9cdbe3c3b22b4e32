import type { RegistrationStatus } from '../../src/api/status.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { Check } from '../lab/agreement.ts';
import type { Outside, startOutside } from '../lab/lab.ts';
import type { Effect } from './modes.ts';

/** What a scenario sees and moves: simulators and a namespace of its own, and nothing through the controller's eyes. */
export interface World {
  namespace: string;
  outside: Outside;
  /** As administrator. */
  kube: KubeClient;
  /** As administrator, in the namespace. */
  kubectl(...args: string[]): Promise<string>;
  /** kubectl apply. */
  apply(manifests: string): Promise<void>;
  /** Of a registration in the namespace, as a watch of the harness has it now; undefined: there is no such object. */
  status(name: string): RegistrationStatus | undefined;
}

/** More of something, once, that a perturbation may legitimately cost. */
export interface Allowance {
  /** The name of the write that it is done to. */
  write: RegExp;
  effects: readonly Effect[];
  /** The count that is then exactly one higher, and what the state has more because of it. */
  oneMore: string;
  state: RegExp;
  reason: string;
}

export interface Scenario {
  name: string;
  /** One line for the help. */
  says: string;
  /** Of the simulators; default: the sample cluster. */
  outside?: Pick<Parameters<typeof startOutside>[0], 'clusters' | 'azureSettings' | 'nodeSettings'>;
  /** Manifests and seeds. No controller runs yet. */
  prepare(world: World): Promise<void>;
  /** How long each of its parts may take, apart from what is awaited. */
  limitSeconds: number;
  /** What is to be so before it begins: the controller works on it unperturbed, and its writes do not count. */
  given?: (world: World) => boolean;
  /** What starts it (a poke, a delete): from here on writes count. */
  begin?: (world: World) => Promise<void>;
  /** Asked again and again; it has come to its end. */
  done(world: World): boolean;
  /** What must hold at the end, whatever happened on the way. */
  checks(world: World): Promise<Check[]>;
  /** All that a perturbation may leave different from the clean run. */
  allowances: readonly Allowance[];
  /** Lines of the state that differ between clean runs already. */
  ignored: readonly { state: RegExp; reason: string }[];
  /** Writes of which a run may make fewer than the clean one: a case that finds none is not a failed one. */
  varying: readonly { write: RegExp; reason: string }[];
  /** After these effects on these writes the controller waits so long before it goes on, and is right to. */
  awaited: readonly { write: RegExp; effects: readonly Effect[]; seconds: number; reason: string }[];
}
